import { type Attributes, attribute } from "../block.ts";
import type { Expansion, TensorType } from "../definition.ts";
import { type Dim, formatShape, multiplyDims, sameDim } from "../dim.ts";
import { checkOptions, failArgument, GraphError } from "../errors.ts";
import { graphOf, lift, liftAll, type Operand } from "../lift.ts";
import {
  choiceOf,
  inputOf,
  intOf,
  type NodeFacts,
  type OperatorTable,
  type Schema,
  type Schemas,
  singleOf,
} from "../schema.ts";
import type { Value } from "../value.ts";
import { mergeDims } from "./axes.ts";
import { checkType, optionalInt, sameType } from "./emit.ts";
import { gruExpansion, lstmExpansion, rnnExpansion } from "./recurrent-steps.ts";

/** An activation of a recurrent operator, with its numbers. */
export interface Activation {
  readonly name: ActivationName;
  readonly alpha: number;
  readonly beta: number;
}

/** Which way a recurrent operator goes through the steps. */
export type Direction = "forward" | "reverse" | "bidirectional";

/** What RNN, GRU and LSTM have in common, in normal form. */
export interface Recurrent {
  readonly direction: Direction;
  /** Those of the first direction, then those of the second. */
  readonly activations: readonly Activation[];
  /** Bound of what goes into the activations. */
  readonly clip: number | undefined;
  /** Whether the batch is the first axis, and not time. */
  readonly batchFirst: boolean;
}

/** The defaults of each activation's alpha and beta, where it has them. */
const ACTIVATIONS = {
  Relu: [],
  Tanh: [],
  Sigmoid: [],
  Affine: [1, 0],
  LeakyRelu: [0.01],
  ThresholdedRelu: [1],
  ScaledTanh: [1, 1],
  HardSigmoid: [0.2, 0.5],
  Elu: [1],
  Softsign: [],
  Softplus: [],
} as const satisfies Record<string, readonly [alpha?: number, beta?: number]>;

/** The activations that recurrent operators can have; other numbers than their defaults take `graph.node`. */
export type ActivationName = keyof typeof ACTIVATIONS;

/** Options that rnn, gru and lstm share. */
export interface RecurrentOptions {
  /** From the first step to the last, from the last to the first, or both side by side. Default
   * "forward". */
  readonly direction?: Direction;
  /** [batch], int32: how many steps of each sequence count. All by default. */
  readonly sequenceLens?: Operand;
  /** [directions, batch, hidden]: the state before the first step. Zeros by default. */
  readonly initialH?: Operand;
  /** What goes into an activation is kept between minus this and this. No bound by default. */
  readonly clip?: number;
  /** The activations, those of the second direction behind those of the first. */
  readonly activations?: readonly ActivationName[];
}

/** Options of gru. */
export interface GruOptions extends RecurrentOptions {
  /** Let the reset gate act on the product with the recurrent weights, not on the state. Default false. */
  readonly linearBeforeReset?: boolean;
}

/** Options of lstm. */
export interface LstmOptions extends RecurrentOptions {
  /** [directions, batch, hidden]: the cell before the first step. Zeros by default. */
  readonly initialC?: Operand;
  /** [directions, 3 hidden]: how the cell acts on the input, output and forget gates. None by default. */
  readonly peepholes?: Operand;
  /** Forget just what is let in: the forget gate is 1 less the input gate. Default false. */
  readonly inputForget?: boolean;
}

/** All states of a recurrent network, and the last. */
export interface RecurrentResult {
  /** [steps, directions, batch, hidden]: zeros behind the end of a shorter sequence. */
  readonly y: Value;
  /** [directions, batch, hidden]: the state after the last step of each sequence. */
  readonly yH: Value;
}

const SHARED = ["direction", "sequenceLens", "initialH", "clip", "activations"] as const;

/** The simple recurrent network (Elman 1990): h = f(x Wᵀ + h Rᵀ + b), from step to step.
 *
 * ```ts
 * const { y, yH } = rnn(x, w, r);
 * ```
 * @param x [steps, batch, inputs]
 * @param w [directions, hidden, inputs]
 * @param r [directions, hidden, hidden]
 * @param b [directions, 2 hidden]: what is added for w, then for r
 * @param options `activations`: by default Tanh, one a direction
 * @throws GraphError if shapes, types or options do not fit */
