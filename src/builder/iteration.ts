import type { Block, Node } from "./block.ts";
import { type Attributes, attribute } from "./block.ts";
import { type Dim, sameShape } from "./dim.ts";
import { constantData } from "./schema.ts";
import type { Value } from "./value.ts";

/** A Loop or Scan by its parts: where each stands among the inputs and outputs of node and body. */
export interface Iteration {
  readonly node: Node;
  readonly body: Block;
  /** The number of the round and whether to go on, arguments of a Loop's body. */
  readonly index: Value | undefined;
  readonly go: Value | undefined;
  readonly states: readonly State[];
  /** What a Scan reads a slice of in each round. */
  readonly sequences: readonly Sequence[];
  readonly collected: readonly Collected[];
}

/** What is handed from round to round. */
export interface State {
  readonly init: Value;
  readonly argument: Value;
  readonly next: Value;
  /** The last one. */
  readonly result: Value | undefined;
}

/** What is read along an axis. */
export interface Sequence {
  readonly whole: Value;
  readonly argument: Value;
  readonly axis: number;
  readonly reversed: boolean;
}

/** What is stacked along an axis. */
export interface Collected {
  readonly part: Value;
  readonly result: Value | undefined;
  readonly axis: number;
  readonly reversed: boolean;
}

/** A Scan's attributes in normal form. Axes are as they are written, negative ones too. */
export interface ScanAxes {
  readonly inputs: readonly { readonly axis: number; readonly reversed: boolean }[];
  readonly outputs: readonly { readonly axis: number; readonly reversed: boolean }[];
}

/** How many of a node's leading inputs are no states: a Loop's count and condition. */
export function leadingInputs(node: Node): number {
  return node.op === "Loop" ? 2 : 0;
}

/** The parts of a Loop or Scan; undefined for other nodes, and where the body does not fit. */
export function iterationOf(node: Node): Iteration | undefined {
  if (node.domain !== "") return undefined;
  if (node.op === "Loop") return loopParts(node);
  return node.op === "Scan" ? scanParts(node) : undefined;
}

function bodyOf(node: Node): Block | undefined {
  const body = node.attributes.body;
  return body?.type === "graph" ? body.value : undefined;
}

function loopParts(node: Node): Iteration | undefined {
  const body = bodyOf(node);
  if (body === undefined) return undefined;
  const [index, go, ...arguments_] = body.inputs;
  const [, ...results] = body.outputs;
  const states = statesOf(node, node.inputs.slice(2), arguments_, results);
  if (states === undefined || states.length !== arguments_.length) return undefined;
  const collected = results.slice(states.length).map(
    (part, k): Collected => ({
      part,
      result: node.outputs[states.length + k],
      axis: 0,
      reversed: false,
    }),
  );
  return { node, body, index, go, states, sequences: [], collected };
}

function scanParts(node: Node): Iteration | undefined {
  const body = bodyOf(node);
  const axes = node.normal as ScanAxes | undefined;
  if (body === undefined || axes === undefined) return undefined;
  const count = node.inputs.length - axes.inputs.length;
  const states = statesOf(node, node.inputs.slice(0, count), body.inputs, body.outputs);
  if (states === undefined) return undefined;
  const sequences = axes.inputs.flatMap((along, k): Sequence[] => {
    const [whole, argument] = [node.inputs[count + k], body.inputs[count + k]];
    return whole === undefined || argument === undefined ? [] : [{ whole, argument, ...along }];
  });
  const parts = body.outputs.slice(count);
  if (sequences.length !== axes.inputs.length || parts.length !== axes.outputs.length) {
    return undefined;
  }
  const collected = parts.map(
    (part, k): Collected => ({
      part,
      result: node.outputs[count + k],
      ...(axes.outputs[k] as ScanAxes["outputs"][number]),
    }),
  );
  return { node, body, index: undefined, go: undefined, states, sequences, collected };
}

function statesOf(
  node: Node,
  inits: readonly (Value | undefined)[],
  arguments_: readonly Value[],
  nexts: readonly Value[],
): State[] | undefined {
  const states: State[] = [];
  for (const [k, init] of inits.entries()) {
    const [argument, next] = [arguments_[k], nexts[k]];
    if (init === undefined || argument === undefined || next === undefined) return undefined;
    states.push({ init, argument, next, result: node.outputs[k] });
  }
  return states;
}

