import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { installInto, node, pack, remove, type Tarball, temporaryFolder, tsc } from "./consumer.ts";

jest.setTimeout(120_000);

const MAIN_JOB = `
  const g = new Graph("square");
  const x = g.input("x", "float32", ["n", 3]);
  const w = g.parameter("w", [1, 2, 3]);
  const loss = soft.median(soft.abs(x.matmul(w)));
  const [dw] = grad(loss, [w]);
  g.output("loss", loss).update(w, w.sub(dw.mul(0.5)));

  const rows = [[1, 0, 0]];
  const values = await evaluate({ loss, dw }, { x: rows });
  const stepper = await createStepper(g);
  await stepper.step({ x: rows });
  const state = await stepper.state();
  await stepper.dispose();

  const model = g.toModel({ outputs: { prediction: x.matmul(w) }, state });
  const session = await createSession(model);
  const { prediction } = await session.run({ x: rows });
  await session.dispose();
  console.log(JSON.stringify([values.dw.dims, [...state.w.data], [...prediction.data]]));
`;

const IMPORTS = `
  import { Graph, grad, soft } from "softonnx";
  import { createSession, createStepper, evaluate } from "softonnx/node";
`;

describe("the packed tarball in an empty project", () => {
  let folder: string;
  let tarball: Tarball;

  beforeAll(() => {
    folder = temporaryFolder();
    tarball = pack(folder);
    installInto(folder, tarball);
  });

  afterAll(() => remove(folder));

  test("holds what it needs and nothing else", () => {
    const needed = ["LICENSE", "NOTICE", "README.md", "CHANGELOG.md", "package.json"];
    expect(tarball.files).toEqual(
      expect.arrayContaining([...needed, "dist/index.js", "dist/index.d.ts", "dist/node.js"]),
    );
    expect(tarball.files).toEqual(
      expect.arrayContaining(["native/binding.gyp", "native/install.cjs"]),
    );
    const places = new Set(tarball.files.map((path) => path.split("/")[0] ?? path));
    const allowed = ["dist", "models", "native", "SECURITY.md", ...needed];
    expect([...places].filter((place) => !allowed.includes(place))).toEqual([]);
    expect(tarball.files.filter((path) => /\.(node|o|obj|map)$|(^|\/)build\//.test(path))).toEqual(
      [],
    );
  });

  test("import: builds, differentiates, trains, exports and runs", () => {
    expectMainJob(run("main.mjs", `${IMPORTS}${MAIN_JOB}`));
  });

  test("require: the same", () => {
    const requires = `
      const { Graph, grad, soft } = require("softonnx");
      const { createSession, createStepper, evaluate } = require("softonnx/node");
    `;
    expectMainJob(run("main.cjs", `${requires}(async () => {${MAIN_JOB}})();`));
  });

  test.each(["nodenext", "bundler"])("tsc with %s resolution accepts a typed program", (kind) => {
    writeFileSync(
      join(folder, "typed.ts"),
      `${IMPORTS}
      import { type Value, type DType } from "softonnx";
      const g = new Graph("typed");
      const x: Value = g.input("x", "float64", ["n"]);
      const dtype: DType = x.dtype;
      const { values } = soft.topk(x, 2, { softness: 0.1, mode: "smooth" });
      const [dx] = grad(values.sum(), [x]);
      export const result: Promise<object> = evaluate({ dx }, { x: [1, 2, 3] });
      export { createSession, createStepper, dtype };
      // @ts-expect-error: an option that does not exist
      soft.sort(x, { axis: 0 });
      `,
    );
    const module = kind === "bundler" ? "esnext" : "nodenext";
    const options = ["--module", module, "--moduleResolution", kind, "--target", "es2022"];
    const { status, stdout } = tsc(
      [
        ...["--noEmit", "--strict", "--noUncheckedIndexedAccess", "--skipLibCheck", "false"],
        ...["--types", "", ...options, "typed.ts"],
      ],
      folder,
    );
    expect(stdout).toBe("");
    expect(status).toBe(0);
  });

  test("without onnxruntime-node, softonnx works and softonnx/node says what to install", () => {
    const runtime = join(folder, "node_modules", "onnxruntime-node");
    const aside = join(folder, "aside");
    renameSync(runtime, aside);
    try {
      const answer = run(
        "missing.mjs",
        `import { Graph } from "softonnx";
        const g = new Graph("alone");
        const model = g.output("y", g.input("x", "float32", [2]).mul(2)).toModel();
        try {
          const { createSession } = await import("softonnx/node");
          await createSession(model);
        } catch (error) {
          console.log(error.message);
        }`,
      );
      expect(answer.stderr).toBe("");
      expect(answer.stdout).toMatch(/npm (i|install) onnxruntime-node/);
    } finally {
      renameSync(aside, runtime);
    }
  });

  test("its program runs", () => {
    const { bin } = JSON.parse(
      readFileSync(join(folder, "node_modules/softonnx/package.json"), "utf8"),
    );
    const { status, stdout } = node([join("node_modules/softonnx", bin.softonnx), "help"], folder);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^softonnx COMMAND/);
  });

  test("without onnxruntime-web, softonnx/web says what to install", () => {
    const { stdout, stderr } = run(
      "page.mjs",
      `import { Graph } from "softonnx/core";
      import { createSession } from "softonnx/web";
      const g = new Graph("alone");
      g.output("y", g.input("x", "float32", [2]).mul(2));
      await createSession(g).catch((error) => console.log(error.message));`,
    );
    expect(stderr).toBe("");
    expect(stdout).toMatch(/npm (i|install) onnxruntime-web/);
  });

  test("holds the ready-made models", async () => {
    const { stdout, stderr } = run(
      "models.mjs",
      `import { fileURLToPath } from "node:url";
      import { createSession } from "softonnx/node";
      const path = fileURLToPath(import.meta.resolve("softonnx/models/soft-rank.onnx"));
      const session = await createSession(path);
      const { ranks } = await session.run({ x: [[3, 1, 2]], softness: 0.001 });
      console.log(Array.from(ranks.data, Math.round).join());`,
    );
    expect(stderr).toBe("");
    expect(stdout.trim()).toBe("1,3,2");
  });

  function run(name: string, program: string) {
    writeFileSync(join(folder, name), program);
    return node([name], folder);
  }
});

function expectMainJob({ stdout, stderr }: { stdout: string; stderr: string }): void {
  expect(stderr).toBe("");
  const [dims, w, prediction] = JSON.parse(stdout);
  expect(dims).toEqual([3]);
  expect(w[0]).toBeLessThan(1);
  expect(w.slice(1)).toEqual([2, 3]);
  expect(prediction).toEqual([w[0]]);
}
