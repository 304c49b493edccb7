/** How well a model does on some data. */
export interface Scores {
  /** The mean over the samples, each step weighted by how many it has. */
  readonly loss: number;
  /** The metrics of the trainer, likewise. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** What one step of training gave. */
export interface StepRecord extends Scores {
  readonly kind: "step";
  /** The epoch that the step belongs to, counted from 1. */
  readonly epoch: number;
  /** How many steps have been taken, this one included. */
  readonly step: number;
  /** Of each schedule, by the name of its input. */
  readonly rates: Readonly<Record<string, number>>;
}

/** What one epoch of training gave. The scores are means over its steps, each computed before its update. */
export interface EpochRecord extends Scores {
  readonly kind: "epoch";
  /** How many epochs are done, this one included. */
  readonly epoch: number;
  /** How many steps have been taken. */
  readonly step: number;
  /** Of each schedule in the epoch's last step, by the name of its input. */
  readonly rates: Readonly<Record<string, number>>;
  /** On the validation data, after the epoch. */
  readonly validation: Scores | undefined;
  /** How long the epoch took, validation left out. */
  readonly seconds: number;
  /** Whether training stops here because what is monitored no longer gets better. */
  readonly stoppedEarly: boolean;
}

/** Sums from which means come. Plain data, so that a checkpoint can hold it. */
export interface Sums {
  samples: number;
  readonly totals: Record<string, number>;
}

export function newSums(): Sums {
  return { samples: 0, totals: {} };
}

export function addScores(sums: Sums, { loss, metrics }: Scores, samples: number): void {
  sums.samples += samples;
  for (const [name, value] of Object.entries({ ...metrics, loss })) {
    sums.totals[name] = (sums.totals[name] ?? 0) + value * samples;
  }
}

export function meansOf({ samples, totals }: Sums): Scores {
  const means = Object.entries(totals).map(([name, total]) => [name, total / samples] as const);
  const { loss = Number.NaN, ...metrics } = Object.fromEntries(means);
  return { loss, metrics };
}
