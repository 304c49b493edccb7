export {
  binaryCrossEntropy,
  type CrossEntropyOptions,
  crossEntropy,
  type HingeOptions,
  hinge,
} from "./classification.ts";
export type { LossOptions, Reduction } from "./loss.ts";
export {
  type RankingOptions,
  type SoftAucOptions,
  softAuc,
  softNdcg,
  softSpearman,
} from "./ranking.ts";
export {
  type HuberOptions,
  huber,
  mae,
  mse,
  type PinballOptions,
  pinball,
} from "./regression.ts";
export { type TrimmedOptions, trimmedLeastSquares } from "./robust.ts";
export {
  softPrecisionAtK,
  softRecallAtK,
  type TopKOptions,
  topkCrossEntropy,
} from "./top-k.ts";
