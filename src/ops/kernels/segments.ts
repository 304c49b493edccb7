import * as op from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";

// Sums and extremes over the segments of rows. A segment is named by a whole number from 0 to n - 1 that
// all its entries carry; what a segment has, each of its entries is given.

/** [batch, n]: for each entry the sum over its segment. */
export function segmentSum(x: Value, names: Value, zeros = op.zerosLike(x)): Value {
  return spread(op.scatterElements(zeros, names, x, { axis: 1, reduction: "add" }), names);
}

/** [batch, n]: for each entry the largest of its segment. */
export function segmentMax(
  x: Value,
  names: Value,
  lowest = op.fullLike(x, Number.NEGATIVE_INFINITY),
): Value {
  return spread(op.scatterElements(lowest, names, x, { axis: 1, reduction: "max" }), names);
}

/** [batch, n]: for each entry the smallest of its segment.
 * @param highest [batch, n]: at least what any entry is */
export function segmentMin(x: Value, names: Value, highest: Value): Value {
  return spread(op.scatterElements(highest, names, x, { axis: 1, reduction: "min" }), names);
}

function spread(found: Value, names: Value): Value {
  return op.gatherElements(found, names, { axis: 1 });
}