export function rnn(
  x: Operand,
  w: Operand,
  r: Operand,
  b?: Operand,
  options: RecurrentOptions = {},
): RecurrentResult {
  checkOptions("rnn", options, SHARED);
  const [y, yH] = recurrent("RNN", "rnn", { x, w, r, b }, options, {}, []);
  return { y: y as Value, yH: yH as Value };
}

/** Gated recurrent units (Cho et al. 2014, arXiv 1406.1078). The gates stand one after the other along the
 * second axis of the weights: update, reset, hidden.
 *
 * ```ts
 * const { y, yH } = gru(x, w, r, b, { linearBeforeReset: true });
 * ```
 * @param x [steps, batch, inputs]
 * @param w [directions, 3 hidden, inputs]
 * @param r [directions, 3 hidden, hidden]
 * @param b [directions, 6 hidden]: what is added for w, then for r
 * @param options `activations`: by default Sigmoid for the gates and Tanh, two a direction
 * @throws GraphError if shapes, types or options do not fit */
export function gru(
  x: Operand,
  w: Operand,
  r: Operand,
  b?: Operand,
  options: GruOptions = {},
): RecurrentResult {
  checkOptions("gru", options, [...SHARED, "linearBeforeReset"]);
  const own = optionalInt("linear_before_reset", options.linearBeforeReset ?? false, 0);
  const [y, yH] = recurrent("GRU", "gru", { x, w, r, b }, options, own, []);
  return { y: y as Value, yH: yH as Value };
}

/** Long short-term memory (Hochreiter and Schmidhuber 1997; peepholes: Gers et al. 2002). The gates stand
 * one after the other along the second axis of the weights: input, output, forget, cell.
 *
 * ```ts
 * const { y, yH, yC } = lstm(x, w, r, b, { direction: "bidirectional" });
 * ```
 * @param x [steps, batch, inputs]
 * @param w [directions, 4 hidden, inputs]
 * @param r [directions, 4 hidden, hidden]
 * @param b [directions, 8 hidden]: what is added for w, then for r
 * @param options `activations`: by default Sigmoid for the gates, Tanh for the cell and Tanh for what goes
 * out of it, three a direction
 * @returns also yC, [directions, batch, hidden]: the cell after the last step of each sequence
 * @throws GraphError if shapes, types or options do not fit */
export function lstm(
  x: Operand,
  w: Operand,
  r: Operand,
  b?: Operand,
  options: LstmOptions = {},
): RecurrentResult & { readonly yC: Value } {
  checkOptions("lstm", options, [...SHARED, "initialC", "peepholes", "inputForget"]);
  const own = optionalInt("input_forget", options.inputForget ?? false, 0);
  const { initialC, peepholes } = options;
  const [y, yH, yC] = recurrent("LSTM", "lstm", { x, w, r, b }, options, own, [
    initialC,
    peepholes,
  ]);
  return { y: y as Value, yH: yH as Value, yC: yC as Value };
}

