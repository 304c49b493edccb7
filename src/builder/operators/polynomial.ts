import type { Value } from "../value.ts";
import { add, mul } from "./arithmetic.ts";

/** The polynomial with two coefficients or more, lowest first, by Horner's rule. */
export function polynomial(coefficients: readonly number[], s: Value): Value {
  const [last, ...rest] = [...coefficients].reverse() as [number, ...number[]];
  const start = add(mul(s, last), rest[0] as number);
  return rest.slice(1).reduce((sum, coefficient) => add(mul(sum, s), coefficient), start);
}
