import { checkOptions, failArgument } from "../../builder/errors.ts";
import type { Graph } from "../../builder/graph.ts";
import {
  batchNormalization,
  batchNormalizationTraining,
  layerNormalization,
  trainingForm,
} from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import { constant, zeros } from "../initializers.ts";
import { checkCount, type LayerOptions, Parameters } from "./parameters.ts";

/** Options of batchNorm. */
export interface BatchNormOptions extends LayerOptions {
  /** How much of the running statistics stays in each step. Default 0.9. */
  readonly momentum?: number;
  /** Added to the variance. Default 1e-5. */
  readonly epsilon?: number;
}

/** Each channel less its mean, over its deviation, times a scale plus a bias. */
export interface BatchNorm {
  /** [batch, channels, …] to the same shape. With `training` by the statistics of the batch, and the
   * running ones are updated; without, and in every inference export, by the running ones. */
  (x: Value, options?: { readonly training?: boolean }): Value;
  /** [channels], from 1 */
  readonly scale: Value;
  /** [channels], from 0 */
  readonly bias: Value;
  /** The running mean, [channels]: a state, not trained. */
  readonly mean: Value;
  /** The running variance, [channels]: a state, not trained. */
  readonly variance: Value;
}

/** Batch normalisation (Ioffe and Szegedy 2015, arXiv 1502.03167). The running variance follows the mean
 * square of a batch, as ONNX has it; PyTorch's follows that times n / (n - 1).
 *
 * ```ts
 * const norm = layers.batchNorm(g, 16);
 * const prediction = output(relu(norm(filters(x), { training: true })));
 * const loss = losses.mse(prediction, y);
 * ```
 * One application in training is allowed in a graph: each updates the running statistics.
 *
 * @throws GraphError for sizes or options that are wrong, or a name that is taken */
export function batchNorm(
  graph: Graph,
  channels: number,
  options: BatchNormOptions = {},
): BatchNorm {
  const parameters = new Parameters(graph, "batchNorm", options, ["momentum", "epsilon"]);
  checkCount("batchNorm", "channels", channels);
  const { momentum = 0.9, epsilon = 1e-5 } = options;
  if (!(momentum >= 0 && momentum <= 1)) {
    failArgument("batchNorm", "momentum", "a number from 0 to 1", momentum);
  }
  const fans = { in: channels, out: channels };
  const scale = parameters.trained("scale", [channels], constant(1), fans);
  const bias = parameters.trained("bias", [channels], zeros(), fans);
  const mean = parameters.kept("mean", [channels], 0);
  const variance = parameters.kept("variance", [channels], 1);
  const apply = (x: Value, application: { readonly training?: boolean } = {}) => {
    checkOptions("batchNorm", application, ["training"]);
    if (application.training !== true) {
      return batchNormalization(x, scale, bias, mean, variance, { epsilon });
    }
    const next = batchNormalizationTraining(x, scale, bias, mean, variance, { momentum, epsilon });
    graph.update(mean, next.mean).update(variance, next.variance);
    const running = batchNormalization(x, scale, bias, mean, variance, { epsilon });
    return trainingForm(next.y, running);
  };
  return Object.assign(apply, { scale, bias, mean, variance });
}

/** Options of layerNorm. */
export interface LayerNormOptions extends LayerOptions {
  /** Added to the variance. Default 1e-5. */
  readonly epsilon?: number;
}

/** The last axes less their mean, over their deviation, times a scale plus a bias. */
export interface LayerNorm {
  (x: Value): Value;
  /** Of the sizes normalised, from 1. */
  readonly scale: Value;
  /** Of the sizes normalised, from 0. */
  readonly bias: Value;
}

/** Layer normalisation (Ba et al. 2016, arXiv 1607.06450), over the last axes.
 *
 * ```ts
 * const norm = layers.layerNorm(g, 64);
 * const y = norm(x);                                     // [batch, length, 64]
 * ```
 * @param sizes of the axes that are normalised together: the last ones of x
 * @throws GraphError for sizes or options that are wrong, or a name that is taken */
export function layerNorm(
  graph: Graph,
  sizes: number | readonly number[],
  options: LayerNormOptions = {},
): LayerNorm {
  const parameters = new Parameters(graph, "layerNorm", options, ["epsilon"]);
  const shape = typeof sizes === "number" ? [sizes] : sizes;
  for (const size of shape) checkCount("layerNorm", "sizes", size);
  const fans = { in: 1, out: 1 };
  const scale = parameters.trained("scale", shape, constant(1), fans);
  const bias = parameters.trained("bias", shape, zeros(), fans);
  const { epsilon = 1e-5 } = options;
  const apply = (x: Value) => layerNormalization(x, scale, bias, { axis: -shape.length, epsilon });
  return Object.assign(apply, { scale, bias });
}
