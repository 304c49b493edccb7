import { type Attributes, attribute } from "../block.ts";
import type { TensorType } from "../definition.ts";
import { checkOptions, failArgument, GraphError } from "../errors.ts";
import type { ScanAxes } from "../iteration.ts";
import { graphOf, lift, type Operand } from "../lift.ts";
import { intOf, intsOf, type NodeFacts, resolveAxis, type Schemas } from "../schema.ts";
import type { Value } from "../value.ts";
import { bodyOf, checkState, common, typeOf } from "./control.ts";

/** What one round of a scan gives. */
export interface ScanRound {
  /** The state for the next round, in the order of `init`. */
  readonly state: readonly Value[];
  /** Values to collect: the scan returns each stacked along a new first axis. */
  readonly collect?: readonly Value[];
}

/** Options of scan. */
export interface ScanOptions {
  /** Go from the last slice to the first. What is collected stands at the place of its slice all the
   * same. Default false. */
  readonly reverse?: boolean;
}

/** Goes through the slices of some values along their first axis, carrying a state: ONNX's Scan.
 *
 * ```ts
 * const [sum, sums] = scan([0], [x], ([total], [row]) => {
 *   const next = total.add(row);
 *   return { state: [next], collect: [next] };
 * });
 * ```
 * ONNX Runtime 1.30 refuses to run a Scan over no slices at all; where a first axis can be empty, write a
 * `loop` that gathers its slices.
 * @param init the state before the first round, perhaps none. Type and shape stay the same.
 * @param sequences what to read slices of, all of the same first size
 * @param body makes the next state of the state and one slice of each sequence. It may read any value
 * from outside.
 * @returns the last state, then what was collected
 * @throws GraphError if a state changes its type or shape, or there is no sequence */
export function scan(
  init: readonly Operand[],
  sequences: readonly Operand[],
  body: (state: Value[], slices: Value[]) => readonly Value[] | ScanRound,
  options: ScanOptions = {},
): Value[] {
  checkOptions("scan", options, ["reverse"]);
  const graph = graphOf("scan", [...init, ...sequences]);
  const all = (name: string, operands: readonly Operand[]) =>
    operands.map((operand, i) => lift("scan", `${name}[${i}]`, operand, undefined, graph));
  const [states, wholes] = [all("init", init), all("sequences", sequences)];
  if (wholes.length === 0) failArgument("scan", "sequences", "at least one", sequences);
  const slices = wholes.map((whole, i) => ({ ...sliceType(whole, i), hint: `slice_${i}` }));
  let collected = 0;
  const block = graph.body(
    [...states.map((value, i) => ({ ...typeOf(value), hint: `state_${i}` })), ...slices],
    (...values) => {
      const round = body(values.slice(0, states.length), values.slice(states.length));
      const { state, collect = [] } = "state" in round ? round : { state: round };
      checkState("scan", states, state);
      collected = collect.length;
      return [...state, ...collect];
    },
  );
  const directions = (length: number): Attributes[string] =>
    attribute.ints(new Array<number>(length).fill(1));
  const attributes: Attributes = {
    body: attribute.graph(block),
    num_scan_inputs: attribute.int(wholes.length),
    ...(options.reverse === true
      ? {
          scan_input_directions: directions(wholes.length),
          ...(collected > 0 ? { scan_output_directions: directions(collected) } : {}),
        }
      : {}),
  };
  return [
    ...graph.emit({
      op: "Scan",
      inputs: [...states, ...wholes],
      attributes,
      outputs: states.length + collected,
    }).outputs,
  ];
}

function sliceType(whole: Value, i: number): TensorType {
  if (whole.shape?.length === 0) {
    failArgument("scan", `sequences[${i}]`, "a value with a first axis", whole);
  }
  return { dtype: whole.dtype, shape: whole.shape?.slice(1) };
}

export const scanSchemas: Schemas<"Scan"> = {
  Scan: {
    arity: [1, Number.POSITIVE_INFINITY],
    normal: (node) => {
      if (node.opset < 9) throw new GraphError(node.operator, "is another operator before opset 9");
      const inputs = intOf(node, "num_scan_inputs", 0);
      const states = node.inputs.length - inputs;
      const outputs = bodyOf(node, "body").outputs.length - states;
      if (inputs < 1 || states < 0 || outputs < 0) {
        throw new GraphError(node.operator, `num_scan_inputs: expected 1 … ${node.inputs.length}`);
      }
      return {
        inputs: along(node, "scan_input", inputs),
        outputs: along(node, "scan_output", outputs),
      };
    },
    infer: (node, axes) => {
      const states = node.inputs.length - axes.inputs.length;
      const rounds = axes.inputs.map(({ axis }, k) => {
        const shape = node.inputs[states + k]?.shape;
        return shape?.[resolveAxis(node.operator, axis, shape.length)];
      });
      const size = rounds.find((dim) => typeof dim === "number") ?? rounds[0];
      return bodyOf(node, "body").outputs.map((value, i) => {
        const init = node.inputs[i];
        if (i < states) return init ? common(typeOf(init), typeOf(value)) : typeOf(value);
        const shape = value.shape?.slice();
        const { axis } = axes.outputs[i - states] as ScanAxes["outputs"][number];
        shape?.splice(resolveAxis(node.operator, axis, shape.length + 1), 0, size);
        return { dtype: value.dtype, shape };
      });
    },
  },
};

function along(node: NodeFacts, name: string, count: number): ScanAxes["inputs"] {
  const axes = intsOf(node, `${name}_axes`);
  const directions = intsOf(node, `${name}_directions`);
  return Array.from({ length: count }, (_, k) => ({
    axis: axes?.[k] ?? 0,
    reversed: directions?.[k] === 1,
  }));
}
