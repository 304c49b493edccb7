import type { Pullback } from "../../builder/definition.ts";
import { gather, reshape } from "../../builder/operators/index.ts";
import { compressed, hot, writtenOver } from "../../builder/operators/selection.ts";
import type { Value } from "../../builder/value.ts";
import { composed, missing, type Rules } from "./rule.ts";

const RANK = missing("the rank of its operand is not known when the graph is built");

/** Output i of a node that may have been made without it. */
export function outputOf(node: Pick<Pullback, "graph" | "node">, i: number): Value {
  const { op, inputs, attributes, outputs } = node.node;
  const own = outputs[i];
  // Where a file leaves an output out, its name is empty.
  if (own !== undefined && own.hint !== "") return own;
  return node.graph.emit({ op, inputs, attributes, outputs: i + 1 }).outputs[i] as Value;
}

export const selectionRules: Rules<
  "Compress" | "OneHot" | "Unique" | "ReverseSequence" | "TensorScatter"
> = {
  Compress: composed((node) => [compressed(node.input(0), node.input(1), node.attributes.axis)]),
  OneHot: composed((node) => {
    const { axis } = node.attributes;
    const [indices, depth, values] = [node.input(0), node.input(1), node.input(2)];
    if (indices.shape === undefined && axis !== -1) return RANK;
    return [hot(indices, depth, values, axis)];
  }),
  // Of equal elements the first one was taken.
  Unique: composed((node) => {
    const { axis } = node.attributes;
    const places = outputOf(node, 1);
    const x = node.input(0);
    return [axis === undefined ? gather(reshape(x, [-1]), places) : gather(x, places, { axis })];
  }),
  // What was turned round is turned back.
  ReverseSequence: ({ graph, node, dy }) => {
    const { op, inputs, attributes } = node;
    return [graph.emit({ op, inputs: [dy, inputs[1]], attributes }).outputs[0]];
  },
  TensorScatter: composed((node) => {
    const [cache, update, places] = [node.input(0), node.input(1), node.optional(2)];
    if (cache.shape === undefined) return RANK;
    const { axis, circular } = node.attributes;
    return [writtenOver(cache, update, places, axis, circular)];
  }),
};
