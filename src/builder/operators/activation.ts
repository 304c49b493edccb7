import { type Attributes, attribute } from "../block.ts";
import { checkOptions, failArgument } from "../errors.ts";
import { liftAll, type Operand, requireValue } from "../lift.ts";
import { choiceOf, inputOf, type Schema, type Schemas, singleOf } from "../schema.ts";
import type { Value } from "../value.ts";
import { abs, add, clip, div, min, mul, sub } from "./arithmetic.ts";
import { type AxisOptions, axisAttribute, requireOpset } from "./axes.ts";
import { broadcastAll, checkType, emitOne, sameType, unarySchema } from "./emit.ts";
import { erf } from "./erf.ts";
import { greater, less, where } from "./logic.ts";
import { exp, sigmoid, softplus, tanh } from "./math.ts";
import { flattenedAxis } from "./reduction.ts";

// In float64, for which ONNX Runtime's CPU provider has no kernels, each of these is made of operators that
// it has.

/** x times the chance that a standard normal number is below it (Hendrycks and Gimpel 2016, arXiv
 * 1606.08415).
 *
 * @param options `approximate: "tanh"`: their closed form, a little off; by default "none" */
export function gelu(x: Operand, options: { readonly approximate?: "none" | "tanh" } = {}): Value {
  checkOptions("gelu", options, ["approximate"]);
  const { approximate = "none" } = options;
  if (approximate !== "none" && approximate !== "tanh") {
    failArgument("gelu", "approximate", '"none" or "tanh"', approximate);
  }
  const value = requireValue("gelu", "x", x);
  if (value.graph.opset >= 20 && value.dtype !== "float64") {
    return emitOne("Gelu", [value], { approximate: attribute.string(approximate) }, "gelu");
  }
  return value.graph.operation("gelu", () => {
    const odd = approximate === "tanh" ? tanh(geluAngle(value)) : erf(mul(value, Math.SQRT1_2));
    return mul(mul(value, 0.5), add(odd, 1));
  });
}

/** sqrt(2 / pi) (x + 0.044715 x³). */
export function geluAngle(x: Value): Value {
  const cube = mul(mul(x, x), x);
  return mul(add(x, mul(cube, 0.044715)), Math.sqrt(2 / Math.PI));
}

/** x, times alpha where it is negative (Maas et al. 2013).
 *
 * @param options `alpha` by default 0.01 */
export function leakyRelu(x: Operand, options: { readonly alpha?: number } = {}): Value {
  checkOptions("leakyRelu", options, ["alpha"]);
  const value = requireValue("leakyRelu", "x", x);
  const { alpha = 0.01 } = options;
  if (value.dtype === "float64") return where(less(value, 0), mul(value, alpha), value);
  return emitOne("LeakyRelu", [value], floats({ alpha }), "leakyRelu");
}

/** x, alpha (exp(x) - 1) where it is negative (Clevert et al. 2016, arXiv 1511.07289).
 *
 * @param options `alpha` by default 1 */
export function elu(x: Operand, options: { readonly alpha?: number } = {}): Value {
  checkOptions("elu", options, ["alpha"]);
  const value = requireValue("elu", "x", x);
  const { alpha = 1 } = options;
  if (value.dtype === "float64") return where(less(value, 0), mul(expBelow0(value), alpha), value);
  return emitOne("Elu", [value], floats({ alpha }), "elu");
}

/** The defaults of ONNX, which are float32 numbers. */
const SELU = { alpha: Math.fround(1.6732632), gamma: Math.fround(1.050701) } as const;

/** gamma times elu(x), with the constants that keep mean 0 and variance 1 (Klambauer et al. 2017, arXiv
 * 1706.02515). */
export function selu(x: Operand): Value {
  const value = requireValue("selu", "x", x);
  if (value.dtype === "float64") return mul(elu(value, { alpha: SELU.alpha }), SELU.gamma);
  return emitOne("Selu", [value], {}, "selu");
}

