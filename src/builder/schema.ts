import type { Attribute, Attributes } from "./block.ts";
import type { TensorType } from "./definition.ts";
import type { Dim, Shape } from "./dim.ts";
import type { DType } from "./dtype.ts";
import { failArgument, GraphError } from "./errors.ts";
import type { ScanAxes } from "./iteration.ts";
import type { AttentionForm } from "./operators/attention.ts";
import type { Interpolation } from "./operators/interpolation.ts";
import type { TargetLoss } from "./operators/losses.ts";
import type { Quantized } from "./operators/quantization.ts";
import type { Recurrent } from "./operators/recurrent.ts";
import type { RotaryForm } from "./operators/rotary.ts";
import type { Window } from "./operators/windows.ts";
import type { TensorData } from "./tensor.ts";
import type { Value } from "./value.ts";

/** Operators without attributes. */
export type None = Readonly<Record<never, never>>;

export interface Axis {
  /** From 0; undefined only where the rank is not known and the axis counts from the end. */
  readonly axis: number;
}

/** An axis, or all axes from one on as if they were one, as some operators had it before opset 13. */
export interface Flattened extends Axis {
  readonly flattened: boolean;
}

export interface Reduction {
  /** From 0 and rising. undefined: computed by the model itself, or the rank is not known. */
  readonly axes: readonly number[] | undefined;
  readonly keepdims: boolean;
}

export interface Cumulative {
  /** undefined: computed by the model. */
  readonly axis: number | undefined;
  readonly exclusive: boolean;
  readonly reverse: boolean;
}

/** Every ai.onnx operator that the builder knows, and its attributes in normal form: the same for all
 * opsets, axes counted from 0, defaults filled in, and what became an input in a later opset read from
 * there if it is constant. The one list of operator names: inference and gradient rules are mapped types
 * over it, so the compiler says what a new entry still lacks. */
export interface OperatorTable {
  // operators/arithmetic.ts
  Add: None;
  Sub: None;
  Mul: None;
  Div: None;
  Pow: None;
  Mod: { readonly fmod: boolean };
  Min: None;
  Max: None;
  Sum: None;
  Mean: None;
  Neg: None;
  Abs: None;
  Sign: None;
  Reciprocal: None;
  Floor: None;
  Ceil: None;
  Round: None;
  Clip: None;

  // operators/math.ts
  Exp: None;
  Log: None;
  Sqrt: None;
  Sin: None;
  Cos: None;
  Sigmoid: None;
  Tanh: None;
  Softplus: None;
  Relu: None;

  // operators/trigonometry.ts
  Tan: None;
  Asin: None;
  Acos: None;
  Atan: None;
  Sinh: None;
  Cosh: None;
  Asinh: None;
  Acosh: None;
  Atanh: None;

  // operators/logic.ts
  And: None;
  Or: None;
  Xor: None;
  Not: None;
  Equal: None;
  Less: None;
  LessOrEqual: None;
  Greater: None;
  GreaterOrEqual: None;
  IsNaN: None;
  IsInf: { readonly negative: boolean; readonly positive: boolean };
  Where: None;
  Cast: { readonly to: DType };
  CastLike: None;
  Identity: None;

  // operators/reduction.ts
  ReduceSum: Reduction;
  ReduceMean: Reduction;
  ReduceMax: Reduction;
  ReduceMin: Reduction;
  ReduceProd: Reduction;
  ReduceLogSumExp: Reduction;
  ReduceL1: Reduction;
  ReduceL2: Reduction;
  ReduceLogSum: Reduction;
  ReduceSumSquare: Reduction;
  ArgMax: Axis & { readonly keepdims: boolean; readonly last: boolean };
  ArgMin: Axis & { readonly keepdims: boolean; readonly last: boolean };
  Softmax: Flattened;
  LogSoftmax: Flattened;
  TopK: Axis & { readonly largest: boolean; readonly sorted: boolean };

  // operators/cumulative.ts
  CumSum: Cumulative;
  CumProd: Cumulative;

  // operators/bits.ts
  BitwiseAnd: None;
  BitwiseOr: None;
  BitwiseXor: None;
  BitwiseNot: None;
  BitShift: { readonly left: boolean };
  BitCast: { readonly to: DType };

  // operators/linear.ts
  MatMul: None;
  Gemm: {
    readonly alpha: number;
    readonly beta: number;
    readonly transA: boolean;
    readonly transB: boolean;
  };
  Einsum: { readonly equation: string };

  // operators/convolution.ts
  /** window undefined: it follows from sizes that only a run can tell. */
  Conv: { readonly group: number; readonly window: Window | undefined };
  ConvTranspose: {
    readonly group: number;
    readonly window: Window | undefined;
    readonly outputPadding: readonly number[];
  };

