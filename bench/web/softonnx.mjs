import { Graph, grad } from "softonnx/core";
import * as soft from "softonnx/core/soft";
import { withRuntime } from "softonnx/web";
import { startOf } from "./start.mjs";

/** The step of SoftONNX: one ONNX model, run by onnxruntime-web. */
export async function start(n, target, { softness, rate }) {
  const ort = await import(new URL("../runtime/ort.wasm.min.mjs", import.meta.url).href);
  ort.env.wasm.wasmPaths = new URL("../runtime/", import.meta.url).href;
  const g = new Graph("sort");
  const goal = g.input("goal", "float32", [n]);
  const x = g.parameter("x", startOf(n));
  const options = { descending: true, method: "softsort", softness, standardize: false };
  const difference = soft.sort(x, options).sub(goal);
  const loss = difference.mul(difference).mean();
  const [dx] = grad(loss, [x]);
  g.output("loss", loss).update(x, x.sub(dx.mul(rate)));
  const stepper = await withRuntime(ort).createStepper(g);
  const feeds = { goal: target };
  return async () => (await stepper.step(feeds)).loss.data[0];
}
