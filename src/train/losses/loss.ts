import { sameShape } from "../../builder/dim.ts";
import { isFloating } from "../../builder/dtype.ts";
import { checkOptions, failArgument, GraphError } from "../../builder/errors.ts";
import { lift, liftAll, type Operand, requireValue } from "../../builder/lift.ts";
import { div, max, mul, reduceMean, reduceSum } from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";

/** What becomes of the losses of the samples: their mean, weighted if there are weights; their sum; or
 * nothing, and they stay apart, each times its weight. */
export type Reduction = "mean" | "sum" | "none";

/** Options that every loss has. */
export interface LossOptions {
  /** How much each sample counts; broadcasts to the samples. Default: all the same. */
  readonly weights?: Operand;
  /** Default "mean". */
  readonly reduction?: Reduction;
}

export const LOSS_OPTIONS = ["weights", "reduction"] as const;

/** @throws GraphError for an option that the loss lacks, or a reduction that is none */
export function checkLossOptions(
  operator: string,
  options: LossOptions,
  more: readonly string[] = [],
): void {
  checkOptions(operator, options, [...more, ...LOSS_OPTIONS]);
  const { reduction = "mean" } = options;
  if (!["mean", "sum", "none"].includes(reduction)) {
    failArgument(operator, "reduction", '"mean", "sum" or "none"', reduction);
  }
}

/** What a model gave, and what it should have given, in one type and shape.
 * @throws GraphError if their shapes differ: [n] beside [n, 1] would make [n, n] */
export function pairOf(operator: string, prediction: Operand, target: Operand): [Value, Value] {
  const value = floatOf(operator, "prediction", prediction);
  const [x, y] = liftAll(operator, { prediction: value, target }) as [Value, Value];
  if (sameShape(x.shape, y.shape) === false) {
    throw new GraphError(operator, `shapes differ: prediction is ${x}, target is ${y}`);
  }
  return [x, y];
}

/** @throws GraphError unless it is a Value of floats */
export function floatOf(operator: string, argument: string, operand: Operand): Value {
  const value = requireValue(operator, argument, operand);
  if (!isFloating(value.dtype)) failArgument(operator, argument, "floats", value);
  return value;
}

/** The weights in the type of the losses; undefined where all are 1.
 * @throws GraphError if they have more axes than the samples */
export function weightsFor(operator: string, samples: Value, given?: Operand): Value | undefined {
  if (given === undefined) return undefined;
  const weights = lift(operator, "weights", given, samples.dtype, samples.graph);
  if (weights.dtype !== samples.dtype || (weights.shape?.length ?? 0) > samples.rank) {
    failArgument(operator, "weights", `${samples.dtype}, to broadcast to ${samples}`, weights);
  }
  return weights;
}

/** The losses of all samples as the options want them. */
export function reduced(operator: string, losses: Value, options: LossOptions): Value {
  const { reduction = "mean" } = options;
  const weights = weightsFor(operator, losses, options.weights);
  const weighted = weights === undefined ? losses : mul(losses, weights);
  if (reduction === "none") return weighted;
  if (reduction === "sum") return reduceSum(weighted);
  const mean = reduceMean(weighted);
  // Each weight counts as often as every other, so the mean of those that are written is the mean of all.
  return weights === undefined ? mean : div(mean, reduceMean(weights));
}

/** a / b for shares of a total that may be 0: then the share is 0 and nothing flows back. */
export function shareOf(part: Value, total: Value): Value {
  return div(part, max(total, 1e-12));
}
