import * as op from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";

// What the parts of the transport solver share. All of it has three axes: [batch, n, m], a row per source
// as [batch, n, 1], a row per target as [batch, 1, m], and one number per problem as [batch, 1, 1].

export function sum(x: Value, axes: number | number[]): Value {
  return op.reduceSum(x, { axes, keepdims: true });
}

export function largest(x: Value, axes: number | number[]): Value {
  return op.reduceMax(x, { axes, keepdims: true });
}

export function turned(x: Value): Value {
  return op.transpose(x, [0, 2, 1]);
}

/** x / y without 0 / 0 where there is nothing left to do. */
export function safely(x: Value, y: Value): Value {
  return op.div(x, op.where(op.greater(y, 0), y, 1));
}

export function allOf(first: Value, ...more: readonly Value[]): Value {
  return more.reduce((all, one) => op.and(all, one), first);
}

/** Whether it holds anywhere. Summed rather than maximised, so that an empty batch has an answer: no. */
export function anywhere(condition: Value): Value {
  return op.greater(op.reduceSum(op.cast(condition, "float32")), 0);
}

/** The size of an axis as a float64 scalar. */
export function countOf(x: Value, axis: number): Value {
  return op.cast(sizeScalar(x, axis), "float64");
}

export function sizeScalar(x: Value, axis: number): Value {
  const size = op.sizeOf(x, axis);
  return typeof size === "number" ? x.graph.constant(size, [], "int64") : op.squeeze(size, 0);
}

/** The masses that errors are measured against: those below 1% of their mean count as that, since what is
 * far smaller (1e-12 beside 1) is within the rounding of the potentials.
 *
 * @param axis the one that the masses lie along */
export function weighable(mass: Value, axis: 1 | 2): Value {
  return op.max(mass, op.div(sum(mass, axis), op.mul(countOf(mass, axis), 100)));
}

/** The largest relative error of a marginal. */
export function largestError(error: Value, mass: Value, axis: 1 | 2): Value {
  return largest(op.div(op.abs(error), weighable(mass, axis)), axis);
}
