import { type Attributes, attribute, type Node } from "../../builder/block.ts";
import { cloneBody } from "../../builder/clone.ts";
import type { TensorType } from "../../builder/definition.ts";
import type { Dim, Shape } from "../../builder/dim.ts";
import type { Graph } from "../../builder/graph.ts";
import {
  behindIdentity,
  hasVaryingStates,
  type Iteration,
  isSteady,
  roundsOf,
  type ScanAxes,
} from "../../builder/iteration.ts";
import { gather, loop, shape, sizeOf } from "../../builder/operators/index.ts";
import { asScalar } from "../../builder/operators/sizes.ts";
import type { Value } from "../../builder/value.ts";

/** What a loop went through. */
export interface Journey {
  /** Each state before a round, by the round's number. */
  readonly before: (round: Value) => readonly Value[];
  /** How many rounds there were: a number, or an int64 scalar. */
  readonly rounds: number | Value;
}

/** The states that a loop goes through. For them it is made once more, with results added that collect
 * them; that node takes the loop's place wherever a model needs it, so it runs once. What is collected and
 * then not needed is not written (`Needs`). */
export function record(graph: Graph, iteration: Iteration): Journey {
  if (hasVarying(iteration)) return replay(graph, iteration);
  const arguments_ = iteration.states.map(({ argument }) => argument);
  const { states, any } = collectedArguments(iteration) ?? recordAnew(graph, iteration, arguments_);
  return {
    before: (round) => states.map((stack) => gather(stack, round)),
    rounds: countOf(iteration, any),
  };
}

/** The ways back through loops with states of varying sizes: so are the cotangents. */
const backwards = new WeakSet<Node>();

/** Whether a Loop has states whose sizes change from round to round, as far as one can tell. */
export function hasVarying(iteration: Iteration): boolean {
  return backwards.has(iteration.node) || hasVaryingStates(iteration);
}

/** Says so of the Loop that gave these. */
export function markVarying([result]: readonly Value[]): void {
  if (result?.producer !== undefined) backwards.add(result.producer);
}

/** The states of a loop in which some have another size in each round, or are sequences, so that they do not stack:
 * each time the loop goes its way from the start again, which is slower with the square of the rounds. */
function replay(graph: Graph, iteration: Iteration): Journey {
  const { node, body, states, index, go } = iteration;
  const [count, condition] = node.inputs;
  const counted = count !== undefined && isSteady(body, count, condition);
  const any = counted ? undefined : recordAnew(graph, iteration, []).any;
  const before = (round: Value) =>
    loop(
      round,
      states.map(({ init }) => loosened(init)),
      (at, ...current) => {
        const given = new Map([[index as Value, at]]);
        if (go !== undefined) given.set(go, graph.constant(true));
        states.forEach(({ argument }, k) => {
          given.set(argument, current[k] as Value);
        });
        const copy = cloneBody(graph, body, given);
        return states.map(({ next }) => copy.of(next));
      },
    );
  return { before, rounds: countOf(iteration, any) };
}

/** The same value, of whose sizes nothing is known. */
export function loosened(value: Value): Value {
  if (value.container !== undefined) return value;
  return ofShape(
    value,
    value.shape?.map(() => undefined),
  );
}

/** The same value, with what is known of its shape from elsewhere. */
export function ofShape(value: Value, dims: Shape | undefined): Value {
  const { graph, dtype, hint } = value;
  const { outputs } = graph.append({
    op: "Identity",
    domain: "",
    inputs: [value],
    attributes: {},
    normal: {},
    definition: undefined,
    types: [{ dtype, shape: dims }],
    hints: [hint],
  });
  return outputs[0] as Value;
}

interface Stacks {
  readonly states: readonly Value[];
  /** Any stack of as many entries as there were rounds. */
  readonly any: Value | undefined;
}

/** How often a loop went round.
 * @param stack of one entry a round, for loops that may end early */
