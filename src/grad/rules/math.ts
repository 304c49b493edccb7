import {
  add,
  cos,
  div,
  exp,
  greater,
  less,
  mul,
  neg,
  sigmoid,
  sin,
  sub,
  where,
} from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import type { Rules } from "./rule.ts";

/** The slope of the logistic function, u / (1 + u)^2 with u = exp(-|x|), to the last digits in both
 * tails. Neither y (1 - y) nor a product of two sigmoids is: ONNX Runtime 1.30 computes Sigmoid with an
 * absolute error of one rounding, so that sigmoid(-15) in float32 is off by a sixth and sigmoid(-18) is 0.
 *
 * |x| is chosen by Where, not by Abs: both choices are the same analytic function, so its derivatives at
 * 0 are right to every order. */
function logisticSlope(x: Value): Value {
  const u = exp(where(less(x, 0), x, neg(x)));
  const whole = add(u, 1);
  return div(u, mul(whole, whole));
}

export const mathRules: Rules<
  "Exp" | "Log" | "Sqrt" | "Sin" | "Cos" | "Sigmoid" | "Tanh" | "Softplus" | "Relu"
> = {
  Exp: (node) => [mul(node.dy, node.y)],
  Log: (node) => [div(node.dy, node.input(0))],
  // Infinite at 0, as the slope is.
  Sqrt: (node) => [div(mul(node.dy, 0.5), node.y)],
  Sin: (node) => [mul(node.dy, cos(node.input(0)))],
  Cos: (node) => [neg(mul(node.dy, sin(node.input(0))))],
  Sigmoid: (node) => [mul(node.dy, logisticSlope(node.input(0)))],
  Tanh: (node) => [mul(node.dy, sub(1, mul(node.y, node.y)))],
  Softplus: (node) => [mul(node.dy, sigmoid(node.input(0)))],
  // 0 at 0. By the result, which is kept anyway where the next operator needs it.
  Relu: (node) => [where(greater(node.y, 0), node.dy, 0)],
};
