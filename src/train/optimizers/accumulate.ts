import type { Graph } from "../../builder/graph.ts";
import { equal, where } from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import { stateParameter } from "../state.ts";

/** What stands between a training step and its updates: it may let only some steps through. */
export interface Gate {
  /** The gradients to update by. */
  readonly gradients: readonly Value[];
  /** Updates a parameter or state in the steps that are let through. */
  update(parameter: Value, next: Value): void;
}

/** Lets every step through. */
export function open(gradients: readonly Value[]): Gate {
  return {
    gradients,
    update: (parameter, next) => {
      parameter.graph.update(parameter, next);
    },
  };
}

/** Lets every count-th step through, with the mean of the gradients since the last. */
export function accumulated(
  graph: Graph,
  name: string,
  pairs: readonly (readonly [parameter: Value, gradient: Value])[],
  count: number,
): Gate {
  const waiting = stateParameter(graph, `${name}/waiting`, 0, [], "int64");
  const due = equal(waiting, count - 1);
  graph.update(waiting, where(due, 0, waiting.add(1)));
  const gradients = pairs.map(([parameter, gradient]) => {
    const { hint, shape, dtype } = parameter;
    const sum = stateParameter(graph, `${hint}/gradient`, 0, shape as number[], dtype);
    const total = sum.add(gradient);
    graph.update(sum, where(due, 0, total));
    return total.mul(1 / count);
  });
  return {
    gradients,
    update: (parameter, next) => {
      graph.update(parameter, where(due, next, parameter));
    },
  };
}
