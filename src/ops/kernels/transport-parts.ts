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

/** Masses below this share of all are those that stand for none. To correct them in the end changes no other
 * by what can be told. */
const NO_MASS = 1e-9;

/** Which masses stand for none.
 *
 * @param axis the one that the masses lie along */
export function withoutMass(mass: Value, axis: 1 | 2): Value {
  return op.less(mass, op.mul(sum(mass, axis), NO_MASS));
}

/** The masses that errors are measured against. Those that stand for none count as 1% of the mean: their own
 * relative error (of 1e-12 beside 1) is within the rounding of the others.
 *
 * @param axis the one that the masses lie along */
export function weighable(mass: Value, axis: 1 | 2): Value {
  const least = op.div(sum(mass, axis), op.mul(countOf(mass, axis), 100));
  return op.where(withoutMass(mass, axis), least, mass);
}

/** The largest relative error of a marginal. */
export function largestError(error: Value, mass: Value, axis: 1 | 2): Value {
  return largest(op.div(op.abs(error), weighable(mass, axis)), axis);
}
