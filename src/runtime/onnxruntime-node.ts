import { createRequire } from "node:module";
import type { OnnxRuntime, TensorConstructor } from "./session.ts";

const nodeRequire = createRequire(import.meta.url);

/** Loads the optional peer when it is first needed, so that importing this package works without it.
 * @throws Error that says what to install */
export function loadOnnxRuntimeNode(): OnnxRuntime {
  try {
    return nodeRequire("onnxruntime-node") as OnnxRuntime;
  } catch (cause) {
    if (!isInstalled()) {
      throw new Error("running models needs onnxruntime-node: npm i onnxruntime-node", { cause });
    }
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`onnxruntime-node is installed but does not load: ${reason}`, { cause });
  }
}

/** The class of which the results of onnxruntime-node are instances: that of the onnxruntime-common that
 * it requires, or else ours. Loads nothing native. */
export function tensorClass(): TensorConstructor {
  const common = isInstalled() ? createRequire(peer()) : nodeRequire;
  return (common("onnxruntime-common") as OnnxRuntime).Tensor;
}

function isInstalled(): boolean {
  try {
    peer();
    return true;
  } catch {
    return false;
  }
}

function peer(): string {
  return nodeRequire.resolve("onnxruntime-node/package.json");
}
