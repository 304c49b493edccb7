import {
  cos,
  div,
  greater,
  mul,
  neg,
  sigmoid,
  sin,
  sub,
  where,
} from "../../builder/operators/index.ts";
import type { Rules } from "./rule.ts";

export const mathRules: Rules<
  "Exp" | "Log" | "Sqrt" | "Sin" | "Cos" | "Sigmoid" | "Tanh" | "Softplus" | "Relu"
> = {
  Exp: (node) => [mul(node.dy, node.y)],
  Log: (node) => [div(node.dy, node.input(0))],
  // Infinite at 0, as the slope is.
  Sqrt: (node) => [div(mul(node.dy, 0.5), node.y)],
  Sin: (node) => [mul(node.dy, cos(node.input(0)))],
  Cos: (node) => [neg(mul(node.dy, sin(node.input(0))))],
  // Not y (1 - y): where y rounds to 1 that is 0, long before the slope is.
  Sigmoid: (node) => [mul(node.dy, mul(node.y, sigmoid(neg(node.input(0)))))],
  Tanh: (node) => [mul(node.dy, sub(1, mul(node.y, node.y)))],
  Softplus: (node) => [mul(node.dy, sigmoid(node.input(0)))],
  // 0 at 0.
  Relu: (node) => [where(greater(node.input(0), 0), node.dy, 0)],
};
