import type { Tensor } from "onnxruntime-common";
import { checkOptions, failArgument, GraphError } from "../builder/errors.ts";
import type { Graph } from "../builder/graph.ts";
import { graphOf, isValue } from "../builder/lift.ts";
import type { Value } from "../builder/value.ts";
import { convertFeeds, tensorOfData } from "./feeds.ts";
import type { LoadedModel } from "./model.ts";
import type { Feeds, TensorInfo, Tensors } from "./session.ts";

/** Computes values of a graph: see `evaluate` of softonnx/node. */
export interface Evaluate<Options> {
  /** One value. */
  (value: Value, feeds?: Feeds, options?: Options): Promise<Tensor>;
  /** Values in order. */
  <const Values extends readonly Value[]>(
    values: Values,
    feeds?: Feeds,
    options?: Options,
  ): Promise<{ -readonly [Index in keyof Values]: Tensor }>;
  /** Values by name. */
  <Name extends string>(
    values: Readonly<Record<Name, Value>>,
    feeds?: Feeds,
    options?: Options,
  ): Promise<Record<Name, Tensor>>;
}

/** Sessions kept for one graph. Exploring makes new values all the time; old ones are let go. */
const SESSIONS_PER_GRAPH = 32;

/** A slice of a graph, ready to run. */
interface Slice {
  readonly model: LoadedModel;
  /** The names of the results, in the order of the values. */
  readonly names: readonly string[];
  /** The parameters it needs, as they are at the start. */
  readonly parameters: Tensors;
  /** Evaluations that are going on. */
  users: number;
  /** No longer kept: the last user frees it. */
  dropped: boolean;
}

/** Makes `evaluate` of a function that loads models.
 *
 * @param knownOptions keys that the options may have */
export function makeEvaluate<Options extends object>(
  load: (bytes: Uint8Array, options: Options) => Promise<LoadedModel>,
  knownOptions: readonly string[],
): Evaluate<Options> {
  const slices = new WeakMap<Graph, Map<string, Promise<Slice>>>();

  async function evaluate(
    values: unknown,
    feeds: Feeds = {},
    options: Options = {} as Options,
  ): Promise<Tensor | Tensor[] | Tensors> {
    checkOptions("evaluate", options, knownOptions);
    const { list, arrange } = requested(values);
    const graph = graphOf("evaluate", list);
    const key = JSON.stringify([list.map(({ id }) => id), options]);
    const slice = await sliceFor(graph, key, list, options);
    slice.users++;
    try {
      const tensors = feedsFor(slice, graph, feeds);
      const results = await slice.model.run("evaluate", tensors);
      return arrange(slice.names.map((name) => results[name] as Tensor));
    } finally {
      slice.users--;
      await freeUnused(slice);
    }
  }

  function sliceFor(graph: Graph, key: string, list: readonly Value[], options: Options) {
    let known = slices.get(graph);
    if (known === undefined) {
      known = new Map();
      slices.set(graph, known);
    }
    const slice = known.get(key) ?? openSlice(graph, list, (bytes) => load(bytes, options));
    // The least recently used comes first.
    known.delete(key);
    known.set(key, slice);
    slice.catch(() => known.delete(key));
    if (known.size > SESSIONS_PER_GRAPH) letGo(known);
    return slice;
  }

  return evaluate as Evaluate<Options>;
}

/** The values asked for, and how their results go back into the same form. */
function requested(values: unknown): {
  readonly list: readonly Value[];
  readonly arrange: (results: Tensor[]) => Tensor | Tensor[] | Tensors;
} {
  if (isValue(values)) return { list: [values], arrange: ([result]) => result as Tensor };
  if (typeof values !== "object" || values === null) {
    failArgument("evaluate", "values", "a Value, an array or an object of Values", values);
  }
  const list = Object.values(values);
  const names = Object.keys(values);
  for (const [i, value] of list.entries()) {
    if (!isValue(value)) failArgument("evaluate", `values.${names[i]}`, "a Value", value);
  }
  if (list.length === 0) throw new GraphError("evaluate", "values: there are none to compute");
  const arrange = (results: Tensor[]) =>
    Array.isArray(values)
      ? results
      : Object.fromEntries(results.map((result, i) => [names[i] as string, result]));
  return { list, arrange };
}

async function openSlice(
  graph: Graph,
  list: readonly Value[],
  load: (bytes: Uint8Array) => Promise<LoadedModel>,
): Promise<Slice> {
  const names = list.map((_, i) => freeName(graph, `result/${i}`));
  const outputs = Object.fromEntries(list.map((value, i) => [names[i] as string, value]));
  const model = await load(graph.toModel({ outputs, parameters: "inputs", training: true }));
  const parameters: Tensors = {};
  for (const { name } of model.inputs) {
    const origin = graph.parameters.get(name)?.origin;
    if (origin?.kind !== "parameter") continue;
    parameters[name] = tensorOfData(origin.initial, model.Tensor);
  }
  return { model, names, parameters, users: 0, dropped: false };
}

function feedsFor(slice: Slice, graph: Graph, feeds: Feeds): Tensors {
  const { model, parameters } = slice;
  const isFed = ({ name }: TensorInfo) =>
    parameters[name] === undefined || (feeds !== null && Object.hasOwn(feeds, name));
  // What the graph knows and this slice does not need may be fed all the same: feeds are often the same
  // for many slices.
  const others = [...graph.inputs.keys(), ...graph.parameters.keys()];
  const fed = convertFeeds("evaluate", model.inputs.filter(isFed), feeds, model.Tensor, others);
  return { ...parameters, ...fed };
}

function freeName(graph: Graph, name: string): string {
  const taken = (candidate: string) =>
    graph.inputs.has(candidate) ||
    graph.parameters.has(candidate) ||
    graph.source?.isTaken(candidate);
  let free = name;
  while (taken(free)) free += "_";
  return free;
}

function letGo(known: Map<string, Promise<Slice>>): void {
  const [key, oldest] = known.entries().next().value as [string, Promise<Slice>];
  known.delete(key);
  oldest
    .then((slice) => {
      slice.dropped = true;
      // Who asked for it earlier has by now counted itself a user.
      return freeUnused(slice);
    })
    .catch(() => undefined);
}

async function freeUnused(slice: Slice): Promise<void> {
  if (slice.dropped && slice.users === 0) await slice.model.dispose();
}
