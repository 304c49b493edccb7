import { GraphError } from "../builder/errors.ts";
import type { Progress } from "../runtime/progress.ts";
import type { Batch, Source } from "./data.ts";
import { type Best, judge } from "./early-stopping.ts";
import type { Models, Stepping } from "./models.ts";
import type { ResolvedFit } from "./options.ts";
import {
  addScores,
  type EpochRecord,
  meansOf,
  newSums,
  type Scores,
  type StepRecord,
  type Sums,
} from "./records.ts";
import { shuffled } from "./shuffle.ts";
import { TrainingError } from "./trainer.ts";

/** How far training is. Plain data, so that a checkpoint can hold it. */
export interface Position {
  /** Epochs that are done. */
  epoch: number;
  /** Steps that have been taken. */
  step: number;
  /** Batches of the epoch that was begun. */
  batch: number;
  /** Their scores. */
  sums: Sums;
  best: Best;
}

export function newPosition(): Position {
  return { epoch: 0, step: 0, batch: 0, sums: newSums(), best: newBest() };
}

export function newBest(): Best {
  return { value: Number.NaN, since: 0 };
}

/** Everything that a run of training needs. */
export interface Run {
  readonly models: Models;
  readonly stepping: Stepping;
  readonly source: Source;
  /** The rows to train on; undefined for all. */
  readonly rows: Uint32Array | undefined;
  readonly validate: (() => Promise<Scores>) | undefined;
  readonly options: ResolvedFit;
  readonly seed: number;
  readonly position: Position;
  /** Keeps the parameters as they are, as the best so far. */
  readonly keepBest: () => Promise<void>;
  readonly endWithBest: () => Promise<void>;
  readonly keeper: Keeper | undefined;
  /** The epoch to end with. */
  readonly until: number;
  readonly progress: Progress | undefined;
}

/** Keeps the state of training in a checkpoint. */
export interface Keeper {
  readonly path: string;
  readonly everySteps: number | undefined;
  /** The step of the checkpoint that there is. */
  readonly lastStep: number | undefined;
  /** @throws TrainingError, and leaves the checkpoint as it is, if the state is no longer finite */
  save(stopped: boolean): Promise<void>;
}

/** Trains, epoch by epoch. */
export async function* training(run: Run): AsyncGenerator<StepRecord | EpochRecord, void, void> {
  const { position, options, until } = run;
  while (position.epoch < until) {
    const begun = performance.now();
    for await (const record of steps(run)) {
      if (options.every === "step") yield record;
    }
    if (position.batch === 0) {
      throw new GraphError("fit", "there is no full batch of data, and dropLast leaves out others");
    }
    const seconds = (performance.now() - begun) / 1000;
    const scores = meansOf(position.sums);
    const validation = await run.validate?.();
    const judged = options.stopping && judge(position.best, validation ?? scores, options.stopping);
    position.epoch++;
    position.batch = 0;
    position.sums = newSums();
    if (judged?.better && options.stopping?.restoreBest) await run.keepBest();
    const stoppedEarly = judged?.stop ?? false;
    if (stoppedEarly || position.epoch === until) await run.endWithBest();
    await run.keeper?.save(stoppedEarly);
    yield {
      kind: "epoch",
      epoch: position.epoch,
      step: position.step,
      ...scores,
      rates: run.models.rates(position.step - 1),
      validation,
      seconds,
      stoppedEarly,
    };
    if (stoppedEarly) return;
  }
}

/** The steps of one epoch, from where it was left. The next batch is made while a step is computed. */
async function* steps(run: Run): AsyncGenerator<StepRecord, void, void> {
  const { position, models, stepping, progress, keeper } = run;
  const epoch = position.epoch + 1;
  progress?.startEpoch(epoch, run.until, batchesOf(run));
  const batches = batchesFrom(run);
  try {
    let upcoming = batches.next();
    for (;;) {
      const { done, value: batch } = await upcoming;
      if (done) return;
      const rates = models.rates(position.step);
      const fixed = models.fixedFeeds(stepping.inputs, position.step);
      const stepped = stepping.step({ ...batch.feeds, ...fixed });
      upcoming = batches.next();
      // It is waited for in the next round, if there is one.
      upcoming.catch(() => undefined);
      const scores = await stepped;
      const step = position.step + 1;
      if (!Number.isFinite(scores.loss)) {
        const problem = `the loss is ${scores.loss} in step ${step}, in epoch ${epoch}`;
        throw new TrainingError(problem + keptBy(keeper), { step, epoch });
      }
      position.step = step;
      position.batch++;
      addScores(position.sums, scores, batch.samples);
      progress?.step(position.batch, scores.loss, rates);
      if (keeper?.everySteps && step % keeper.everySteps === 0) await keeper.save(false);
      yield { kind: "step", epoch, step, ...scores, rates };
    }
  } finally {
    await batches.return(undefined);
  }
}

/** What a message about a failure says of the checkpoint. */
export function keptBy(keeper: Keeper | undefined): string {
  if (keeper?.lastStep === undefined) return "";
  return `; the checkpoint ${keeper.path} is that of step ${keeper.lastStep}`;
}

async function* batchesFrom({ source, rows, options, seed, position }: Run): AsyncGenerator<Batch> {
  const { batchSize, dropLast, shuffle } = options;
  const order = orderOf(source, rows, shuffle, seed, position.epoch);
  yield* source.pass({ batchSize, dropLast, order, skip: position.batch });
}

/** The rows of an epoch: it follows from the seed and the number of the epoch. */
function orderOf(
  { samples }: Source,
  rows: Uint32Array | undefined,
  shuffle: boolean | undefined,
  seed: number,
  epoch: number,
): Uint32Array | undefined {
  if (samples === undefined || shuffle === false) return rows;
  const order = shuffled(rows?.length ?? samples, seed, `epoch ${epoch}`);
  return rows === undefined ? order : order.map((i) => rows[i] as number);
}

function batchesOf({ source, rows, options }: Run): number | undefined {
  const samples = rows?.length ?? source.samples;
  if (samples === undefined) return undefined;
  const full = samples / Math.min(options.batchSize, samples);
  return options.dropLast ? Math.floor(full) : Math.ceil(full);
}
