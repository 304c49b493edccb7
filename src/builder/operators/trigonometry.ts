import { type Definition, defineFamily, SOFTONNX_DOMAIN } from "../definition.ts";
import { type Operand, requireValue } from "../lift.ts";
import type { Schemas } from "../schema.ts";
import type { Value } from "../value.ts";
import { abs, add, div, min, mul, neg, reciprocal, sign, sub } from "./arithmetic.ts";
import { emitOne, unarySchema } from "./emit.ts";
import { greater, less, where } from "./logic.ts";
import { cos, exp, log, log1p, sin, sqrt } from "./math.ts";
import { polynomial } from "./polynomial.ts";

type Name = "Asin" | "Acos" | "Atan" | "Sinh" | "Cosh" | "Asinh" | "Acosh" | "Atanh";

/** The slope of each operator at x. Where x is outside its domain it is NaN or infinite, as the value is. */
export const slopes: Readonly<Record<Name, (x: Value) => Value>> = {
  Asin: (x) => reciprocal(chord(x)),
  Acos: (x) => neg(reciprocal(chord(x))),
  Atan: (x) => reciprocal(add(mul(x, x), 1)),
  Sinh: (x) => cosh(x),
  Cosh: (x) => sinh(x),
  Asinh: (x) => reciprocal(sqrt(add(mul(x, x), 1))),
  Acosh: (x) => reciprocal(mul(sqrt(sub(x, 1)), sqrt(add(x, 1)))),
  Atanh: (x) => reciprocal(mul(sub(1, x), add(x, 1))),
};

/** sqrt(1 - x²), also where x is close to 1. */
function chord(x: Value): Value {
  return sqrt(mul(sub(1, x), add(x, 1)));
}

/** atan(z) / z as a series in z², to the last digit for |z| <= 0.199. */
const ARCTANGENT = Array.from({ length: 12 }, (_, k) => (k % 2 === 0 ? 1 : -1) / (2 * k + 1));

/** sinh(x) / x as a series in x², to the last digit for |x| <= 1. */
const SINH = [1, 3, 5, 7, 9, 11, 13, 15, 17].map((n) => 1 / factorial(n));

function factorial(n: number): number {
  return n <= 1 ? 1 : n * factorial(n - 1);
}

/** The result of x, found for |x| in an odd function. */
function odd(x: Value, ofSize: (size: Value) => Value): Value {
  return mul(sign(x), ofSize(abs(x)));
}

/** What the operators are in float64, for which ONNX Runtime's CPU provider has no kernels. */
const bodies: Readonly<Record<Name, (x: Value) => Value>> = {
  // Reciprocal beyond 1, and the half-angle formula twice.
  Atan: (x) =>
    odd(x, (size) => {
      const beyond = greater(size, 1);
      const half = (z: Value) => div(z, add(sqrt(add(mul(z, z), 1)), 1));
      const z = half(half(where(beyond, reciprocal(size), size)));
      const angle = mul(mul(z, 4), polynomial(ARCTANGENT, mul(z, z)));
      return where(beyond, sub(Math.PI / 2, angle), angle);
    }),
  Asin: (x) => mul(atan(div(x, add(chord(x), 1))), 2),
  Acos: (x) => mul(atan(sqrt(div(sub(1, x), add(x, 1)))), 2),
  // By halves of the exponent, which does not overflow before the result does.
  Sinh: (x) =>
    odd(x, (size) => {
      const e = exp(mul(size, 0.5));
      const far = sub(mul(mul(e, 0.5), e), div(div(0.5, e), e));
      const near = min(size, 1);
      return where(less(size, 1), mul(near, polynomial(SINH, mul(near, near))), far);
    }),
  Cosh: (x) => {
    const e = exp(mul(abs(x), 0.5));
    return add(mul(mul(e, 0.5), e), div(div(0.5, e), e));
  },
  Asinh: (x) =>
    odd(x, (size) => {
      const near = min(size, FAR);
      const square = mul(near, near);
      const excess = div(square, add(sqrt(add(square, 1)), 1));
      return where(greater(size, FAR), add(log(size), Math.LN2), log1p(add(near, excess)));
    }),
  Acosh: (x) => {
    const t = sub(min(x, FAR), 1);
    const near = log1p(add(t, mul(sqrt(t), sqrt(add(t, 2)))));
    return where(greater(x, FAR), add(log(x), Math.LN2), near);
  },
  Atanh: (x) =>
    odd(x, (size) => {
      const near = min(size, 0.5);
      const small = log1p(div(mul(near, 2), sub(1, near)));
      const large = log(div(add(size, 1), sub(1, size)));
      return mul(where(less(size, 0.5), small, large), 0.5);
    }),
};

