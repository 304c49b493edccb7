import type { Operand } from "../builder/lift.ts";
import type { Value } from "../builder/value.ts";
import { along, putBack } from "./axis.ts";
import { floating } from "./operands.ts";
import { type Method, resolveOptions } from "./options.ts";
import {
  type AxisOptions,
  type GatedOptions,
  type IndexMethod,
  type IndexOptions,
  indexDefaults,
  type OrderedOptions,
  orderDefaults,
} from "./order-options.ts";
import { softIndex, softValues } from "./soft-index.ts";

/** Options of sort. */
export interface SortOptions extends OrderedOptions<Method>, AxisOptions, GatedOptions {
  /** Largest first. Default false. */
  readonly descending?: boolean;
}

/** Options of argsort. */
export interface ArgsortOptions extends OrderedOptions<IndexMethod>, AxisOptions, IndexOptions {
  /** Largest first. Default false. */
  readonly descending?: boolean;
}

export const sortDefaults: Readonly<Required<SortOptions>> = Object.freeze({
  ...orderDefaults,
  dim: -1,
  descending: false,
  gatedGrad: true,
});

export const argsortDefaults: Readonly<Required<ArgsortOptions>> = Object.freeze({
  ...orderDefaults,
  ...indexDefaults,
  dim: -1,
  descending: false,
});

/** The entries of x softly sorted along an axis: takeAlongDim(x, argsort(x)). Beside an argsort with the
 * same options it exports no second projection.
 *
 * ```ts
 * const sorted = soft.sort(x, { dim: 0, descending: true, method: "softsort" });
 * ```
 * @param x [..., n, ...]
 * @returns [..., n, ...]
 *
 * Cost: O(n²) time and memory a row; softsort about half of neuralsort. Sources: see argsort; Paulus et
 * al. 2026 (arXiv 2603.08824) for the modes.
 * @throws GraphError for options that are wrong, or an axis that x lacks */
export function sort(x: Operand, options: SortOptions = {}): Value {
  const resolved = resolveOptions("sort", options, sortDefaults);
  const value = floating("sort", "x", x);
  return value.graph.operation("sort", () => {
    const rows = along("sort", value, resolved.dim ?? -1);
    const part = { descending: resolved.descending, positions: { kind: "all" } } as const;
    return putBack(rows, softValues("sort", rows.last, resolved, part));
  });
}

/** The soft permutation that sorts x along an axis: entry [..., i, ..., :] is a distribution over the
 * entries of x for the one that comes i-th.
 *
 * ```ts
 * const order = soft.argsort(scores);                  // [n, n], rows sum to 1
 * const names = soft.takeAlongDim(features, order, { dim: 0 });
 * ```
 * @param x [..., n, ...]
 * @returns [..., n, ..., n]: probabilities on the last axis, or their logarithms
 *
 * Cost: O(n²) time and memory a row. Sources: SoftSort, Prillo and Eisenschlos 2020 (arXiv 2006.16038);
 * NeuralSort, Grover et al. 2019 (arXiv 1903.08850), equation 5.
 * @throws GraphError for options that are wrong, or an axis that x lacks */
export function argsort(x: Operand, options: ArgsortOptions = {}): Value {
  const resolved = resolveOptions("argsort", options, argsortDefaults);
  const value = floating("argsort", "x", x);
  return value.graph.operation("argsort", () => {
    const rows = along("argsort", value, resolved.dim ?? -1);
    const part = { descending: resolved.descending, positions: { kind: "all" } } as const;
    return putBack(rows, softIndex("argsort", rows.last, resolved, part), -2);
  });
}
