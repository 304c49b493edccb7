import { failArgument, GraphError } from "../builder/errors.ts";
import type { Graph } from "../builder/graph.ts";
import type { Value } from "../builder/value.ts";
import { convertFeeds } from "../runtime/feeds.ts";
import type { LoadedModel } from "../runtime/model.ts";
import type { Feed, Feeds, TensorInfo, Tensors } from "../runtime/session.ts";
import { type HoldingStepper, stepperOf } from "../runtime/stepper.ts";
import type { Schedule } from "../train/schedules.ts";
import { type Data, type Source, sourceOf } from "./data.ts";
import type { Programs } from "./programs.ts";
import type { Scores } from "./records.ts";

/** Writes and loads the models of a trainer when they are first needed, and feeds them. */
export class Models {
  readonly #graph: Graph;
  readonly #programs: Programs;
  readonly #fixed: ReadonlyMap<string, Feed | Schedule>;
  readonly #load: (operator: string, bytes: Uint8Array) => Promise<LoadedModel>;
  #stepping: Promise<Stepping> | undefined;
  readonly #beside = new Map<string, Promise<Beside>>();
  #disposed = false;

  constructor(
    graph: Graph,
    programs: Programs,
    feeds: Readonly<Record<string, Feed | Schedule>>,
    load: (operator: string, bytes: Uint8Array) => Promise<LoadedModel>,
  ) {
    this.#graph = graph;
    this.#programs = programs;
    this.#load = load;
    this.#fixed = new Map([...programs.schedules, ...Object.entries(feeds)]);
    for (const name of Object.keys(feeds)) {
      if (graph.inputs.has(name)) continue;
      failArgument("createTrainer", `feeds.${name}`, `an input of ${graph}`, name);
    }
  }

  /** The training step. */
  stepping(operator: string): Promise<Stepping> {
    this.#requireAlive(operator);
    this.#stepping ??= this.#load("createTrainer", this.#programs.step()).then((model) => {
      return new Stepping(model, stepperOf(model, this.#graph), this.#programs.scoreNames);
    });
    return this.#stepping;
  }

  /** The loss and the metrics, of the parameters as they are. */
  scoring(operator: string): Promise<Beside> {
    return this.#besides(operator, "scores", this.#programs.scores);
  }

  /** Other values, of the parameters as they are. */
  predicting(operator: string, outputs: Readonly<Record<string, Value>>): Promise<Beside> {
    const key = JSON.stringify(Object.entries(outputs).map(([name, { id }]) => [name, id]));
    return this.#besides(operator, key, () => this.#programs.prediction(outputs));
  }

  /** Data for a model. */
  source(
    operator: string,
    argument: string,
    data: Data,
    model: { readonly inputs: readonly TensorInfo[]; readonly Tensor: LoadedModel["Tensor"] },
  ): Source {
    return sourceOf(data, {
      operator,
      argument,
      inputs: model.inputs.filter(({ name }) => !this.#fixed.has(name)),
      others: [...this.#graph.inputs.keys()].filter((name) => !this.#fixed.has(name)),
      Tensor: model.Tensor,
    });
  }

  /** What the inputs that are no data are fed in a step. */
  fixedFeeds(inputs: readonly TensorInfo[], step: number): Record<string, Feed> {
    const feeds: Record<string, Feed> = {};
    for (const { name } of inputs) {
      const feed = this.#fixed.get(name);
      if (feed !== undefined) feeds[name] = typeof feed === "function" ? feed(step) : feed;
    }
    return feeds;
  }

  /** What the schedules say of a step, by the name of the input. */
  rates(step: number): Record<string, number> {
    const rates: Record<string, number> = {};
    for (const [name, feed] of this.#fixed) {
      if (typeof feed === "function") rates[name] = feed(step);
    }
    return rates;
  }

  async dispose(): Promise<void> {
    this.#disposed = true;
    const beside = [...this.#beside.values()].map((model) => model.then((it) => it.dispose()));
    await Promise.allSettled([this.#stepping?.then(({ stepper }) => stepper.dispose()), ...beside]);
  }

  #requireAlive(operator: string): void {
    if (this.#disposed) throw new GraphError(operator, "the trainer is disposed of");
  }

  #besides(operator: string, key: string, write: () => Uint8Array): Promise<Beside> {
    const known = this.#beside.get(key);
    if (known !== undefined) return known;
    const beside = this.stepping(operator).then(async ({ stepper }) => {
      const model = await this.#load(operator, write());
      return new Beside(model, stepper, this.#graph, this.#programs.averages);
    });
    this.#beside.set(key, beside);
    beside.catch(() => this.#beside.delete(key));
    return beside;
  }
}

/** The training step, loaded. */
export class Stepping {
  readonly stepper: HoldingStepper;
  readonly inputs: readonly TensorInfo[];
  readonly Tensor: LoadedModel["Tensor"];
  readonly #scoreNames: ReadonlyMap<string, string>;

  constructor(
    model: LoadedModel,
    stepper: HoldingStepper,
    scoreNames: ReadonlyMap<string, string>,
  ) {
    this.stepper = stepper;
    this.inputs = stepper.inputs;
    this.Tensor = model.Tensor;
    this.#scoreNames = scoreNames;
  }

  /** Takes a step. */
  async step(feeds: Feeds): Promise<Scores> {
    return scoresOf(await this.stepper.step(feeds), this.#scoreNames);
  }
}

/** A model that is run by the parameters that a stepper holds. */
export class Beside {
  /** What has to be fed. */
  readonly inputs: readonly TensorInfo[];
  readonly Tensor: LoadedModel["Tensor"];
  readonly #model: LoadedModel;
  readonly #stepper: HoldingStepper;
  readonly #held: ReadonlyMap<string, string>;

  /** @param averages what is read in place of a parameter */
  constructor(
    model: LoadedModel,
    stepper: HoldingStepper,
    graph: Graph,
    averages: ReadonlyMap<string, string>,
  ) {
    const isHeld = ({ name }: TensorInfo) => graph.parameters.has(name);
    this.#model = model;
    this.#stepper = stepper;
    this.Tensor = model.Tensor;
    this.inputs = model.inputs.filter((info) => !isHeld(info));
    this.#held = new Map(
      model.inputs.filter(isHeld).map(({ name }) => [name, averages.get(name) ?? name]),
    );
  }

  run(operator: string, feeds: Feeds): Promise<Tensors> {
    const tensors = convertFeeds(operator, this.inputs, feeds, this.Tensor);
    return this.#stepper.runBeside(this.#model, this.#held, tensors);
  }

  dispose(): Promise<void> {
    return this.#model.dispose();
  }
}

/** Numbers of scalars. */
export function scoresOf(results: Tensors, names: ReadonlyMap<string, string>): Scores {
  const numbers = [...names].map(([name, output]) => [name, Number(results[output]?.data[0])]);
  const { loss, ...metrics } = Object.fromEntries(numbers) as Record<string, number>;
  return { loss: loss as number, metrics };
}