  // operators/pooling.ts
  MaxPool: { readonly window: Window | undefined; readonly ceil: boolean };
  AveragePool: {
    readonly window: Window | undefined;
    readonly ceil: boolean;
    readonly countIncludePad: boolean;
  };
  GlobalAveragePool: None;
  GlobalMaxPool: None;
  LpPool: { readonly window: Window | undefined; readonly ceil: boolean; readonly p: number };
  GlobalLpPool: { readonly p: number };
  MaxUnpool: { readonly window: Window | undefined };

  // operators/normalization.ts
  BatchNormalization: {
    readonly epsilon: number;
    readonly momentum: number;
    readonly training: boolean;
  };
  LayerNormalization: Axis & { readonly epsilon: number };
  Dropout: { readonly training: boolean };

  // operators/group-normalization.ts
  InstanceNormalization: { readonly epsilon: number };
  /** perGroup: scale and bias have one number a group, not one a channel. */
  GroupNormalization: {
    readonly epsilon: number;
    readonly groups: number;
    readonly perGroup: boolean;
  };
  RMSNormalization: Axis & { readonly epsilon: number };

  // operators/scale-normalization.ts
  LRN: {
    readonly size: number;
    readonly alpha: number;
    readonly beta: number;
    readonly bias: number;
  };
  LpNormalization: Axis & { readonly p: number };
  MeanVarianceNormalization: { readonly axes: readonly number[] };

  // operators/activation.ts
  Erf: None;
  Gelu: { readonly tanh: boolean };
  LeakyRelu: { readonly alpha: number };
  Elu: { readonly alpha: number };
  Selu: { readonly alpha: number; readonly gamma: number };
  PRelu: None;
  HardSigmoid: { readonly alpha: number; readonly beta: number };
  HardSwish: None;
  Softsign: None;
  Celu: { readonly alpha: number };
  Mish: None;
  Swish: { readonly alpha: number };
  ThresholdedRelu: { readonly alpha: number };
  Shrink: { readonly bias: number; readonly threshold: number };
  Hardmax: Flattened;

  // operators/movement.ts
  Reshape: { readonly allowzero: boolean };
  Transpose: { readonly permutation: readonly number[] };
  Squeeze: { readonly axes: readonly number[] | undefined };
  Unsqueeze: { readonly axes: readonly number[] | undefined };
  Flatten: Axis;
  Concat: Axis;
  Split: Axis & { readonly sizes: readonly Dim[] | undefined };
  /** undefined: computed by the model. */
  Slice: {
    readonly slices:
      | readonly {
          readonly axis: number;
          readonly start: number;
          readonly end: number;
          readonly step: number;
        }[]
      | undefined;
  };
  /** pads: before and after each axis; undefined: computed by the model. */
  Pad: {
    readonly mode: string;
    readonly pads: readonly (readonly [before: number, after: number])[] | undefined;
  };
  Expand: None;
  Tile: { readonly repeats: readonly Dim[] | undefined };
  Range: None;
  Size: None;
  Shape: { readonly start: number; readonly end: number | undefined };
  ConstantOfShape: { readonly value: TensorData };
  Trilu: { readonly upper: boolean };
  EyeLike: { readonly k: number; readonly dtype: DType | undefined };

  // operators/indexing.ts
  Gather: Axis;
  GatherElements: Axis;
  GatherND: { readonly batchDims: number };
  ScatterElements: Axis & { readonly reduction: ScatterReduction };
  ScatterND: { readonly reduction: ScatterReduction };
  NonZero: None;
  Scatter: Axis & { readonly reduction: ScatterReduction };

  // operators/selection.ts
  /** axis undefined: x is taken as one row. */
  Compress: { readonly axis: number | undefined };
  OneHot: Axis;
  Unique: { readonly axis: number | undefined };
  ReverseSequence: { readonly batchAxis: number; readonly timeAxis: number };
  TensorScatter: Axis & { readonly circular: boolean };

  // operators/blocks.ts
  DepthToSpace: { readonly blockSize: number; readonly columnsFirst: boolean };
  SpaceToDepth: { readonly blockSize: number };
  /** axes undefined: the rank is not known. */
  CenterCropPad: { readonly axes: readonly number[] | undefined };

  // operators/resize.ts
  Resize: Resizing;
  Upsample: Resizing;

  // operators/sampling.ts
  GridSample: Interpolation;
  AffineGrid: { readonly alignCorners: boolean };

  // operators/regions.ts
  RoiAlign: {
    readonly height: number;
    readonly width: number;
    readonly max: boolean;
    /** 0: as many as the cell has pixels. */
    readonly samples: number;
    readonly scale: number;
    readonly halfPixel: boolean;
  };
  MaxRoiPool: {
    readonly cells: readonly [height: number, width: number];
    readonly scale: number;
  };
  NonMaxSuppression: None;

