import type { DType } from "../dtype.ts";
import { isValue, type Operand } from "../lift.ts";
import type { Value } from "../value.ts";
import { add, div, floor, max, min, mul, sub } from "./arithmetic.ts";
import { cast } from "./logic.ts";
import { unsqueeze } from "./reshape.ts";
import { asScalar, type Size } from "./sizes.ts";

/** A number, or a scalar that the model computes. */
export type Scalar = number | Value;

type Binary = (a: Scalar, b: Scalar) => Scalar;

/** Arithmetic on scalars of one type. Numbers are computed with at once, in the precision in which a model
 * would do it. */
export interface ScalarArithmetic {
  readonly type: DType;
  readonly plus: Binary;
  readonly minus: Binary;
  readonly times: Binary;
  readonly over: Binary;
  readonly largest: Binary;
  /** A size as a number of this type. */
  readonly of: (size: Size) => Scalar;
}

export function scalarArithmetic(type: "float32" | "float64"): ScalarArithmetic {
  const exact = type === "float64" ? (x: number) => x : Math.fround;
  const both =
    (
      numbers: (a: number, b: number) => number,
      values: (a: Operand, b: Operand) => Value,
    ): Binary =>
    (a, b) =>
      typeof a === "number" && typeof b === "number"
        ? exact(numbers(exact(a), exact(b)))
        : values(a, b);
  return {
    type,
    plus: both((a, b) => a + b, add),
    minus: both((a, b) => a - b, sub),
    times: both((a, b) => a * b, mul),
    over: both((a, b) => a / b, div),
    largest: both(Math.max, max),
    of: (size) => (isValue(size) ? cast(asScalar(size), type) : size),
  };
}

/** The whole number that is not above a scalar, as a size. */
export function wholeSize(number: Scalar): Size {
  return isValue(number) ? unsqueeze(cast(floor(number), "int64"), 0) : Math.floor(number);
}

/** Numbers brought into 0 … last. */
export function within(x: Value, last: Scalar): Value {
  return min(max(x, 0), last);
}
