import type { TensorType } from "../definition.ts";
import { type Operand, requireValue } from "../lift.ts";
import { typeOfProto } from "../read-type.ts";
import { inputOf, type NodeFacts, none, type Schemas } from "../schema.ts";
import type { Value } from "../value.ts";
import { requireOpset } from "./axes.ts";
import { emitOne } from "./emit.ts";

/** An optional that holds a tensor or a sequence. Needs opset 15. */
export function optional(x: Operand): Value {
  const value = requireValue("optional", "x", x);
  requireOpset("optional", value.graph, 15);
  return emitOne("Optional", [value], {}, "optional");
}

/** What an optional holds. Needs opset 15, and 18 for what is no optional, which it gives back. */
export function optionalGetElement(x: Value): Value {
  const value = requireValue("optionalGetElement", "x", x);
  requireOpset("optionalGetElement", value.graph, 15);
  return emitOne("OptionalGetElement", [value], {}, "optionalGetElement");
}

/** Whether an optional holds something, a boolean scalar. Needs opset 15. */
export function optionalHasElement(x: Value): Value {
  const value = requireValue("optionalHasElement", "x", x);
  requireOpset("optionalHasElement", value.graph, 15);
  return emitOne("OptionalHasElement", [value], {}, "optionalHasElement");
}

function heldType(node: NodeFacts): TensorType {
  const { dtype, shape, container } = inputOf(node, 0);
  return container?.kind === "optional" ? container.of : { dtype, shape, container };
}

/** The type that an optional without an element is declared to hold. */
function declaredType(node: NodeFacts): TensorType {
  const { type } = node.attributes;
  return typeOfProto(type?.type === "opaque" ? type.value.tp : undefined);
}

export const optionalSchemas: Schemas<"Optional" | "OptionalGetElement" | "OptionalHasElement"> = {
  Optional: {
    arity: [0, 1],
    normal: none,
    infer: (node) => {
      const held = node.inputs[0];
      const unknown = { dtype: "unknown", shape: undefined } as const;
      const of: TensorType =
        held === undefined
          ? declaredType(node)
          : { dtype: held.dtype, shape: held.shape, container: held.container };
      return [{ ...unknown, container: { kind: "optional", of } }];
    },
  },
  OptionalGetElement: { arity: 1, normal: none, infer: (node) => [heldType(node)] },
  OptionalHasElement: {
    arity: [0, 1],
    normal: none,
    infer: () => [{ dtype: "bool", shape: [] }],
  },
};
