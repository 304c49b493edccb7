import { type Definition, defineFamily, SOFTONNX_DOMAIN, type VjpRule } from "../definition.ts";
import { sameShape } from "../dim.ts";
import { GraphError } from "../errors.ts";
import { graphOf, liftAll, type Operand, requireValue } from "../lift.ts";
import type { Value } from "../value.ts";
import { identity } from "./logic.ts";

/** x itself, through which no gradient flows.
 *
 * ```ts
 * const baseline = stopGradient(reward.mean());
 * ``` */
export function stopGradient(x: Operand): Value {
  const value = requireValue("stopGradient", "x", x);
  return emit(stopGradientDefinition, "stopGradient", [value]);
}

/** Forward exactly `hard`, backward as if it were `soft`: the straight-through estimator (Bengio,
 * Léonard and Courville 2013, section 4) without the rounding of `stop(hard - soft) + soft`, and right
 * where both are infinite. The cotangent goes to `soft` alone. An inference export drops `soft` and what
 * only it needs.
 *
 * @throws GraphError if the two differ in type or shape */
export function passThrough(hard: Operand, soft: Operand): Value {
  const graph = graphOf("straightThrough", [hard, soft]);
  const [h, s] = liftAll("straightThrough", { hard, soft }, graph) as [Value, Value];
  if (sameShape(h.shape, s.shape) === false) {
    throw new GraphError("straightThrough", `shapes differ: hard is ${h}, soft is ${s}`);
  }
  return emit(straightThroughDefinition, "straightThrough", [h, s]);
}

/** One value in training and another in inference, as layers have that make noise: gradients go to the first,
 * a training step has the first, and an inference export the second.
 *
 * ```ts
 * const noisy = trainingForm(x.add(noise), x);
 * ```
 * @throws GraphError if the two differ in type or shape */
export function trainingForm(training: Operand, inference: Operand): Value {
  const graph = graphOf("trainingForm", [training, inference]);
  const [t, i] = liftAll("trainingForm", { training, inference }, graph) as [Value, Value];
  if (sameShape(t.shape, i.shape) === false) {
    throw new GraphError("trainingForm", `shapes differ: training is ${t}, inference is ${i}`);
  }
  return emit(trainingFormDefinition, "trainingForm", [t, i]);
}

/** x itself, as another value while a gradient is built: no model has it. */
export function standIn(x: Value): Value {
  return emit(standInDefinition, "standIn", [x]);
}

/** Gives a function a gradient rule of its own. For an operator, by its name, see the option `rules` of `grad`.
 *
 * ```ts
 * const clipped = customGradient(
 *   (x) => x,
 *   ([x], dy) => [dy.clip(-1, 1)],
 * )(weights);
 * ```
 * @param fn makes the result of its operands
 * @param rule makes the operands' cotangents of the operands, the result's cotangent and the result;
 * undefined means zero. Written with operators, so that it can be differentiated again. */
export function customGradient(
  fn: (...inputs: Value[]) => Value,
  rule: (inputs: readonly Value[], dy: Value, y: Value) => readonly (Value | undefined)[],
): (...inputs: Value[]) => Value {
  return (...inputs) => {
    const y = fn(...inputs);
    const vjp: VjpRule = ({ inputs: all, dy }) => [
      undefined,
      ...rule(all.slice(1) as Value[], dy, all[0] as Value),
    ];
    const definition: Definition = {
      ...passing("CustomGradient", ["y", ...inputs.map((_, i) => `x${i}`)], vjp),
      life: "building",
    };
    return emit(definition, "customGradient", [y, ...inputs]);
  };
}

function emit(definition: Definition, operator: string, inputs: readonly Value[]): Value {
  const { name, domain } = definition;
  return graphOf(operator, inputs).emit({ op: name, domain, inputs, operator, definition })
    .outputs[0] as Value;
}

/** An operator whose only output is its first input; the rest is for the gradient pass. */
function passing(name: string, inputs: readonly string[], vjp: VjpRule): Definition {
  return {
    name,
    domain: SOFTONNX_DOMAIN,
    version: 1,
    inputs,
    outputs: ["y"],
    infer: ([x]) => [{ dtype: (x as Value).dtype, shape: (x as Value).shape }],
    body: ([x]) => [identity(x as Value)],
    vjp,
    life: "training",
    passes: [0],
  };
}

const stopGradientDefinition = passing("StopGradient", ["x"], () => []);

const straightThroughDefinition = passing("StraightThrough", ["hard", "soft"], ({ dy }) => [
  undefined,
  dy,
]);

// It is never written: an export takes one side or the other.
const trainingFormDefinition: Definition = {
  ...passing("TrainingForm", ["training", "inference"], ({ dy }) => [dy]),
  life: "building",
  inferencePasses: [1],
};

const standInDefinition: Definition = {
  ...passing("StandIn", ["x"], ({ dy }) => [dy]),
  life: "building",
};

defineFamily("StopGradient", 1, () => stopGradientDefinition);
defineFamily("StraightThrough", 1, () => straightThroughDefinition);
