import { sameShape } from "../../builder/dim.ts";
import { isFloating } from "../../builder/dtype.ts";
import { checkOptions, failArgument, GraphError } from "../../builder/errors.ts";
import type { Graph } from "../../builder/graph.ts";
import { graphOf, isValue, requireValue } from "../../builder/lift.ts";
import { cast } from "../../builder/operators/index.ts";
import type { TensorData } from "../../builder/tensor.ts";
import type { Value } from "../../builder/value.ts";
import { dependsOn, grad } from "../../grad/index.ts";
import type { Schedule } from "../schedules.ts";
import { freeName, isState, stateParameter } from "../state.ts";
import { accumulated, type Gate, open } from "./accumulate.ts";
import { type ClipOptions, clipped } from "./clip.ts";
import {
  checkDecay,
  checkNumber,
  checkRate,
  movedTowards,
  type Optimizer,
  type Rate,
} from "./optimizer.ts";
import { Slots } from "./slots.ts";

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

/** Options of optimize. */
export interface OptimizeOptions extends ApplyOptions {
  /** What to train. By default every floating parameter of the graph on which the loss depends, but those
   * that have an update already and the states that layers and optimizers keep. */
  readonly parameters?: readonly Value[];
}

/** What a training step has been given. */
export interface Updates {
  /** What is trained, in order. */
  readonly parameters: readonly Value[];
  /** The gradient of each, as it was handed in: not clipped, not accumulated. */
  readonly gradients: readonly Value[];
  /** The moving average of each parameter, if they were asked for: parameters `w/average` of the graph,
   * whose states can stand for the trained ones in an export. */
  readonly averages: ReadonlyMap<Value, Value>;
  /** The schedules among the rates, by the name of the scalar input that has to be fed their numbers. */
  readonly schedules: ReadonlyMap<string, Schedule>;
}

/** Makes the graph a training step that lowers the loss: takes its gradients and updates the parameters
 * by them.
 *
 * ```ts
 * const loss = losses.mse(prediction, y);
 * optimize(g.output("loss", loss), loss, { optimizer: adam({ rate: 1e-3 }), clip: { norm: 1 } });
 * const stepper = await createStepper(g);
 * ```
 * @param loss a floating scalar
 * @throws GraphError if there is nothing to train, a parameter has an update already, or an option is
 * wrong */
export function optimize(graph: Graph, loss: Value, options: OptimizeOptions): Updates {
  const { parameters = trainable(graph, loss), ...rest } = options;
  if (parameters.length === 0) {
    throw new GraphError(
      "optimize",
      `${requireValue("optimize", "loss", loss)} depends on no parameter`,
    );
  }
  const gradients = grad(loss, parameters);
  return applyGradients(
    parameters.map((parameter, i) => [parameter, gradients[i] as Value] as const),
    rest,
  );
}

/** The parameters that `optimize` trains by default: floating, without an update, no state of a layer or
 * optimizer, and the loss depends on them. */
export function trainable(graph: Graph, loss: Value): Value[] {
  return [...graph.parameters.values()].filter(
    (parameter) =>
      isFloating(parameter.dtype) &&
      !isState(parameter) &&
      !graph.updates.has(parameter) &&
      dependsOn(loss, parameter),
  );
}

/** Updates parameters by gradients, wherever those come from: `grad`, or inputs that another model or
 * another machine computed.
 *
 * ```ts
 * const [dw, db] = grad(loss, [w, b]);
 * applyGradients([[w, dw], [b, db]], {
 *   optimizer: sgd({ rate: 0.1, weightDecay: 1e-4 }),
 *   groups: [{ parameters: [b], weightDecay: 0 }],
 * });
 * ```
 * @param pairs parameters, each with a value of its type and shape
 * @throws GraphError for pairs or options that are wrong */
export function applyGradients(
  pairs: readonly (readonly [parameter: Value, gradient: Value])[],
  options: ApplyOptions,
): Updates {
  const graph = checkPairs(pairs);
  checkApplyOptions(options);
  const { optimizer, accumulate = 1, clip = {}, average } = options;
  const groups = groupsOf(pairs, options);
  const schedules = new Map<string, Schedule>();
  const averages = new Map<Value, Value>();
  const build = () => {
    const given = pairs.map(([, gradient]) => gradient);
    const gate =
      accumulate === 1 ? open(given) : accumulated(graph, optimizer.name, pairs, accumulate);
    const gradients = clipped(gate.gradients, clip);
    const slots = new Slots(graph, optimizer.name, gate);
    const rates = new Rates(graph, schedules);
    for (const [i, [parameter]] of pairs.entries()) {
      const { rate = optimizer.rate, weightDecay = optimizer.weightDecay } =
        groups.get(parameter) ?? {};
      const slot = slots.of(parameter, gradients[i] as Value, {
        rate: rates.of(rate, parameter),
        weightDecay,
      });
      const next = optimizer.next(slot);
      gate.update(parameter, next);
      if (average !== undefined) averages.set(parameter, averageOf(gate, parameter, next, average));
    }
  };
  graph.operation(optimizer.name, build);
  return {
    parameters: pairs.map(([parameter]) => parameter),
    gradients: pairs.map(([, gradient]) => gradient),
    averages,
    schedules,
  };
}

