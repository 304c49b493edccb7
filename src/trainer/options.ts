import { isFloating } from "../builder/dtype.ts";
import { checkOptions, failArgument, GraphError } from "../builder/errors.ts";
import type { Graph } from "../builder/graph.ts";
import { isValue, requireValue } from "../builder/lift.ts";
import type { Value } from "../builder/value.ts";
import type { Feed } from "../runtime/session.ts";
import type { OptimizeOptions } from "../train/optimizers/index.ts";
import type { Schedule } from "../train/schedules.ts";
import { isState } from "../train/state.ts";
import type { Data } from "./data.ts";

/** Options of createTrainer that every runtime knows. Those of the optimizer are the ones of
 * `optimizers.optimize`. */
export interface TrainerOptions extends Omit<OptimizeOptions, "optimizer"> {
  /** What is made small: a floating scalar, the mean over a batch. */
  readonly loss: Value;
  /** What updates the parameters. By default the updates that the graph has. */
  readonly optimizer?: OptimizeOptions["optimizer"];
  /** What else is computed in every step and evaluation, by name: numbers or booleans, of which the mean
   * over all elements is taken. */
  readonly metrics?: Readonly<Record<string, Value>>;
  /** What `predict` computes and `export` writes, by name. By default the outputs of the graph, but
   * for the loss and the metrics. */
  readonly outputs?: Readonly<Record<string, Value>>;
  /** Inputs that are the same for all samples, by name: a tensor, or for a scalar a schedule, a function of
   * the step. */
  readonly feeds?: Readonly<Record<string, Feed | Schedule>>;
  /** What the order of samples follows from. Default 0. */
  readonly seed?: number;
}

/** How data goes through a model. */
export interface BatchOptions {
  /** How many samples go through at once; the last batch may have fewer. Default 32. */
  readonly batchSize?: number;
}

/** When to stop before all epochs are done. */
export interface EarlyStopping {
  /** How many epochs in a row may bring nothing better. Default 0: the first stops. */
  readonly patience?: number;
  /** "loss", or the name of a metric: of the validation data, if there are any. Default "loss". */
  readonly monitor?: string;
  /** Whether less or more is better. Default "min" */
  readonly goal?: "min" | "max";
  /** What counts as better is better by more than this. Default 0. */
  readonly minDelta?: number;
  /** End with the parameters of the best epoch instead of the last. They are then copied at every epoch
   * that is better than those before. Default false. */
  readonly restoreBest?: boolean;
}

/** Where the state of training is kept, and how often. */
export interface CheckpointOptions {
  /** The file. */
  readonly path: string;
  /** Write it after every so many steps too, not only after every epoch. */
  readonly everySteps?: number;
  /** Go on from a checkpoint of another graph, if its parameters have the same names, types and shapes.
   * Default false. */
  readonly otherGraph?: boolean;
}

/** Options of fit. */
export interface FitOptions extends BatchOptions {
  /** How often the data go through; Infinity for as long as records are read. Default 1. */
  readonly epochs?: number;
  /** Take the samples in another order in every epoch. Default true, but false for streams of batches. */
  readonly shuffle?: boolean;
  /** Leave out a last batch that is smaller than the others. Default false. */
  readonly dropLast?: boolean;
  /** Data to evaluate on after every epoch, or the share of samples, between 0 and 1, to hold back for
   * that: drawn by the seed, the same in every epoch. */
  readonly validation?: Data | number;
  /** By default training goes on for all epochs. */
  readonly earlyStopping?: EarlyStopping;
  /** A file that all state is kept in, so that training goes on to the same numbers however it was stopped:
   * if the file is there, fit begins where that left off, and it replaces the file after every epoch. A
   * file is of one fit. By default nothing is kept. */
  readonly checkpoint?: string | CheckpointOptions;
  /** Whether there is a record of each epoch, or of each step too. Default "epoch". */
  readonly every?: "epoch" | "step";
  /** Show how far it is, where someone looks. Default true. */
  readonly progress?: boolean;
}

export type ResolvedStopping = Required<EarlyStopping>;

/** FitOptions with defaults filled in. */
export interface ResolvedFit {
  readonly batchSize: number;
  readonly epochs: number;
  readonly shuffle: boolean | undefined;
  readonly dropLast: boolean;
  readonly validation: Data | number | undefined;
  readonly stopping: ResolvedStopping | undefined;
  readonly checkpoint: CheckpointOptions | undefined;
  readonly every: "epoch" | "step";
  readonly progress: boolean;
}

export const BATCH_OPTIONS = ["batchSize"] as const;

const FIT_OPTIONS = [
  ...BATCH_OPTIONS,
  "epochs",
  "shuffle",
  "dropLast",
  "validation",
  "earlyStopping",
  "checkpoint",
  "every",
  "progress",
];

const OWN_OPTIONS = ["loss", "optimizer", "metrics", "outputs", "feeds", "seed"];
const OPTIMIZE_OPTIONS = ["parameters", "groups", "clip", "accumulate", "average"];

/** The options of createTrainer, apart: its own, those of `optimize`, and those of sessions.
 * @throws GraphError for an option that is unknown or wrong */