/** exp(x) - 1 for x below 0, and 0 above, where exp(x) may be infinite. */
export function expBelow0(x: Value): Value {
  return sub(exp(min(x, 0)), 1);
}

/** x, times slope where it is negative (He et al. 2015, arXiv 1502.01852).
 *
 * @param slope broadcasts to x */
export function prelu(x: Operand, slope: Operand): Value {
  const [value, factor] = liftAll("prelu", { x, slope }) as [Value, Value];
  if (value.dtype === "float64") return where(less(value, 0), mul(value, factor), value);
  return emitOne("PRelu", [value, factor], {}, "prelu");
}

/** alpha x + beta, kept between 0 and 1.
 *
 * @param options `alpha` by default 0.2, `beta` 0.5 */
export function hardSigmoid(
  x: Operand,
  options: { readonly alpha?: number; readonly beta?: number } = {},
): Value {
  checkOptions("hardSigmoid", options, ["alpha", "beta"]);
  const value = requireValue("hardSigmoid", "x", x);
  const { alpha = 0.2, beta = 0.5 } = options;
  if (value.dtype === "float64") return clip(add(mul(value, alpha), beta), 0, 1);
  return emitOne("HardSigmoid", [value], floats({ alpha, beta }), "hardSigmoid");
}

/** x times hardSigmoid(x) with alpha 1/6 (Howard et al. 2019, arXiv 1905.02244). */
export function hardSwish(x: Operand): Value {
  const value = requireValue("hardSwish", "x", x);
  if (value.graph.opset >= 14 && value.dtype !== "float64") {
    return emitOne("HardSwish", [value], {}, "hardSwish");
  }
  return mul(value, hardSigmoid(value, { alpha: 1 / 6 }));
}

/** x / (1 + |x|). */
export function softsign(x: Operand): Value {
  const value = requireValue("softsign", "x", x);
  if (value.dtype === "float64") return div(value, add(abs(value), 1));
  return emitOne("Softsign", [value], {}, "softsign");
}

/** x, alpha (exp(x / alpha) - 1) where it is negative (Barron 2017, arXiv 1704.07483).
 *
 * @param options `alpha` by default 1 */
export function celu(x: Operand, options: { readonly alpha?: number } = {}): Value {
  checkOptions("celu", options, ["alpha"]);
  const value = requireValue("celu", "x", x);
  const { alpha = 1 } = options;
  if (value.graph.opset >= 12 && value.dtype !== "float64") {
    return emitOne("Celu", [value], floats({ alpha }), "celu");
  }
  return where(less(value, 0), mul(expBelow0(div(value, alpha)), alpha), value);
}

/** x tanh(log(1 + exp(x))) (Misra 2019, arXiv 1908.08681). */
export function mish(x: Operand): Value {
  const value = requireValue("mish", "x", x);
  if (value.graph.opset >= 18 && value.dtype !== "float64") {
    return emitOne("Mish", [value], {}, "mish");
  }
  return mul(value, tanh(softplus(value)));
}

/** x sigmoid(alpha x) (Ramachandran et al. 2017, arXiv 1710.05941); also known as SiLU.
 *
 * @param options `alpha` by default 1 */
export function swish(x: Operand, options: { readonly alpha?: number } = {}): Value {
  checkOptions("swish", options, ["alpha"]);
  const value = requireValue("swish", "x", x);
  const { alpha = 1 } = options;
  // Not the operator of opset 24, for which ONNX Runtime 1.30 has no kernel.
  return mul(value, sigmoid(alpha === 1 ? value : mul(value, alpha)));
}

/** x where it is above alpha, 0 elsewhere (Konda et al. 2014, arXiv 1402.3337).
 *
 * @param options `alpha` by default 1 */
export function thresholdedRelu(x: Operand, options: { readonly alpha?: number } = {}): Value {
  checkOptions("thresholdedRelu", options, ["alpha"]);
  const value = requireValue("thresholdedRelu", "x", x);
  const { alpha = 1 } = options;
  if (value.graph.opset >= 10 && value.dtype !== "float64") {
    return emitOne("ThresholdedRelu", [value], floats({ alpha }), "thresholdedRelu");
  }
  return where(greater(value, alpha), value, 0);
}

