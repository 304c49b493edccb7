export {
  celu,
  elu,
  gelu,
  hardmax,
  hardSigmoid,
  hardSwish,
  leakyRelu,
  mish,
  prelu,
  selu,
  shrink,
  softsign,
  swish,
  thresholdedRelu,
} from "./activation.ts";
export {
  abs,
  add,
  ceil,
  clip,
  div,
  floor,
  max,
  mean,
  min,
  mod,
  mul,
  neg,
  pow,
  reciprocal,
  round,
  sign,
  sub,
  sum,
} from "./arithmetic.ts";
export { type AttentionOptions, attention } from "./attention.ts";
export type { AxisOptions } from "./axes.ts";
export { bitCast, bitShift, bitwiseAnd, bitwiseNot, bitwiseOr, bitwiseXor } from "./bits.ts";
export { centerCropPad, type DepthMode, depthToSpace, spaceToDepth } from "./blocks.ts";
export { ifElse, type LoopOptions, type LoopRound, loop } from "./control.ts";
export {
  type ConvOptions,
  type ConvTransposeOptions,
  conv,
  convTranspose,
} from "./convolution.ts";
export { constantOfShape, eyeLike, range } from "./creation.ts";
export { type CumulativeOptions, cumProd, cumSum } from "./cumulative.ts";
export {
  type DeformConvOperands,
  type DeformConvOptions,
  deformConv,
} from "./deform.ts";
export { det } from "./determinant.ts";
export { einsum } from "./einsum-operator.ts";
export { erf } from "./erf.ts";
export { col2Im } from "./fold.ts";
export { customGradient, passThrough, stopGradient, trainingForm } from "./gradient.ts";
export {
  groupNormalization,
  instanceNormalization,
  type NormalizationOptions,
  type RmsNormalizationOptions,
  rmsNormalization,
} from "./group-normalization.ts";
export {
  gather,
  gatherElements,
  gatherND,
  nonZero,
  type ScatterOptions,
  scatterElements,
  scatterND,
} from "./indexing.ts";
export { type GemmOptions, gemm, matmul } from "./linear.ts";
export {
  and,
  cast,
  castLike,
  equal,
  greater,
  greaterOrEqual,
  identity,
  isInf,
  isNaN,
  less,
  lessOrEqual,
  not,
  or,
  where,
  xor,
} from "./logic.ts";
export {
  type LossReduction,
  negativeLogLikelihoodLoss,
  softmaxCrossEntropyLoss,
  type TargetLossOptions,
} from "./losses.ts";
export { cos, exp, log, relu, sigmoid, sin, softplus, sqrt, tanh } from "./math.ts";
export { concat, expand, type SplitOptions, split, tile, transpose, trilu } from "./movement.ts";
export {
  type BatchNormalizationOptions,
  batchNormalization,
  batchNormalizationTraining,
  type LayerNormalizationOptions,
  layerNormalization,
} from "./normalization.ts";
export { optional, optionalGetElement, optionalHasElement } from "./optional.ts";
export {
  type AveragePoolOptions,
  averagePool,
  globalAveragePool,
  globalLpPool,
  globalMaxPool,
  type LpPoolOptions,
  lpPool,
  maxPool,
  maxPoolWithIndices,
  maxUnpool,
  type PoolOptions,
} from "./pooling.ts";
export { dequantizeLinear, type QuantizeOptions, quantizeLinear } from "./quantization.ts";
export {
  bernoulli,
  type RandomNormalOptions,
  type RandomUniformOptions,
  randomNormalLike,
  randomUniformLike,
} from "./random.ts";
export {
  type ActivationName,
  type Direction,
  type GruOptions,
  gru,
  type LstmOptions,
  lstm,
  type RecurrentOptions,
  type RecurrentResult,
  rnn,
} from "./recurrent.ts";
export {
  type ArgOptions,
  argMax,
  argMin,
  logSoftmax,
  type ReduceOptions,
  reduceL1,
  reduceL2,
  reduceLogSum,
  reduceLogSumExp,
  reduceMax,
  reduceMean,
  reduceMin,
  reduceProd,
  reduceSum,
  reduceSumSquare,
  softmax,
  topK,
} from "./reduction.ts";
export {
  maxRoiPool,
  type NonMaxSuppressionOptions,
  nonMaxSuppression,
  type RoiAlignOptions,
  roiAlign,
} from "./regions.ts";
export { flatten, reshape, squeeze, unsqueeze } from "./reshape.ts";
export { type ResizeOptions, resize } from "./resize.ts";
export { type RotaryEmbeddingOptions, rotaryEmbedding } from "./rotary.ts";
export { affineGrid, type GridSampleOptions, gridSample } from "./sampling.ts";
export {
  type LrnOptions,
  lpNormalization,
  lrn,
  meanVarianceNormalization,
} from "./scale-normalization.ts";
export { type ScanOptions, type ScanRound, scan } from "./scan.ts";
export {
  compress,
  oneHot,
  reverseSequence,
  type TensorScatterOptions,
  tensorScatter,
  unique,
} from "./selection.ts";
export {
  concatFromSequence,
  type SplitToSequenceOptions,
  sequenceAt,
  sequenceConstruct,
  sequenceEmpty,
  sequenceErase,
  sequenceInsert,
  sequenceLength,
  splitToSequence,
} from "./sequence.ts";
export { sequenceMap } from "./sequence-map.ts";
export {
  addSizes,
  fullLike,
  moveAxis,
  multiplySizes,
  onesLike,
  positions,
  type Size,
  shape,
  size,
  sizeOf,
  sizesOf,
  sizeVector,
  subtractSizes,
  zerosLike,
} from "./sizes.ts";
export { type PadOptions, pad, type SliceOptions, slice } from "./slice.ts";
export {
  blackmanWindow,
  type DftOptions,
  dft,
  hammingWindow,
  hannWindow,
  type MelOptions,
  melWeightMatrix,
  type SpectralWindowOptions,
  type StftOptions,
  stft,
} from "./spectrum.ts";
export {
  acos,
  acosh,
  asin,
  asinh,
  atan,
  atanh,
  cosh,
  sinh,
  tan,
} from "./trigonometry.ts";
export type { WindowOptions } from "./windows.ts";