  // operators/deform.ts
  DeformConv: {
    readonly group: number;
    readonly offsetGroup: number;
    readonly window: Window | undefined;
  };

  // operators/fold.ts and operators/determinant.ts
  /** undefined: computed by the model. */
  Col2Im: {
    readonly image: readonly number[] | undefined;
    readonly window: Window | undefined;
    /** All of the window but its kernel. */
    readonly steps: Omit<Window, "kernel"> | undefined;
  };
  Det: None;

  // operators/sequence.ts and operators/optional.ts
  SequenceConstruct: None;
  SequenceEmpty: { readonly dtype: DType };
  SequenceAt: None;
  SequenceInsert: None;
  SequenceErase: None;
  SequenceLength: None;
  /** axis may count from the end. */
  SplitToSequence: { readonly axis: number; readonly keepdims: boolean };
  ConcatFromSequence: { readonly axis: number; readonly stacks: boolean };
  SequenceMap: None;
  Optional: None;
  OptionalGetElement: None;
  OptionalHasElement: None;

  // operators/spectrum.ts
  /** axis undefined: computed by the model. */
  DFT: {
    readonly axis: number | undefined;
    readonly inverse: boolean;
    readonly onesided: boolean;
  };
  STFT: { readonly onesided: boolean };
  HannWindow: { readonly dtype: DType };
  HammingWindow: { readonly dtype: DType };
  BlackmanWindow: { readonly dtype: DType };
  MelWeightMatrix: { readonly dtype: DType };

  // operators/text.ts
  StringConcat: None;
  StringSplit: None;
  StringNormalizer: None;
  RegexFullMatch: None;
  TfIdfVectorizer: None;
  ImageDecoder: { readonly channels: number };

  // operators/attention.ts, operators/rotary.ts
  Attention: AttentionForm;
  RotaryEmbedding: RotaryForm;

  // operators/quantization.ts
  QuantizeLinear: Quantized;
  DequantizeLinear: Quantized;
  DynamicQuantizeLinear: None;
  QLinearConv: None;
  QLinearMatMul: None;
  MatMulInteger: None;
  ConvInteger: None;

  // operators/random.ts
  RandomNormal: None;
  RandomUniform: None;
  RandomNormalLike: None;
  RandomUniformLike: None;
  Bernoulli: None;
  Multinomial: None;

  // operators/losses.ts
  NegativeLogLikelihoodLoss: TargetLoss;
  SoftmaxCrossEntropyLoss: TargetLoss;

  // operators/recurrent.ts
  RNN: Recurrent;
  GRU: Recurrent & { readonly linearBeforeReset: boolean };
  LSTM: Recurrent & { readonly inputForget: boolean };

  // operators/control.ts
  If: None;
  Loop: None;
  Scan: ScanAxes;
  Constant: { readonly value: TensorData };
}

/** How Resize finds entries between those of its operand. */
export type ResizeMode = "nearest" | "linear" | "cubic";

/** Where the entries of what Resize makes lie in its operand. */
export type ResizeCoordinates =
  | "half_pixel"
  | "half_pixel_symmetric"
  | "pytorch_half_pixel"
  | "align_corners"
  | "asymmetric"
  | "tf_half_pixel_for_nn"
  | "tf_crop_and_resize";

/** How Resize rounds to the nearest entry. "simple" is what opset 10 had: up where it shrinks, else down. */
export type NearestMode = "round_prefer_floor" | "round_prefer_ceil" | "floor" | "ceil" | "simple";

/** Whether Resize keeps the proportions of its operand. */
export type Aspect = "stretch" | "not_larger" | "not_smaller";

export interface Resizing {
  readonly mode: ResizeMode;
  readonly coordinates: ResizeCoordinates;
  readonly nearest: NearestMode;
  readonly cubic: number;
  readonly excludeOutside: boolean;
  readonly antialias: boolean;
  readonly policy: Aspect;
  readonly extrapolation: number;
  /** undefined: all. */
  readonly axes: readonly number[] | undefined;
  /** undefined: not given, or computed by the model. */
  readonly scales: readonly number[] | undefined;
  readonly sizes: readonly Dim[] | undefined;
}

export type ScatterReduction = "none" | "add" | "mul" | "max" | "min";

export type OperatorName = keyof OperatorTable;

/** A node before it is made, as ONNX writes it at some opset. */
export interface NodeFacts {
  /** The function that the user called, to name in errors. */
  readonly operator: string;
  readonly inputs: readonly (Value | undefined)[];
  readonly attributes: Attributes;
  /** Of the node's domain. */
  readonly opset: number;
  readonly outputCount: number;
}