/** 0 between minus a threshold and it; above it x - bias, below x + bias.
 *
 * @param options `threshold` by default 0.5, `bias` by default 0, which is hard shrinking; equal ones are
 * soft shrinking */
export function shrink(
  x: Operand,
  options: { readonly threshold?: number; readonly bias?: number } = {},
): Value {
  checkOptions("shrink", options, ["threshold", "bias"]);
  const value = requireValue("shrink", "x", x);
  const { threshold = 0.5, bias = 0 } = options;
  if (value.graph.opset >= 9 && value.dtype !== "float64") {
    return emitOne("Shrink", [value], floats({ lambd: threshold, bias }), "shrink");
  }
  const below = where(less(value, -threshold), add(value, bias), 0);
  return where(greater(value, threshold), sub(value, bias), below);
}

/** 1 at the first of the largest elements along an axis, the last by default, 0 elsewhere. */
export function hardmax(x: Operand, options: AxisOptions = {}): Value {
  checkOptions("hardmax", options, ["axis"]);
  const value = requireValue("hardmax", "x", x);
  const { axis = -1 } = options;
  requireOpset("hardmax", value.graph, 13);
  return emitOne("Hardmax", [value], axisAttribute("hardmax", axis), "hardmax");
}

function floats(numbers: Readonly<Record<string, number>>): Attributes {
  return Object.fromEntries(
    Object.entries(numbers).map(([name, number]) => [name, attribute.float(number)]),
  );
}

function withAlpha(alpha: number): Schema<{ readonly alpha: number }> {
  return { ...unarySchema("float"), normal: (node) => ({ alpha: singleOf(node, "alpha", alpha) }) };
}

export const activationSchemas: Schemas<
  | "Erf"
  | "Gelu"
  | "LeakyRelu"
  | "Elu"
  | "Selu"
  | "PRelu"
  | "HardSigmoid"
  | "HardSwish"
  | "Softsign"
  | "Celu"
  | "Mish"
  | "Swish"
  | "ThresholdedRelu"
  | "Shrink"
  | "Hardmax"
> = {
  Erf: unarySchema("numeric"),
  Gelu: {
    ...unarySchema("float"),
    normal: (node) => ({
      tanh: choiceOf(node, "approximate", ["none", "tanh"], "none") === "tanh",
    }),
  },
  LeakyRelu: withAlpha(0.01),
  Elu: withAlpha(1),
  Selu: {
    ...unarySchema("float"),
    normal: (node) => ({
      alpha: singleOf(node, "alpha", SELU.alpha),
      gamma: singleOf(node, "gamma", SELU.gamma),
    }),
  },
  PRelu: {
    arity: 2,
    normal: () => ({}),
    infer: (node) => {
      const [x, slope] = [inputOf(node, 0), inputOf(node, 1)];
      checkType(node.operator, "x", x, "numeric");
      broadcastAll(node, [x, slope]);
      return [{ dtype: sameType(node, [x, slope]), shape: x.shape }];
    },
  },
  HardSigmoid: {
    ...unarySchema("float"),
    normal: (node) => ({ alpha: singleOf(node, "alpha", 0.2), beta: singleOf(node, "beta", 0.5) }),
  },
  HardSwish: unarySchema("float"),
  Softsign: unarySchema("float"),
  Celu: withAlpha(1),
  Mish: unarySchema("float"),
  Swish: withAlpha(1),
  ThresholdedRelu: withAlpha(1),
  Shrink: {
    ...unarySchema("numeric"),
    normal: (node) => ({
      bias: singleOf(node, "bias", 0),
      threshold: singleOf(node, "lambd", 0.5),
    }),
  },
  Hardmax: { ...unarySchema("float"), normal: flattenedAxis },
};
