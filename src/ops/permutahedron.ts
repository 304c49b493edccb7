import { sameShape } from "../builder/dim.ts";
import { GraphError } from "../builder/errors.ts";
import type { Operand } from "../builder/lift.ts";
import * as op from "../builder/operators/index.ts";
import type { Value } from "../builder/value.ts";
import { floatingAll, positiveSoftness } from "./operands.ts";
import { resolveOptions, type SoftMode, type Softness } from "./options.ts";
import {
  asExact,
  asRows,
  backInPlace,
  descending,
  fromRows,
  projectSorted,
} from "./sorted-projection.ts";

/** Options of projectPermutahedron. */
export interface PermutahedronOptions {
  /** Default 0.1; in the units of z. */
  readonly softness?: Softness;
  /** Default "smooth". */
  readonly mode?: SoftMode;
}

export const permutahedronDefaults: Readonly<Required<PermutahedronOptions>> = Object.freeze({
  softness: 0.1,
  mode: "smooth",
});

const SOFT_MODES = ["smooth", "c0", "c1", "c2"];

/** Projects each row of z, divided by the softness, onto the permutahedron of a row w: the convex hull of
 * all orders of w. The result has the order of z, sums to the sum of w, and goes to the entries of w in
 * that order as softness goes to 0. In mode smooth exp y, not y, sums to what w gives.
 *
 * Formula: y in the permutahedron of w
 *   c0       argmin |y - z / softness|², the nearest point
 *   c1, c2   argmax y·z / softness - sum |y|^p / p with p = 3/2 and 4/3
 *   smooth   exp y is the Kullback-Leibler projection of exp(z / softness) onto the permutahedron of exp w
 *
 * ```ts
 * const ranks = soft.projectPermutahedron(scores, numbers, { softness: 0.1, mode: "c0" });
 * ```
 * @param z [..., n]
 * @param w [..., n] of the shape of z, or [n] for all rows
 * @returns [..., n]; NaN in rows with NaN or an infinity
 *
 * Cost: O(n log n) a row: two sorts and about log2 n rounds of isotonic regression, in float64. Sources:
 * Blondel et al. 2020 (arXiv 2002.08871), propositions 2 and 3, for c0 and smooth; Paulus et al. 2026
 * (arXiv 2603.08824) for c1 and c2.
 * @throws GraphError for options that are wrong, or shapes that differ */
export function projectPermutahedron(
  z: Operand,
  w: Operand,
  options: PermutahedronOptions = {},
): Value {
  const operator = "projectPermutahedron";
  const resolved = resolveOptions(operator, options, permutahedronDefaults, SOFT_MODES);
  const [x, weights] = floatingAll(operator, { z, w }) as [Value, Value];
  if (x.shape === undefined || x.shape.length === 0) {
    throw new GraphError(operator, `z: expected [..., n], got ${x}`);
  }
  const single = weights.shape?.length === 1;
  const whole = single ? [x.shape.at(-1)] : x.shape;
  if (sameShape(weights.shape, whole) === false) {
    throw new GraphError(
      operator,
      `w: expected the shape of z or its last axis, got ${weights} beside ${x}`,
    );
  }
  return x.graph.operation(operator, () => {
    const softness = positiveSoftness(operator, resolved.softness, x);
    const rows = asRows(x);
    const order = descending(rows);
    const sorted = descending(asRows(weights)).values;
    const all = single && x.rank > 1 ? op.expand(sorted, op.sizesOf(rows)) : sorted;
    const keys = op.div(order.values, asExact(softness));
    return fromRows(backInPlace(projectSorted(keys, all, resolved.mode), order.indices), x);
  });
}
