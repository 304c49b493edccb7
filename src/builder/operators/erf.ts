import { type Definition, defineFamily, SOFTONNX_DOMAIN } from "../definition.ts";
import { type Operand, requireValue } from "../lift.ts";
import type { Value } from "../value.ts";
import { abs, add, min, mul, neg, reciprocal, sign, sub } from "./arithmetic.ts";
import { emitOne } from "./emit.ts";
import { less, where } from "./logic.ts";
import { exp } from "./math.ts";
import { polynomial } from "./polynomial.ts";

/** The error function, 2 / sqrt(pi) times the integral of exp(-t²) from 0 to x.
 *
 * In float64, for which ONNX Runtime's CPU provider has no kernel, it is a function of standard operators,
 * right to 3e-16. */
export function erf(x: Operand): Value {
  const value = requireValue("erf", "x", x);
  if (value.dtype !== "float64") return emitOne("Erf", [value], {}, "erf");
  const definition = erfFloat64;
  const { name, domain } = definition;
  const emission = { op: name, domain, inputs: [value], operator: "erf", definition };
  return value.graph.emit(emission).outputs[0] as Value;
}

/** The slope of the error function, 2 / sqrt(pi) exp(-x²). */
export function erfSlope(x: Value): Value {
  return mul(exp(neg(mul(x, x))), 2 / Math.sqrt(Math.PI));
}

// Chebyshev interpolants of our own, computed with 50 digits and written in powers of s in -1 … 1.

/** erf(x) / x for |x| <= 1, s = 2 x² - 1. */
const INNER = [
  0.9654687386698673, -0.1405360890227171, 0.019852496688984218, -0.0022854855611441132,
  0.00021751715603563404, -1.7537169441124826e-5, 1.2233827638116999e-6, -7.51156928660089e-8,
  4.115751497588646e-9, -2.035228404899467e-10, 9.211251258348265e-12, -3.8078827395263415e-13,
];

/** (1 - erf(x)) exp(x²) for x in 1 … 6, s = 9.6 / (x + 2) - 2.2. */
const OUTER = [
  0.22142954022993183, 0.1618935680410254, 0.03856057042517876, 0.005588816281825079,
  0.0001971391778048136, -8.079220411167214e-5, -7.340518553134352e-6, 1.9795611364327234e-6,
  1.6350178932803755e-7, -7.005166584109191e-8, -5.937584299614852e-10, 2.622321114247012e-9,
  -2.6260844505113417e-10, -7.289620091064385e-11, 1.8387975053360618e-11,
];

/** From here on the error function is 1 to the last digit. */
const FLAT = 6;

const erfFloat64: Definition = {
  name: "Erf_float64",
  domain: SOFTONNX_DOMAIN,
  version: 1,
  inputs: ["x"],
  outputs: ["y"],
  life: "always",
  infer: ([x]) => [{ dtype: "float64", shape: (x as Value).shape }],
  body: ([x]) => {
    const value = x as Value;
    const size = min(abs(value), FLAT);
    const square = mul(size, size);
    const inner = mul(value, polynomial(INNER, sub(mul(square, 2), 1)));
    const s = sub(mul(reciprocal(add(size, 2)), 9.6), 2.2);
    const outer = sub(1, mul(exp(neg(square)), polynomial(OUTER, s)));
    return [where(less(size, 1), inner, mul(sign(value), outer))];
  },
  vjp: ({ input, dy }) => [mul(dy, erfSlope(input(0)))],
};

defineFamily("Erf", 1, (name) => (name === erfFloat64.name ? erfFloat64 : undefined));
