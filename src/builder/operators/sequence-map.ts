import { attribute } from "../block.ts";
import type { TensorType } from "../definition.ts";
import { dtypeCode } from "../dtype.ts";
import { failArgument } from "../errors.ts";
import { graphOf } from "../lift.ts";
import type { Value } from "../value.ts";
import { requireOpset } from "./axes.ts";
import { loop } from "./control.ts";
import { emitOne } from "./emit.ts";

const UNKNOWN: TensorType = { dtype: "unknown", shape: undefined };

/** The type of the entries of a sequence; unknown for what is none. */
export function entryType(sequence: Value): TensorType {
  const { container } = sequence;
  return container?.kind === "sequence" ? container.of : UNKNOWN;
}

/** A computation applied to each entry of a sequence. Below opset 17 it is a loop over them, but where a
 * gradient needs it: that raises the graph.
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
  requireOpset("sequenceMap", graph, 11);
  const [first] = inputs;
  if (first?.container?.kind !== "sequence") {
    failArgument("sequenceMap", "inputs", "a sequence first", first);
  }
  const types = inputs.map((input, i) => {
    const type = input.container?.kind === "sequence" ? entryType(input) : input;
    const { dtype, shape, container } = type;
    return { dtype, shape, container, hint: `entry${i}` };
  });
  const isKnown = graph.reaches(17);
  const block = graph.body(types, body);
  if (!isKnown) return mapInLoop(inputs, body, block.outputs);
  return graph.emit({
    op: "SequenceMap",
    inputs,
    attributes: { body: attribute.graph(block) },
    outputs: block.outputs.length,
    operator: "sequenceMap",
  }).outputs;
}

/** @param results what the body makes, for their types alone */
function mapInLoop(
  inputs: readonly Value[],
  body: (...entries: Value[]) => readonly Value[],
  results: readonly Value[],
): readonly Value[] {
  const [first] = inputs as readonly [Value];
  const empty = results.map(({ dtype }) => {
    const attributes = { dtype: attribute.int(dtypeCode(dtype)) };
    return first.graph.emit({ op: "SequenceEmpty", inputs: [], attributes }).outputs[0] as Value;
  });
  return loop(emitOne("SequenceLength", [first]), empty, (i, ...lists) => {
    const entries = inputs.map((input) =>
      input.container?.kind === "sequence" ? emitOne("SequenceAt", [input, i]) : input,
    );
    return body(...entries).map((value, k) => emitOne("SequenceInsert", [lists[k], value]));
  });
}
