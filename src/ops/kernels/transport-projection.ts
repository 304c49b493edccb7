import * as op from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import type { SoftMode } from "../options.ts";
import { anywhere, countOf, largest, safely, sum } from "./transport-parts.ts";
import { type NormMode, rootOf } from "./transport-regularizer.ts";

/** Newton rounds at most. From the left of the root the product of residual and slope falls fourfold a
 * round; 4 to 10 are usual, 1 to 3 from a good start. */
const MOST_ROUNDS = 60;

/** Relative residual at which one more Newton step is exact to rounding, about sqrt(eps). */
const TOLERANCE = 1e-8;

/** The potentials p of the rows of v with sum over the last axis of phi(v + p) = mass.
 *
 * @param start near p; it need not be good. Not used in mode smooth. */
export function rowPotentials(v: Value, mass: Value, start: Value, mode: SoftMode): Value {
  const top = largest(v, -1);
  if (mode === "smooth") {
    const total = sum(op.exp(op.sub(v, top)), -1);
    return op.sub(op.log(op.div(mass, total)), top);
  }
  // The largest entry of phi is between mass / count and mass.
  const radius = rootOf(mass, mode);
  const least = rootOf(op.div(mass, countOf(v, -1)), mode);
  const first = op.max(op.min(start, op.sub(radius, top)), op.sub(least, top));
  return mode === "c0" ? byCounts(v, mass, first) : byNorm(v, radius, first, mode);
}

/** Newton on the alpha-norm of (v + p)_+, which is convex in p: from the right it overshoots at most to the
 * left end, from there it is monotone. Rows that have converged move by rounding only. NaN is not above
 * the tolerance, so it ends the loop. */
function byNorm(v: Value, radius: Value, start: Value, mode: Exclude<NormMode, "c0">): Value {
  const [root] = op.loop(MOST_ROUNDS, [start], (_, p) => {
    const r = op.relu(op.add(v, p));
    const square = op.mul(r, r);
    const norm = rootOf(sum(mode === "c1" ? square : op.mul(square, r), -1), mode);
    const residual = op.sub(norm, radius);
    const slope =
      mode === "c1" ? safely(sum(r, -1), norm) : safely(sum(square, -1), op.mul(norm, norm));
    const open = op.greater(op.abs(residual), op.mul(radius, TOLERANCE));
    return { state: [op.sub(p, safely(residual, slope))], proceed: anywhere(open) };
  });
  return root as Value;
}

/** The norm is piecewise linear: a step is exact once it leaves the support as it was. */
function byCounts(v: Value, mass: Value, start: Value): Value {
  const [root] = op.loop(MOST_ROUNDS, [start, op.mul(start, 0)], (_, p, before) => {
    const r = op.relu(op.add(v, p));
    const count = sum(op.cast(op.greater(r, 0), v.dtype), -1);
    const next = op.sub(p, safely(op.sub(sum(r, -1), mass), count));
    return { state: [next, count], proceed: anywhere(op.not(op.equal(count, before))) };
  });
  return root as Value;
}
