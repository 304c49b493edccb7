import { attribute } from "../block.ts";
import { addDims, type Dim, divideDims, multiplyDims, subtractDims } from "../dim.ts";
import { isFloating } from "../dtype.ts";
import { checkOptions, GraphError } from "../errors.ts";
import { lift, liftAll, type Operand, requireValue } from "../lift.ts";
import { inputOf, intOf, type NodeFacts, none, type Schemas } from "../schema.ts";
import type { Value } from "../value.ts";
import {
  binary,
  binarySchema,
  broadcastAll,
  checkType,
  emitOne,
  sameType,
  unary,
  unarySchema,
} from "./emit.ts";

/** x + y, elementwise with broadcasting. */
export const add = binary("Add", "add");

/** x - y, elementwise with broadcasting. */
export const sub = binary("Sub", "sub");

/** x * y, elementwise with broadcasting. */
export const mul = binary("Mul", "mul");

/** x / y, elementwise with broadcasting. Integers are divided towards zero. */
export const div = binary("Div", "div");

/** x to the power y, elementwise with broadcasting. */
export const pow = binary("Pow", "pow");

/** The remainder of x / y, elementwise with broadcasting.
 *
 * @param options `fmod: true`: with the sign of x, as C's fmod does, and the only form for floats;
 * false: with the sign of y, as Python does. By default true for floats, false for integers. */
export function mod(x: Operand, y: Operand, options: { readonly fmod?: boolean } = {}): Value {
  checkOptions("mod", options, ["fmod"]);
  const [a, b] = liftAll("mod", { x, y }) as [Value, Value];
  const fmod = options.fmod ?? isFloating(a.dtype);
  return emitOne("Mod", [a, b], { fmod: attribute.int(fmod) }, "mod");
}

/** The smallest of all operands, elementwise with broadcasting. NaN wins. */
export function min(x: Operand, ...more: readonly Operand[]): Value {
  return variadic("Min", "min", [x, ...more]);
}

/** The largest of all operands, elementwise with broadcasting. NaN wins. */
export function max(x: Operand, ...more: readonly Operand[]): Value {
  return variadic("Max", "max", [x, ...more]);
}

/** The sum of all operands, elementwise with broadcasting. */
export function sum(x: Operand, ...more: readonly Operand[]): Value {
  return variadic("Sum", "sum", [x, ...more]);
}

/** The mean of all operands, elementwise with broadcasting. */
export function mean(x: Operand, ...more: readonly Operand[]): Value {
  const values = lifted("mean", [x, ...more]);
  if (values[0]?.dtype !== "float64") return emitOne("Mean", values, {}, "mean");
  return div(
    values.reduce((a, b) => add(a, b)),
    values.length,
  );
}

/** -x. */
export const neg = unary("Neg", "neg");

/** |x|. */
export const abs = unary("Abs", "abs");

/** -1, 0 or 1. */
export const sign = unary("Sign", "sign");

/** 1 / x. */
export const reciprocal = unary("Reciprocal", "reciprocal");

/** The largest whole number not above x. */
export const floor = unary("Floor", "floor");

/** The smallest whole number not below x. */
export const ceil = unary("Ceil", "ceil");

/** The nearest whole number; halves go to the even one. */
export const round = unary("Round", "round");

/** x kept between two scalars. No gradient flows into the bounds.
 *
 * @param low lower bound; undefined for none
 * @param high upper bound; undefined for none. Where high < low the result is high. */
export function clip(x: Operand, low?: Operand, high?: Operand): Value {
  const value = requireValue("clip", "x", x);
  const bound = (name: string, operand: Operand | undefined) =>
    operand === undefined ? undefined : lift("clip", name, operand, value.dtype, value.graph);
  const inputs = [value, bound("low", low), bound("high", high)];
  while (inputs.at(-1) === undefined) inputs.pop();
  return emitOne("Clip", inputs, {}, "clip");
}

function variadic(op: string, operator: string, operands: readonly Operand[]): Value {
  return emitOne(op, lifted(operator, operands), {}, operator);
}

function lifted(operator: string, operands: readonly Operand[]): Value[] {
  const named = Object.fromEntries(operands.map((operand, i) => [`operand ${i}`, operand]));
  return liftAll(operator, named);
}

const variadicSchema = {
  arity: [1, Number.POSITIVE_INFINITY],
  normal: none,
  infer: (node: NodeFacts) => {
    const values = node.inputs.map((_, i) => inputOf(node, i));
    for (const [i, value] of values.entries()) {
      checkType(node.operator, `operand ${i}`, value, "numeric");
    }
    return [{ dtype: sameType(node, values), shape: broadcastAll(node, values) }];
  },
} as const;

const truncatedQuotient = (a: Dim, b: Dim): Dim =>
  typeof a === "number" && typeof b === "number" && b !== 0 ? Math.trunc(a / b) : divideDims(a, b);

export const arithmeticSchemas: Schemas<
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
  Add: binarySchema("numeric", undefined, addDims),
  Sub: binarySchema("numeric", undefined, subtractDims),
  Mul: binarySchema("numeric", undefined, multiplyDims),
  Div: binarySchema("numeric", undefined, truncatedQuotient),
  Pow: {
    arity: 2,
    normal: none,
    infer: (node) => {
      const [x, y] = [inputOf(node, 0), inputOf(node, 1)];
      checkType(node.operator, "x", x, "numeric");
      checkType(node.operator, "y", y, "numeric");
      return [{ dtype: x.dtype, shape: broadcastAll(node, [x, y]) }];
    },
  },
  Mod: {
    ...binarySchema("numeric"),
    normal: (node) => ({ fmod: intOf(node, "fmod", 0) === 1 }),
  },
  Min: variadicSchema,
  Max: variadicSchema,
  Sum: variadicSchema,
  Mean: variadicSchema,
  Neg: unarySchema("numeric"),
  Abs: unarySchema("numeric"),
  Sign: unarySchema("numeric"),
  Reciprocal: unarySchema("float"),
  Floor: unarySchema("float"),
  Ceil: unarySchema("float"),
  Round: unarySchema("float"),
  Clip: {
    arity: [1, 3],
    normal: none,
    infer: (node) => {
      const x = inputOf(node, 0);
      checkType(node.operator, "x", x, "numeric");
      sameType(
        node,
        node.inputs.filter((input) => input !== undefined),
      );
      for (const [i, bound] of [node.inputs[1], node.inputs[2]].entries()) {
        if (bound?.shape !== undefined && bound.shape.length > 0) {
          const name = i === 0 ? "low" : "high";
          throw new GraphError(node.operator, `${name}: expected a scalar, got ${bound}`);
        }
      }
      return [{ dtype: x.dtype, shape: x.shape }];
    },
  },
};
