import * as op from "../builder/operators/index.ts";
import type { Value } from "../builder/value.ts";
import { simplexThreshold } from "./kernels/simplex-threshold.ts";
import type { SoftMode } from "./options.ts";

/** The projection of each row onto the simplex, regularised by entropy (smooth) or by a p-norm with
 * p = 2, 3/2, 4/3 (c0, c1, c2): phi(v - t), with t such that the row sums to 1. (Paulus et al. 2026, arXiv
 * 2603.08824, on simplex projections; c0 is Duchi et al. 2008.)
 *
 * In mode smooth that is Softmax, which is one node, and fused where it runs; a threshold would be six.
 *
 * @param v [..., n]: logits, divided by the softness already; other than in mode smooth the largest of a
 * row should be near 0, as `belowLargest` makes it, or entries keep few digits of their distance to t
 * @returns [..., n]: probabilities */
export function projectSimplex(v: Value, mode: SoftMode): Value {
  if (mode === "smooth") return op.softmax(v, { axis: -1 });
  if (v.dtype !== "float32" && v.dtype !== "float64") {
    return op.cast(projectSimplex(op.cast(v, "float32"), mode), v.dtype);
  }
  const rows = v.rank === 2 ? v : op.reshape(v, [-1, op.sizeOf(v, -1)]);
  const mass = v.graph.constant(1, [1, 1], v.dtype);
  const r = op.relu(op.sub(rows, simplexThreshold(rows, mass, mode)));
  const whole = ofSum1(phi(r, mode));
  return rows === v ? whole : op.reshape(whole, op.sizesOf(v));
}

/** Takes back what rounding in float32 has made of the sums of rows, which is up to 1e-7 for each entry.
 * Summed in float64: ONNX Runtime's sum of 1000 float32 is itself off by 1e-6. The factor is 1 but for that,
 * so it has no gradient.
 *
 * @param y [..., n], float32 rows that sum to about 1; of other types they come back as they are */
export function ofSum1(y: Value): Value {
  if (y.dtype !== "float32") return y;
  const exact = op.reduceSum(op.cast(y, "float64"), { axes: -1, keepdims: true });
  return op.div(y, op.stopGradient(op.cast(exact, "float32")));
}

/** x less its largest entry, row by row. For projections, which do not see the difference: it has no
 * gradient. */
export function belowLargest(x: Value): Value {
  return op.sub(x, op.stopGradient(op.reduceMax(x, { axes: -1, keepdims: true })));
}

/** A probability from what its entry is above the threshold, or 0.
 *
 * @param r from 0 */
export function phi(r: Value, mode: Exclude<SoftMode, "smooth">): Value {
  return mode === "c0" ? r : mode === "c1" ? op.mul(r, r) : op.mul(op.mul(r, r), r);
}

/** The derivative of `phi`; at 0 it is 0.
 *
 * @param r from 0 */
export function phiSlope(r: Value, mode: Exclude<SoftMode, "smooth">): Value {
  if (mode === "c0") return op.cast(op.greater(r, 0), r.dtype);
  return mode === "c1" ? op.mul(r, 2) : op.mul(op.mul(r, r), 3);
}

/** Logarithms of `projectSimplex`; exact -infinity where a probability is 0. In mode smooth they stay
 * finite where the probability itself underflows.
 *
 * @param v [..., n]: logits, divided by the softness already */
export function projectSimplexLog(v: Value, mode: SoftMode): Value {
  return mode === "smooth" ? op.logSoftmax(v, { axis: -1 }) : logOf(projectSimplex(v, mode));
}

/** log y, -infinity at 0, where it has no gradient (log alone has an infinite one there, and then NaN). */
export function logOf(y: Value): Value {
  const positive = op.greater(y, 0);
  const safe = op.log(op.where(positive, y, 1));
  return op.where(positive, safe, Number.NEGATIVE_INFINITY);
}

/** log y after raising every probability to at least `floor` and normalising again. */
export function flooredLogOf(y: Value, floor: number): Value {
  const raised = op.clip(y, floor, 1);
  return op.log(op.div(raised, op.reduceSum(raised, { axes: -1, keepdims: true })));
}
