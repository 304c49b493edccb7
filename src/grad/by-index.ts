import type { Pullback } from "../builder/definition.ts";
import { isStatic, sizeOfShape } from "../builder/dim.ts";
import {
  expand,
  range,
  reduceProd,
  reshape,
  scatterElements,
  shape,
} from "../builder/operators/index.ts";
import type { Size } from "../builder/operators/sizes.ts";
import { int64Data } from "../builder/tensor.ts";
import type { Value } from "../builder/value.ts";
import { reshapeLike } from "./broadcast.ts";

/** The cotangent of the first input of an operator that only moves its elements, drops some, or repeats
 * some, whatever it does: the same operator applied to the elements' numbers says where each came from,
 * and the cotangent is added up there. */
export function pullBackByIndex<A>(node: Pullback<A>): Value {
  const { graph, dy } = node;
  const x = node.input(0);
  const count = isStatic(x.shape)
    ? graph.lifted(int64Data(sizeOfShape(x.shape) as number))
    : reduceProd(shape(x));
  const numbers = range(graph.lifted(int64Data(0)), count, graph.lifted(int64Data(1)));
  // The one further input of the operand's own type, Pad's value, has no part in this.
  const rest = node.inputs.slice(1).map((input) => (input?.dtype === x.dtype ? undefined : input));
  const origins = graph.emit({
    op: node.node.op,
    inputs: [reshapeLike(numbers, x), ...rest],
    attributes: node.node.attributes,
  }).outputs[0] as Value;
  const none = zeros(x, isStatic(x.shape) ? [sizeOfShape(x.shape) as number] : shape(numbers));
  const flat = scatterElements(none, reshape(origins, [-1]), reshape(dy, [-1]), {
    reduction: "add",
  });
  return reshapeLike(flat, x);
}

/** Zeros of a value's type in any sizes. */
export function zeros(like: Value, sizes: readonly Size[] | Value): Value {
  return expand(like.graph.constant(0, like.dtype), sizes);
}
