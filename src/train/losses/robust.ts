import type { Operand } from "../../builder/lift.ts";
import { div, mul, neg, reduceSum, sub } from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import type { IndexMethod, OrderedOptions } from "../../ops/order-options.ts";
import { checkLossOptions, type LossOptions, pairOf, weightsFor } from "./loss.ts";
import { chosenRows } from "./top-k.ts";

/** Options of trimmedLeastSquares. */
export interface TrimmedOptions extends LossOptions, OrderedOptions<IndexMethod> {}

/** The squared errors of the `keep` samples that fit best, softly chosen: outliers, up to n - keep of them,
 * have no say (Rousseeuw 1984, least trimmed squares).
 *
 * ```ts
 * const loss = losses.trimmedLeastSquares(prediction, y, 300);    // of 392 rows
 * ```
 * @param prediction [n]
 * @param target [n]
 * @param keep how many, from 1 to n
 * @param options those of soft.topk; `weights` [n]. "mean" divides by what is kept, "none" gives each error
 * times how far it is kept.
 * @throws GraphError if the shapes differ, `keep` does not fit or an option is wrong */
export function trimmedLeastSquares(
  prediction: Operand,
  target: Operand,
  keep: number,
  options: TrimmedOptions = {},
): Value {
  const operator = "trimmedLeastSquares";
  checkLossOptions(operator, options, ["softness", "mode", "method", "standardize"]);
  const [x, y] = pairOf(operator, prediction, target);
  const { weights: given, reduction = "mean", ...order } = options;
  return x.graph.operation(operator, () => {
    const error = sub(x, y);
    const squares = mul(error, error);
    const kept = reduceSum(chosenRows(neg(squares), keep, order), { axes: -2 });
    const weights = weightsFor(operator, x, given);
    const shares = weights === undefined ? kept : mul(kept, weights);
    const losses = mul(shares, squares);
    if (reduction === "none") return losses;
    const sum = reduceSum(losses);
    return reduction === "sum" ? sum : div(sum, reduceSum(shares));
  });
}
