export {
  type Attention,
  type AttentionOptions,
  type AttentionUse,
  attention,
} from "./attention.ts";
export { type Convolution, type ConvolutionOptions, convolution } from "./convolution.ts";
export { type Dense, type DenseOptions, dense } from "./dense.ts";
export { type DropoutOptions, dropout } from "./dropout.ts";
export { type Embedding, type EmbeddingOptions, embedding } from "./embedding.ts";
export {
  type BatchNorm,
  type BatchNormOptions,
  batchNorm,
  type LayerNorm,
  type LayerNormOptions,
  layerNorm,
} from "./normalization.ts";
export type { LayerOptions } from "./parameters.ts";
export {
  averagePool,
  globalAveragePool,
  globalMaxPool,
  maxPool,
  type PoolOptions,
} from "./pooling.ts";
