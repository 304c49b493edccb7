/**
 * Prints what happens where the native kernels are not built. absent.test.ts runs it from a
 * place beside which there is no directory native.
 */
import { InferenceSession, Tensor } from "onnxruntime-node";
import { nativeStatus, registerNative } from "../../src/runtime/native.ts";
import { identity } from "./models.ts";

async function attempt(executionProviders: string[]): Promise<string> {
  try {
    const session = await InferenceSession.create(identity("float32"), { executionProviders });
    const { y } = await session.run({ x: new Tensor("float32", [1, 2], [2]) });
    return String(y?.data);
  } catch (error) {
    return String(error);
  }
}

registerNative();
console.log(
  JSON.stringify({
    status: nativeStatus(),
    alone: await attempt(["softonnx"]),
    withStock: await attempt(["softonnx", "cpu"]),
  }),
);
