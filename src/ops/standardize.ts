import * as op from "../builder/operators/index.ts";
import type { Value } from "../builder/value.ts";

/** Added to the variance, so that equal entries give 0. */
const VARIANCE_FLOOR = 1e-6;

/** Brings each row to the scale that the default softness is meant for: the logistic function of the
 * entries less their mean, over their standard deviation sqrt(variance + 1e-6). Without it softness is in
 * the units of x. (Paulus et al. 2026, arXiv 2603.08824, on standardisation.)
 *
 * @param x [..., n]
 * @returns [..., n] in (0, 1), in the same order as x */
export function standardize(x: Value): Value {
  return x.graph.operation("standardize", () => {
    // The mean is taken relative to the first entry: summing 1000 times 1000000.3 in float32 is off by
    // 0.25, which would give 1 for 0. The shift cancels, so it has no gradient.
    const first = op.stopGradient(op.slice(x, 0, 1, { axes: -1 }));
    const shifted = op.sub(x, first);
    const centered = op.sub(shifted, op.reduceMean(shifted, { axes: -1, keepdims: true }));
    const variance = op.reduceMean(op.mul(centered, centered), { axes: -1, keepdims: true });
    return op.sigmoid(op.div(centered, op.sqrt(op.add(variance, VARIANCE_FLOOR))));
  });
}
