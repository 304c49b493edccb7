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
  einsum,
  equal,
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
  transpose,
  trilu,
  unsqueeze,
  where,
  xor,
  zerosLike,
} from "./builder/operators/index.ts";
export type { FromModelOptions, ModelLimits } from "./builder/read.ts";
export { ModelFormatError } from "./builder/read.ts";
export type { Literal, NestedArray, TensorData } from "./builder/tensor.ts";
export type { Value } from "./builder/value.ts";
export type { ModelOptions, StateTensor } from "./builder/write.ts";
export { dependsOn, grad, valueAndGrad, vjp } from "./grad/index.ts";

import "./ops/kernels/index.ts";

export * from "./ops/index.ts";
export * from "./train/index.ts";
export { VERSION } from "./version.ts";