export function splitTrainerOptions<Options extends object>(
  graph: Graph,
  options: TrainerOptions & Options,
  sessionOptions: readonly string[],
): {
  readonly own: TrainerOptions;
  readonly optimize: OptimizeOptions | undefined;
  readonly session: Options;
} {
  checkOptions("createTrainer", options, [...OWN_OPTIONS, ...OPTIMIZE_OPTIONS, ...sessionOptions]);
  const { loss, optimizer, metrics = {}, outputs = {}, seed = 0 } = options;
  requireLoss(graph, loss);
  requireValues(graph, "metrics", metrics);
  if (Object.hasOwn(metrics, "loss")) {
    failArgument("createTrainer", "metrics", 'names other than "loss"', Object.keys(metrics));
  }
  requireValues(graph, "outputs", outputs);
  if (!Number.isSafeInteger(seed) || seed < 0) {
    failArgument("createTrainer", "seed", "a whole number from 0", seed);
  }
  const rest = pick(options, OPTIMIZE_OPTIONS);
  if (optimizer === undefined) {
    const [key] = Object.keys(rest);
    // What layers keep, such as running means, is updated in any case.
    if (key !== undefined || [...graph.updates.keys()].every(isState)) {
      failArgument("createTrainer", "optimizer", "what sgd(), adam() or another makes", optimizer);
    }
  }
  return {
    own: options,
    optimize: optimizer === undefined ? undefined : { ...rest, optimizer },
    session: pick(options, sessionOptions) as Options,
  };
}

/** @throws GraphError for an option that is unknown or wrong */
export function resolveFit(options: FitOptions): ResolvedFit {
  checkOptions("fit", options, FIT_OPTIONS);
  const { epochs = 1, every = "epoch", validation, earlyStopping } = options;
  const whole = Number.isSafeInteger(epochs) || epochs === Number.POSITIVE_INFINITY;
  if (!whole || epochs < 0) {
    failArgument("fit", "epochs", "a whole number from 0, or Infinity", epochs);
  }
  if (every !== "epoch" && every !== "step") {
    failArgument("fit", "every", '"epoch" or "step"', every);
  }
  if (typeof validation === "number" && !(validation > 0 && validation < 1)) {
    failArgument("fit", "validation", "data, or a share between 0 and 1", validation);
  }
  return {
    batchSize: batchSizeOf("fit", options),
    epochs,
    shuffle: flag("shuffle", options.shuffle),
    dropLast: flag("dropLast", options.dropLast) ?? false,
    validation,
    stopping: earlyStopping === undefined ? undefined : resolveStopping(earlyStopping),
    checkpoint: resolveCheckpoint(options.checkpoint),
    every,
    progress: flag("progress", options.progress) ?? true,
  };
}

/** @throws GraphError unless it is a whole number from 1, or Infinity for all at once */
export function batchSizeOf(operator: string, { batchSize = 32 }: BatchOptions): number {
  const whole = Number.isSafeInteger(batchSize) || batchSize === Number.POSITIVE_INFINITY;
  if (!whole || batchSize < 1) {
    failArgument(operator, "batchSize", "a whole number from 1, or Infinity", batchSize);
  }
  return batchSize;
}

function resolveCheckpoint(given: FitOptions["checkpoint"]): CheckpointOptions | undefined {
  if (given === undefined) return undefined;
  const checkpoint = typeof given === "string" ? { path: given } : given;
  checkOptions("fit", checkpoint, ["path", "everySteps", "otherGraph"]);
  const { path, everySteps = 1 } = checkpoint;
  if (typeof path !== "string" || path === "") {
    failArgument("fit", "checkpoint", "the path of a file", path);
  }
  if (!Number.isSafeInteger(everySteps) || everySteps < 1) {
    failArgument("fit", "checkpoint.everySteps", "a whole number from 1", everySteps);
  }
  flag("checkpoint.otherGraph", checkpoint.otherGraph);
  return checkpoint;
}

function resolveStopping(options: EarlyStopping): ResolvedStopping {
  const known = ["patience", "monitor", "goal", "minDelta", "restoreBest"];
  checkOptions("fit", options, known);
  const { patience = 0, monitor = "loss", goal = "min", minDelta = 0 } = options;
  if (!Number.isSafeInteger(patience) || patience < 0) {
    failArgument("fit", "earlyStopping.patience", "a whole number from 0", patience);
  }
  if (goal !== "min" && goal !== "max") {
    failArgument("fit", "earlyStopping.goal", '"min" or "max"', goal);
  }
  if (!(minDelta >= 0)) {
    failArgument("fit", "earlyStopping.minDelta", "a number from 0", minDelta);
  }
  const restoreBest = flag("earlyStopping.restoreBest", options.restoreBest) ?? false;
  return { patience, monitor, goal, minDelta, restoreBest };
}

function requireLoss(graph: Graph, loss: Value): void {
  requireValue("createTrainer", "loss", loss);
  requireOwn(graph, "loss", loss);
  if (!isFloating(loss.dtype) || (loss.shape?.length ?? 0) > 0) {
    failArgument("createTrainer", "loss", "a floating scalar", loss);
  }
}

function requireValues(graph: Graph, option: string, values: unknown): void {
  if (typeof values !== "object" || values === null || Array.isArray(values) || isValue(values)) {
    failArgument("createTrainer", option, "Values by name", values);
  }
  for (const [name, value] of Object.entries(values)) {
    const argument = `${option}.${name}`;
    requireOwn(graph, argument, requireValue("createTrainer", argument, value));
  }
}

function requireOwn(graph: Graph, argument: string, value: Value): void {
  if (value.graph === graph && value.block === graph.root) return;
  throw new GraphError("createTrainer", `${argument}: ${value} is no value of ${graph}`);
}

function flag(name: string, value: unknown): boolean | undefined {
  if (value !== undefined && typeof value !== "boolean") {
    failArgument("fit", name, "true or false", value);
  }
  return value;
}

function pick(options: object, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(options).filter(([key, value]) => keys.includes(key) && value !== undefined),
  );
}