export function countOf(iteration: Iteration, stack: Value | undefined): number | Value {
  const { node, body, index, sequences } = iteration;
  if (index === undefined) {
    const sizes = sequences.map(({ whole, axis }) => sizeOf(whole, axis));
    const size = sizes.find((each) => typeof each === "number") ?? sizes[0];
    return typeof size === "number" ? size : asScalar(size as Value);
  }
  const [count, condition] = node.inputs;
  const known = roundsOf(body, count, condition);
  if (typeof known === "number") return known;
  if (count !== undefined && isSteady(body, count, condition)) return asScalar(count);
  const length = shape(stack as Value, { start: 0, end: 1 });
  return gather(length, node.outputs[0]?.graph.constant(0, "int64") as Value);
}

/** Whether the loop collects its states already, as one that was recorded does. */
function collectedArguments({ states, index, collected }: Iteration): Stacks | undefined {
  const found = new Map<Value, Value>();
  for (const { part, result, axis, reversed } of collected) {
    if (result !== undefined && axis === 0 && !reversed) found.set(behindIdentity(part), result);
  }
  const stacks = states.map(({ argument }) => found.get(argument));
  if (stacks.some((stack) => stack === undefined)) return undefined;
  const any = stacks[0] ?? (index && found.get(index));
  return any === undefined && index !== undefined ? undefined : { states: stacks as Value[], any };
}

function recordAnew(graph: Graph, iteration: Iteration, arguments_: readonly Value[]): Stacks {
  const { node, body, index } = iteration;
  const recorded = index === undefined ? arguments_ : [index, ...arguments_];
  const made = graph.within(node.block, () => {
    const inputs = body.inputs.map(({ dtype, shape: dims, hint }) => ({
      dtype,
      shape: dims,
      hint,
    }));
    const block = graph.body(inputs, (...values) => {
      const given = new Map(body.inputs.map((value, i) => [value, values[i] as Value]));
      const copy = cloneBody(graph, body, given, { scopes: true });
      return [...copy.outputs, ...recorded.map(copy.of)];
    });
    const results = body.outputs.slice(index === undefined ? 0 : 1);
    return graph.append({
      op: node.op,
      domain: node.domain,
      inputs: node.inputs,
      attributes: { ...widerAttributes(node, recorded.length), body: attribute.graph(block) },
      normal: widerAxes(node.normal as ScanAxes, recorded.length),
      definition: undefined,
      types: [
        ...results.map((value, i) => typeOf(node.outputs[i], value)),
        ...recorded.map((value) => stackOf(value, roundsIn(iteration))),
      ],
      hints: [
        ...results.map((value, i) => (node.outputs[i] ?? value).hint),
        ...recorded.map(({ hint }) => `${hint}_rounds`),
      ],
      scope: node.scope,
      replaces: node,
    });
  });
  const stacks = made.outputs.slice(-recorded.length);
  return { states: index === undefined ? stacks : stacks.slice(1), any: stacks[0] };
}

function typeOf(result: Value | undefined, part: Value): TensorType {
  return { dtype: (result ?? part).dtype, shape: result?.shape };
}

function stackOf({ dtype, shape: dims }: Value, rounds: Dim): TensorType {
  return { dtype, shape: dims && [rounds, ...dims] };
}

function roundsIn({ node, body, index, sequences }: Iteration): Dim {
  if (index !== undefined) return roundsOf(body, node.inputs[0], node.inputs[1]);
  const [first] = sequences;
  return first?.whole.shape?.at(first.axis);
}

/** A Scan's attributes with more results, collected along their first axis. */
function widerAttributes(node: Node, more: number): Attributes {
  const zeros = new Array<number>(more).fill(0);
  const widened = Object.entries(node.attributes).map(([name, value]) => {
    const lists = name === "scan_output_axes" || name === "scan_output_directions";
    if (!lists || value.type !== "ints") return [name, value] as const;
    return [name, attribute.ints([...value.value, ...zeros])] as const;
  });
  return Object.fromEntries(widened);
}

function widerAxes(axes: Partial<ScanAxes>, more: number): unknown {
  if (axes?.outputs === undefined) return axes;
  const first = { axis: 0, reversed: false };
  return { ...axes, outputs: [...axes.outputs, ...new Array<typeof first>(more).fill(first)] };
}
