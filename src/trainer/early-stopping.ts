import { failArgument } from "../builder/errors.ts";
import type { ResolvedStopping } from "./options.ts";
import type { Scores } from "./records.ts";

/** What has been best so far. Plain data, so that a checkpoint can hold it. */
export interface Best {
  value: number;
  /** Epochs since. */
  since: number;
}

/** Whether the scores are the best so far, and whether there were none better for too long. Changes `best`.
 * What is no number is never better. */
export function judge(
  best: Best,
  scores: Scores,
  { monitor, goal, minDelta, patience }: ResolvedStopping,
): { readonly better: boolean; readonly stop: boolean } {
  const value = monitored(scores, monitor);
  const gain = goal === "min" ? best.value - value : value - best.value;
  const better = Number.isNaN(best.value) ? !Number.isNaN(value) : gain > minDelta;
  best.value = better ? value : best.value;
  best.since = better ? 0 : best.since + 1;
  return { better, stop: best.since > patience };
}

/** @throws GraphError if there is no such score */
export function checkMonitor({ monitor }: ResolvedStopping, metrics: readonly string[]): void {
  const known = ["loss", ...metrics];
  if (known.includes(monitor)) return;
  const names = known.map((name) => `"${name}"`).join(", ");
  failArgument("fit", "earlyStopping.monitor", names, monitor);
}

function monitored({ loss, metrics }: Scores, name: string): number {
  return name === "loss" ? loss : (metrics[name] as number);
}
