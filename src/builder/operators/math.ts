import { type Definition, defineFamily, SOFTONNX_DOMAIN } from "../definition.ts";
import { type Operand, requireValue } from "../lift.ts";
import type { Schemas } from "../schema.ts";
import type { Value } from "../value.ts";
import { abs, add, div, max, mul, neg, sub } from "./arithmetic.ts";
import { emitOne, unary, unarySchema } from "./emit.ts";
import { equal, where } from "./logic.ts";

/** e to the power x. */
export const exp = unary("Exp", "exp");

/** The natural logarithm of x; -infinity at 0, NaN below. */
export const log = unary("Log", "log");

/** The square root of x; NaN below 0. Its slope at 0 is infinite. */
export const sqrt = unary("Sqrt", "sqrt");

/** The sine of x in radians. */
export const sin = unary("Sin", "sin");

/** The cosine of x in radians. */
export const cos = unary("Cos", "cos");

/** The logistic function 1 / (1 + exp(-x)). */
export const sigmoid = unary("Sigmoid", "sigmoid");

/** The hyperbolic tangent of x. */
export const tanh = unary("Tanh", "tanh");

/** max(x, 0). Its derivative at 0 is 0. */
export const relu = unary("Relu", "relu");

/** log(1 + exp(x)), without overflow, and accurate where it is close to 0.
 *
 * In float64, for which ONNX Runtime's CPU provider has no kernel, it is a function of standard
 * operators. */
export function softplus(x: Operand): Value {
  const value = requireValue("softplus", "x", x);
  if (value.dtype !== "float64") return emitOne("Softplus", [value], {}, "softplus");
  const definition = softplusFloat64;
  const { name, domain } = definition;
  const emission = { op: name, domain, inputs: [value], operator: "softplus", definition };
  return value.graph.emit(emission).outputs[0] as Value;
}

/** log(1 + x) for x >= 0 to the last digits also where x is small: log(u) x / (u - 1) with u = 1 + x
 * rounded, in which the rounding of u cancels (Goldberg 1991, theorem 4). */
export function log1p(x: Value): Value {
  const u = add(x, 1);
  const excess = sub(u, 1);
  const vanishes = equal(excess, 0);
  const ratio = div(mul(log(u), x), where(vanishes, 1, excess));
  return where(vanishes, x, ratio);
}

const softplusFloat64: Definition = {
  name: "Softplus_float64",
  domain: SOFTONNX_DOMAIN,
  version: 1,
  inputs: ["x"],
  outputs: ["y"],
  life: "always",
  infer: ([x]) => [{ dtype: "float64", shape: (x as Value).shape }],
  body: ([x]) => [add(max(x as Value, 0), log1p(exp(neg(abs(x as Value)))))],
  // A rule of its own: differentiating the body piece by piece would lose the second derivative at 0,
  // where max and abs both have a kink.
  vjp: ({ input, dy }) => [mul(dy, sigmoid(input(0)))],
};

defineFamily("Softplus", 1, (name) =>
  name === softplusFloat64.name ? softplusFloat64 : undefined,
);

export const mathSchemas: Schemas<
  "Exp" | "Log" | "Sqrt" | "Sin" | "Cos" | "Sigmoid" | "Tanh" | "Softplus" | "Relu"
> = {
  Exp: unarySchema("float"),
  Log: unarySchema("float"),
  Sqrt: unarySchema("float"),
  Sin: unarySchema("float"),
  Cos: unarySchema("float"),
  Sigmoid: unarySchema("float"),
  Tanh: unarySchema("float"),
  Softplus: unarySchema("float"),
  Relu: unarySchema("numeric"),
};
