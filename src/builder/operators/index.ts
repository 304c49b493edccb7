import type { OperatorName, OperatorTable, Schema } from "../schema.ts";
import { activationSchemas } from "./activation.ts";
import { arithmeticSchemas } from "./arithmetic.ts";
import { bitsSchemas } from "./bits.ts";
import { blocksSchemas } from "./blocks.ts";
import { controlSchemas } from "./control.ts";
import { convolutionSchemas } from "./convolution.ts";
import { creationSchemas } from "./creation.ts";
import { cumulativeSchemas } from "./cumulative.ts";
import { groupNormalizationSchemas } from "./group-normalization.ts";
import { indexingSchemas } from "./indexing.ts";
import { linearSchemas } from "./linear.ts";
import { logicSchemas } from "./logic.ts";
import { lossSchemas } from "./losses.ts";
import { mathSchemas } from "./math.ts";
import { movementSchemas } from "./movement.ts";
import { normalizationSchemas } from "./normalization.ts";
import { poolingSchemas } from "./pooling.ts";
import { recurrentSchemas } from "./recurrent.ts";
import { reductionSchemas } from "./reduction.ts";
import { reshapeSchemas } from "./reshape.ts";
import { scaleNormalizationSchemas } from "./scale-normalization.ts";
import { scanSchemas } from "./scan.ts";
import { selectionSchemas } from "./selection.ts";
import { sizesSchemas } from "./sizes.ts";
import { sliceSchemas } from "./slice.ts";
import { spectrumSchemas } from "./spectrum.ts";
import { textSchemas } from "./text.ts";
import { trigonometrySchemas } from "./trigonometry.ts";

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
export { erf } from "./erf.ts";
export { customGradient, passThrough, stopGradient } from "./gradient.ts";
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
export { einsum, type GemmOptions, gemm, matmul } from "./linear.ts";
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
export {
  type AveragePoolOptions,
  averagePool,
  globalAveragePool,
  globalMaxPool,
  maxPool,
} from "./pooling.ts";
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
export { flatten, reshape, squeeze, unsqueeze } from "./reshape.ts";
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

/** What the builder knows of each ai.onnx operator. */
export const schemas: { readonly [Op in OperatorName]: Schema<OperatorTable[Op]> } = {
  ...arithmeticSchemas,
  ...mathSchemas,
  ...bitsSchemas,
  ...blocksSchemas,
  ...cumulativeSchemas,
  ...selectionSchemas,
  ...spectrumSchemas,
  ...textSchemas,
  ...trigonometrySchemas,
  ...activationSchemas,
  ...logicSchemas,
  ...reductionSchemas,
  ...linearSchemas,
  ...convolutionSchemas,
  ...poolingSchemas,
  ...normalizationSchemas,
  ...reshapeSchemas,
  ...movementSchemas,
  ...sliceSchemas,
  ...creationSchemas,
  ...sizesSchemas,
  ...indexingSchemas,
  ...controlSchemas,
  ...scanSchemas,
  ...lossSchemas,
  ...scaleNormalizationSchemas,
  ...groupNormalizationSchemas,
  ...recurrentSchemas,
};

/** The schema of an ai.onnx operator; undefined for those that the builder does not know. */
export function schemaOf(op: string): Schema<unknown> | undefined {
  return Object.hasOwn(schemas, op) ? (schemas[op as OperatorName] as Schema<unknown>) : undefined;
}
