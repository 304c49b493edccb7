import { failArgument } from "../../builder/errors.ts";
import type { Operand } from "../../builder/lift.ts";
import { add, mul, neg, reduceLogSumExp, reduceSum, sub } from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import type { IndexMethod, OrderedOptions } from "../../ops/order-options.ts";
import { type TopkOptions, topk } from "../../ops/topk.ts";
import { atTarget } from "./classification.ts";
import {
  checkLossOptions,
  floatOf,
  type LossOptions,
  pairOf,
  reduced,
  shareOf,
  weightsFor,
} from "./loss.ts";

/** Options of the losses that choose the k largest softly. */
export interface TopKOptions extends LossOptions, OrderedOptions<IndexMethod> {}

const ORDER_OPTIONS = ["softness", "mode", "method", "standardize"];

/** 1 less the precision at k, the share of relevant entries among the k of the highest scores, with a soft
 * choice of those along the last axis.
 *
 * @param scores [..., n]
 * @param relevant 0 or 1, [..., n]
 * @param k from 1 to n
 * @param options those of soft.topk; `weights` [..., n] count in both sums, `reduction` goes over the lists
 * @throws GraphError if the shapes differ, k does not fit or an option is wrong */
export function softPrecisionAtK(
  scores: Operand,
  relevant: Operand,
  k: number,
  options: TopKOptions = {},
): Value {
  return shareChosen("softPrecisionAtK", scores, relevant, k, options, (chosen) => chosen);
}

/** 1 less the recall at k, the share of the relevant entries that is among the k of the highest scores,
 * with a soft choice of those along the last axis. A list without relevant ones has loss 1 and no gradient.
 *
 * @param scores [..., n]
 * @param relevant 0 or 1, [..., n]
 * @param k from 1 to n
 * @param options those of soft.topk; `weights` [..., n] count in both sums, `reduction` goes over the lists
 * @throws GraphError if the shapes differ, k does not fit or an option is wrong */
export function softRecallAtK(
  scores: Operand,
  relevant: Operand,
  k: number,
  options: TopKOptions = {},
): Value {
  return shareChosen("softRecallAtK", scores, relevant, k, options, (_, right) => right);
}

/** The soft indices of the k largest, [..., k, n]. */
export function chosenRows(x: Value, k: number, options: TopkOptions<IndexMethod>): Value {
  return topk(x, k, options).indices as Value;
}

function shareChosen(
  operator: string,
  scores: Operand,
  relevant: Operand,
  k: number,
  options: TopKOptions,
  whole: (chosen: Value, right: Value) => Value,
): Value {
  checkLossOptions(operator, options, ORDER_OPTIONS);
  const [x, y] = pairOf(operator, scores, relevant);
  const { weights: given, reduction = "mean", ...order } = options;
  return x.graph.operation(operator, () => {
    const weights = weightsFor(operator, x, given);
    const chosen = reduceSum(chosenRows(x, k, order), { axes: -2 });
    const sum = (value: Value) =>
      reduceSum(weights === undefined ? value : mul(value, weights), { axes: -1 });
    const share = shareOf(sum(mul(chosen, y)), sum(whole(chosen, y)));
    return reduced(operator, sub(1, share), { reduction });
  });
}

/** What topkCrossEntropy uses unless told otherwise: with these the loss of distribution [1] is the
 * ordinary cross-entropy. Standardised, logits could never be confident: their scale would not count. */
const CROSS_ENTROPY = { method: "softsort", standardize: false, softness: 1 } as const;

/** The probability that a class stands at some place is never taken to be less than this. */
const LEAST = 1e-12;

/** Cross-entropy for classifiers that may name several classes: -log of the probability that the right
 * class is among the k first, with k itself drawn from a distribution (Petersen et al. 2022, arXiv
 * 2206.07290, section 3). `[1]` is top-1, the ordinary cross-entropy; `[0.5, 0, 0, 0, 0.5]` is half top-1
 * and half top-5.
 *
 * ```ts
 * const loss = losses.topkCrossEntropy(logits, labels, [0.5, 0, 0, 0, 0.5]);
 * ```
 * @param logits scores [..., classes]
 * @param target class numbers, int64 [...], or probabilities [..., classes]
 * @param distribution the probability of each k from 1; the last is not 0
 * @param options those of soft.topk, here by default `method` "softsort", `standardize` false and
 * `softness` 1; `weights` [...]
 * @throws GraphError if the shapes do not fit or an option is wrong */
export function topkCrossEntropy(
  logits: Operand,
  target: Operand,
  distribution: readonly number[],
  options: TopKOptions = {},
): Value {
  checkLossOptions("topkCrossEntropy", options, ORDER_OPTIONS);
  checkDistribution(distribution);
  const scores = floatOf("topkCrossEntropy", "logits", logits);
  const { weights, reduction = "mean", ...order } = options;
  return scores.graph.operation("topkCrossEntropy", () => {
    const log = { returnLogProbs: true, logProbEps: LEAST };
    const indices = chosenRows(scores, distribution.length, { ...CROSS_ENTROPY, ...order, ...log });
    // Place j counts for every k of at least j.
    const counts = distribution.map((_, j) => distribution.slice(j).reduce((a, b) => a + b));
    const logs = counts.map((count) => [Math.log(count)]);
    const among = reduceLogSumExp(add(indices, logs), { axes: -2 });
    const losses = neg(atTarget("topkCrossEntropy", among, target, among.rank - 1));
    return reduced("topkCrossEntropy", losses, {
      reduction,
      ...(weights === undefined ? {} : { weights }),
    });
  });
}

function checkDistribution(distribution: readonly number[]): void {
  const given = Array.isArray(distribution) ? distribution : [];
  const total = given.reduce((a, b) => a + b, 0);
  const fits = given.every((p) => p >= 0) && Math.abs(total - 1) < 1e-9 && given.at(-1) !== 0;
  if (!fits) {
    const expected = "probabilities of k = 1, 2, … with sum 1, the last not 0";
    failArgument("topkCrossEntropy", "distribution", expected, distribution);
  }
}
