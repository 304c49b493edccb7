import type { Pullback } from "../builder/definition.ts";
import { constantOfShape, reshape, scatterElements } from "../builder/operators/index.ts";
import { elementNumbers } from "../builder/operators/indexing.ts";
import type { Size } from "../builder/operators/sizes.ts";
import type { Value } from "../builder/value.ts";
import { reshapeLike, sizesFor } from "./broadcast.ts";

/** The cotangent of the first input of an operator that only moves its elements, drops some, or repeats
 * some, whatever it does: the same operator applied to the elements' numbers says where each came from,
 * and the cotangent is added up there. */
export function pullBackByIndex<A>(node: Pullback<A>): Value {
  const x = node.input(0);
  // The one further input of the operand's own type, Pad's value, has no part in this.
  const rest = node.inputs.slice(1).map((input) => (input?.dtype === x.dtype ? undefined : input));
  const origins = node.graph.emit({
    op: node.node.op,
    inputs: [elementNumbers(x), ...rest],
    attributes: node.node.attributes,
  }).outputs[0] as Value;
  return addAt(zeros(x, sizesFor(x)), origins, node.dy);
}

/** The base with each update added to the element of that number.
 *
 * By ScatterElements, not ScatterND: with reduction "add" ONNX Runtime 1.30 splits ScatterND among
 * threads, and loses updates where two of them meet. */
export function addAt(base: Value, numbers: Value, updates: Value): Value {
  const [flat, at, added] = [base, numbers, updates].map((value) => reshape(value, [-1]));
  const sum = scatterElements(flat as Value, at as Value, added as Value, { reduction: "add" });
  return reshapeLike(sum, base);
}

/** Zeros of a value's type in any sizes. */
export function zeros(like: Value, sizes: readonly Size[] | Value): Value {
  return constantOfShape(like.graph, sizes, 0, like.dtype);
}
