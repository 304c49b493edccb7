import type { Operand } from "../builder/lift.ts";
import * as op from "../builder/operators/index.ts";
import type { Value } from "../builder/value.ts";
import { softCurve } from "./kernels/soft-curves.ts";
import { floatingAlike, positiveSoftness } from "./operands.ts";
import { hardForm, type Mode, resolveOptions, type SoftMode, type Softness } from "./options.ts";

/** Options of greater, greaterEqual, less, lessEqual, eq and notEqual. */
export interface ComparisonOptions {
  /** Default 0.1. */
  readonly softness?: Softness;
  /** Default "smooth". */
  readonly mode?: Mode;
  /** Shift that decides a tie as softness goes to 0. Default 1e-10. */
  readonly epsilon?: number;
}

/** Options of isclose. */
export interface IscloseOptions extends ComparisonOptions {
  /** Tolerance relative to |y|. Default 1e-5. */
  readonly rtol?: number;
  /** Absolute tolerance. Default 1e-8. */
  readonly atol?: number;
}

export const comparisonDefaults: Readonly<Required<ComparisonOptions>> = Object.freeze({
  softness: 0.1,
  mode: "smooth",
  epsilon: 1e-10,
});

export const iscloseDefaults: Readonly<Required<IscloseOptions>> = Object.freeze({
  ...comparisonDefaults,
  rtol: 1e-5,
  atol: 1e-8,
});

/** How far x > y is true, from 0 to 1, elementwise with broadcasting.
 *
 * Formula: sigmoidal(x - y - epsilon)
 *
 * ```ts
 * const above = soft.greater(x, threshold, { softness: 0.2 });
 * ```
 * @param x [...]
 * @param y [...], broadcast with x
 * @returns [...], of the broadcast shape
 *
 * Cost: O(1) an element. Source: Paulus et al. 2026 (arXiv 2603.08824), comparison operators.
 * @throws GraphError for options that are wrong, or shapes that do not broadcast */
export function greater(x: Operand, y: Operand, options: ComparisonOptions = {}): Value {
  return compare("greater", x, y, options, op.greater, (a, b, s, mode, epsilon) =>
    softStep(op.sub(op.sub(a, b), epsilon), s, mode),
  );
}

/** How far x >= y is true, from 0 to 1, elementwise with broadcasting.
 *
 * Formula: sigmoidal(x - y + epsilon)
 *
 * ```ts
 * const reached = soft.greaterEqual(x, goal);
 * ```
 * @param x [...]
 * @param y [...], broadcast with x
 * @returns [...], of the broadcast shape
 *
 * Cost: O(1) an element.
 * @throws GraphError for options that are wrong, or shapes that do not broadcast */
export function greaterEqual(x: Operand, y: Operand, options: ComparisonOptions = {}): Value {
  return compare("greaterEqual", x, y, options, op.greaterOrEqual, (a, b, s, mode, epsilon) =>
    softStep(op.add(op.sub(a, b), epsilon), s, mode),
  );
}

/** How far x < y is true, from 0 to 1, elementwise with broadcasting: 1 - greaterEqual(x, y).
 *
 * Formula: sigmoidal(y - x - epsilon)
 *
 * ```ts
 * const below = soft.less(x, threshold);
 * ```
 * @param x [...]
 * @param y [...], broadcast with x
 * @returns [...], of the broadcast shape
 *
 * Cost: O(1) an element.
 * @throws GraphError for options that are wrong, or shapes that do not broadcast */
export function less(x: Operand, y: Operand, options: ComparisonOptions = {}): Value {
  return compare("less", x, y, options, op.less, (a, b, s, mode, epsilon) =>
    softStep(op.sub(op.sub(b, a), epsilon), s, mode),
  );
}

/** How far x <= y is true, from 0 to 1, elementwise with broadcasting: 1 - greater(x, y).
 *
 * Formula: sigmoidal(y - x + epsilon)
 *
 * ```ts
 * const within = soft.lessEqual(x, limit);
 * ```
 * @param x [...]
 * @param y [...], broadcast with x
 * @returns [...], of the broadcast shape
 *
 * Cost: O(1) an element.
 * @throws GraphError for options that are wrong, or shapes that do not broadcast */
export function lessEqual(x: Operand, y: Operand, options: ComparisonOptions = {}): Value {
  return compare("lessEqual", x, y, options, op.lessOrEqual, (a, b, s, mode, epsilon) =>
    softStep(op.add(op.sub(b, a), epsilon), s, mode),
  );
}

