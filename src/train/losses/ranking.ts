import type { Operand } from "../../builder/lift.ts";
import {
  add,
  cast,
  div,
  equal,
  exp,
  less,
  log,
  mul,
  reduceSum,
  sizeOf,
  sqrt,
  stopGradient,
  sub,
  topK,
  unsqueeze,
} from "../../builder/operators/index.ts";
import { positions } from "../../builder/operators/sizes.ts";
import type { Value } from "../../builder/value.ts";
import { type ComparisonOptions, greater } from "../../ops/comparison.ts";
import type { Method } from "../../ops/options.ts";
import type { OrderedOptions } from "../../ops/order-options.ts";
import { rank } from "../../ops/rank.ts";
import {
  checkLossOptions,
  type LossOptions,
  pairOf,
  reduced,
  shareOf,
  weightsFor,
} from "./loss.ts";

/** Options of the losses that rank softly. Weights are those of the entries of a list. */
export interface RankingOptions extends LossOptions, OrderedOptions<Method> {}

const ORDER_OPTIONS = ["softness", "mode", "method", "standardize"];

/** 1 less the rank correlation (Spearman 1904) of predictions, ranked softly, with targets, along the last
 * axis: 0 where both are in the same order, 2 where they are in opposite ones. Equal targets share the mean
 * of their ranks. (Blondel et al. 2020, arXiv 2002.08871, section 6.)
 *
 * ```ts
 * const loss = losses.softSpearman(prediction, rating, { softness: 0.05 });
 * ```
 * @param prediction [..., n]
 * @param target [..., n]; no gradient flows into it
 * @param options those of soft.rank; `weights` [..., n] count in the correlation, `reduction` goes over the
 * lists
 * @throws GraphError if the shapes differ or an option is wrong */
export function softSpearman(
  prediction: Operand,
  target: Operand,
  options: RankingOptions = {},
): Value {
  checkLossOptions("softSpearman", options, ORDER_OPTIONS);
  const [x, y] = pairOf("softSpearman", prediction, target);
  return x.graph.operation("softSpearman", () => {
    const weights = weightsFor("softSpearman", x, options.weights);
    const ranks = rank(x, { ...orderOf(options), dim: -1, descending: false });
    const correlation = correlationOf(ranks, meanRanks(y), weights);
    return reduced("softSpearman", sub(1, correlation), { reduction: options.reduction ?? "mean" });
  });
}

/** Ranks from 1 along the last axis, those of equal entries their mean. */
function meanRanks(x: Value): Value {
  const fixed = stopGradient(x);
  const [own, other] = [unsqueeze(fixed, -1), unsqueeze(fixed, -2)];
  const count = (test: Value) => reduceSum(cast(test, x.dtype), { axes: -1 });
  return add(add(count(less(other, own)), mul(count(equal(other, own)), 0.5)), 0.5);
}

/** Pearson's correlation along the last axis. */
function correlationOf(a: Value, b: Value, weights: Value | undefined): Value {
  const sum = (x: Value) => reduceSum(x, { axes: -1, keepdims: true });
  const weighted = (x: Value) => (weights === undefined ? x : mul(x, weights));
  const ones = add(mul(b, 0), 1);
  const centered = (x: Value) => sub(x, div(sum(weighted(x)), sum(weighted(ones))));
  const [u, v] = [centered(a), centered(b)];
  const [uu, vv, uv] = [mul(u, u), mul(v, v), mul(u, v)].map((x) =>
    reduceSum(weighted(x), { axes: -1 }),
  ) as [Value, Value, Value];
  // A list of equal entries has no correlation: 0, and no infinite slope.
  return div(uv, sqrt(add(mul(uu, vv), 1e-12)));
}

/** 1 less the normalised discounted cumulative gain (Järvelin and Kekäläinen 2002) with soft ranks, along
 * the last axis (Qin, Liu and Li 2010, ApproxNDCG). Gains are 2^relevance - 1, discounts 1 / log2(1 + rank).
 *
 * @param scores [..., n]; the largest comes first
 * @param relevance [..., n], from 0
 * @param options those of soft.rank; `weights` [..., n] multiply the gains, `reduction` goes over the lists.
 * A list without gains has loss 1 and no gradient.
 * @throws GraphError if the shapes differ or an option is wrong */
export function softNdcg(scores: Operand, relevance: Operand, options: RankingOptions = {}): Value {
  checkLossOptions("softNdcg", options, ORDER_OPTIONS);
  const [x, y] = pairOf("softNdcg", scores, relevance);
  return x.graph.operation("softNdcg", () => {
    const weights = weightsFor("softNdcg", x, options.weights);
    const plain = sub(exp(mul(y, Math.LN2)), 1);
    const gains = weights === undefined ? plain : mul(plain, weights);
    const ranks = rank(x, { ...orderOf(options), dim: -1, descending: true });
    const gained = reduceSum(div(gains, log2(add(ranks, 1))), { axes: -1 });
    const sorted = topK(gains, sizeOf(gains, -1)).values;
    const places = add(cast(positions(x, -1), x.dtype), 2);
    const ideal = reduceSum(div(sorted, log2(places)), { axes: -1 });
    const losses = sub(1, shareOf(gained, ideal));
    return reduced("softNdcg", losses, { reduction: options.reduction ?? "mean" });
  });
}

function log2(x: Value): Value {
  return mul(log(x), Math.LOG2E);
}

function orderOf({ weights: _, reduction: __, ...order }: RankingOptions): OrderedOptions<Method> {
  return order;
}

/** Options of softAuc. */
export interface SoftAucOptions extends LossOptions, Pick<ComparisonOptions, "softness" | "mode"> {}

/** 1 less the area under the receiver operating characteristic: the share of pairs of a positive and a
 * negative in which the positive has the smaller score, softly compared (Hanley and McNeil 1982; Yan et
 * al. 2003).
 *
 * @param scores [..., n]; softness is in their units
 * @param labels 0 or 1, [..., n]
 * @param options `softness` by default 0.1, `mode` "smooth"; `weights` [..., n] multiply in pairs,
 * `reduction` goes over the lists. A list without pairs has loss 1 and no gradient.
 * @throws GraphError if the shapes differ or an option is wrong */
export function softAuc(scores: Operand, labels: Operand, options: SoftAucOptions = {}): Value {
  checkLossOptions("softAuc", options, ["softness", "mode"]);
  const [x, y] = pairOf("softAuc", scores, labels);
  const { weights: given, reduction = "mean", ...comparison } = options;
  return x.graph.operation("softAuc", () => {
    const weights = weightsFor("softAuc", x, given);
    const weighted = (value: Value) => (weights === undefined ? value : mul(value, weights));
    const [positive, negative] = [weighted(y), weighted(sub(1, y))];
    const above = greater(unsqueeze(x, -1), unsqueeze(x, -2), comparison);
    const pairs = mul(unsqueeze(positive, -1), unsqueeze(negative, -2));
    const right = reduceSum(mul(pairs, above), { axes: [-2, -1] });
    const all = reduceSum(pairs, { axes: [-2, -1] });
    return reduced("softAuc", sub(1, shareOf(right, all)), { reduction });
  });
}
