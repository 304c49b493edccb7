import type { Operand } from "../builder/lift.ts";
import { neg } from "../builder/operators/index.ts";
import type { Value } from "../builder/value.ts";
import { along, keepReduced } from "./axis.ts";
import { floating } from "./operands.ts";
import { hardForm, isValueMethod, type Method, resolveOptions } from "./options.ts";
import {
  type DropOptions,
  type GatedOptions,
  type IndexMethod,
  type IndexOptions,
  indexDefaults,
  type OrderedOptions,
  orderDefaults,
} from "./order-options.ts";
import { softIndex, softValues } from "./soft-index.ts";

/** Options of max and min. */
export interface MaxOptions extends OrderedOptions<Method>, DropOptions, GatedOptions {}

/** Options of argmax and argmin. */
export interface ArgmaxOptions extends OrderedOptions<IndexMethod>, DropOptions, IndexOptions {}

export const maxDefaults: Readonly<Required<MaxOptions>> = Object.freeze({
  ...orderDefaults,
  method: "softsort",
  dim: null,
  keepdim: false,
  gatedGrad: true,
});

export const argmaxDefaults: Readonly<Required<ArgmaxOptions>> = Object.freeze({
  ...orderDefaults,
  ...indexDefaults,
  method: "softsort",
  dim: null,
  keepdim: false,
});

/** The soft maximum along an axis: the mean of x weighted by argmax(x), hence never above the maximum.
 *
 * Formula: sum_j P_j x_j with P = argmax(x); with "fastSoftSort", "smoothSort" and "sortingNetwork" the
 * first entry of sort(x, { descending: true })
 *
 * ```ts
 * const peak = soft.max(signal, { dim: -1 });
 * ```
 * @param x [..., n, ...]
 * @returns [..., ...]: without the axis, or with size 1 for `keepdim`; a scalar for dim null
 *
 * Cost: O(n) a row with softsort and a step of ot, O(n²) with neuralsort. Sources: see argmax.
 * @throws GraphError for options that are wrong, or an axis that x lacks */
export function max(x: Operand, options: MaxOptions = {}): Value {
  return extreme("max", x, options, true);
}

/** The soft minimum along an axis: the mean of x weighted by argmin(x).
 *
 * Formula: -max(-x) = sum_j P_j x_j with P = argmin(x)
 *
 * ```ts
 * const floor = soft.min(signal, { dim: 0, keepdim: true });
 * ```
 * @param x [..., n, ...]
 * @returns [..., ...]: without the axis, or with size 1 for `keepdim`; a scalar for dim null
 *
 * Cost: O(n) a row with softsort and a step of ot, O(n²) with neuralsort.
 * @throws GraphError for options that are wrong, or an axis that x lacks */
export function min(x: Operand, options: MaxOptions = {}): Value {
  return extreme("min", x, options, false);
}

/** Where the maximum along an axis is, as a distribution over the entries: softmax(x / softness) with
 * softsort in mode "smooth".
 *
 * Formula: project as in argsort, |.| soft
 *   softsort         project_j(x_j / softness)
 *   neuralsort       project_j(((n - 1) x_j - sum_k |x_j - x_k|) / softness)
 *   ot               n times the mass of each entry that goes to the upper of two anchors, 0 and 1, which
 *                    takes 1/n
 *   sortingNetwork   the first row of argsort(x, { descending: true })
 *
 * ```ts
 * const attention = soft.argmax(scores, { dim: 1, mode: "c1", softness: 0.5 });
 * ```
 * @param x [..., n, ...]
 * @returns [..., ..., n]: the axis dropped (or of size 1 for `keepdim`), probabilities on a new last
 * axis; [n] for dim null, where n counts all entries
 *
 * Cost: O(n) a row with softsort and a step of ot, O(n²) with neuralsort, O(n² log² n) with sortingNetwork.
 * Sources: the first row of SoftSort, Prillo and Eisenschlos 2020 (arXiv 2006.16038), of NeuralSort, Grover
 * et al. 2019 (arXiv 1903.08850), or of what argsort names for the others.
 * @throws GraphError for options that are wrong, or an axis that x lacks */
export function argmax(x: Operand, options: ArgmaxOptions = {}): Value {
  return argExtreme("argmax", x, options, true);
}

/** Where the minimum along an axis is, as a distribution over the entries.
 *
 * Formula: argmax(-x)
 *
 * ```ts
 * const nearest = soft.argmin(distances, { dim: -1 });
 * ```
 * @param x [..., n, ...]
 * @returns [..., ..., n]: the axis dropped (or of size 1 for `keepdim`), probabilities on a new last
 * axis; [n] for dim null, where n counts all entries
 *
 * Cost: O(n) a row with softsort and a step of ot, O(n²) with neuralsort.
 * @throws GraphError for options that are wrong, or an axis that x lacks */
export function argmin(x: Operand, options: ArgmaxOptions = {}): Value {
  return argExtreme("argmin", x, options, false);
}

const TOP = { kind: "top" } as const;

function extreme(operator: string, x: Operand, options: MaxOptions, descending: boolean): Value {
  const resolved = resolveOptions(operator, options, maxDefaults);
  const value = floating(operator, "x", x);
  return value.graph.operation(
    operator,
    () => {
      const rows = along(operator, value, resolved.dim);
      // Methods that give values only need not treat small and large entries alike.
      const turned = !descending && resolved.mode !== "hard" && isValueMethod(resolved.method);
      const found = turned
        ? neg(softValues(operator, neg(rows.last), resolved, { descending: true, positions: TOP }))
        : softValues(operator, rows.last, resolved, { descending, positions: TOP });
      return resolved.keepdim ? keepReduced(rows, found) : found;
    },
    hardForm(resolved, (hard) => extreme(operator, value, hard, descending)),
  );
}

function argExtreme(
  operator: string,
  x: Operand,
  options: ArgmaxOptions,
  descending: boolean,
): Value {
  const resolved = resolveOptions(operator, options, argmaxDefaults);
  const value = floating(operator, "x", x);
  return value.graph.operation(
    operator,
    () => {
      const rows = along(operator, value, resolved.dim);
      const found = softIndex(operator, rows.last, resolved, { descending, positions: TOP });
      return resolved.keepdim ? keepReduced(rows, found) : found;
    },
    hardForm(resolved, (hard) => argExtreme(operator, value, hard, descending)),
  );
}
