import { attribute } from "../block.ts";
import { failArgument } from "../errors.ts";
import { liftAll, type Operand } from "../lift.ts";
import { inputOf, type Schemas, stringOf } from "../schema.ts";
import type { Value } from "../value.ts";
import { requireOpset } from "./axes.ts";
import { einsumShape, parseEquation, printEquation, withoutEllipsis } from "./einsum.ts";
import { checkType, emitOne, sameType } from "./emit.ts";
import { squeeze } from "./reshape.ts";

/** The sum of products that an equation says: letters name axes, those missing from the output are
 * summed, `...` stands for any axes between, which broadcast, and a letter twice in one operand takes its
 * diagonal.
 *
 * ```ts
 * const outer = einsum("i,j->ij", x, y);
 * ```
 * @throws GraphError if the equation is none, or a rank or a size does not fit it */
export function einsum(equation: string, ...operands: readonly Operand[]): Value {
  const parsed = parseEquation("einsum", equation);
  if (parsed.operands.length !== operands.length) {
    failArgument(
      "einsum",
      "operands",
      `${parsed.operands.length} for "${equation}"`,
      operands.length,
    );
  }
  const values = liftAll(
    "einsum",
    Object.fromEntries(operands.map((operand, i) => [`operand ${i}`, operand])),
  );
  requireOpset("einsum", (values[0] as Value).graph, 12);
  einsumShape("einsum", parsed, values);
  const plain = withoutEllipsis(
    parsed,
    values.map(({ shape }) => shape),
  );
  const attributes = { equation: attribute.string(printEquation(plain.equation)) };
  const inputs = values.map((value, i) => squeeze(value, plain.dropped[i] as readonly number[]));
  return emitOne("Einsum", inputs, attributes, "einsum");
}

export const einsumSchemas: Schemas<"Einsum"> = {
  Einsum: {
    arity: [1, Number.POSITIVE_INFINITY],
    normal: (node) => {
      const parsed = parseEquation(node.operator, stringOf(node, "equation", ""));
      return { equation: printEquation(parsed) };
    },
    infer: (node, { equation }) => {
      const values = node.inputs.map((_, i) => inputOf(node, i));
      for (const [i, value] of values.entries()) {
        checkType(node.operator, `operand ${i}`, value, "numeric");
      }
      const parsed = parseEquation(node.operator, equation);
      if (parsed.operands.length !== values.length) {
        failArgument(
          node.operator,
          "operands",
          `${parsed.operands.length} for "${equation}"`,
          values.length,
        );
      }
      const dtype = sameType(node, values);
      return [{ dtype, shape: einsumShape(node.operator, parsed, values) }];
    },
  },
};
