import { checkOptions, failArgument, GraphError } from "../builder/errors.ts";
import type { Graph } from "../builder/graph.ts";
import type { Value } from "../builder/value.ts";
import type { Feeds, TensorInfo, Tensors } from "../runtime/session.ts";
import { inferenceForm } from "../train/inference-form.ts";
import { type Checkpoint, CheckpointError, type FitFacts, fitDifferences } from "./checkpoint.ts";
import type { Data, Source } from "./data.ts";
import { checkMonitor } from "./early-stopping.ts";
import {
  type Keeper,
  keptBy,
  newBest,
  newPosition,
  type Position,
  type Run,
  training,
} from "./fit.ts";
import type { TrainerHost } from "./host.ts";
import { joined } from "./joined.ts";
import { Keeping } from "./keeping.ts";
import { Models, scoresOf } from "./models.ts";
import {
  BATCH_OPTIONS,
  type BatchOptions,
  batchSizeOf,
  type FitOptions,
  type ResolvedFit,
  resolveFit,
  splitTrainerOptions,
  type TrainerOptions,
} from "./options.ts";
import { type Programs, programsOf } from "./programs.ts";
import {
  addScores,
  type EpochRecord,
  meansOf,
  newSums,
  type Scores,
  type StepRecord,
} from "./records.ts";
import { shuffled } from "./shuffle.ts";
import {
  type ExportOptions,
  type Fit,
  type PredictOptions,
  type RestoreOptions,
  type Trainer,
  TrainingError,
} from "./trainer.ts";

/** Makes a trainer that runs on a host. See createTrainer of softonnx/node.
 *
 * @throws GraphError for options that are unknown or wrong, and if there is nothing to train */
export function trainerOn<Options extends object>(
  host: TrainerHost<Options>,
  graph: Graph,
  options: TrainerOptions & Options,
): Trainer {
  const { own, optimize, session } = splitTrainerOptions(graph, options, host.sessionOptions);
  const scores = new Set([own.loss, ...Object.values(own.metrics ?? {})]);
  const given = [...graph.outputs].filter(([, value]) => !scores.has(value));
  const programs = programsOf(graph, own, optimize);
  const models = new Models(graph, programs, own.feeds ?? {}, (operator, bytes) =>
    host.load(operator, bytes, session),
  );
  return new HostedTrainer(graph, programs, models, host, {
    outputs: own.outputs ?? Object.fromEntries(given),
    seed: own.seed ?? 0,
  });
}

type Host = Pick<TrainerHost<object>, "openProgress" | "checkpoints">;

class HostedTrainer implements Trainer {
  readonly graph: Graph;
  readonly #programs: Programs;
  readonly #models: Models;
  readonly #host: Host;
  readonly #outputs: Readonly<Record<string, Value>>;
  readonly #seed: number;
  readonly #keeping: Keeping;
  readonly #position: Position = newPosition();
  #fitting = false;
  /** The fit that is under way, or was left before its end. */
  #fit: FitFacts | undefined;
  /** The parameters of its best epoch, where early stopping is to end with those. */
  #best: Tensors | undefined;
  /** Whether the next fit goes on from a checkpoint. */
  #restored = false;

  constructor(
    graph: Graph,
    programs: Programs,
    models: Models,
    host: Host,
    { outputs, seed }: { outputs: Readonly<Record<string, Value>>; seed: number },
  ) {
    this.graph = graph;
    this.#programs = programs;
    this.#models = models;
    this.#host = host;
    this.#keeping = new Keeping(graph, programs, models, host.checkpoints);
    this.#outputs = outputs;
    this.#seed = seed;
  }

  get epoch(): number {
    return this.#position.epoch;
  }

  get step(): number {
    return this.#position.step;
  }

  fit(data: Data, options?: FitOptions & { readonly every?: "epoch" }): Fit<EpochRecord>;
  fit(data: Data, options: FitOptions): Fit<StepRecord | EpochRecord>;
  fit(data: Data, options: FitOptions = {}): Fit<never> {
    const records = this.#training(data, resolveFit(options));
    const all = async () => {
      const list: (StepRecord | EpochRecord)[] = [];
      for await (const record of records) list.push(record);
      return list;
    };
    return Object.assign(records, { all }) as Fit<never>;
  }

  async evaluate(data: Data, options: BatchOptions = {}): Promise<Scores> {
    checkOptions("evaluate", options, BATCH_OPTIONS);
    const batchSize = batchSizeOf("evaluate", options);
    const { inputs, Tensor } = await this.#models.scoring("evaluate");
    const source = this.#models.source("evaluate", "data", data, { inputs, Tensor });
    return this.#score("evaluate", source, undefined, batchSize);
  }

