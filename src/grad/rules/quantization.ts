import { cast, mul } from "../../builder/operators/index.ts";
import {
  alongAxis,
  dequantized,
  dynamicExpansion,
  quantizeExpansion,
} from "../../builder/operators/quantization.ts";
import type { OperatorTable } from "../../builder/schema.ts";
import type { Value } from "../../builder/value.ts";
import {
  byExpansion,
  type Cotangents,
  isMissing,
  type Missing,
  missing,
  type Rules,
  type Walk,
  zero,
} from "./rule.ts";

const WHOLE = zero(
  "its operands and its result are whole numbers; QuantizeLinear and DequantizeLinear around a " +
    "floating product are differentiated",
);

/** The cotangent of quantised numbers is a floating one: see path.ts. */
function dequantizeRule(node: Walk<OperatorTable["DequantizeLinear"]>): Cotangents | Missing {
  const [x, scale] = [node.input(0), node.input(1)];
  if (x.shape === undefined || scale.shape === undefined) {
    return missing("the rank of an operand is not known");
  }
  const { attributes } = node;
  const dx = node.wants(0)
    ? mul(cast(node.dy, scale.dtype), alongAxis(scale, x, attributes))
    : undefined;
  if (!node.wants(1)) return [dx];
  const found = node.pullThrough(([, factor]) => {
    const y = dequantized(x, factor as Value, node.optional(2), attributes);
    return [cast(y, node.y.dtype)];
  });
  return isMissing(found) ? found : [dx, found[1]];
}

export const quantizationRules: Rules<
  | "QuantizeLinear"
  | "DequantizeLinear"
  | "DynamicQuantizeLinear"
  | "QLinearConv"
  | "QLinearMatMul"
  | "MatMulInteger"
  | "ConvInteger"
> = {
  QuantizeLinear: (node) => byExpansion(quantizeExpansion(node.y.dtype))(node),
  DequantizeLinear: dequantizeRule,
  DynamicQuantizeLinear: byExpansion(dynamicExpansion),
  QLinearConv: WHOLE,
  QLinearMatMul: WHOLE,
  MatMulInteger: WHOLE,
  ConvInteger: WHOLE,
};