/** Whether a state of a Loop may have another size in each round: its next value is made of a part of itself, or
 * of itself and more. Files declare the sizes of the first round for it nevertheless.
 *
 * @param producerOf what makes a value, by the form in which values are given */
export function varies<Name>(
  next: Name,
  argument: Name,
  producerOf: (name: Name) => { op: string; inputs: readonly (Name | undefined)[] } | undefined,
): boolean {
  const pending: [name: Name, cut: boolean][] = [[next, false]];
  const seen = new Set<Name>();
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    const [name, cut] = at;
    if (name === argument && cut) return true;
    const producer = seen.has(name) ? undefined : producerOf(name);
    seen.add(name);
    if (producer === undefined) continue;
    const { op, inputs } = producer;
    const resizes = RESIZING.has(op);
    if (!resizes && !KEEPING.has(op) && !COMBINING.has(op)) continue;
    const read = op === "Concat" || COMBINING.has(op) ? inputs : inputs.slice(0, 1);
    for (const each of read) if (each !== undefined) pending.push([each, cut || resizes]);
  }
  return false;
}

/** Operators that take a part of their first input, or put more to it. */
const RESIZING: ReadonlySet<string> = new Set(
  "Concat Pad Slice Split Gather Compress Tile Resize".split(" "),
);

/** Operators whose results have the size of their first input. */
const KEEPING: ReadonlySet<string> = new Set(
  (
    "Identity Cast Transpose Neg Abs Exp Log Sqrt Reciprocal Tanh Sigmoid Relu LeakyRelu Elu Softplus Sin Cos " +
    "Erf Clip Softmax LogSoftmax LayerNormalization"
  ).split(" "),
);

/** Operators of which each input can be as large as the result. */
const COMBINING: ReadonlySet<string> = new Set(
  "Add Sub Mul Div Pow Max Min Sum Mod Where".split(" "),
);

/** Whether any state of a Loop may have another size in each round: then they cannot be stacked. */
export function hasVaryingStates({ body, index, states }: Iteration): boolean {
  const producerOf = (value: Value) =>
    value.block === body && value.producer?.domain === "" ? value.producer : undefined;
  return (
    index !== undefined &&
    states.some(
      ({ next, argument }) =>
        argument.container !== undefined ||
        (sameShape(next.shape, argument.shape) !== true && varies(next, argument, producerOf)),
    )
  );
}

/** The value that an Identity repeats, and it in turn. */
export function behindIdentity(value: Value): Value {
  let at = value;
  for (;;) {
    const { producer } = at;
    // In a file an Identity may have lost its input.
    const from = producer?.op === "Identity" ? producer.inputs[0] : undefined;
    if (from === undefined || producer?.domain !== "") return at;
    at = from;
  }
}

/** Whether a boolean is known to be true. */
function isTrue(value: Value | undefined): boolean {
  if (value === undefined) return false;
  const data = constantData(behindIdentity(value));
  return data !== undefined && !data.external && data.size === 1 && data.toNumbers()[0] === 1;
}

/** Whether a Loop goes through all of its rounds: it has a count, and nothing ends it before. */
export function isSteady(
  body: Block,
  count: Value | undefined,
  condition: Value | undefined,
): boolean {
  if (count === undefined || (condition !== undefined && !isTrue(condition))) return false;
  const proceed = body.outputs[0];
  return proceed !== undefined && (behindIdentity(proceed) === body.inputs[1] || isTrue(proceed));
}

/** The number of a steady Loop's rounds, as far as it is known. */
export function roundsOf(body: Block, count: Value | undefined, condition: Value | undefined): Dim {
  if (!isSteady(body, count, condition)) return undefined;
  const rounds = count?.elements?.[0];
  return typeof rounds === "number" ? Math.max(rounds, 0) : rounds;
}

/** A Scan's attributes for these of its collected values alone. */
export function scanAttributes(node: Node, kept: readonly number[]): Attributes {
  const { scan_output_axes, scan_output_directions, ...rest } = node.attributes;
  const chosen = (list: typeof scan_output_axes) =>
    list?.type === "ints" ? attribute.ints(kept.map((k) => list.value[k] as number)) : undefined;
  const [axes, directions] = [chosen(scan_output_axes), chosen(scan_output_directions)];
  return {
    ...rest,
    ...(axes === undefined || kept.length === 0 ? {} : { scan_output_axes: axes }),
    ...(directions === undefined || kept.length === 0
      ? {}
      : { scan_output_directions: directions }),
  };
}
