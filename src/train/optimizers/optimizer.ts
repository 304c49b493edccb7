import { checkOptions, failArgument } from "../../builder/errors.ts";
import { isValue } from "../../builder/lift.ts";
import type { Value } from "../../builder/value.ts";
import type { Schedule } from "../schedules.ts";

/** A learning rate: a number, a floating scalar of the graph, or a schedule, for which the training step
 * gets a scalar input. */
export type Rate = number | Value | Schedule;

/** A rule that says what a parameter becomes, as nodes of the graph. `sgd`, `adam` and the others make
 * one; `optimize` applies it. */
export interface Optimizer {
  /** Names the state that it keeps: `w/adam_mean`. */
  readonly name: string;
  readonly rate: Rate;
  readonly weightDecay: number;
  /** The next value of one parameter. */
  readonly next: (slot: Slot) => Value;
}

/** One parameter in a training step, as an optimizer sees it. */
export interface Slot {
  readonly parameter: Value;
  /** Of the parameter's type and shape. */
  readonly gradient: Value;
  /** A scalar of the parameter's type. */
  readonly rate: Value;
  readonly weightDecay: number;
  /** A tensor that is kept for this parameter, in its shape.
   * @param initial the number that fills it at the start
   * @param next what it becomes in each step */
  keep(name: string, initial: number, next: (old: Value) => Value): Kept;
  /** Several tensors that are kept for this parameter, and become something together.
   * @param initial the numbers that fill them at the start, by name */
  keepAll<Name extends string>(
    initial: Readonly<Record<Name, number>>,
    next: (old: Readonly<Record<Name, Value>>) => Readonly<Record<Name, Value>>,
  ): void;
  /** A scalar that is kept once for all parameters of one type. */
  keepScalar(name: string, initial: number, next: (old: Value) => Value): Kept;
}

/** A state before and after a step. */
export interface Kept {
  readonly old: Value;
  readonly next: Value;
}

/** The gradient with the derivative of weightDecay / 2 |w|² added: weight decay as all optimizers here have
 * it but adamw and lion, as in PyTorch. */
export function decayedGradient({ gradient, parameter, weightDecay }: Slot): Value {
  return weightDecay === 0 ? gradient : gradient.add(parameter.mul(weightDecay));
}

/** w (1 - rate weightDecay): weight decay apart from the gradient (Loshchilov and Hutter 2019). */
export function decayedParameter({ parameter, rate, weightDecay }: Slot): Value {
  return weightDecay === 0 ? parameter : parameter.mul(rate.mul(-weightDecay).add(1));
}

/** The moving average a + (1 - decay) (x - a). */
export function movedTowards(average: Value, x: Value, decay: number): Value {
  return average.add(x.sub(average).mul(1 - decay));
}

/** The options of an optimizer with defaults filled in: numbers from 0, `rate` anything that is a rate,
 * truths true or false.
 * @throws GraphError for an unknown option or one of the wrong kind */
export function optimizerOptions<Options extends object>(
  operator: string,
  options: Options,
  defaults: Readonly<Required<Options>>,
  below1: readonly (keyof Options & string)[] = [],
): Required<Options> {
  checkOptions(operator, options, Object.keys(defaults));
  const resolved = { ...defaults };
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    if (name === "rate") checkRate(operator, value);
    else if (typeof defaults[name as keyof Options] === "boolean") {
      if (typeof value !== "boolean") failArgument(operator, name, "true or false", value);
    } else if (below1.includes(name as keyof Options & string)) {
      checkDecay(operator, name, value);
    } else {
      checkNumber(operator, name, value);
    }
    Object.assign(resolved, { [name]: value });
  }
  return resolved;
}

/** @throws GraphError unless it is a number from 0, a floating scalar or a schedule */
export function checkRate(operator: string, rate: unknown): asserts rate is Rate {
  if (typeof rate === "function") return;
  if (isValue(rate)) {
    const scalar = rate.shape === undefined || rate.shape.length === 0;
    if (scalar && (rate.dtype === "float32" || rate.dtype === "float64")) return;
  } else if (isNumberFrom0(rate)) return;
  failArgument(operator, "rate", "a number from 0, a floating scalar Value or a schedule", rate);
}

export function checkNumber(operator: string, name: string, value: unknown): void {
  if (!isNumberFrom0(value)) failArgument(operator, name, "a number from 0", value);
}

export function checkDecay(operator: string, name: string, value: unknown): void {
  if (!isNumberFrom0(value) || value >= 1) {
    failArgument(operator, name, "a number from 0, below 1", value);
  }
}

function isNumberFrom0(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value < Number.POSITIVE_INFINITY;
}