/** Rates as scalars of the parameters' types; each schedule gets one input. */
class Rates {
  readonly #graph: Graph;
  readonly #schedules: Map<string, Schedule>;
  readonly #inputs = new Map<Schedule, Value>();

  constructor(graph: Graph, schedules: Map<string, Schedule>) {
    this.#graph = graph;
    this.#schedules = schedules;
  }

  of(rate: Rate, { dtype }: Value): Value {
    if (typeof rate === "number") return this.#graph.constant(rate, dtype);
    const value = isValue(rate) ? rate : this.#inputFor(rate, dtype === "float64");
    return value.dtype === dtype ? value : cast(value, dtype);
  }

  #inputFor(schedule: Schedule, double: boolean): Value {
    const known = this.#inputs.get(schedule);
    if (known !== undefined) return known;
    const name = freeName(this.#graph, "rate");
    const input = this.#graph.input(name, double ? "float64" : "float32", []);
    this.#inputs.set(schedule, input);
    this.#schedules.set(name, schedule);
    return input;
  }
}

function averageOf(gate: Gate, parameter: Value, next: Value, decay: number): Value {
  const { graph, hint, dtype } = parameter;
  const { elements, dims } = initialOf(parameter);
  const old = stateParameter(graph, `${hint}/average`, elements as Float32Array, dims, dtype);
  gate.update(old, movedTowards(old, next, decay));
  return old;
}

function initialOf({ origin }: Value): TensorData {
  return (origin as Extract<Value["origin"], { kind: "parameter" }>).initial;
}

function checkPairs(pairs: readonly (readonly [Value, Value])[]): Graph {
  if (!Array.isArray(pairs) || pairs.length === 0) {
    failArgument("applyGradients", "pairs", "[parameter, gradient] pairs", pairs);
  }
  for (const [i, pair] of pairs.entries()) {
    const parameter = requireValue("applyGradients", `pairs[${i}][0]`, pair[0]);
    const gradient = requireValue("applyGradients", `pairs[${i}][1]`, pair[1]);
    if (parameter.origin.kind !== "parameter" || !isFloating(parameter.dtype)) {
      failArgument("applyGradients", `pairs[${i}][0]`, "a floating parameter", parameter);
    }
    if (
      gradient.dtype !== parameter.dtype ||
      sameShape(gradient.shape, parameter.shape) === false
    ) {
      failArgument(
        "applyGradients",
        `pairs[${i}][1]`,
        `the type and shape of ${parameter}`,
        gradient,
      );
    }
  }
  return graphOf("applyGradients", pairs.flat());
}

const KNOWN = ["optimizer", "groups", "clip", "accumulate", "average"];

function checkApplyOptions(options: ApplyOptions): void {
  checkOptions("applyGradients", options, KNOWN);
  const { optimizer, clip = {}, accumulate = 1, average } = options;
  if (typeof optimizer?.next !== "function") {
    failArgument("applyGradients", "optimizer", "what sgd(), adam() or another makes", optimizer);
  }
  checkOptions("applyGradients", clip, ["norm", "value"]);
  for (const [name, bound] of Object.entries(clip)) {
    if (bound !== undefined) checkNumber("applyGradients", `clip.${name}`, bound);
  }
  if (!Number.isInteger(accumulate) || accumulate < 1) {
    failArgument("applyGradients", "accumulate", "a whole number from 1", accumulate);
  }
  if (average !== undefined) checkDecay("applyGradients", "average", average);
}

function groupsOf(
  pairs: readonly (readonly [Value, Value])[],
  { groups = [] }: ApplyOptions,
): ReadonlyMap<Value, ParameterGroup> {
  const trained = new Set(pairs.map(([parameter]) => parameter));
  const found = new Map<Value, ParameterGroup>();
  for (const [i, group] of groups.entries()) {
    checkOptions("applyGradients", group, ["parameters", "rate", "weightDecay"]);
    if (group.rate !== undefined) checkRate("applyGradients", group.rate);
    if (group.weightDecay !== undefined) {
      checkNumber("applyGradients", `groups[${i}].weightDecay`, group.weightDecay);
    }
    for (const parameter of group.parameters) {
      if (!trained.has(parameter) || found.has(parameter)) {
        failArgument(
          "applyGradients",
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
