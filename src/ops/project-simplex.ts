import type { Operand } from "../builder/lift.ts";
import * as op from "../builder/operators/index.ts";
import type { Value } from "../builder/value.ts";
import { along, putBack } from "./axis.ts";
import { floating, positiveSoftness } from "./operands.ts";
import { resolveOptions, type SoftMode, type Softness } from "./options.ts";
import { belowLargest, projectSimplex as projectRows } from "./simplex.ts";

/** Options of projectSimplex. */
export interface SimplexOptions {
  /** The axis to go along; null flattens x. Default -1. */
  readonly dim?: number | null;
  /** Default 0.1; in the units of x. */
  readonly softness?: Softness;
  /** Default "smooth". */
  readonly mode?: SoftMode;
}

export const simplexDefaults: Readonly<Required<SimplexOptions>> = Object.freeze({
  dim: -1,
  softness: 0.1,
  mode: "smooth",
});

const SOFT_MODES = ["smooth", "c0", "c1", "c2"];

/** Projects x, divided by the softness, along an axis onto the simplex: entries from 0 that sum to 1. Other
 * than in mode smooth, where this is softmax, small entries become exactly 0.
 *
 * Formula: with t such that the result sums to 1
 *   smooth   y = exp(x / softness - t)
 *   c0       y = max(x / softness - t, 0), the nearest point
 *   c1, c2   y = max(x / softness - t, 0)² and max(x / softness - t, 0)³
 *
 * ```ts
 * const weights = soft.projectSimplex(scores, { softness: 0.5, mode: "c1" });
 * ```
 * @param x [..., n, ...]
 * @returns [..., n, ...]; NaN in rows with NaN or +infinity
 *
 * Cost: O(n) a row in mode smooth, O(n) a round of Newton's method otherwise, of which there are 4 to 10.
 * Sources: Duchi et al. 2008 for c0; Paulus et al. 2026 (arXiv 2603.08824) for c1 and c2.
 * @throws GraphError for options that are wrong, or an axis that x lacks */
export function projectSimplex(x: Operand, options: SimplexOptions = {}): Value {
  const resolved = resolveOptions("projectSimplex", options, simplexDefaults, SOFT_MODES);
  const value = floating("projectSimplex", "x", x);
  return value.graph.operation("projectSimplex", () => {
    const rows = along("projectSimplex", value, resolved.dim);
    const softness = positiveSoftness("projectSimplex", resolved.softness, value);
    const scores = resolved.mode === "smooth" ? rows.last : belowLargest(rows.last);
    return putBack(rows, projectRows(op.div(scores, softness), resolved.mode));
  });
}
