import type { InferenceSession, Tensor } from "onnxruntime-common";
import type { Shape } from "../builder/dim.ts";
import type { DType } from "../builder/dtype.ts";
import type { Literal, StateTensor } from "../builder/tensor.ts";

/** An onnxruntime-common, whichever copy of it the runtime in use has loaded. */
export type OnnxRuntime = Pick<typeof import("onnxruntime-common"), "InferenceSession" | "Tensor">;

export type TensorConstructor = OnnxRuntime["Tensor"];

/** One tensor to feed. Its type and shape are those that the input declares:
 *
 * - an `ort.Tensor` must have exactly that type, and a shape that fits;
 * - a typed array of the declared type is used as it is, without a copy, so leave it unchanged until the
 *   promise is settled; one of another type is converted. It fills the declared shape, of which at most
 *   one size may be open;
 * - `{ data, dims }` gives elements in a row, as one of the others has them, and their shape;
 * - numbers, booleans, strings and arrays of them nested to the declared depth are converted: numbers to
 *   the declared type, whole ones only for integers, 0 and 1 or booleans for bool. */
export type Feed = Tensor | Literal | StateTensor;

/** Feeds by input name. */
export type Feeds = Readonly<Record<string, Feed>>;

/** Tensors by name. */
export type Tensors = Record<string, Tensor>;

/** What a model says of one of its inputs or outputs. */
export interface TensorInfo {
  readonly name: string;
  /** "unknown" if it is not a tensor but a sequence, a map or an optional. */
  readonly dtype: DType;
  /** Sizes, names, or undefined for an open size; undefined if not even the rank is declared. */
  readonly shape: Shape | undefined;
}

/** A model that is ready to run. */
export interface Session {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  /** Runs the model once.
   *
   * ```ts
   * const { prediction } = await session.run({ X: [[1, 2, 3]] });
   * ```
   * @returns all outputs by name
   * @throws GraphError for a feed that is unknown, missing or of the wrong type or shape, and for feeds
   * that disagree on a named size */
  run(feeds?: Feeds): Promise<Tensors>;
  /** Frees the model. A second call does nothing. */
  dispose(): Promise<void>;
}

/** Options of sessions, steppers and evaluations that every runtime knows; ONNX Runtime's own meanings
 * and defaults. */
export type RuntimeOptions = Readonly<
  Pick<
    InferenceSession.SessionOptions,
    | "graphOptimizationLevel"
    | "executionMode"
    | "intraOpNumThreads"
    | "interOpNumThreads"
    | "enableCpuMemArena"
    | "enableMemPattern"
    | "freeDimensionOverrides"
    | "logSeverityLevel"
    | "extra"
  >
>;

/** The keys of RuntimeOptions. */
export const RUNTIME_OPTIONS = [
  "graphOptimizationLevel",
  "executionMode",
  "intraOpNumThreads",
  "interOpNumThreads",
  "enableCpuMemArena",
  "enableMemPattern",
  "freeDimensionOverrides",
  "logSeverityLevel",
  "extra",
] as const satisfies readonly (keyof RuntimeOptions)[];
