import { isFloating } from "../builder/dtype.ts";
import { GraphError } from "../builder/errors.ts";
import { isValue, liftAll, type Operand, requireValue } from "../builder/lift.ts";
import { broadcastAll } from "../builder/operators/emit.ts";
import { cast, greater, mul, where } from "../builder/operators/index.ts";
import type { Value } from "../builder/value.ts";
import type { Softness } from "./options.ts";

/** One operand as floating-point numbers: integers and booleans become float32.
 * @throws GraphError if it is no Value, or its element type is not known */
export function floating(operator: string, argument: string, operand: Operand): Value {
  return toFloating(operator, argument, requireValue(operator, argument, operand));
}

/** Several operands of one floating-point type; literals become constants of it.
 * @throws GraphError if none is a Value, or their types differ */
export function floatingAll(
  operator: string,
  operands: Readonly<Record<string, Operand>>,
): Value[] {
  const names = Object.keys(operands);
  const floats = Object.values(operands).map((operand, i) =>
    isValue(operand) ? toFloating(operator, names[i] as string, operand) : operand,
  );
  return liftAll(operator, Object.fromEntries(floats.map((operand, i) => [names[i], operand])));
}

/** The same of operands that are to be combined elementwise.
 * @throws GraphError if their shapes do not broadcast */
export function floatingAlike(
  operator: string,
  operands: Readonly<Record<string, Operand>>,
): Value[] {
  const values = floatingAll(operator, operands);
  broadcastAll({ operator }, values);
  return values;
}

function toFloating(operator: string, argument: string, value: Value): Value {
  if (isFloating(value.dtype)) return value;
  if (value.dtype === "unknown" || value.dtype === "string") {
    throw new GraphError(operator, `${argument}: expected numbers, got ${value}`);
  }
  return cast(value, "float32");
}

/** A softness ready for arithmetic with `x`: NaN where a Value is not positive.
 * @throws GraphError if a Value has another type than x */
export function positiveSoftness(operator: string, softness: Softness, x: Value): Softness {
  if (typeof softness === "number") return softness;
  if (softness.dtype !== x.dtype) {
    throw new GraphError(
      operator,
      `softness: expected a ${x.dtype} scalar as x is, got ${softness}; write .cast("${x.dtype}")`,
    );
  }
  return where(greater(softness, 0), softness, Number.NaN);
}

/** softness * factor. */
export function scaled(softness: Softness, factor: number): Softness {
  return typeof softness === "number" ? softness * factor : mul(softness, factor);
}
