import type { Operand } from "../builder/lift.ts";
import type { Value } from "../builder/value.ts";
import { along, putBack } from "./axis.ts";
import { hardRanks } from "./methods/hard.ts";
import { methodFor } from "./methods/index.ts";
import { floating } from "./operands.ts";
import { hardForm, type Method, resolveOptions } from "./options.ts";
import { type OrderedOptions, orderDefaults } from "./order-options.ts";
import { orderRequest } from "./soft-index.ts";

/** Options of rank. */
export interface RankOptions extends OrderedOptions<Method> {
  /** The axis to go along; null flattens x. Default null. */
  readonly dim?: number | null;
  /** The largest entry has rank 1. Default true. */
  readonly descending?: boolean;
}

export const rankDefaults: Readonly<Required<RankOptions>> = Object.freeze({
  ...orderDefaults,
  dim: null,
  descending: true,
});

/** The soft rank of each entry along an axis, from 1 to n: the mean position under the columns of the
 * soft permutation.
 *
 * Formula: with P = argsort(x) and project as there
 *   softsort         r_j = sum_i i Q_ji, Q_j = project_i(-|x_j - s_i| / softness), s the sorted entries
 *   neuralsort, sortingNetwork
 *                    r_j = sum_i i P_ij / sum_i P_ij
 *   ot               r_j = sum_i i P_ij
 *   fastSoftSort     r = (n - 1) projectPermutahedron(x, (1, 2, …, n) / (n - 1)), ascending
 *   smoothSort       as fastSoftSort, with the projection of smoothSort in sort; its gaps are never 0, so
 *                    that ranks jump where two entries change places
 *
 * ```ts
 * const ranks = soft.rank(scores, { dim: -1, softness: 0.05 });
 * ```
 * @param x [..., n, ...]
 * @returns [..., n, ...], or [all entries] for dim null
 *
 * Cost: a row O(n log n) with softsort in mode "smooth" where it has more than 256 entries or an unknown
 * number, else O(n²) time and memory with softsort and neuralsort, O(n²) a step with ot, O(n log n) with
 * fastSoftSort, O(n²) and O(n log n) a step with smoothSort, O(n² log² n) with sortingNetwork. Sources:
 * SoftSort, Prillo and Eisenschlos 2020 (arXiv 2006.16038), by columns; NeuralSort, Grover et al. 2019
 * (arXiv 1903.08850), columns normalised; Cuturi, Teboul and Vert 2019 (arXiv 1905.11885); Blondel et al.
 * 2020 (arXiv 2002.08871); Paulus et al. 2026 (arXiv 2603.08824).
 * @throws GraphError for options that are wrong, or an axis that x lacks */
export function rank(x: Operand, options: RankOptions = {}): Value {
  const resolved = resolveOptions("rank", options, rankDefaults);
  const { mode, method, descending } = resolved;
  const value = floating("rank", "x", x);
  return value.graph.operation(
    "rank",
    () => {
      const rows = along("rank", value, resolved.dim);
      if (mode === "hard") return putBack(rows, hardRanks(rows.last, descending));
      const ranks = methodFor("rank", method, mode, "ranks");
      const request = orderRequest("rank", rows.last, { ...resolved, mode }, descending);
      return putBack(rows, ranks(request));
    },
    hardForm(resolved, (hard) => rank(value, hard)),
  );
}
