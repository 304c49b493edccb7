import { failArgument } from "../builder/errors.ts";
import type { Operand } from "../builder/lift.ts";
import type { Value } from "../builder/value.ts";
import { along, putBack } from "./axis.ts";
import { floating } from "./operands.ts";
import {
  hardForm,
  isValueMethod,
  type Method,
  resolveOptions,
  type ValueMethod,
} from "./options.ts";
import {
  type AxisOptions,
  type GatedOptions,
  type IndexOptions,
  indexDefaults,
  type OrderedOptions,
  orderDefaults,
} from "./order-options.ts";
import { softIndex, softValues } from "./soft-index.ts";

/** Options of topk. */
export interface TopkOptions<Name extends Method = Method>
  extends OrderedOptions<Name>,
    AxisOptions,
    GatedOptions,
    IndexOptions {}

export const topkDefaults: Readonly<Required<TopkOptions>> = Object.freeze({
  ...orderDefaults,
  ...indexDefaults,
  dim: -1,
  gatedGrad: true,
});

/** What topk gives. */
export interface Topk<Name extends Method = Method> {
  /** [..., k, ...] */
  readonly values: Value;
  /** [..., k, ..., n]; undefined for methods that give values only. */
  readonly indices: Name extends ValueMethod ? undefined : Value;
}

/** The k largest entries of x along an axis, largest first, and their soft indices: the first k rows of
 * the soft permutation; the other rows are not made.
 *
 * Formula: indices = P_1 … P_k, values_i = sum_j P_ij x_j with P = argsort(x, { descending: true }); by ot
 * with k anchors and one for the rest; without indices, values are the first k of sort
 *
 * ```ts
 * const { values, indices } = soft.topk(x, 3, { softness: 0.05 });
 * const mask = reduceSum(indices, { axes: -2 });
 * ```
 * @param x [..., n, ...]
 * @param k how many, from 1 to n; where n is known only when the model runs, that fails for less than k
 * @returns values [..., k, ...] and indices [..., k, ..., n]. With `gatedGrad: false` the values hold the
 * soft index fixed, while `indices` keep their gradient.
 *
 * Cost: a row O(k n) time and memory with softsort and a step of ot, O(n²) with neuralsort, O(n log n)
 * with fastSoftSort, O(n log² n) with sortingNetwork. Sources: see argsort.
 * @throws GraphError for options that are wrong, an axis that x lacks, or a k that does not fit */
export function topk<Name extends Method = "neuralsort">(
  x: Operand,
  k: number,
  options: TopkOptions<Name> = {},
): Topk<Name> {
  const resolved = resolveOptions<TopkOptions>("topk", options, topkDefaults);
  const value = floating("topk", "x", x);
  const build = () => {
    const rows = along("topk", value, resolved.dim ?? -1);
    const n = rows.last.shape?.at(-1);
    if (!Number.isInteger(k) || k < 1 || (typeof n === "number" && k > n)) {
      failArgument(
        "topk",
        "k",
        `a whole number from 1${typeof n === "number" ? ` to ${n}` : ""}`,
        k,
      );
    }
    const part = { descending: true, positions: { kind: "first", count: k } } as const;
    const values = putBack(rows, softValues("topk", rows.last, resolved, part));
    const indices = isValueMethod(resolved.method)
      ? undefined
      : putBack(rows, softIndex("topk", rows.last, resolved, part), -2);
    return { values, indices } as Topk<Name>;
  };
  // Sharing: values and indices come of the same rows.
  return value.graph.operation(
    "topk",
    () => value.graph.sharing(build),
    hardForm(resolved, (hard) => topk(value, k, hard as TopkOptions<Name>)),
  );
}
