import type { Operand } from "../builder/lift.ts";
import * as op from "../builder/operators/index.ts";
import type { Value } from "../builder/value.ts";
import { floating, floatingAlike } from "./operands.ts";
import { resolveOptions } from "./options.ts";

/** Options of logicalAnd, logicalOr and logicalXor. */
export interface LogicOptions {
  /** The geometric mean instead of the product: does not shrink with the number of operands. Default
   * false. */
  readonly useGeometricMean?: boolean;
  /** Least value that counts in a geometric mean. Default 1e-10. */
  readonly epsilon?: number;
}

/** Options of all and any. */
export interface ReduceLogicOptions extends LogicOptions {
  /** The axis to go along; null for all elements. Default -1. */
  readonly dim?: number | null;
}

export const logicDefaults: Readonly<Required<LogicOptions>> = Object.freeze({
  useGeometricMean: false,
  epsilon: 1e-10,
});

export const reduceLogicDefaults: Readonly<Required<ReduceLogicOptions>> = Object.freeze({
  ...logicDefaults,
  dim: -1,
});

/** Not x, for truth values from 0 to 1, elementwise.
 *
 * Formula: 1 - x
 *
 * ```ts
 * const outside = soft.logicalNot(inside);
 * ```
 * @param x [...]
 * @returns [...], the shape of x
 *
 * Cost: O(1) an element.
 * @throws GraphError for an operand that is no Value of numbers */
export function logicalNot(x: Operand): Value {
  const value = floating("logicalNot", "x", x);
  return value.graph.operation("logicalNot", () => not(value));
}

/** x and y, for truth values from 0 to 1, elementwise with broadcasting.
 *
 * Formula: x y, or with `useGeometricMean` sqrt(x y)
 *
 * ```ts
 * const inside = soft.logicalAnd(soft.greater(x, 0), soft.less(x, 1));
 * ```
 * @param x [...]
 * @param y [...], broadcast with x
 * @returns [...], of the broadcast shape
 *
 * Cost: O(1) an element. Source: Paulus et al. 2026 (arXiv 2603.08824), logical operators.
 * @throws GraphError for options that are wrong, or shapes that do not broadcast */
export function logicalAnd(x: Operand, y: Operand, options: LogicOptions = {}): Value {
  return connect("logicalAnd", x, y, options, both);
}

/** x or y, for truth values from 0 to 1, elementwise with broadcasting: not (not x and not y).
 *
 * Formula: 1 - (1 - x) (1 - y), or with `useGeometricMean` 1 - sqrt((1 - x) (1 - y))
 *
 * ```ts
 * const extreme = soft.logicalOr(soft.less(x, -3), soft.greater(x, 3));
 * ```
 * @param x [...]
 * @param y [...], broadcast with x
 * @returns [...], of the broadcast shape
 *
 * Cost: O(1) an element.
 * @throws GraphError for options that are wrong, or shapes that do not broadcast */
export function logicalOr(x: Operand, y: Operand, options: LogicOptions = {}): Value {
  return connect("logicalOr", x, y, options, either);
}

/** Either x or y but not both, for truth values from 0 to 1, elementwise with broadcasting.
 *
 * Formula: (x and not y) or (not x and y), with soft and, or and not
 *
 * ```ts
 * const odd = soft.logicalXor(a, b);
 * ```
 * @param x [...]
 * @param y [...], broadcast with x
 * @returns [...], of the broadcast shape
 *
 * Cost: O(1) an element.
 * @throws GraphError for options that are wrong, or shapes that do not broadcast */
export function logicalXor(x: Operand, y: Operand, options: LogicOptions = {}): Value {
  return connect("logicalXor", x, y, options, (a, b, o) =>
    either(both(a, not(b), o), both(not(a), b, o), o),
  );
}

/** Whether all truth values along an axis hold: their product, or with `useGeometricMean` their
 * geometric mean, in which values below epsilon count as epsilon.
 *
 * Formula: prod_i x_i, or with `useGeometricMean` (prod_i x_i)^(1/n)
 *
 * ```ts
 * const valid = soft.all(soft.greater(x, 0), { dim: 0 });
 * ```
 * @param x [..., n, ...]
 * @returns [..., ...]: without the axis; a scalar for dim null
 *
 * Cost: O(1) an element. Source: Paulus et al. 2026 (arXiv 2603.08824), logical operators.
 * @throws GraphError for options that are wrong, or an axis that x lacks */
export function all(x: Operand, options: ReduceLogicOptions = {}): Value {
  const resolved = resolveOptions("all", options, reduceLogicDefaults);
  const value = floating("all", "x", x);
  return value.graph.operation("all", () => conjunction(value, resolved));
}

/** Whether any truth value along an axis holds: not all(not x).
 *
 * Formula: 1 - prod_i (1 - x_i), or with `useGeometricMean` 1 - (prod_i (1 - x_i))^(1/n)
 *
 * ```ts
 * const alarm = soft.any(soft.greater(x, limit));
 * ```
 * @param x [..., n, ...]
 * @returns [..., ...]: without the axis; a scalar for dim null
 *
 * Cost: O(1) an element.
 * @throws GraphError for options that are wrong, or an axis that x lacks */
export function any(x: Operand, options: ReduceLogicOptions = {}): Value {
  const resolved = resolveOptions("any", options, reduceLogicDefaults);
  const value = floating("any", "x", x);
  return value.graph.operation("any", () => not(conjunction(not(value), resolved)));
}

function connect(
  operator: string,
  x: Operand,
  y: Operand,
  options: LogicOptions,
  build: (x: Value, y: Value, options: Required<LogicOptions>) => Value,
): Value {
  const resolved = resolveOptions(operator, options, logicDefaults);
  const [a, b] = floatingAlike(operator, { x, y }) as [Value, Value];
  return a.graph.operation(operator, () => build(a, b, resolved));
}

function not(x: Value): Value {
  return op.sub(1, x);
}

function both(x: Value, y: Value, options: Required<LogicOptions>): Value {
  if (!options.useGeometricMean) return op.mul(x, y);
  // Two roots, not the root of the product, which can underflow.
  const root = (value: Value) => op.sqrt(op.clip(value, options.epsilon));
  return op.mul(root(x), root(y));
}

function either(x: Value, y: Value, options: Required<LogicOptions>): Value {
  return not(both(not(x), not(y), options));
}

function conjunction(x: Value, options: Required<ReduceLogicOptions>): Value {
  const axes = options.dim === null ? {} : { axes: options.dim };
  if (!options.useGeometricMean) return op.reduceProd(x, axes);
  return op.exp(op.reduceMean(op.log(op.clip(x, options.epsilon)), axes));
}
