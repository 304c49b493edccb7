import type { Tensor as RuntimeTensor } from "onnxruntime-common";
import type { Evaluate } from "./runtime/evaluate.ts";
import type { OnnxRuntime, Session } from "./runtime/session.ts";
import type { Stepper } from "./runtime/stepper.ts";
import {
  type ModelSource,
  type SessionOptions,
  type StepperOptions,
  type WebRuntime,
  webRuntime,
} from "./runtime/web.ts";

export type { Evaluate } from "./runtime/evaluate.ts";
export type {
  Feed,
  Feeds,
  OnnxRuntime,
  RuntimeOptions,
  Session,
  TensorInfo,
  Tensors,
} from "./runtime/session.ts";
export type { Stepper } from "./runtime/stepper.ts";
export type {
  Backend,
  ModelSource,
  SessionOptions,
  StepperOptions,
  WebRuntime,
} from "./runtime/web.ts";
export { type WebStatus, webStatus } from "./runtime/web-status.ts";

/** A tensor with `data`, `dims` and `type`: onnxruntime's own. */
export type Tensor = RuntimeTensor;

const runtime = /* @__PURE__ */ webRuntime(importRuntime);

/** Loads a model to run it in this page.
 *
 * ```ts
 * const session = await createSession("/models/soft-rank.onnx");
 * const { ranks } = await session.run({ x: [[3, 1, 2]], softness: 0.1 });
 * await session.dispose();
 * ```
 * @param model a Graph (which is exported as by `toModel()`), the bytes of a model, or its address
 * @throws Error if onnxruntime-web is not installed, nothing is at the address, there is no WebGPU, or
 * ONNX Runtime does not accept the model */
export function createSession(model: ModelSource, options?: SessionOptions): Promise<Session> {
  return runtime.createSession(model, options);
}

/** Loads a training step, a model that says what its parameters become, and holds the parameters from
 * step to step.
 *
 * ```ts
 * const stepper = await createStepper(graph);
 * for (let i = 0; i < 50; i++) await stepper.step({ X: rows, y: targets });
 * const { w } = await stepper.state();
 * ```
 * @param model a Graph with updates, or the bytes or address of a model that was exported from one
 * @throws Error as createSession, if the model updates nothing, and if an initial value is missing */
export function createStepper(model: ModelSource, options?: StepperOptions): Promise<Stepper> {
  return runtime.createStepper(model, options);
}

/** Computes values of a graph, for exploring: as `evaluate` of softonnx/node.
 *
 * ```ts
 * const { loss, dw } = await evaluate({ loss, dw }, { X: rows, y: targets });
 * ``` */
export const evaluate: Evaluate<SessionOptions> = runtime.evaluate;

/** The functions of softonnx/web on an onnxruntime-web at hand: for pages without a bundler, which find no
 * package by its name, and to choose among its builds. "onnxruntime-web/wasm" is half as large as the
 * default one and has no WebGPU.
 *
 * ```ts
 * import * as ort from "/onnxruntime-web/ort.wasm.min.mjs";
 * import { withRuntime } from "/softonnx/web.js";
 * const { createSession, createStepper, evaluate } = withRuntime(ort);
 * ``` */
export function withRuntime(ort: OnnxRuntime): WebRuntime {
  return webRuntime(async () => ort);
}

/** @throws Error that says what to install */
async function importRuntime(): Promise<OnnxRuntime> {
  try {
    return await import("onnxruntime-web");
  } catch (cause) {
    throw new Error(
      "running models needs onnxruntime-web: npm i onnxruntime-web, or withRuntime(ort) in a page " +
        `without a bundler (${cause instanceof Error ? cause.message : String(cause)})`,
      { cause },
    );
  }
}
