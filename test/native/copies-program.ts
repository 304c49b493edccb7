/**
 * Loads the copy of onnxruntime-node below the directory that it is given, then our own, and runs
 * sessions of both.
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import { nativeStatus, registerNative } from "../../src/runtime/native.ts";
import { identity } from "./models.ts";

type OnnxRuntimeNode = typeof import("onnxruntime-node");

async function run(ort: OnnxRuntimeNode, executionProviders: string[], x: number) {
  const session = await ort.InferenceSession.create(identity("float32"), { executionProviders });
  const { y } = await session.run({ x: new ort.Tensor("float32", [x], [1]) });
  return Number(y?.data[0]);
}

const require = createRequire(join(process.argv[2] ?? "", "index.js"));
const other: OnnxRuntimeNode = require("onnxruntime-node");
const stock = await run(other, ["cpu"], 1);
registerNative();
const own = await import("onnxruntime-node");
const native = await run(own, ["softonnx"], 2);
console.log(
  JSON.stringify({
    differ: other.InferenceSession !== own.InferenceSession,
    available: nativeStatus().available,
    results: [stock, native, await run(other, ["cpu"], 3)],
  }),
);
