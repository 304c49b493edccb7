import type { ModelProto } from "onnx-buf";
import { formatShape, sameShape } from "./dim.ts";
import { failArgument, GraphError, nearest } from "./errors.ts";
import { frameModel, NodeFields } from "./frame.ts";
import type { Graph } from "./graph.ts";
import { requireValue } from "./lift.ts";
import { assembleModel } from "./model-proto.ts";
import { Names } from "./names.ts";
import { planModel } from "./plan.ts";
import { STATE_KEY } from "./read-header.ts";
import { type Literal, type StateTensor, type TensorData, tensorOf } from "./tensor.ts";
import { protoOfTensor } from "./tensor-proto.ts";
import type { Value } from "./value.ts";
import { BlockWriter, valueInfoOf } from "./write-block.ts";
import { functionsOf } from "./write-function.ts";

/** Says in a model which opset it was read in, where a gradient needed a later one. */
const RAISED_KEY = "ai.softonnx.raised_from_opset";

/** Options of graph.toModel. */
export interface ModelOptions {
  /** Write the slice that computes these, under these names, without updates: an inference model.
   * Straight-through operators become their hard side. By default all outputs and updates. */
  readonly outputs?: Readonly<Record<string, Value>>;
  /** Beside `outputs`: write the updates as well, so that it is a training step with these outputs alone.
   * Default false; without `outputs` they are written in any case. */
  readonly updates?: boolean;
  /** Write layers in the forms that they have in training, where they were applied so: dropout drops, batch
   * normalisation goes by the batch. Default true in a training step, false in an inference model. */
  readonly training?: boolean;
  /** Elements to give the parameters instead of their initial ones, by name. */
  readonly state?: Readonly<Record<string, Literal | StateTensor>>;
  /** Whether parameters are written as inputs or as initialisers. By default inputs in a training step,
   * initialisers in an inference model. */
  readonly parameters?: "inputs" | "initializers";
}

/** Makes an empty graph, for function bodies (handed in, so that this module need not import Graph). */
export type NewGraph = (name: string, opset: number) => Graph;

/** See Graph.toModel. */
export function writeModel(
  graph: Graph,
  options: ModelOptions,
  newGraph: NewGraph,
): Uint8Array<ArrayBuffer> {
  const nodes = new NodeFields();
  return frameModel(modelOf(graph, options, newGraph, nodes), nodes);
}

