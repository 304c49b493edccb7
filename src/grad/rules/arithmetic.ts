import type { Pullback } from "../../builder/definition.ts";
import {
  add,
  and,
  cast,
  div,
  equal,
  greater,
  greaterOrEqual,
  less,
  lessOrEqual,
  log,
  mul,
  neg,
  or,
  pow,
  round,
  sign,
  sub,
  where,
} from "../../builder/operators/index.ts";
import { constantData, type None } from "../../builder/schema.ts";
import type { Value } from "../../builder/value.ts";
import { broadcast, type Cotangents, type Rules, sumToInput, wanted, zero } from "./rule.ts";

const FLAT = zero("it is constant between its jumps");

/** Max and Min: the cotangent goes to the operand that won, in equal shares where several did. */
function extremum(wins: (x: Value, y: Value) => Value) {
  return (node: Pullback<None>): Cotangents => {
    const { dy, y } = node;
    const operands = node.inputs as readonly Value[];
    if (operands.length === 1) return [dy];
    if (operands.length === 2) {
      const [a, b] = operands as readonly [Value, Value];
      const share = (x: Value, other: Value) => () =>
        where(equal(a, b), mul(dy, 0.5), where(wins(x, other), dy, 0));
      return broadcast(node, share(a, b), share(b, a));
    }
    const winners = operands.map((x) => equal(x, y));
    const count = winners.map((winner) => cast(winner, y.dtype)).reduce((a, b) => add(a, b));
    const share = div(dy, count);
    return broadcast(node, ...winners.map((winner) => () => where(winner, share, 0)));
  };
}

/** x^e: dx = dy e x^(e-1) and de = dy y log(x), both 0 where the power stands still: at x = 0 these are
 * 0 times infinity, so x is replaced there by 1 before a power or a logarithm of it is taken. */
function power(node: Pullback<None>): Cotangents {
  const { dy, y } = node;
  const x = node.input(0);
  const e = cast(node.input(1), x.dtype);
  const atZero = equal(x, 0);
  return wanted(
    node,
    () => sumToInput(node, 0, mul(dy, powerSlope(x, e, node.input(1)))),
    () => {
      const flat = and(atZero, greaterOrEqual(e, 0));
      const slope = mul(mul(dy, y), log(where(flat, 1, x)));
      return cast(sumToInput(node, 1, where(flat, 0, slope)), node.input(1).dtype);
    },
  );
}

/** e x^(e-1). Small constant whole exponents become products, which are exact, fast, and defined at 0
 * and below to any order. */
function powerSlope(x: Value, e: Value, exponent: Value): Value {
  const data = constantData(exponent);
  const constant = data?.size === 1 ? data.toNumbers()[0] : undefined;
  if (constant === 1) return e;
  if (constant === 2) return mul(x, e);
  if (constant === 3) return mul(mul(x, x), e);
  if (constant === 4) return mul(mul(mul(x, x), x), e);
  if (constant !== undefined && constant !== 0) return mul(pow(x, sub(e, 1)), e);
  const flat = and(equal(e, 0), equal(x, 0));
  return mul(pow(where(flat, 1, x), sub(e, 1)), e);
}

export const arithmeticRules: Rules<
  | "Add"
  | "Sub"
  | "Mul"
  | "Div"
  | "Pow"
  | "Mod"
  | "Min"
  | "Max"
  | "Sum"
  | "Mean"
  | "Neg"
  | "Abs"
  | "Sign"
  | "Reciprocal"
  | "Floor"
  | "Ceil"
  | "Round"
  | "Clip"
> = {
  Add: (node) =>
    broadcast(
      node,
      () => node.dy,
      () => node.dy,
    ),
  Sub: (node) =>
    wanted(
      node,
      () => sumToInput(node, 0, node.dy),
      () => neg(sumToInput(node, 1, node.dy)),
    ),
  Mul: (node) => {
    const [x, y] = [node.input(0), node.input(1)];
    if (x === y) return [mul(mul(node.dy, 2), x)];
    return broadcast(
      node,
      () => mul(node.dy, y),
      () => mul(node.dy, x),
    );
  },
  Div: (node) => {
    const share = () => div(node.dy, node.input(1));
    return wanted(
      node,
      () => sumToInput(node, 0, share()),
      () => neg(sumToInput(node, 1, mul(share(), node.y))),
    );
  },
  Pow: power,
  // y = x - q b with the whole quotient q, which is constant between its jumps (as Round is). Rounding
  // clears what the division leaves of (x - y) / b.
  Mod: (node) => {
    const [a, b] = [node.input(0), node.input(1)];
    const quotient = () => round(div(sub(a, node.y), b));
    return wanted(
      node,
      () => sumToInput(node, 0, node.dy),
      () => neg(sumToInput(node, 1, mul(node.dy, quotient()))),
    );
  },
  Min: extremum(less),
  Max: extremum(greater),
  Sum: (node) => broadcast(node, ...node.inputs.map(() => () => node.dy)),
  Mean: (node) => {
    const share = div(node.dy, node.inputs.length);
    return broadcast(node, ...node.inputs.map(() => () => share));
  },
  Neg: (node) => [neg(node.dy)],
  // Sign is 0 at 0, and so is the derivative there.
  Abs: (node) => [mul(node.dy, sign(node.input(0)))],
  Sign: FLAT,
  Reciprocal: (node) => [neg(mul(node.dy, mul(node.y, node.y)))],
  Floor: FLAT,
  Ceil: FLAT,
  Round: FLAT,
  // 1 at the bounds themselves, and nothing for the bounds, as PyTorch has it.
  // Where the bounds cross, the upper one holds.
  Clip: (node) => {
    const x = node.input(0);
    const [low, high] = [node.optional(1), node.optional(2)];
    const only = (...tests: Value[]) =>
      tests.length === 0
        ? node.dy
        : where(
            tests.reduce((a, b) => and(a, b)),
            node.dy,
            0,
          );
    return broadcast(
      node,
      () =>
        only(
          ...(low === undefined ? [] : [greaterOrEqual(x, low)]),
          ...(high === undefined ? [] : [lessOrEqual(x, high)]),
        ),
      low && (() => only(less(x, low), ...(high === undefined ? [] : [less(low, high)]))),
      high &&
        (() => only(low === undefined ? greater(x, high) : or(greater(x, high), less(high, low)))),
    );
  },
};
