// Runs all goldens on ONNX Runtime's CUDA provider, where there is one, and writes what came of it to
// COMPATIBILITY.md: npm run test:cuda
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { InferenceSession } from "onnxruntime-node";
import { Graph } from "softonnx";

process.chdir(join(import.meta.dirname, ".."));

/** Why no model can be run on a GPU here; undefined if one can. */
async function obstacle() {
  const g = new Graph("probe");
  const x = g.input("x", "float32", [1]);
  const model = g.output("y", x.add(x)).toModel();
  try {
    await (await InferenceSession.create(model, { executionProviders: ["cuda"] })).release();
    return undefined;
  } catch (error) {
    return error.message.split("\n")[0];
  }
}

const reason = await obstacle();
if (reason !== undefined) {
  console.log(`test:cuda: not run: ${reason}`);
  process.exit(0);
}
const { status, stdout } = spawnSync("npx", ["jest", "-w", "1", "/test/golden"], {
  env: { ...process.env, SOFTONNX_GOLDEN_BACKEND: "cuda" },
  encoding: "utf8",
  stdio: ["inherit", "pipe", "inherit"],
});
process.stdout.write(stdout);
const totals = stdout.trimEnd().split("\n").at(-1);
const { version } = JSON.parse(readFileSync("node_modules/onnxruntime-node/package.json", "utf8"));
const date = new Date().toISOString().slice(0, 10);
const file = readFileSync("COMPATIBILITY.md", "utf8");
const [before] = file.split("Its last result:\n\n");
writeFileSync(
  "COMPATIBILITY.md",
  `${before}Its last result:\n\n${date}, onnxruntime-node ${version}: ${totals}.\n`,
);
process.exitCode = status ?? 1;
