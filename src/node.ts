import type { Tensor as RuntimeTensor } from "onnxruntime-common";
import { tensorClass } from "./runtime/onnxruntime-node.ts";
import type { TensorConstructor } from "./runtime/session.ts";

export { type CsvColumn, type CsvOptions, readCsv } from "./runtime/csv.ts";
export type { Evaluate } from "./runtime/evaluate.ts";
export { loadModel, readNpy, saveModel, writeNpy } from "./runtime/files.ts";
export type { NativeStatus } from "./runtime/native.ts";
export { nativeStatus, registerNative } from "./runtime/native.ts";
export type { Backend, SessionOptions, StepperOptions } from "./runtime/node.ts";
export { createSession, createStepper, evaluate } from "./runtime/node.ts";
export { NpyError } from "./runtime/npy.ts";
export type {
  Feed,
  Feeds,
  RuntimeOptions,
  Session,
  TensorInfo,
  Tensors,
} from "./runtime/session.ts";
export type { Stepper } from "./runtime/stepper.ts";
export { CheckpointError } from "./trainer/checkpoint.ts";
export type { Data } from "./trainer/data.ts";
export { createTrainer, type NodeTrainerOptions } from "./trainer/node.ts";
export type {
  BatchOptions,
  CheckpointOptions,
  EarlyStopping,
  FitOptions,
  TrainerOptions,
} from "./trainer/options.ts";
export type { EpochRecord, Scores, StepRecord } from "./trainer/records.ts";
export {
  type ExportOptions,
  type Fit,
  type PredictOptions,
  type RestoreOptions,
  type Trainer,
  TrainingError,
} from "./trainer/trainer.ts";

/** A tensor with `data`, `dims` and `type`: onnxruntime's own. */
export type Tensor = RuntimeTensor;

/** Makes tensors, `new Tensor("float32", new Float32Array(6), [2, 3])`: the class of onnxruntime-node. */
export const Tensor: TensorConstructor = tensorClass();