function recurrent<Op extends "RNN" | "GRU" | "LSTM">(
  op: Op,
  operator: string,
  { x, w, r, b }: Readonly<Record<"x" | "w" | "r" | "b", Operand | undefined>>,
  options: RecurrentOptions,
  own: Attributes,
  more: readonly (Operand | undefined)[],
): readonly (Value | undefined)[] {
  const given = { x, w, r, b, initialH: options.initialH, initialC: more[0], peepholes: more[1] };
  const present = Object.entries(given).filter((entry) => entry[1] !== undefined);
  const graph = graphOf(operator, Object.values(given));
  const lifted = liftAll(operator, Object.fromEntries(present) as Record<string, Operand>, graph);
  const of = new Map(present.map(([name], i) => [name, lifted[i] as Value]));
  const lens = options.sequenceLens;
  const inputs = [
    ...["x", "w", "r", "b"].map((name) => of.get(name)),
    lens === undefined ? undefined : lift(operator, "sequenceLens", lens, "int32", graph),
    ...["initialH", "initialC", "peepholes"].map((name) => of.get(name)),
  ];
  while (inputs.at(-1) === undefined) inputs.pop();
  const hidden = of.get("r")?.shape?.at(-1);
  const { direction = "forward", clip, activations } = options;
  if (clip !== undefined && !(clip > 0)) failArgument(operator, "clip", "a positive number", clip);
  const attributes: Attributes = {
    ...(typeof hidden === "number" ? { hidden_size: attribute.int(hidden) } : {}),
    ...(direction === "forward" ? {} : { direction: attribute.string(direction) }),
    ...(clip === undefined ? {} : { clip: attribute.float(clip) }),
    ...(activations === undefined ? {} : activationAttributes(operator, activations)),
    ...own,
  };
  const outputs = op === "LSTM" ? 3 : 2;
  if (of.get("x")?.dtype !== "float64") {
    if (typeof hidden !== "number") {
      throw new GraphError(operator, `the hidden size must be known; r is ${of.get("r")}`);
    }
    return graph.emit({ op, inputs, attributes, outputs, operator }).outputs;
  }
  // ONNX Runtime's CPU provider has no kernel for float64.
  const unranked = inputs.find((input) => input !== undefined && input.shape === undefined);
  if (unranked !== undefined) {
    throw new GraphError(operator, `the rank of ${unranked} must be known in float64`);
  }
  const facts = { operator, inputs, attributes, opset: graph.opset, outputCount: outputs };
  const schema: Schema<OperatorTable[Op]> = recurrentSchemas[op];
  const normal = schema.normal(facts);
  schema.infer(facts, normal);
  return graph.operation(operator, () =>
    (EXPANSIONS[op] as Expansion<OperatorTable[Op]>)(inputs, normal),
  );
}

/** The names with their numbers: where those are not written, ONNX Runtime takes 0 for some of them. */
function activationAttributes(operator: string, names: readonly ActivationName[]): Attributes {
  const unknown = names.find((name) => !Object.hasOwn(ACTIVATIONS, name));
  if (unknown !== undefined) {
    failArgument(operator, "activations", Object.keys(ACTIVATIONS).join(", "), unknown);
  }
  const numbers = names.map((name): readonly number[] => ACTIVATIONS[name]);
  const written = (name: string, k: number): Attributes => {
    const list = numbers.flatMap((defaults) => defaults.slice(k, k + 1));
    return list.length === 0 ? {} : { [name]: attribute.floats(list) };
  };
  return {
    activations: attribute.strings(names),
    ...written("activation_alpha", 0),
    ...written("activation_beta", 1),
  };
}

const EXPANSIONS = { RNN: rnnExpansion, GRU: gruExpansion, LSTM: lstmExpansion };

const DIRECTIONS = ["forward", "reverse", "bidirectional"] as const;

/** @param defaults the activations of one direction */
function recurrentOf(node: NodeFacts, defaults: readonly ActivationName[]): Recurrent {
  const direction = choiceOf(node, "direction", DIRECTIONS, "forward");
  const directions = direction === "bidirectional" ? 2 : 1;
  const { activations: written } = node.attributes;
  const names = written?.type === "strings" ? written.value : undefined;
  const expected = defaults.length * directions;
  const list = names ?? (directions === 2 ? [...defaults, ...defaults] : defaults);
  if (list.length < expected) failArgument(node.operator, "activations", `${expected}`, list);
  return {
    direction,
    activations: activationsOf(node, list.slice(0, expected)),
    clip: node.attributes.clip === undefined ? undefined : singleOf(node, "clip", 0),
    batchFirst: intOf(node, "layout", 0) === 1,
  };
}

