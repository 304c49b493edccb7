import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, sep } from "node:path";
import { build } from "esbuild";
import { Graph, soft } from "../../src/index.ts";
import { node, ROOT, remove, temporaryFolder } from "./consumer.ts";

jest.setTimeout(60_000);

/** Nothing here names a soft operator, so a bundler leaves them out as far as it may. */
const PROGRAM = `
  import { readFileSync } from "node:fs";
  import { Graph, grad, reduceSum } from "softonnx";
  const g = Graph.fromModel(readFileSync("soft.onnx"));
  const [dx] = grad(reduceSum(g.value("y")), [g.value("x")]);
  console.log(String(dx));
`;

describe("a bundle of a program without soft operators", () => {
  let folder: string;
  let kept: readonly string[];

  beforeAll(async () => {
    folder = temporaryFolder();
    const { metafile } = await build({
      // "softonnx" is to be what the package exports, not the sources that tsconfig.json maps it to.
      tsconfigRaw: "{}",
      stdin: { contents: PROGRAM, resolveDir: ROOT },
      bundle: true,
      format: "esm",
      platform: "node",
      outfile: join(folder, "bundle.mjs"),
      metafile: true,
      logLevel: "silent",
    });
    kept = Object.values(metafile.outputs).flatMap(({ inputs }) =>
      Object.entries(inputs)
        .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
        .map(([path]) => path),
    );
  });

  afterAll(() => remove(folder));

  test("keeps every module that makes an operator known to imported models", () => {
    const defining = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".ts"))
      .filter((path) => /^defineFamily\(/m.test(readFileSync(join(ROOT, "src", path), "utf8")))
      .map((path) => `dist/${path.split(sep).join("/").replace(/\.ts$/, ".js")}`);
    expect(defining.filter((path) => !kept.some((each) => each.endsWith(path)))).toEqual([]);
  });

  test("differentiates a model that has one", () => {
    const g = new Graph("soft");
    const x = g.input("x", "float32", [4]);
    const model = g.output("y", soft.sort(x, { mode: "c1" })).toModel();
    writeFileSync(join(folder, "soft.onnx"), model);
    const { stdout, stderr } = node(["bundle.mjs"], folder);
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^float32 \[4\]/);
  });
});