/** From here on sqrt(x² ± 1) is x to the last digit. */
const FAR = 1e8;

function definitionOf(name: Name): Definition {
  return {
    name: `${name}_float64`,
    domain: SOFTONNX_DOMAIN,
    version: 1,
    inputs: ["x"],
    outputs: ["y"],
    life: "always",
    infer: ([x]) => [{ dtype: "float64", shape: (x as Value).shape }],
    body: ([x]) => [bodies[name](x as Value)],
    vjp: ({ input, dy }) => [mul(dy, slopes[name](input(0)))],
  };
}

const definitions: Readonly<Record<Name, Definition>> = {
  Asin: definitionOf("Asin"),
  Acos: definitionOf("Acos"),
  Atan: definitionOf("Atan"),
  Sinh: definitionOf("Sinh"),
  Cosh: definitionOf("Cosh"),
  Asinh: definitionOf("Asinh"),
  Acosh: definitionOf("Acosh"),
  Atanh: definitionOf("Atanh"),
};

function find(name: string): Definition | undefined {
  return Object.values(definitions).find((definition) => definition.name === name);
}

defineFamily("Asin", 1, find);
defineFamily("Acos", 1, find);
defineFamily("Atan", 1, find);
defineFamily("Sinh", 1, find);
defineFamily("Cosh", 1, find);
defineFamily("Asinh", 1, find);
defineFamily("Acosh", 1, find);
defineFamily("Atanh", 1, find);

function applied(op: Name, operator: string, x: Operand): Value {
  const value = requireValue(operator, "x", x);
  if (value.dtype !== "float64") return emitOne(op, [value], {}, operator);
  const definition = definitions[op];
  const { name, domain } = definition;
  const emission = { op: name, domain, inputs: [value], operator, definition };
  return value.graph.emit(emission).outputs[0] as Value;
}

/** The tangent of x in radians. */
export function tan(x: Operand): Value {
  const value = requireValue("tan", "x", x);
  if (value.dtype === "float64") return div(sin(value), cos(value));
  return emitOne("Tan", [value], {}, "tan");
}

/** The angle in -π/2 … π/2 whose sine is x; NaN for |x| > 1. */
export function asin(x: Operand): Value {
  return applied("Asin", "asin", x);
}

/** The angle in 0 … π whose cosine is x; NaN for |x| > 1. */
export function acos(x: Operand): Value {
  return applied("Acos", "acos", x);
}

/** The angle in -π/2 … π/2 whose tangent is x. */
export function atan(x: Operand): Value {
  return applied("Atan", "atan", x);
}

/** The hyperbolic sine (exp(x) - exp(-x)) / 2. */
export function sinh(x: Operand): Value {
  return applied("Sinh", "sinh", x);
}

/** The hyperbolic cosine (exp(x) + exp(-x)) / 2. */
export function cosh(x: Operand): Value {
  return applied("Cosh", "cosh", x);
}

/** The inverse of sinh. */
export function asinh(x: Operand): Value {
  return applied("Asinh", "asinh", x);
}

/** The inverse of cosh, from 0; NaN for x < 1. */
export function acosh(x: Operand): Value {
  return applied("Acosh", "acosh", x);
}

/** The inverse of tanh; infinite at ±1, NaN beyond. */
export function atanh(x: Operand): Value {
  return applied("Atanh", "atanh", x);
}

export const trigonometrySchemas: Schemas<Name | "Tan"> = {
  Tan: unarySchema("float"),
  Asin: unarySchema("float"),
  Acos: unarySchema("float"),
  Atan: unarySchema("float"),
  Sinh: unarySchema("float"),
  Cosh: unarySchema("float"),
  Asinh: unarySchema("float"),
  Acosh: unarySchema("float"),
  Atanh: unarySchema("float"),
};
