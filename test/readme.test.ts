import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "..");
const readme = readFileSync(join(ROOT, "README.md"), "utf8");

interface Block {
  readonly language: string;
  readonly text: string;
}

const blocks: readonly Block[] = [...readme.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(
  ([, language = "", text = ""]) => ({ language, text: text.trim() }),
);
const commands = blocks.filter(({ language }) => language === "sh").map(({ text }) => text);

/** Runs a command of the README from the project's root, without a shell. */
function run(command: string): string {
  const [program = "", ...args] = command.split(" ");
  const found = program === "node" ? process.execPath : program;
  const { status, stdout, stderr } = spawnSync(found, args, { cwd: ROOT, encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} failed:\n${stdout}\n${stderr}`);
  return stdout.trim();
}

/** Commands whose output is shown below them. */
const examples = blocks.flatMap(({ text }, i) => {
  const output = blocks[i + 1];
  return text.startsWith("node examples/") && output?.language === "text"
    ? [[text, output.text] as const]
    : [];
});

const commandLine = commands.find((text) => text.startsWith("npx softonnx ")) ?? "";

describe("README", () => {
  test("has the commands that are tested here and elsewhere", () => {
    const known = [
      // Installing the package is what test/package/tarball.test.ts does.
      "npm i softonnx onnxruntime-node",
      "npm ci && npm run demo",
      "npm ci && npm run web",
      // The command that runs this test.
      "npm ci && npm test",
      // test/examples/real-data.test.ts runs these.
      "node examples/movies/rank.mjs\nnode examples/digits/train.mjs",
      commandLine,
    ];
    const shown = new Set(examples.map(([command]) => command));
    expect(commands.filter((command) => !shown.has(command))).toEqual(known);
  });

  test("its JavaScript runs, as one module", () => {
    const scripts = blocks.filter(({ language }) => language === "js").map(({ text }) => text);
    const lines = scripts.join("\n").split("\n");
    const imports = lines.filter((line) => line.startsWith("import "));
    const body = lines.filter((line) => !line.startsWith("import "));
    const folder = mkdtempSync(join(ROOT, "out-readme-"));
    try {
      const file = join(folder, "readme.mjs");
      writeFileSync(file, [...imports, ...body].join("\n"));
      const printed = execFileSync(process.execPath, [file], { encoding: "utf8" });
      expect(printed).toMatch(/Float32Array\(1\) \[ [\d.]+ \] Float32Array\(3\) \[/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test("shows four examples", () => expect(examples).toHaveLength(4));

  test.each(examples)("%s prints what it shows", (command, shown) => {
    expect(run(command)).toBe(shown);
  });

  test("its command lines train, draw, inspect, differentiate and run a model", () => {
    const lines = commandLine.split("\n");
    expect(lines).toHaveLength(6);
    // npx finds the program of an installed package; here it is where it was built.
    const printed = lines.map((line) => run(line.replace("npx softonnx", "node dist/cli/main.js")));
    expect(printed[3]).toMatch(/prediction {2}float32 {2}\[n\]/);
    const results = JSON.parse(printed[5] ?? "");
    expect(results.prediction.data[0]).toBeGreaterThan(12);
    expect(results.prediction.data[0]).toBeLessThan(24);
    expect(results["weight.grad"].shape).toEqual([2]);
    for (const file of ["mpg.csv", "mpg.svg", "mpg.grad.onnx"]) {
      expect(existsSync(join(ROOT, "out", file))).toBe(true);
    }
  });

  test("the demo fits, draws, and checks its models in fresh sessions", () => {
    const printed = run("node demo/cars.mjs");
    const error = (name: string) =>
      Number(new RegExp(`^ *${name} +([\\d.]+)$`, "m").exec(printed)?.[1]);
    expect(error("soft median")).toBeLessThan(3.2);
    expect(error("least squares")).toBeGreaterThan(10);
    expect(printed.match(/stock onnxruntime-node agrees/g)).toHaveLength(2);
    for (const file of ["least-squares.step.onnx", "soft-median.step.onnx", "soft-median.onnx"]) {
      expect(existsSync(join(ROOT, "out", file))).toBe(true);
    }
    expect(readFileSync(join(ROOT, "out", "fits.svg"), "utf8")).toMatch(/^<svg/);
  });

  test("every file it links to is there", () => {
    const links = [...readme.matchAll(/\]\(([^)#]+)\)/g)].map(([, target = ""]) => target);
    const local = links.filter((target) => !target.startsWith("https://"));
    expect(local.filter((target) => !existsSync(join(ROOT, target)))).toEqual([]);
  });
});
