import type { Tensor as RuntimeTensor } from "onnxruntime-common";
import type { Graph } from "./builder/graph.ts";
import type { Evaluate } from "./runtime/evaluate.ts";
import type { OnnxRuntime, Session } from "./runtime/session.ts";
import type { Stepper } from "./runtime/stepper.ts";
import {
  type ModelRuntime,
  type ModelSource,
  modelRuntime,
  type SessionOptions,
  type StepperOptions,
  webLoad,
} from "./runtime/web.ts";
import type { Trainer } from "./trainer/trainer.ts";
import { trainerOf, type WebTrainerOptions } from "./trainer/web.ts";

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
  ModelRuntime,
  ModelSource,
  SessionOptions,
  StepperOptions,
} from "./runtime/web.ts";
export { type WebStatus, webStatus } from "./runtime/web-status.ts";
export { CheckpointError } from "./trainer/checkpoint.ts";
export type { Data } from "./trainer/data.ts";
export type { BatchOptions, EarlyStopping, FitOptions, TrainerOptions } from "./trainer/options.ts";
export type { EpochRecord, Scores, StepRecord } from "./trainer/records.ts";
export {
  type ExportOptions,
  type Fit,
  type PredictOptions,
  type Trainer,
  TrainingError,
} from "./trainer/trainer.ts";
export type { WebTrainerOptions } from "./trainer/web.ts";

/** A tensor with `data`, `dims` and `type`: onnxruntime's own. */
export type Tensor = RuntimeTensor;

/** What withRuntime gives: the functions of softonnx/web. */
export interface WebRuntime extends ModelRuntime {
  /** Trains a graph on data: see createTrainer. */
  readonly createTrainer: (graph: Graph, options: WebTrainerOptions) => Trainer;
}

const load = /* @__PURE__ */ webLoad(importRuntime);
const runtime = /* @__PURE__ */ modelRuntime(load);

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

/** Makes a graph a training step, and trains it on data: as `createTrainer` of softonnx/node. Its
 * checkpoints are kept in the browser (IndexedDB), by name.
 *
 * ```ts
 * const trainer = createTrainer(g, { loss, optimizer: optimizers.adam(), outputs: { prediction } });
 * for await (const { epoch, loss } of trainer.fit({ x, y }, { epochs: 5 })) draw(epoch, loss);
 * const bytes = await trainer.export();
 * ```
 * @throws GraphError for options that are unknown or wrong, and if there is nothing to train */
export function createTrainer(graph: Graph, options: WebTrainerOptions): Trainer {
  return trainerOf(load)(graph, options);
}

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
  const loadIt = webLoad(async () => ort);
  return { ...modelRuntime(loadIt), createTrainer: trainerOf(loadIt) };
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
