import { isFloating } from "../../builder/dtype.ts";
import { failArgument, GraphError } from "../../builder/errors.ts";
import type { Graph } from "../../builder/graph.ts";
import { requireValue } from "../../builder/lift.ts";
import type { TensorData } from "../../builder/tensor.ts";
import type { Value } from "../../builder/value.ts";
import { dependsOn, grad } from "../../grad/index.ts";
import type { Schedule } from "../schedules.ts";
import { isState, stateParameter } from "../state.ts";
import { accumulated, type Gate, open } from "./accumulate.ts";
import { clipped } from "./clip.ts";
import { movedTowards } from "./optimizer.ts";
import { type ApplyOptions, checkApplyOptions, checkPairs, groupsOf } from "./options.ts";
import { Rates } from "./rates.ts";
import { Slots } from "./slots.ts";

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
 * optimizers.optimize(g.output("loss", loss), loss, {
 *   optimizer: optimizers.adam({ rate: 1e-3 }),
 *   clip: { norm: 1 },
 * });
 * const stepper = await createStepper(g);
 * ```
 * @param loss a floating scalar
 * @throws GraphError if there is nothing to train, a parameter has an update already, or an option is
 * wrong */
export function optimize(graph: Graph, loss: Value, options: OptimizeOptions): Updates {
  requireValue("optimize", "loss", loss);
  const { parameters = trainable(graph, loss), ...rest } = options;
  if (parameters.length === 0) throw new GraphError("optimize", `${loss} depends on no parameter`);
  checkApplyOptions("optimize", rest);
  const gradients = grad(loss, parameters);
  return updated(
    "optimize",
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
 * optimizers.applyGradients([[w, dw], [b, db]], {
 *   optimizer: optimizers.sgd({ rate: 0.1, weightDecay: 1e-4 }),
 *   groups: [{ parameters: [b], weightDecay: 0 }],
 * });
 * ```
 * @param pairs parameters, each with a value of its type and shape
 * @throws GraphError for pairs or options that are wrong */
export function applyGradients(
  pairs: readonly (readonly [parameter: Value, gradient: Value])[],
  options: ApplyOptions,
): Updates {
  checkApplyOptions("applyGradients", options);
  return updated("applyGradients", pairs, options);
}

function updated(
  operator: string,
  pairs: readonly (readonly [parameter: Value, gradient: Value])[],
  options: ApplyOptions,
): Updates {
  const graph = checkPairs(operator, pairs);
  const { optimizer, accumulate = 1, clip = {}, average } = options;
  const groups = groupsOf(operator, pairs, options);
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

/** A state in which each trained parameter is its moving average, for an export of those.
 *
 * ```ts
 * const updates = optimizers.optimize(g, loss, { optimizer: optimizers.adam(), average: 0.999 });
 * const state = optimizers.averagedState(updates, await stepper.state());
 * const model = g.toModel({ outputs: { prediction }, state });
 * ```
 * @throws GraphError if an average is missing from the state */
export function averagedState<Tensor>(
  { averages }: Updates,
  state: Readonly<Record<string, Tensor>>,
): Record<string, Tensor> {
  const averaged = { ...state };
  for (const [parameter, { hint }] of averages) {
    const tensor = state[hint];
    if (tensor === undefined) failArgument("averagedState", "state", `a tensor "${hint}"`, state);
    averaged[parameter.hint] = tensor;
  }
  return averaged;
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
