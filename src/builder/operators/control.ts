import { type Attribute, attribute, type Block } from "../block.ts";
import type { TensorType } from "../definition.ts";
import { type Dim, type Shape, sameDim, sameShape } from "../dim.ts";
import { checkOptions, failArgument, GraphError } from "../errors.ts";
import { roundsOf } from "../iteration.ts";
import { graphOf, isValue, lift, type Operand, requireValue } from "../lift.ts";
import { floatOf, intOf, type NodeFacts, none, type Schemas, tensorAttribute } from "../schema.ts";
import { int64Data, tensorOf } from "../tensor.ts";
import type { Value } from "../value.ts";
import type { Size } from "./sizes.ts";

/** What one round of a loop gives. */
export interface LoopRound {
  /** The state for the next round, in the order of `init`. */
  readonly state: readonly Value[];
  /** Whether there is a next round: a boolean scalar. By default always. */
  readonly proceed?: Value;
  /** Values to collect: the loop returns each stacked along a new first axis. */
  readonly collect?: readonly Value[];
}

/** Options of loop. */
export interface LoopOptions {
  /** Whether there is a first round: a boolean scalar. By default always. */
  readonly condition?: Operand;
}

/** Repeats a computation: ONNX's Loop.
 *
 * ```ts
 * const [power] = loop(10, [x], (i, p) => [p.mul(x)]);
 * const [root] = loop(50, [x], (i, r) => {
 *   const next = r.add(x.div(r)).mul(0.5);
 *   return { state: [next], proceed: next.sub(r).abs().greater(1e-6) };
 * });
 * ```
 * @param count rounds at most: a number or an int64 scalar; undefined for no bound
 * @param init the state before the first round. Type and shape stay the same through all rounds.
 * @param body makes the next state of the round's number (int64 scalar) and the state. It may read any
 * value from outside.
 * @returns the last state, then what was collected
 * @throws GraphError if a state changes its type or shape, or nothing ever ends the loop */
export function loop(
  count: Size | undefined,
  init: readonly Operand[],
  body: (index: Value, ...state: Value[]) => readonly Value[] | LoopRound,
  options: LoopOptions = {},
): Value[] {
  checkOptions("loop", options, ["condition"]);
  const graph = graphOf("loop", [...init, count, options.condition]);
  const state = init.map((operand, i) => lift("loop", `init[${i}]`, operand, undefined, graph));
  const { condition } = options;
  const first =
    condition === undefined ? undefined : lift("loop", "condition", condition, "bool", graph);
  let collected = 0;
  let ends = count !== undefined;
  const block = graph.body(
    [
      { dtype: "int64", shape: [], hint: "round" },
      { dtype: "bool", shape: [], hint: "go" },
      ...state.map((value, i) => ({ ...typeOf(value), hint: `state_${i}` })),
    ],
    (index, go, ...current) => {
      const round = body(index as Value, ...current);
      const { state: next, proceed, collect = [] } = isRound(round) ? round : { state: round };
      checkState("loop", state, next);
      collected = collect.length;
      ends ||= proceed !== undefined;
      return [proceed ?? (go as Value), ...next, ...collect];
    },
  );
  if (!ends) throw new GraphError("loop", "count: expected a number where nothing else ends it");
  const limit = typeof count === "number" ? graph.lifted(int64Data(count)) : count;
  return [
    ...graph.emit({
      op: "Loop",
      inputs: [limit, first, ...state],
      attributes: { body: attribute.graph(block) },
      outputs: state.length + collected,
    }).outputs,
  ];
}

/** Computes one of two branches: ONNX's If.
 *
 * ```ts
 * const [y] = ifElse(x.sum().greater(0), () => [x], () => [x.neg()]);
 * ```
 * @param condition a boolean scalar
 * @param thenBranch makes the results where it is true; it may read any value from outside
 * @param elseBranch as many results of the same types
 * @throws GraphError if the branches differ in the number or types of their results */
export function ifElse(
  condition: Value,
  thenBranch: () => readonly Value[],
  elseBranch: () => readonly Value[],
): Value[] {
  const { graph } = requireValue("ifElse", "condition", condition);
  const [yes, no] = [graph.body([], thenBranch), graph.body([], elseBranch)];
  if (yes.outputs.length !== no.outputs.length) {
    const expected = `${yes.outputs.length} results as from thenBranch`;
    failArgument("ifElse", "elseBranch", expected, no.outputs.length);
  }
  for (const [i, value] of yes.outputs.entries()) {
    const other = no.outputs[i] as Value;
    if (value.dtype !== other.dtype) {
      failArgument("ifElse", `elseBranch result ${i}`, value.dtype, other);
    }
  }
  return [
    ...graph.emit({
      op: "If",
      inputs: [condition],
      attributes: { then_branch: attribute.graph(yes), else_branch: attribute.graph(no) },
      outputs: yes.outputs.length,
      operator: "ifElse",
    }).outputs,
  ];
}

