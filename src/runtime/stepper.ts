import type { Tensor } from "onnxruntime-common";
import { GraphError } from "../builder/errors.ts";
import type { Graph } from "../builder/graph.ts";
import { STATE_KEY } from "../builder/read-header.ts";
import { convertFeed, convertFeeds, copyTensor, rejectUnknown, tensorOfData } from "./feeds.ts";
import type { HeldState, StatePair } from "./held-state.ts";
import type { LoadedModel } from "./model.ts";
import type { Feeds, TensorInfo, Tensors } from "./session.ts";

/** Runs a training step again and again, and holds the parameters in between.
 *
 * Calls are carried out one after another in the order they were made, whether or not the caller waits
 * for each. */
export interface Stepper {
  /** What `step` must be fed. */
  readonly inputs: readonly TensorInfo[];
  /** What `step` gives. */
  readonly outputs: readonly TensorInfo[];
  /** Takes one step: computes the outputs from the state so far, and the new state.
   *
   * ```ts
   * const { loss } = await stepper.step({ X: rows, y: targets });
   * ```
   * @returns the outputs that are not state
   * @throws GraphError for wrong feeds, as `run` of a session. A step that fails leaves the state as it
   * was. */
  step(feeds?: Feeds): Promise<Tensors>;
  /** Copies of all parameters, by name; `graph.toModel({ state })` takes them. */
  state(): Promise<Tensors>;
  /** Replaces parameters: all of them, or those that are named.
   * @throws GraphError, and changes nothing, if a name is none of theirs or a tensor does not fit */
  setState(state: Feeds): Promise<void>;
  /** Frees the model after the calls made so far. A second call does nothing. */
  dispose(): Promise<void>;
}

/** A stepper by whose state other models can be run. */
export interface HoldingStepper extends Stepper {
  /** What the state is made of. */
  readonly held: readonly TensorInfo[];
  /** Runs a model whose inputs are parameters and feeds. Calls are in turn with those of `step`.
   *
   * @param held what each of its parameters reads of the state, by name
   * @param feeds its other inputs, as tensors of the types and shapes that it declares */
  runBeside(
    model: LoadedModel,
    held: ReadonlyMap<string, string>,
    feeds: Tensors,
  ): Promise<Tensors>;
}

/** Makes a stepper of a loaded training step.
 *
 * @param graph where the model was written from, if it was: it knows initial values
 * @param given what to start from instead of those */
export function stepperOf(
  model: LoadedModel,
  graph: Graph | undefined,
  given: Feeds = {},
): HoldingStepper {
  const pairs = statePairs(model);
  const updated = new Set(pairs.map(({ parameter }) => parameter.name));
  // A parameter that no update changes is held as well. A file does not say which inputs are such; those
  // that a state is given for are.
  const isHeld = ({ name }: TensorInfo) =>
    updated.has(name) || (graph?.parameters.has(name) ?? Object.hasOwn(given, name));
  const known = graph?.parameters.keys() ?? model.inputs.map(({ name }) => name);
  rejectUnknown("createStepper", "parameter", given, [...known]);
  const state: Tensors = {};
  for (const info of model.inputs.filter(isHeld)) {
    state[info.name] = startOf(model, graph, info, given);
  }
  return new StateKeeper(model, pairs, state);
}

class StateKeeper implements HoldingStepper {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  readonly held: readonly TensorInfo[];
  readonly #model: LoadedModel;
  readonly #held: HeldState;
  readonly #infos: ReadonlyMap<string, TensorInfo>;
  #last: Promise<unknown> = Promise.resolve();
  #disposal: Promise<void> | undefined;

