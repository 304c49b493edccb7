import { attribute } from "../../builder/block.ts";
import type { Application } from "../../builder/definition.ts";
import { unsqueeze } from "../../builder/operators/index.ts";
import type { Reduction } from "../../builder/schema.ts";
import type { Value } from "../../builder/value.ts";
import { reshapeLike } from "../broadcast.ts";

/** A value of the reduction's output shape, with the reduced axes back at size 1 as far as broadcasting
 * against the operand needs them: in front it does not. */
export function restore(node: Application<Reduction>, value: Value): Value {
  const { axes, keepdims } = node.attributes;
  if (keepdims || axes?.every((axis, i) => axis === i)) return value;
  if (axes !== undefined) return unsqueeze(value, axes);
  // The axes are known to the model alone: so is the shape, from the same reduction that keeps them.
  const { op, inputs, attributes } = node.node;
  const kept = { ...attributes, keepdims: attribute.int(1) };
  const like = node.graph.emit({ op, inputs, attributes: kept }).outputs[0] as Value;
  return reshapeLike(value, like);
}
