import { attribute } from "../block.ts";
import type { TensorType } from "../definition.ts";
import { failArgument } from "../errors.ts";
import { graphOf } from "../lift.ts";
import type { Value } from "../value.ts";
import { requireOpset } from "./axes.ts";

const UNKNOWN: TensorType = { dtype: "unknown", shape: undefined };

/** The type of the entries of a sequence; unknown for what is none. */
export function entryType(sequence: Value): TensorType {
  const { container } = sequence;
  return container?.kind === "sequence" ? container.of : UNKNOWN;
}

/** A computation applied to each entry of a sequence. Needs opset 17.
 *
 * ```ts
 * const [squares] = sequenceMap([parts], (part) => [part.mul(part)]);
 * ```
 * @param inputs a sequence, then sequences of the same length, or values that are the same for all entries
 * @param body makes results of an entry of each sequence and of the other values
 * @returns a sequence of each result
 * @throws GraphError if the first input is no sequence */
export function sequenceMap(
  inputs: readonly Value[],
  body: (...entries: Value[]) => readonly Value[],
): readonly Value[] {
  const graph = graphOf("sequenceMap", inputs);
  requireOpset("sequenceMap", graph, 17);
  const [first] = inputs;
  if (first?.container?.kind !== "sequence") {
    failArgument("sequenceMap", "inputs", "a sequence first", first);
  }
  const types = inputs.map((input, i) => {
    const type = input.container?.kind === "sequence" ? entryType(input) : input;
    const { dtype, shape, container } = type;
    return { dtype, shape, container, hint: `entry${i}` };
  });
  const block = graph.body(types, body);
  return graph.emit({
    op: "SequenceMap",
    inputs,
    attributes: { body: attribute.graph(block) },
    outputs: block.outputs.length,
    operator: "sequenceMap",
  }).outputs;
}