function isRound(round: readonly Value[] | LoopRound): round is LoopRound {
  return !Array.isArray(round);
}

/** @throws GraphError if a state is lost, or changes its type or shape from one round to the next */
export function checkState(
  operator: string,
  before: readonly Value[],
  after: readonly Value[],
): void {
  if (after.length !== before.length) {
    failArgument(operator, "body", `${before.length} states as in init`, after.length);
  }
  for (const [i, value] of after.entries()) {
    if (!isValue(value)) failArgument(operator, `body's state ${i}`, "a Value", value);
    const was = before[i] as Value;
    if (value.dtype !== was.dtype || sameShape(value.shape, was.shape) === false) {
      failArgument(operator, `body's state ${i}`, `the type and shape of ${was}`, value);
    }
  }
}

export function typeOf(value: Value): TensorType {
  const { dtype, shape, container } = value;
  return { dtype, shape, container };
}

export function bodyOf(node: NodeFacts, name: string): Block {
  const found: Attribute | undefined = node.attributes[name];
  if (found?.type !== "graph") failArgument(node.operator, name, "a subgraph", found?.type);
  return found.value;
}

/** What is true of both types. */
export function common(a: TensorType, b: TensorType): TensorType {
  if (a.container !== undefined || b.container !== undefined) return commonContainer(a, b);
  const dtype = a.dtype === b.dtype ? a.dtype : "unknown";
  if (a.shape === undefined || b.shape === undefined || a.shape.length !== b.shape.length) {
    return { dtype, shape: undefined };
  }
  const other: Shape = b.shape;
  const both = (dim: Dim, axis: number): Dim => (sameDim(dim, other[axis]) ? dim : undefined);
  return { dtype, shape: a.shape.map(both) };
}

function commonContainer(a: TensorType, b: TensorType): TensorType {
  const [one, other] = [a.container, b.container];
  const alike = one !== undefined && one.kind === other?.kind;
  const container = alike ? { kind: one.kind, of: common(one.of, other.of) } : undefined;
  return { dtype: "unknown", shape: undefined, container };
}

export const controlSchemas: Schemas<"If" | "Loop" | "Constant"> = {
  If: {
    arity: 1,
    normal: none,
    infer: (node) => {
      const no = bodyOf(node, "else_branch").outputs;
      return bodyOf(node, "then_branch").outputs.map((value, i) => {
        const other = no[i];
        return other === undefined ? typeOf(value) : common(typeOf(value), typeOf(other));
      });
    },
  },
  Loop: {
    arity: [2, Number.POSITIVE_INFINITY],
    normal: none,
    infer: (node) => {
      const body = bodyOf(node, "body");
      const results = body.outputs.slice(1);
      const [count, condition, ...init] = node.inputs;
      const rounds = roundsOf(body, count, condition);
      return results.map((value, i) => {
        const from = init[i];
        if (i < init.length) return from ? common(typeOf(from), typeOf(value)) : typeOf(value);
        return { dtype: value.dtype, shape: value.shape && [rounds, ...value.shape] };
      });
    },
  },
  Constant: {
    arity: 0,
    normal: (node) => ({ value: constantOf(node) }),
    infer: (_, { value }) => {
      const small = value.dtype === "int64" && value.dims.length <= 1 && value.size <= 64;
      const elements = small ? value.toNumbers() : undefined;
      return [{ dtype: value.dtype, shape: value.dims, elements }];
    },
  },
};

function constantOf(node: NodeFacts) {
  const tensor = tensorAttribute(node, "value");
  if (tensor !== undefined) return tensor;
  const { value_int, value_float, value_ints, value_floats, value_string, value_strings } =
    node.attributes;
  if (value_int) return int64Data(intOf(node, "value_int", 0));
  if (value_float) return tensorOf(node.operator, "value_float", floatOf(node, "value_float", 0));
  if (value_ints?.type === "ints") return int64Data(value_ints.value.map(Number));
  if (value_floats?.type === "floats") {
    return tensorOf(node.operator, "value_floats", value_floats.value, "float32");
  }
  if (value_string?.type === "string") {
    return tensorOf(node.operator, "value_string", value_string.value, "string");
  }
  if (value_strings?.type === "strings") {
    return tensorOf(node.operator, "value_strings", value_strings.value, "string");
  }
  throw new GraphError(node.operator, "value: expected a dense constant");
}
