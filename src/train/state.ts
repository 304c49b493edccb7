import type { DType } from "../builder/dtype.ts";
import type { Graph } from "../builder/graph.ts";
import type { Literal } from "../builder/tensor.ts";
import type { Value } from "../builder/value.ts";

// What a training step carries from one step to the next without training it is a parameter of the graph
// like any other, so that steppers and checkpoints hold it. Only the search for what to train has to know.
const untrained = new WeakSet<Value>();

/** A parameter that a training step updates by a rule of its own, not by gradients: a momentum, a running
 * mean, a counter.
 *
 * @param name a name that is taken gets a number */
export function stateParameter(
  graph: Graph,
  name: string,
  initial: Literal,
  shape: readonly number[],
  dtype: DType,
): Value {
  const value = graph.parameter(freeName(graph, name), initial, shape, dtype);
  untrained.add(value);
  return value;
}

/** Whether a value was made by `stateParameter`. */
export function isState(value: Value): boolean {
  return untrained.has(value);
}

/** The name, with the first number behind it that makes it free. */
export function freeName(graph: Graph, name: string): string {
  const taken = (candidate: string) =>
    graph.inputs.has(candidate) || graph.parameters.has(candidate) || graph.outputs.has(candidate);
  let free = name;
  for (let count = 1; taken(free); count++) free = `${name}_${count}`;
  return free;
}

/** A counter of training steps: 0 in the first step, then 1, 2, … As an int64 scalar it can seed a
 * dropout; cast to a float it can set a rate.
 *
 * ```ts
 * const step = stepCounter(g);
 * const rate = step.cast("float32").mul(-0.001).exp();
 * ``` */
export function stepCounter(graph: Graph, name = "step"): Value {
  const step = stateParameter(graph, name, 0, [], "int64");
  graph.update(step, step.add(1));
  return step;
}