  constructor(model: LoadedModel, pairs: readonly StatePair[], state: Tensors) {
    this.#model = model;
    this.#held = model.holdState(pairs, state);
    const nexts = new Set(pairs.map(({ next }) => next));
    const isHeld = ({ name }: TensorInfo) => Object.hasOwn(state, name);
    this.#infos = new Map(model.inputs.filter(isHeld).map((info) => [info.name, info]));
    this.held = [...this.#infos.values()];
    this.inputs = model.inputs.filter((info) => !isHeld(info));
    this.outputs = model.outputs.filter(({ name }) => !nexts.has(name));
  }

  async step(feeds: Feeds = {}): Promise<Tensors> {
    this.#rejectState(feeds);
    const tensors = convertFeeds("step", this.inputs, feeds, this.#model.Tensor);
    return this.#inTurn("step", () => this.#held.step(tensors));
  }

  runBeside(
    model: LoadedModel,
    held: ReadonlyMap<string, string>,
    feeds: Tensors,
  ): Promise<Tensors> {
    return this.#inTurn("evaluate", () => this.#held.runBeside(model, held, feeds));
  }

  state(): Promise<Tensors> {
    return this.#inTurn("state", async () => this.#held.read());
  }

  async setState(state: Feeds): Promise<void> {
    rejectUnknown("setState", "parameter", state, [...this.#infos.keys()]);
    const tensors: Tensors = {};
    for (const [name, value] of Object.entries(state)) {
      const info = this.#infos.get(name) as TensorInfo;
      // The caller may change its own while this waits for its turn.
      const tensor = stateTensor("setState", this.#model, info, value);
      tensors[name] = copyTensor(tensor, this.#model.Tensor);
    }
    return this.#inTurn("setState", async () => this.#held.write(tensors));
  }

  dispose(): Promise<void> {
    this.#disposal ??= this.#last.then(() => {
      this.#held.dispose();
      return this.#model.dispose();
    });
    return this.#disposal;
  }

  #rejectState(feeds: object): void {
    for (const name of Object.keys(feeds ?? {})) {
      if (!this.#infos.has(name)) continue;
      throw new GraphError("step", `"${name}" is held by the stepper; change it with setState`);
    }
  }

  /** Runs a task after all earlier ones, failed ones included. */
  async #inTurn<Result>(operator: string, task: () => Promise<Result>): Promise<Result> {
    if (this.#disposal !== undefined) {
      throw new GraphError(operator, "the stepper is disposed of");
    }
    const result = this.#last.then(task);
    this.#last = result.catch(() => undefined);
    return result;
  }
}

function statePairs(model: LoadedModel): StatePair[] {
  const text = model.header.metadata.get(STATE_KEY);
  if (text === undefined) {
    throw new GraphError(
      "createStepper",
      "the model is no training step: it updates no parameter; write graph.update(parameter, next)",
    );
  }
  const pairs = parsePairs(text);
  return pairs.map(([name, next]) => {
    const parameter = model.inputs.find((info) => info.name === name);
    const output = model.outputs.find((info) => info.name === next);
    if (parameter === undefined || output?.dtype !== parameter.dtype) throw damaged(text);
    return { parameter, next };
  });
}

function parsePairs(text: string): (readonly [string, string])[] {
  const isPair = (pair: unknown): pair is [string, string] =>
    Array.isArray(pair) && pair.length === 2 && pair.every((name) => typeof name === "string");
  let pairs: unknown;
  try {
    pairs = JSON.parse(text);
  } catch {
    throw damaged(text);
  }
  if (!Array.isArray(pairs) || !pairs.every(isPair)) throw damaged(text);
  return pairs;
}

function damaged(text: string): GraphError {
  return new GraphError(
    "createStepper",
    `the model's ${STATE_KEY} does not pair its inputs with its outputs: ${text.slice(0, 200)}`,
  );
}

function startOf(
  model: LoadedModel,
  graph: Graph | undefined,
  info: TensorInfo,
  given: Feeds,
): Tensor {
  if (Object.hasOwn(given, info.name)) {
    return stateTensor("createStepper", model, info, given[info.name]);
  }
  const origin = graph?.parameters.get(info.name)?.origin;
  if (origin?.kind === "parameter") {
    return tensorOfData(origin.initial, model.Tensor);
  }
  throw new GraphError(
    "createStepper",
    `state "${info.name}" is missing: a model file does not hold initial values, ` +
      "give them as options.state",
  );
}

function stateTensor(
  operator: string,
  model: LoadedModel,
  info: TensorInfo,
  value: unknown,
): Tensor {
  return convertFeed(operator, `state "${info.name}"`, info, value, model.Tensor);
}
