import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "../..");
const guide = readFileSync(join(ROOT, "docs", "training.md"), "utf8");

const blocks = (language: string) =>
  [...guide.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)]
    .filter(([, found]) => found === language)
    .map(([, , text = ""]) => text);

/** Cars whose fuel use follows from their weight and power, some with cells left empty. */
function cars(): string {
  const rows = Array.from({ length: 300 }, (_, i) => {
    const weight = Math.round(3000 + 1000 * Math.sin(i));
    const power = Math.round(100 + 50 * Math.cos(3 * i));
    const mpg = (60 - weight / 100 - power / 20 + Math.sin(7 * i)).toFixed(1);
    return [weight, i % 50 === 0 ? "" : power, mpg].join(",");
  });
  return `weight,power,mpg\n${rows.join("\n")}\n`;
}

describe("the guide to training", () => {
  // Inside the project, where the package finds itself.
  const folder = mkdtempSync(join(ROOT, "out-guide-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("its JavaScript runs, as one module, and does what it says", () => {
    writeFileSync(join(folder, "cars.csv"), cars());
    writeFileSync(join(folder, "guide.mjs"), blocks("js").join("\n"));
    const program = spawnSync(process.execPath, ["guide.mjs"], { cwd: folder, encoding: "utf8" });
    expect(program.stderr).toBe("");
    const lines = program.stdout.trim().split("\n");
    expect(lines).toContain("true [ 2 ]");
    expect(lines.at(-1)).toBe("true");
    const written = ["cars", "ranks", "layer", "tuned", "gradients", "update"];
    for (const name of written) expect(existsSync(join(folder, `${name}.onnx`))).toBe(true);
    expect(existsSync(join(folder, "cars.safetensors"))).toBe(true);
  });

  test("its command prints both comparisons", () => {
    expect(blocks("sh")).toEqual(["npm run bench:train -- --seconds 1\n"]);
    const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
    // What the script does once the package is built, and for a shorter time.
    expect(scripts["bench:train"]).toMatch(/ && node bench\/train\.mjs$/);
    const bench = spawnSync(process.execPath, ["bench/train.mjs", "--seconds", "0.05"], {
      cwd: ROOT,
      encoding: "utf8",
    });
    expect(bench.stderr).toBe("");
    expect(bench.stdout).toMatch(/^convolutional, 28 x 28 .* \d/m);
  });

  test("its links lead somewhere", () => {
    for (const [, target = ""] of guide.matchAll(/\]\(([^)#]+)\)/g)) {
      expect(existsSync(join(ROOT, "docs", target))).toBe(true);
    }
  });
});
