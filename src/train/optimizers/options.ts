import { sameShape } from "../../builder/dim.ts";
import { isFloating } from "../../builder/dtype.ts";
import { checkOptions, failArgument } from "../../builder/errors.ts";
import type { Graph } from "../../builder/graph.ts";
import { graphOf, requireValue } from "../../builder/lift.ts";
import type { Value } from "../../builder/value.ts";
import type { ClipOptions } from "./clip.ts";
import { checkDecay, checkNumber, checkRate, type Optimizer, type Rate } from "./optimizer.ts";

/** Parameters that have a rate or weight decay of their own. */
export interface ParameterGroup {
  readonly parameters: readonly Value[];
  /** By default the optimizer's. */
  readonly rate?: Rate;
  /** By default the optimizer's. */
  readonly weightDecay?: number;
}

/** Options of applyGradients. */
export interface ApplyOptions {
  /** `sgd()`, `adam()`, … */
  readonly optimizer: Optimizer;
  /** Parameters that differ from the others, for example biases without weight decay. */
  readonly groups?: readonly ParameterGroup[];
  /** By default gradients are not clipped. */
  readonly clip?: ClipOptions;
  /** Update once in so many steps, by the mean of their gradients. Default 1: in every step. */
  readonly accumulate?: number;
  /** Keep a moving average of each parameter, of this decay, such as 0.999 (Polyak and Juditsky 1992, in
   * exponential form). By default none. */
  readonly average?: number;
}

/** The graph of [parameter, gradient] pairs. @throws GraphError for pairs that do not fit */
export function checkPairs(operator: string, pairs: readonly (readonly [Value, Value])[]): Graph {
  if (!Array.isArray(pairs) || pairs.length === 0) {
    failArgument(operator, "pairs", "[parameter, gradient] pairs", pairs);
  }
  for (const [i, pair] of pairs.entries()) {
    const parameter = requireValue(operator, `pairs[${i}][0]`, pair[0]);
    const gradient = requireValue(operator, `pairs[${i}][1]`, pair[1]);
    if (parameter.origin.kind !== "parameter" || !isFloating(parameter.dtype)) {
      failArgument(operator, `pairs[${i}][0]`, "a floating parameter", parameter);
    }
    if (
      gradient.dtype !== parameter.dtype ||
      sameShape(gradient.shape, parameter.shape) === false
    ) {
      failArgument(operator, `pairs[${i}][1]`, `the type and shape of ${parameter}`, gradient);
    }
  }
  return graphOf(operator, pairs.flat());
}

const KNOWN = ["optimizer", "groups", "clip", "accumulate", "average"];

/** @throws GraphError for an option that is unknown or wrong */
export function checkApplyOptions(operator: string, options: ApplyOptions): void {
  checkOptions(operator, options, KNOWN);
  const { optimizer, clip = {}, accumulate = 1, average } = options;
  if (typeof optimizer?.next !== "function") {
    failArgument(operator, "optimizer", "what sgd(), adam() or another makes", optimizer);
  }
  checkOptions(operator, clip, ["norm", "value"]);
  for (const [name, bound] of Object.entries(clip)) {
    if (bound !== undefined) checkNumber(operator, `clip.${name}`, bound);
  }
  if (!Number.isInteger(accumulate) || accumulate < 1) {
    failArgument(operator, "accumulate", "a whole number from 1", accumulate);
  }
  if (average !== undefined) checkDecay(operator, "average", average);
}

/** The group of each parameter that is in one. @throws GraphError for groups that are wrong */
export function groupsOf(
  operator: string,
  pairs: readonly (readonly [Value, Value])[],
  { groups = [] }: ApplyOptions,
): ReadonlyMap<Value, ParameterGroup> {
  const trained = new Set(pairs.map(([parameter]) => parameter));
  const found = new Map<Value, ParameterGroup>();
  for (const [i, group] of groups.entries()) {
    checkOptions(operator, group, ["parameters", "rate", "weightDecay"]);
    if (group.rate !== undefined) checkRate(operator, group.rate);
    if (group.weightDecay !== undefined) {
      checkNumber(operator, `groups[${i}].weightDecay`, group.weightDecay);
    }
    for (const parameter of group.parameters) {
      if (!trained.has(parameter) || found.has(parameter)) {
        failArgument(
          operator,
          `groups[${i}].parameters`,
          "trained parameters, each in one group",
          parameter,
        );
      }
      found.set(parameter, group);
    }
  }
  return found;
}