/** What the builder must know of one operator. */
export interface Schema<Normal> {
  /** How many inputs it takes: exactly, or at least and at most. */
  readonly arity: number | readonly [least: number, most: number];
  /** Brings attributes (and constant inputs) of any opset to the normal form. */
  readonly normal: (node: NodeFacts) => Normal;
  /** The type of each output. @throws GraphError where the inputs cannot be right. */
  readonly infer: (node: NodeFacts, normal: Normal) => readonly TensorType[];
}

/** The schemas of some operators. */
export type Schemas<Names extends OperatorName> = {
  readonly [Name in Names]: Schema<OperatorTable[Name]>;
};

/** For operators without attributes. */
export const none = (): None => NONE;

const NONE: None = Object.freeze({});

/** Required input i. */
export function inputOf(node: NodeFacts, i: number): Value {
  const input = node.inputs[i];
  if (input === undefined) failArgument(node.operator, `input ${i}`, "a Value", undefined);
  return input;
}

export function intOf(node: NodeFacts, name: string, fallback: number): number {
  const found = typed(node, name, "int");
  return found === undefined ? fallback : Number(found.value);
}

/** A whole number that counts something. @throws GraphError below `least` */
export function countOf(node: NodeFacts, name: string, fallback: number, least = 1): number {
  const count = intOf(node, name, fallback);
  if (!Number.isSafeInteger(count) || count < least) {
    failArgument(node.operator, name, `a whole number from ${least}`, count);
  }
  return count;
}

export function floatOf(node: NodeFacts, name: string, fallback: number): number {
  return typed(node, name, "float")?.value ?? fallback;
}

/** The same as a file holds it, for operators whose results in float64 depend on the last digits. */
export function singleOf(node: NodeFacts, name: string, fallback: number): number {
  return Math.fround(floatOf(node, name, fallback));
}

export function stringOf(node: NodeFacts, name: string, fallback: string): string {
  return typed(node, name, "string")?.value ?? fallback;
}

/** A string that is one of some.
 * @throws GraphError for another one */
export function choiceOf<Choice extends string>(
  node: NodeFacts,
  name: string,
  choices: readonly Choice[],
  fallback: Choice,
): Choice {
  const given = typed(node, name, "string");
  if (given === undefined) return fallback;
  return (
    choices.find((choice) => choice === given.value) ??
    failArgument(node.operator, name, choices.join(", "), given.value)
  );
}

export function intsOf(node: NodeFacts, name: string): readonly number[] | undefined {
  return typed(node, name, "ints")?.value.map(Number);
}

export function tensorAttribute(node: NodeFacts, name: string): TensorData | undefined {
  return typed(node, name, "tensor")?.value;
}

function typed<Type extends Attribute["type"]>(node: NodeFacts, name: string, type: Type) {
  const found = node.attributes[name];
  if (found === undefined) return undefined;
  if (found.type !== type) failArgument(node.operator, name, `attribute type ${type}`, found.type);
  return found as Extract<Attribute, { type: Type }>;
}

/** The elements of an initialiser, or of a Constant, which some exporters write in its place. */
export function constantData(value: Value | undefined): TensorData | undefined {
  const node = value?.producer;
  if (node?.op !== "Constant" || node.domain !== "") return value?.data;
  return (node.normal as OperatorTable["Constant"] | undefined)?.value;
}

/** The numbers of an input that is constant, as axes and pads usually are. */
export function constantInts(value: Value | undefined): readonly number[] | undefined {
  const elements = value?.elements ?? smallNumbers(value?.data);
  if (elements === undefined) return undefined;
  return elements.every((dim) => typeof dim === "number") ? (elements as number[]) : undefined;
}

/** Those of int32, of which values do not keep the elements. */
function smallNumbers(data: TensorData | undefined): readonly number[] | undefined {
  const small = data?.dtype === "int32" && data.size <= 64 && !data.external;
  return small ? data.toNumbers() : undefined;
}

/** An axis counted from 0. @throws GraphError if it is out of range. */
export function resolveAxis(operator: string, axis: number, rank: number, name = "axis"): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    failArgument(operator, name, rank === 0 ? "none (a scalar)" : `${-rank} … ${rank - 1}`, axis);
  }
  return axis < 0 ? axis + rank : axis;
}

/** Axes counted from 0, rising. @throws GraphError if one is out of range or comes twice. */
export function resolveAxes(
  operator: string,
  axes: readonly number[],
  rank: number,
  name = "axes",
): number[] {
  const resolved = axes.map((axis) => resolveAxis(operator, axis, rank, name));
  if (new Set(resolved).size !== resolved.length) {
    failArgument(operator, name, "each axis once", axes);
  }
  return resolved.sort((a, b) => a - b);
}

/** The shape of input i. @throws GraphError where an operator cannot go on without the rank. */
export function knownShape(node: NodeFacts, i: number): Shape {
  const value = inputOf(node, i);
  if (value.shape === undefined) {
    throw new GraphError(node.operator, `the rank of ${value} must be known`);
  }
  return value.shape;
}