/** How far x == y is true, from 0 to 1, elementwise with broadcasting. At a tie it exceeds 1, up to 2,
 * once softness is as small as epsilon.
 *
 * Formula: 2 sigmoidal(epsilon - |x - y|), with the soft absolute value
 *
 * ```ts
 * const same = soft.eq(label, 3, { softness: 0.5 });
 * ```
 * @param x [...]
 * @param y [...], broadcast with x
 * @returns [...], of the broadcast shape
 *
 * Cost: O(1) an element. Source: Paulus et al. 2026 (arXiv 2603.08824), comparison operators.
 * @throws GraphError for options that are wrong, or shapes that do not broadcast */
export function eq(x: Operand, y: Operand, options: ComparisonOptions = {}): Value {
  return compare("eq", x, y, options, op.equal, (a, b, s, mode, epsilon) =>
    op.mul(softStep(op.sub(epsilon, distance(a, b, s, mode)), s, mode), 2),
  );
}

/** How far x != y is true, from 0 to 1, elementwise with broadcasting. At a tie it falls below 0, down to
 * -1, once softness is as small as epsilon.
 *
 * Formula: 2 sigmoidal(|x - y| - epsilon) - 1, with the soft absolute value
 *
 * ```ts
 * const differs = soft.notEqual(x, y);
 * ```
 * @param x [...]
 * @param y [...], broadcast with x
 * @returns [...], of the broadcast shape
 *
 * Cost: O(1) an element.
 * @throws GraphError for options that are wrong, or shapes that do not broadcast */
export function notEqual(x: Operand, y: Operand, options: ComparisonOptions = {}): Value {
  const unequal = (a: Value, b: Value) => op.not(op.equal(a, b));
  return compare("notEqual", x, y, options, unequal, (a, b, s, mode, epsilon) =>
    softCurve("SoftSign", op.sub(distance(a, b, s, mode), epsilon), s, mode),
  );
}

/** How far |x - y| <= atol + rtol |y| is true, elementwise with broadcasting. This definition exceeds 1
 * where the tolerance exceeds the difference by much against the softness. In mode "hard" equal infinities
 * are close, and NaN is close to nothing.
 *
 * Formula: 2 sigmoidal(atol + rtol |y| + epsilon - |x - y|), with soft absolute values
 *
 * ```ts
 * const close = soft.isclose(x, y, { atol: 0.05 });
 * ```
 * @param x [...]
 * @param y [...], broadcast with x
 * @returns [...], of the broadcast shape
 *
 * Cost: O(1) an element.
 * @throws GraphError for options that are wrong, or shapes that do not broadcast */
export function isclose(x: Operand, y: Operand, options: IscloseOptions = {}): Value {
  const resolved = resolveOptions("isclose", options, iscloseDefaults);
  const { rtol, atol, ...shared } = resolved;
  const tolerance = (magnitude: Value) => op.add(op.mul(magnitude, rtol), atol);
  const hard = (a: Value, b: Value) => {
    const difference = op.abs(op.sub(a, b));
    const near = op.lessOrEqual(difference, tolerance(op.abs(b)));
    return op.or(op.equal(a, b), op.and(near, op.less(difference, Number.POSITIVE_INFINITY)));
  };
  return compare("isclose", x, y, shared, hard, (a, b, s, mode, epsilon) => {
    const allowed = tolerance(softCurve("SoftAbs", b, s, mode));
    const margin = op.add(op.sub(allowed, distance(a, b, s, mode)), epsilon);
    return op.mul(softStep(margin, s, mode), 2);
  });
}

function distance(x: Value, y: Value, softness: Softness, mode: SoftMode): Value {
  return softCurve("SoftAbs", op.sub(x, y), softness, mode);
}

function softStep(x: Value, softness: Softness, mode: SoftMode): Value {
  return softCurve("SoftStep", x, softness, mode);
}

function compare(
  operator: string,
  x: Operand,
  y: Operand,
  options: ComparisonOptions,
  hard: (x: Value, y: Value) => Value,
  soft: (x: Value, y: Value, softness: Softness, mode: SoftMode, epsilon: number) => Value,
): Value {
  const resolved = resolveOptions(operator, options, comparisonDefaults);
  const { softness, mode, epsilon } = resolved;
  const [a, b] = floatingAlike(operator, { x, y }) as [Value, Value];
  return a.graph.operation(
    operator,
    () =>
      mode === "hard"
        ? op.cast(hard(a, b), a.dtype)
        : soft(a, b, positiveSoftness(operator, softness, a), mode, epsilon),
    hardForm(resolved, (options) => compare(operator, a, b, options, hard, soft)),
  );
}