  async predict(data: Data, options: PredictOptions = {}): Promise<Tensors> {
    checkOptions("predict", options, [...BATCH_OPTIONS, "outputs"]);
    const batchSize = batchSizeOf("predict", options);
    const outputs = this.#outputsFor("predict", options.outputs);
    const model = await this.#models.predicting("predict", outputs);
    const source = this.#models.source("predict", "data", data, model);
    const parts: Tensors[] = [];
    const sizes: number[] = [];
    for await (const { feeds, samples } of inOrder(source, batchSize)) {
      const fixed = this.#models.fixedFeeds(model.inputs, this.step);
      parts.push(await model.run("predict", { ...feeds, ...fixed }));
      sizes.push(samples);
    }
    return joined("predict", parts, sizes, model.Tensor);
  }

  async export(options: ExportOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    checkOptions("export", options, ["outputs", "mode", "gradients"]);
    const { mode, gradients } = options;
    const plain = this.#outputsFor("export", options.outputs);
    const asked = mode !== undefined || gradients !== undefined;
    const outputs = asked ? inferenceForm(plain, { mode, gradients }) : plain;
    const held = await this.state();
    const state: Tensors = {};
    for (const name of this.graph.parameters.keys()) {
      const tensor = held[this.#programs.averages.get(name) ?? name];
      if (tensor !== undefined) state[name] = tensor;
    }
    return this.graph.toModel({ outputs, state });
  }

  async state(): Promise<Tensors> {
    return (await this.#models.stepping("state")).stepper.state();
  }

  async setState(state: Feeds): Promise<void> {
    await (await this.#models.stepping("setState")).stepper.setState(state);
  }

  dispose(): Promise<void> {
    return this.#models.dispose();
  }

  save(path: string): Promise<void> {
    return this.#keeping.write(path, this.#position, this.#fit, this.#best);
  }

  async restore(path: string, options: RestoreOptions = {}): Promise<void> {
    checkOptions("restore", options, ["otherGraph"]);
    if (this.#fitting) throw new GraphError("restore", "a fit of this trainer is under way");
    await this.#goTo(await this.#keeping.require("restore", path, options.otherGraph));
  }

  async *#training(
    data: Data,
    options: ResolvedFit,
  ): AsyncGenerator<StepRecord | EpochRecord, void, void> {
    if (this.#fitting) throw new GraphError("fit", "another fit of this trainer is under way");
    this.#fitting = true;
    let run: Run | undefined;
    try {
      run = await this.#run(data, options);
      yield* training(run);
      this.#fit = undefined;
    } finally {
      run?.progress?.close();
      this.#fitting = false;
    }
  }

  async #run(data: Data, options: ResolvedFit): Promise<Run> {
    if (options.stopping !== undefined) {
      const metrics = [...this.#programs.scoreNames.keys()].filter((name) => name !== "loss");
      checkMonitor(options.stopping, metrics);
    }
    const stepping = await this.#models.stepping("fit");
    const source = this.#models.source("fit", "data", data, stepping);
    if (source.samples === undefined && options.shuffle === true) {
      failArgument("fit", "shuffle", "false for a stream of batches", true);
    }
    const { rows, validate } = await this.#validation(source, options);
    const samples = rows?.length ?? source.samples;
    for (const info of stepping.inputs) checkFixedSize(info, samples, options);
    const lastStep = await this.#resume(options);
    const facts = this.#begin(options, samples);
    const run = {
      models: this.#models,
      stepping,
      source,
      rows,
      validate,
      options,
      seed: this.#seed,
      position: this.#position,
      until: facts.stopped ? this.epoch : facts.from + options.epochs,
      keepBest: async () => {
        this.#best = await stepping.stepper.state();
      },
      endWithBest: async () => {
        if (this.#best !== undefined) await stepping.stepper.setState(this.#best);
      },
      keeper: this.#keeper(options, lastStep),
    };
    const progress = options.progress ? await this.#host.openProgress?.() : undefined;
    return { ...run, progress };
  }

  /** Goes to where the checkpoint of this fit is, if there is one.
   * @returns its step */
  async #resume({ checkpoint }: ResolvedFit): Promise<number | undefined> {
    if (checkpoint === undefined) return undefined;
    const { path, otherGraph } = checkpoint;
    const found = await this.#keeping.read("fit", path, otherGraph);
    if (found === undefined) return undefined;
    const from = found.fit?.from ?? found.position.epoch;
    if (this.step > 0 && !this.#restored && from !== this.epoch) {
      throw new GraphError(
        "fit",
        `the checkpoint ${path} is of a fit that began after epoch ${from}, and this one begins after ` +
          `epoch ${this.epoch}: for more epochs raise \`epochs\` there, or give this one a file of its own`,
      );
    }
    await this.#goTo(found);
    return found.position.step;
  }

  async #goTo({ state, best, position, fit }: Checkpoint): Promise<void> {
    const { stepper } = await this.#models.stepping("restore");
    await stepper.setState(state);
    Object.assign(this.#position, position);
    this.#fit = fit;
    this.#best = best;
    this.#restored = true;
  }

  /** Settles what the fit begins with. */
  #begin(options: ResolvedFit, samples: number | undefined): FitFacts {
    const { batchSize, dropLast, shuffle = samples !== undefined, checkpoint } = options;
    const before = this.#restored ? this.#fit : undefined;
    const facts: FitFacts = {
      from: (checkpoint && before?.from) ?? this.epoch,
      seed: this.#seed,
      batchSize,
      dropLast,
      shuffle,
      samples: samples ?? null,
      stopped: (checkpoint && before?.stopped) ?? false,
    };
    if (!this.#restored) {
      Object.assign(this.#position, { batch: 0, sums: newSums(), best: newBest() });
      this.#best = undefined;
    } else if (before !== undefined && this.#position.batch > 0) {
      const differences = fitDifferences(before, facts);
      if (differences.length > 0) {
        throw new CheckpointError(
          `the checkpoint is from within an epoch that had other batches: ${differences.join(", ")}`,
        );
      }
    }
    this.#restored = false;
    this.#fit = facts;
    return facts;
  }

  #keeper({ checkpoint }: ResolvedFit, lastStep: number | undefined): Keeper | undefined {
    if (checkpoint === undefined) return undefined;
    const { path, everySteps } = checkpoint;
    const keeper = {
      path,
      everySteps,
      lastStep,
      save: async (stopped: boolean) => {
        if (this.#fit !== undefined) this.#fit = { ...this.#fit, stopped };
        try {
          await this.#keeping.write(path, this.#position, this.#fit, this.#best);
        } catch (error) {
          if (!(error instanceof TrainingError)) throw error;
          throw new TrainingError(error.message + keptBy(keeper), error);
        }
        keeper.lastStep = this.step;
      },
    };
    return keeper;
  }

  /** What to train on and what to evaluate on. */
  async #validation(
    source: Source,
    { validation, batchSize }: ResolvedFit,
  ): Promise<Pick<Run, "rows" | "validate">> {
    if (validation === undefined) return { rows: undefined, validate: undefined };
    const model = await this.#models.scoring("fit");
    if (typeof validation !== "number") {
      const held = this.#models.source("fit", "validation", validation, model);
      const validate = () => this.#score("fit", held, undefined, batchSize);
      return { rows: undefined, validate };
    }
    const { samples } = source;
    if (samples === undefined) {
      failArgument("fit", "validation", "data, beside a stream of batches", validation);
    }
    const order = shuffled(samples, this.#seed, "validation");
    const count = Math.round(samples * validation);
    if (count === 0 || count === samples) {
      failArgument("fit", "validation", `a share that divides ${samples} samples`, validation);
    }
    // In the order that the data have: with shuffle off, that is what is asked for.
    const rows = order.slice(count).sort();
    const validate = () => this.#score("fit", source, order.slice(0, count).sort(), batchSize);
    return { rows, validate };
  }

  async #score(
    operator: string,
    source: Source,
    rows: Uint32Array | undefined,
    batchSize: number,
  ): Promise<Scores> {
    const model = await this.#models.scoring(operator);
    const sums = newSums();
    for await (const { feeds, samples } of inOrder(source, batchSize, rows)) {
      const fixed = this.#models.fixedFeeds(model.inputs, this.step);
      const results = await model.run(operator, { ...feeds, ...fixed });
      addScores(sums, scoresOf(results, this.#programs.scoreNames), samples);
    }
    return meansOf(sums);
  }

  #outputsFor(
    operator: string,
    outputs: Readonly<Record<string, Value>> = this.#outputs,
  ): Readonly<Record<string, Value>> {
    if (Object.keys(outputs).length === 0) {
      throw new GraphError(operator, "there are no outputs: give createTrainer `outputs`");
    }
    for (const [name, value] of Object.entries(outputs)) {
      if (value?.graph === this.graph) continue;
      failArgument(operator, `outputs.${name}`, `a Value of ${this.graph}`, value);
    }
    return outputs;
  }
}

function inOrder(source: Source, batchSize: number, order?: Uint32Array) {
  return source.pass({ batchSize, dropLast: false, order, skip: 0 });
}

/** @throws GraphError where the graph fixes how many samples a batch has, and not all have so many */
function checkFixedSize(
  { name, shape }: TensorInfo,
  samples: number | undefined,
  { batchSize, dropLast }: ResolvedFit,
): void {
  const size = shape?.[0];
  if (typeof size !== "number" || samples === undefined) return;
  if (Math.min(batchSize, samples) === size && (dropLast || samples % size === 0)) return;
  throw new GraphError(
    "fit",
    `input "${name}" takes exactly ${size} samples: set batchSize to ${size} and dropLast to true, ` +
      'or give its first size a name, such as "batch"',
  );
}
