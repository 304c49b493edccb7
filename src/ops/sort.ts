import type { Operand } from "../builder/lift.ts";
import type { Value } from "../builder/value.ts";
import { along, putBack } from "./axis.ts";
import { floating } from "./operands.ts";
import { hardForm, type Method, resolveOptions } from "./options.ts";
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

/** The entries of x softly sorted along an axis. Beside an argsort with the same options it exports no
 * second projection.
 *
 * Formula: by method; fastSoftSort and sortingNetwork in the standardised units of x, if `standardize`
 *   softsort, neuralsort, ot   y_i = sum_j P_ij x_j with P = argsort(x)
 *   fastSoftSort               y = projectPermutahedron((n - 1, …, 1, 0) / (n - 1), x), descending
 *   smoothSort                 as fastSoftSort in the units of x, where smooth bounds of the sum of the k
 *                              largest, softness log e_k(exp(x / softness)) with e_k the elementary
 *                              symmetric polynomials, and an entropy take the place of the corners
 *   sortingNetwork             layers of pairs (a, b) with share w = sigmoidal(a - b) exchanged:
 *                              (1 - w) a + w b and w a + (1 - w) b
 *
 * ```ts
 * const sorted = soft.sort(x, { dim: 0, descending: true, method: "softsort" });
 * ```
 * @param x [..., n, ...]
 * @returns [..., n, ...]
 *
 * Cost: a row O(n log n) with softsort in mode "smooth" where it has more than 256 entries or an unknown
 * number, else O(n²) time and memory with softsort and neuralsort, of which softsort is about twice as
 * fast, O(n²) a step with ot, O(n log n) with fastSoftSort, O(n²) and O(n log n) a step with smoothSort,
 * O(n log² n) with sortingNetwork. Sources: see argsort; Blondel et al. 2020 (arXiv 2002.08871) for
 * fastSoftSort; Paulus et al. 2026 (arXiv 2603.08824) for the modes and smoothSort.
 * @throws GraphError for options that are wrong, or an axis that x lacks */
export function sort(x: Operand, options: SortOptions = {}): Value {
  const resolved = resolveOptions("sort", options, sortDefaults);
  const value = floating("sort", "x", x);
  return value.graph.operation(
    "sort",
    () => {
      const rows = along("sort", value, resolved.dim ?? -1);
      const part = { descending: resolved.descending, positions: { kind: "all" } } as const;
      return putBack(rows, softValues("sort", rows.last, resolved, part));
    },
    hardForm(resolved, (hard) => sort(value, hard)),
  );
}

/** The soft permutation that sorts x along an axis: entry [..., i, ..., :] is a distribution over the
 * entries of x for the one that comes i-th.
 *
 * Formula: row i from 1, descending, with s the sorted entries, |.| soft in neuralsort, and project(v) the
 * p >= 0 of sum 1 that maximises p·v - R(p)
 *   softsort         project_j(-|s_i - x_j| / softness)
 *   neuralsort       project_j(((n + 1 - 2 i) x_j - sum_k |x_j - x_k|) / softness)
 *   ot               n times what transport brings from the entries to anchor i of n, evenly from 0 to 1,
 *                    at a cost of the squared distance
 *   sortingNetwork   the product of the matrices that exchange pairs softly, as in sort
 *
 *   R(p)             smooth sum p log p, c0 1/2 sum p², c1 2/3 sum p^(3/2), c2 3/4 sum p^(4/3);
 *                    project is softmax in mode smooth
 *
 * ```ts
 * const order = soft.argsort(scores);                  // [n, n], rows sum to 1
 * const names = soft.takeAlongDim(features, order, { dim: 0 });
 * ```
 * @param x [..., n, ...]
 * @returns [..., n, ..., n]: probabilities on the last axis, or their logarithms
 *
 * Cost: O(n²) time and memory a row with softsort and neuralsort, O(n²) a step with ot, O(n² log² n) with
 * sortingNetwork. Sources: SoftSort, Prillo and Eisenschlos 2020 (arXiv 2006.16038); NeuralSort, Grover et
 * al. 2019 (arXiv 1903.08850), equation 5; optimal transport, Cuturi, Teboul and Vert 2019 (arXiv
 * 1905.11885); the network, Petersen et al. 2021 (arXiv 2105.04019).
 * @throws GraphError for options that are wrong, or an axis that x lacks */
export function argsort(x: Operand, options: ArgsortOptions = {}): Value {
  const resolved = resolveOptions("argsort", options, argsortDefaults);
  const value = floating("argsort", "x", x);
  return value.graph.operation(
    "argsort",
    () => {
      const rows = along("argsort", value, resolved.dim ?? -1);
      const part = { descending: resolved.descending, positions: { kind: "all" } } as const;
      return putBack(rows, softIndex("argsort", rows.last, resolved, part), -2);
    },
    hardForm(resolved, (hard) => argsort(value, hard)),
  );
}
