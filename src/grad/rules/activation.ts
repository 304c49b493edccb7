import { geluAngle } from "../../builder/operators/activation.ts";
import { erfSlope } from "../../builder/operators/erf.ts";
import {
  abs,
  add,
  and,
  div,
  erf,
  exp,
  greater,
  hardSigmoid,
  less,
  min,
  mul,
  sigmoid,
  softplus,
  sub,
  tanh,
  where,
} from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import { broadcast, type Rules, zero } from "./rule.ts";

/** P(x) + x p(x), with the normal distribution P and its density p. */
function geluSlope(x: Value): Value {
  const below = mul(add(erf(mul(x, Math.SQRT1_2)), 1), 0.5);
  const density = mul(exp(mul(mul(x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
  return add(below, mul(x, density));
}

function geluTanhSlope(x: Value): Value {
  const t = tanh(geluAngle(x));
  const angleSlope = mul(add(mul(mul(x, x), 3 * 0.044715), 1), Math.sqrt(2 / Math.PI));
  const bend = mul(mul(mul(x, 0.5), sub(1, mul(t, t))), angleSlope);
  return add(mul(add(t, 1), 0.5), bend);
}

/** alpha exp(x) below 0, where exp(x) does not overflow, and 1 above. */
function eluSlope(x: Value, alpha: number): Value {
  return where(less(x, 0), mul(exp(min(x, 0)), alpha), 1);
}

/** Where the line is between its two bounds. */
function onSlope(x: Value, alpha: number, beta: number): Value {
  const line = add(mul(x, alpha), beta);
  return and(greater(line, 0), less(line, 1));
}

export const activationRules: Rules<
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
  Erf: (node) => [mul(node.dy, erfSlope(node.input(0)))],
  Gelu: (node) => {
    const x = node.input(0);
    return [mul(node.dy, node.attributes.tanh ? geluTanhSlope(x) : geluSlope(x))];
  },
  LeakyRelu: (node) => {
    const { dy } = node;
    return [where(less(node.input(0), 0), mul(dy, node.attributes.alpha), dy)];
  },
  Elu: (node) => [mul(node.dy, eluSlope(node.input(0), node.attributes.alpha))],
  Selu: (node) => {
    const { alpha, gamma } = node.attributes;
    return [mul(mul(node.dy, gamma), eluSlope(node.input(0), alpha))];
  },
  PRelu: (node) => {
    const { dy } = node;
    const [x, slope] = [node.input(0), node.input(1)];
    const negative = less(x, 0);
    return broadcast(
      node,
      () => where(negative, mul(dy, slope), dy),
      () => where(negative, mul(dy, x), 0),
    );
  },
  HardSigmoid: (node) => {
    const { alpha, beta } = node.attributes;
    return [where(onSlope(node.input(0), alpha, beta), mul(node.dy, alpha), 0)];
  },
  HardSwish: (node) => {
    const x = node.input(0);
    const bend = where(onSlope(x, 1 / 6, 0.5), mul(x, 1 / 6), 0);
    return [mul(node.dy, add(hardSigmoid(x, { alpha: 1 / 6 }), bend))];
  },
  Softsign: (node) => {
    const size = add(abs(node.input(0)), 1);
    return [div(node.dy, mul(size, size))];
  },
  Celu: (node) => [mul(node.dy, eluSlope(div(node.input(0), node.attributes.alpha), 1))],
  Mish: (node) => {
    const x = node.input(0);
    const t = tanh(softplus(x));
    return [mul(node.dy, add(t, mul(mul(x, sub(1, mul(t, t))), sigmoid(x))))];
  },
  Swish: (node) => {
    const { alpha } = node.attributes;
    const x = alpha === 1 ? node.input(0) : mul(node.input(0), alpha);
    const s = sigmoid(x);
    return [mul(node.dy, mul(s, add(1, mul(x, sub(1, s)))))];
  },
  ThresholdedRelu: (node) => [where(greater(node.input(0), node.attributes.alpha), node.dy, 0)],
  Shrink: (node) => [where(greater(abs(node.input(0)), node.attributes.threshold), node.dy, 0)],
  Hardmax: zero("its result is constant between the points where the largest element changes"),
};
