import type { Graph } from "../builder/graph.ts";
import type { Value } from "../builder/value.ts";
import type { Feeds, Tensors } from "../runtime/session.ts";
import type { InferenceOptions } from "../train/index.ts";
import type { Data } from "./data.ts";
import type { BatchOptions, FitOptions } from "./options.ts";
import type { EpochRecord, Scores, StepRecord } from "./records.ts";

/** Options of a trainer's `predict`. */
export interface PredictOptions extends BatchOptions {
  /** What to compute. By default the trainer's outputs. */
  readonly outputs?: Readonly<Record<string, Value>>;
}

/** Options of a trainer's `export`. */
export interface ExportOptions extends InferenceOptions {
  /** What the model gives. By default the trainer's outputs. */
  readonly outputs?: Readonly<Record<string, Value>>;
}

/** Options of a trainer's `restore`. */
export interface RestoreOptions {
  /** Take a checkpoint of another graph, if its parameters have the same names, types and shapes. Default
   * false. */
  readonly otherGraph?: boolean;
}

/** Trains the parameters of a graph. It holds them from call to call; calls are carried out one after
 * another. */
export interface Trainer {
  readonly graph: Graph;
  /** How many epochs are done. */
  readonly epoch: number;
  /** How many steps have been taken. */
  readonly step: number;
  /** Trains on the data, while the records are read.
   *
   * ```ts
   * for await (const { epoch, loss, validation } of trainer.fit(data, { epochs: 20, validation: 0.2 })) {
   *   console.log(epoch, loss, validation?.loss);
   * }
   * ```
   * A second call goes on from there. Leaving the loop leaves the epoch that was begun.
   *
   * @returns records as `every` asks for them; `await trainer.fit(data).all()` waits for the last
   * @throws GraphError for data or options that do not fit; TrainingError if the loss is no longer finite */
  fit(data: Data, options?: FitOptions & { readonly every?: "epoch" }): Fit<EpochRecord>;
  fit(data: Data, options: FitOptions & { readonly every: "step" }): Fit<StepRecord | EpochRecord>;
  fit(data: Data, options: FitOptions): Fit<StepRecord | EpochRecord>;
  /** The loss and the metrics on some data, in their forms for inference: nothing is dropped out,
   * straight-through operators give their hard side. By the moving averages of the parameters, if the
   * trainer keeps them. */
  evaluate(data: Data, options?: BatchOptions): Promise<Scores>;
  /** The outputs for all samples, along their first axis, in the forms for inference.
   *
   * ```ts
   * const { prediction } = await trainer.predict({ X: rows });
   * ```
   * @throws GraphError for an output without an axis of samples */
  predict(data: Data, options?: PredictOptions): Promise<Tensors>;
  /** The model to ship: the outputs, with the learned parameters in it, or their moving averages if the trainer
   * keeps them. Layers are in their forms for inference, and straight-through operators are their hard side.
   *
   * ```ts
   * await saveModel("model.onnx", await trainer.export());
   * await saveModel("hard.onnx", await trainer.export({ mode: "hard" }));
   * await saveModel("layer.onnx", await trainer.export({ gradients: [x] }));
   * ``` */
  export(options?: ExportOptions): Promise<Uint8Array<ArrayBuffer>>;
  /** Writes a checkpoint: all parameters, what the optimizer keeps, and how far training is. The file appears,
   * or replaces an older one, when it is complete. It is of the safetensors format, with the parameters by
   * name. */
  save(path: string): Promise<void>;
  /** Goes back, or on, to a checkpoint. The next fit continues an epoch that was begun.
   *
   * @throws CheckpointError, and changes nothing, if there is none, if it is damaged, or of another graph */
  restore(path: string, options?: RestoreOptions): Promise<void>;
  /** Copies of all parameters and of what the optimizer keeps, by name. */
  state(): Promise<Tensors>;
  /** Replaces some of these.
   * @throws GraphError, and changes nothing, if a name is none of theirs or a tensor does not fit */
  setState(state: Feeds): Promise<void>;
  /** Frees the models. */
  dispose(): Promise<void>;
}

/** A run of training, which goes on as its records are read. */
export interface Fit<Entry> extends AsyncGenerator<Entry, void, void> {
  /** Trains to the end, and gives all records. */
  all(): Promise<Entry[]>;
}

/** Training that cannot go on: the loss, or a parameter, is infinite or no number. */
export class TrainingError extends Error {
  override readonly name: string = "TrainingError";
  /** The step, counted from 1. */
  readonly step: number;
  /** The epoch, counted from 1. */
  readonly epoch: number;

  constructor(problem: string, at: { readonly step: number; readonly epoch: number }) {
    super(problem);
    this.step = at.step;
    this.epoch = at.epoch;
  }
}
