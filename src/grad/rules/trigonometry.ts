import type { Pullback } from "../../builder/definition.ts";
import { add, mul } from "../../builder/operators/index.ts";
import { slopes } from "../../builder/operators/trigonometry.ts";
import type { None } from "../../builder/schema.ts";
import type { Value } from "../../builder/value.ts";
import type { Cotangents, Rules } from "./rule.ts";

function sloped(slope: (x: Value) => Value) {
  return (node: Pullback<None>): Cotangents => [mul(node.dy, slope(node.input(0)))];
}

export const trigonometryRules: Rules<
  "Tan" | "Asin" | "Acos" | "Atan" | "Sinh" | "Cosh" | "Asinh" | "Acosh" | "Atanh"
> = {
  Tan: (node) => [mul(node.dy, add(mul(node.y, node.y), 1))],
  Asin: sloped(slopes.Asin),
  Acos: sloped(slopes.Acos),
  Atan: sloped(slopes.Atan),
  Sinh: sloped(slopes.Sinh),
  Cosh: sloped(slopes.Cosh),
  Asinh: sloped(slopes.Asinh),
  Acosh: sloped(slopes.Acosh),
  Atanh: sloped(slopes.Atanh),
};
