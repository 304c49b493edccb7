// For pages that are to be small: what "softonnx" exports, without what only networks and imported models need
// (convolution, pooling, normalisation, activations, einsum, layers, gradients through If, Loop and Scan, and
// Graph.fromModel). A page that imports "softonnx" too has it all, in the same graphs.
export type { Node } from "./builder/block.ts";
export type { Pullback, TensorType, VjpRule } from "./builder/definition.ts";
export type { Dim, Shape } from "./builder/dim.ts";
export type { DType, TensorElements, TypedArray } from "./builder/dtype.ts";
export { GraphError } from "./builder/errors.ts";
export type { GraphOptions } from "./builder/graph.ts";
export { DEFAULT_OPSET, Graph } from "./builder/graph.ts";
export type { Operand } from "./builder/lift.ts";
export type {
  ArgOptions,
  AxisOptions,
  GemmOptions,
  LoopOptions,
  LoopRound,
  PadOptions,
  ReduceOptions,
  ScanOptions,
  ScanRound,
  ScatterOptions,
  Size,
  SliceOptions,
  SplitOptions,
} from "./builder/operators/index.ts";
export {
  abs,
  add,
  and,
  argMax,
  argMin,
  cast,
  ceil,
  clip,
  concat,
  constantOfShape,
  cos,
  cumSum,
  customGradient,
  div,
  equal,
  erf,
  exp,
  expand,
  eyeLike,
  flatten,
  floor,
  fullLike,
  gather,
  gatherElements,
  gatherND,
  gemm,
  greater,
  greaterOrEqual,
  identity,
  ifElse,
  isInf,
  isNaN,
  less,
  lessOrEqual,
  log,
  logSoftmax,
  loop,
  matmul,
  max,
  min,
  mod,
  mul,
  neg,
  nonZero,
  not,
  onesLike,
  or,
  pad,
  pow,
  range,
  reciprocal,
  reduceLogSumExp,
  reduceMax,
  reduceMean,
  reduceMin,
  reduceProd,
  reduceSum,
  relu,
  reshape,
  round,
  scan,
  scatterElements,
  scatterND,
  shape,
  sigmoid,
  sign,
  sin,
  slice,
  softmax,
  softplus,
  split,
  sqrt,
  squeeze,
  stopGradient,
  sub,
  tanh,
  tile,
  topK,
  trainingForm,
  transpose,
  trilu,
  unsqueeze,
  where,
  xor,
  zerosLike,
} from "./builder/operators/index.ts";
export type { Literal, NestedArray, StateTensor, TensorData } from "./builder/tensor.ts";
export type { Value } from "./builder/value.ts";
export type { ModelOptions } from "./builder/write.ts";
export {
  dependsOn,
  type GradientRules,
  type GradOptions,
  grad,
  hessian,
  hessianVectorProduct,
  jacobian,
  jvp,
  type OneEach,
  perExampleGrads,
  valueAndGrad,
  vjp,
} from "./grad/index.ts";

export * from "./ops/index.ts";
export type { Fans, Initializer } from "./train/initializers.ts";
export * as initializers from "./train/initializers.ts";
export * as losses from "./train/losses/index.ts";
export * as optimizers from "./train/optimizers/index.ts";
export type { Schedule } from "./train/schedules.ts";
export * as schedules from "./train/schedules.ts";
export { stepCounter } from "./train/state.ts";
export { VERSION } from "./version.ts";