/** The written numbers go to those activations that take one, in order. */
function activationsOf(node: NodeFacts, names: readonly string[]): Activation[] {
  const numbers = (name: string) => {
    const found = node.attributes[name];
    return found?.type === "floats" ? found.value.map(Math.fround) : [];
  };
  const [alphas, betas] = [numbers("activation_alpha"), numbers("activation_beta")];
  const known = Object.keys(ACTIVATIONS) as ActivationName[];
  return names.map((written): Activation => {
    const name = known.find((each) => each.toLowerCase() === written.toLowerCase());
    if (name === undefined) failArgument(node.operator, "activations", known.join(", "), written);
    const [alpha, beta]: readonly number[] = ACTIVATIONS[name];
    return {
      name,
      alpha: alpha === undefined ? 0 : (alphas.shift() ?? alpha),
      beta: beta === undefined ? 0 : (betas.shift() ?? beta),
    };
  });
}

/** The types of all states, the last one, and for an LSTM the last cell.
 * @param gates how many times the hidden size the weights have rows */
function recurrentTypes(
  node: NodeFacts,
  { direction, batchFirst }: Recurrent,
  gates: number,
): TensorType[] {
  const [x, w, r] = [inputOf(node, 0), inputOf(node, 1), inputOf(node, 2)];
  checkType(node.operator, "x", x, "float");
  const floats = node.inputs.filter((input, i) => input !== undefined && i !== 4) as Value[];
  const dtype = sameType(node, floats);
  const directions = direction === "bidirectional" ? 2 : 1;
  const written = intOf(node, "hidden_size", 0);
  const merged = mergeDims(written === 0 ? undefined : written, r.shape?.[2]);
  if (merged === "clash") failArgument(node.operator, "r", `[directions, …, ${written}]`, r);
  const hidden = merged ?? undefined;
  const [steps, batch] = batchFirst ? [x.shape?.[1], x.shape?.[0]] : [x.shape?.[0], x.shape?.[1]];
  const state: readonly Dim[] = batchFirst
    ? [batch, directions, hidden]
    : [directions, batch, hidden];
  const rows = multiplyDims(hidden, gates);
  const both = multiplyDims(rows, 2);
  fits(node, "x", 0, [undefined, undefined, w.shape?.[2]]);
  fits(node, "w", 1, [directions, rows, undefined]);
  fits(node, "r", 2, [directions, rows, hidden]);
  fits(node, "b", 3, [directions, both]);
  fits(node, "sequenceLens", 4, [batch]);
  fits(node, "initialH", 5, state);
  fits(node, "initialC", 6, state);
  fits(node, "peepholes", 7, [directions, multiplyDims(hidden, 3)]);
  const all = batchFirst ? [batch, steps, directions, hidden] : [steps, directions, batch, hidden];
  const types = [all, state, state].map((shape) => ({ dtype, shape }));
  return types.slice(0, Math.max(node.outputCount, 1));
}

function fits(node: NodeFacts, name: string, i: number, expected: readonly Dim[]): void {
  const value = node.inputs[i];
  const shape = value?.shape;
  if (shape === undefined) return;
  const wrong =
    shape.length !== expected.length ||
    shape.some(
      (dim, axis) => expected[axis] !== undefined && sameDim(dim, expected[axis]) === false,
    );
  if (wrong) failArgument(node.operator, name, formatShape(expected), value);
}

function schemaFor<Normal extends Recurrent>(
  gates: number,
  most: number,
  defaults: readonly ActivationName[],
  more: (node: NodeFacts) => Omit<Normal, keyof Recurrent>,
): Schema<Normal> {
  return {
    arity: [3, most],
    normal: (node) => ({ ...recurrentOf(node, defaults), ...more(node) }) as Normal,
    infer: (node, normal) => recurrentTypes(node, normal, gates),
  };
}

export const recurrentSchemas: Schemas<"RNN" | "GRU" | "LSTM"> = {
  RNN: schemaFor(1, 6, ["Tanh"], () => ({})),
  GRU: schemaFor<OperatorTable["GRU"]>(3, 6, ["Sigmoid", "Tanh"], (node) => ({
    linearBeforeReset: intOf(node, "linear_before_reset", 0) !== 0,
  })),
  LSTM: schemaFor<OperatorTable["LSTM"]>(4, 8, ["Sigmoid", "Tanh", "Tanh"], (node) => ({
    inputForget: intOf(node, "input_forget", 0) !== 0,
  })),
};