/** @param nodes gets those of the graph, which the message does not have */
function modelOf(
  graph: Graph,
  options: ModelOptions,
  newGraph: NewGraph,
  nodes: NodeFields,
): ModelProto {
  checkState(graph, options.state);
  const whole = options.outputs === undefined;
  const outputs = requestedOutputs(graph, options);
  const step = whole || options.updates === true;
  const updates = step ? graph.updates : new Map<Value, Value>();
  if (outputs.size + updates.size === 0) {
    throw new GraphError("toModel", `${graph} has no outputs; name one with graph.output(…)`);
  }
  const plan = planModel(graph.root, {
    roots: [...outputs.values(), ...updates.values()],
    keepImported: whole,
    inference: !step,
    training: options.training ?? step,
  });

  const names = new Names(graph.source);
  for (const [name, value] of [...graph.inputs, ...graph.parameters]) names.claim(value, name);
  const results = new Map(outputs);
  const state: [parameter: string, next: string][] = [];
  for (const [parameter, next] of updates) {
    const isTaken = (taken: string) => results.has(taken) || names.isTaken(taken);
    // One that was read has its name.
    const name = graph.source?.nameOf(next) ?? nextName(parameter, isTaken);
    results.set(name, next);
    state.push([parameter.hint, name]);
  }
  const writer = new BlockWriter(names, plan, graph.root);
  const extra = writer.nameResults(results);
  const described = whole ? 0 : (graph.source?.model.graph?.valueInfo.length ?? 0);
  const mentioned = new Set<string>();
  for (const node of writer.written(graph.root, extra)) {
    nodes.add(node);
    if (described === 0) continue;
    const { input, output } = node.message;
    for (const name of [...input, ...output]) mentioned.add(name);
  }

  const needed = (value: Value) => plan.leaves.has(value);
  // An updated parameter that nothing reads is written too: its next value is paired with it.
  const parameters = [...graph.parameters.values()].filter(
    (value) => needed(value) || updates.has(value),
  );
  const inputs = [...graph.inputs.values()].filter((value) => whole || needed(value));
  const fed = parametersAsInputs(options, updates) ? [...inputs, ...parameters] : inputs;
  const initializers = parametersAsInputs(options, updates)
    ? []
    : parameters.map((value) => protoOfTensor(stateOf(value, options.state), names.of(value)));
  for (const value of plan.leaves) {
    // The initialisers of an imported subgraph go out with it.
    if (value.data !== undefined && value.block === graph.root)
      initializers.push(protoOfTensor(value.data, names.of(value)));
  }
  return assembleModel(graph, {
    whole,
    standard: extra.length > 0 || plan.nodesOf(graph.root).some(({ domain }) => domain === ""),
    mentioned,
    inputs: fed.map((value) => valueInfoOf(value, names.of(value))),
    outputs: [...results].map(([name, value]) => valueInfoOf(value, name)),
    initializers,
    functions: functionsOf(writer.definitions, graph.opset, newGraph),
    metadata: {
      ...(state.length === 0 ? {} : { [STATE_KEY]: JSON.stringify(state) }),
      ...(graph.raisedFrom === undefined ? {} : { [RAISED_KEY]: String(graph.raisedFrom) }),
    },
  });
}

function requestedOutputs(graph: Graph, options: ModelOptions): ReadonlyMap<string, Value> {
  if (options.outputs === undefined) return graph.outputs;
  const outputs = new Map(Object.entries(options.outputs));
  for (const [name, value] of outputs) {
    requireValue("toModel", `outputs.${name}`, value);
    if (value.graph !== graph) throw new GraphError("toModel", `${value} belongs to another graph`);
    if (value.block !== graph.root) {
      throw new GraphError("toModel", `${value} is inside a closed subgraph`);
    }
  }
  return outputs;
}

function nextName(parameter: Value, isTaken: (name: string) => boolean): string {
  const name = `${parameter.hint}.next`;
  let unique = name;
  for (let count = 1; isTaken(unique); count++) unique = `${name}_${count}`;
  return unique;
}

function parametersAsInputs(options: ModelOptions, updates: ReadonlyMap<Value, Value>): boolean {
  return (options.parameters ?? (updates.size > 0 ? "inputs" : "initializers")) === "inputs";
}

function stateOf(parameter: Value, state: ModelOptions["state"]): TensorData {
  if (parameter.origin.kind !== "parameter") {
    throw new GraphError("toModel", `${parameter} is no parameter`);
  }
  const { initial } = parameter.origin;
  const given = state?.[parameter.hint];
  if (given === undefined) return initial;
  const argument = `state.${parameter.hint}`;
  const tensor = typeof given === "object" && "dims" in given ? given : undefined;
  if (tensor !== undefined && sameShape(tensor.dims, parameter.shape) === false) {
    const expected = `shape ${formatShape(parameter.shape)}`;
    failArgument("toModel", argument, expected, formatShape(tensor.dims));
  }
  const literal = (tensor?.data ?? given) as Literal;
  return tensorOf("toModel", argument, literal, parameter.dtype, initial.dims);
}

function checkState(graph: Graph, state: ModelOptions["state"]): void {
  for (const name of Object.keys(state ?? {})) {
    if (graph.parameters.has(name)) continue;
    const near = nearest(name, [...graph.parameters.keys()]);
    const advice = near === undefined ? "" : `; did you mean "${near}"?`;
    throw new GraphError("toModel", `state: there is no parameter "${name}"${advice}`);
  }
}
