import { attribute } from "../block.ts";
import { bitsOf, type DType, dtypeCode, dtypeOfCode, isDType } from "../dtype.ts";
import { checkOptions, failArgument } from "../errors.ts";
import { liftAll, type Operand, requireValue } from "../lift.ts";
import { choiceOf, inputOf, intOf, type Schemas } from "../schema.ts";
import type { Value } from "../value.ts";
import { requireOpset } from "./axes.ts";
import { binary, binarySchema, emitOne, unary, unarySchema } from "./emit.ts";

/** The bits of whole numbers that both have, elementwise with broadcasting. Needs opset 18. */
export const bitwiseAnd = binary("BitwiseAnd", "bitwiseAnd");

/** The bits of whole numbers that either has, elementwise with broadcasting. Needs opset 18. */
export const bitwiseOr = binary("BitwiseOr", "bitwiseOr");

/** The bits of whole numbers that exactly one has, elementwise with broadcasting. Needs opset 18. */
export const bitwiseXor = binary("BitwiseXor", "bitwiseXor");

/** Every bit of whole numbers turned. Needs opset 18. */
export const bitwiseNot = unary("BitwiseNot", "bitwiseNot");

/** The bits of unsigned numbers moved by y places, elementwise with broadcasting; zeros come in.
 *
 * @param options `direction: "left"` multiplies by 2 to the power y, "right" divides by it. Needs opset 11 */
export function bitShift(
  x: Operand,
  y: Operand,
  options: { readonly direction: "left" | "right" },
): Value {
  checkOptions("bitShift", options, ["direction"]);
  const { direction } = options;
  if (direction !== "left" && direction !== "right") {
    failArgument("bitShift", "direction", '"left" or "right"', direction);
  }
  const inputs = liftAll("bitShift", { x, y });
  const attributes = { direction: attribute.string(direction.toUpperCase()) };
  return emitOne("BitShift", inputs, attributes, "bitShift");
}

/** The same bits read as another type of the same width. Needs opset 26. */
export function bitCast(x: Operand, dtype: DType): Value {
  const value = requireValue("bitCast", "x", x);
  if (!isDType(dtype)) failArgument("bitCast", "dtype", "an element type such as int32", dtype);
  requireOpset("bitCast", value.graph, 26);
  return emitOne("BitCast", [value], { to: attribute.int(dtypeCode(dtype)) }, "bitCast");
}

export const bitsSchemas: Schemas<
  "BitwiseAnd" | "BitwiseOr" | "BitwiseXor" | "BitwiseNot" | "BitShift" | "BitCast"
> = {
  BitwiseAnd: binarySchema("integer"),
  BitwiseOr: binarySchema("integer"),
  BitwiseXor: binarySchema("integer"),
  BitwiseNot: unarySchema("integer"),
  BitShift: {
    ...binarySchema("integer"),
    normal: (node) => ({ left: choiceOf(node, "direction", ["LEFT", "RIGHT"], "LEFT") === "LEFT" }),
  },
  BitCast: {
    arity: 1,
    normal: (node) => ({ to: dtypeOfCode(intOf(node, "to", 0)) }),
    infer: (node, { to }) => {
      const x = inputOf(node, 0);
      if (x.dtype !== "unknown" && bitsOf(x.dtype) !== bitsOf(to)) {
        failArgument(node.operator, "dtype", `one of ${bitsOf(x.dtype)} bits, as x has`, to);
      }
      return [{ dtype: to, shape: x.shape }];
    },
  },
};
