import { failArgument, GraphError } from "../../builder/errors.ts";
import { Graph } from "../../builder/graph.ts";
import { isValue, requireValue } from "../../builder/lift.ts";
import type { Value } from "../../builder/value.ts";
import { grad } from "../../grad/index.ts";
import { applyGradients, type OptimizeOptions, trainable, type Updates } from "./apply.ts";
import type { Rate } from "./optimizer.ts";
import type { ParameterGroup } from "./options.ts";

/** A training step in two parts, between which gradients can be averaged. */
export interface SplitStep {
  /** A model whose inputs are the data and the parameters by name, and whose outputs are `loss` and the
   * gradient of each trained parameter, `w.grad`. States that layers keep are `name.next`. */
  readonly gradients: Uint8Array<ArrayBuffer>;
  /** A training step with the parameters, whose inputs are `w.grad` and a scalar for each schedule. */
  readonly update: Graph;
  /** What was given to it: the updates of the second part. */
  readonly updates: Updates;
}

/** Makes two models of a training step: one computes gradients, the other updates the parameters by them.
 * Several workers, in any engine, run the first on a part of a batch each; the mean of what they give, weighted
 * by their samples, makes the second take the step of the whole batch.
 *
 * ```ts
 * const { gradients, update } = optimizers.splitStep(g, loss, { optimizer: optimizers.adam() });
 * await saveModel("gradients.onnx", gradients);
 * await saveModel("update.onnx", update);
 * ```
 * The graph itself gets no updates.
 *
 * @param loss a floating scalar, the mean over the samples
 * @param options those of `optimize`; rates are numbers or schedules
 * @throws GraphError if there is nothing to train or an option is wrong */
export function splitStep(graph: Graph, loss: Value, options: OptimizeOptions): SplitStep {
  requireValue("splitStep", "loss", loss);
  const { parameters = trainable(graph, loss), groups, ...rest } = options;
  if (parameters.length === 0) throw new GraphError("splitStep", `${loss} depends on no parameter`);
  requireOwnRate("optimizer", rest.optimizer?.rate);
  const gradients = grad(loss, parameters);
  const outputs: Record<string, Value> = { loss };
  for (const [state, next] of graph.updates) outputs[`${state.hint}.next`] = next;
  for (const [i, { hint }] of parameters.entries()) outputs[`${hint}.grad`] = gradients[i] as Value;

  const update = new Graph(`${graph.name}_update`, { opset: graph.opset });
  const copies = new Map(parameters.map((parameter) => [parameter, copied(update, parameter)]));
  const updates = applyGradients(
    [...copies].map(([{ hint, dtype, shape }, copy]) => {
      return [copy, update.input(`${hint}.grad`, dtype, shape as number[])] as const;
    }),
    groups === undefined ? rest : { ...rest, groups: groups.map((it) => ofCopies(it, copies)) },
  );
  return {
    gradients: graph.toModel({ outputs, parameters: "inputs", training: true }),
    update,
    updates,
  };
}

function copied(graph: Graph, { hint, origin, shape, dtype }: Value): Value {
  if (origin.kind !== "parameter") throw new GraphError("splitStep", `"${hint}" is no parameter`);
  const elements = origin.initial.elements as Float32Array;
  return graph.parameter(hint, elements, shape as number[], dtype);
}

function ofCopies(group: ParameterGroup, copies: ReadonlyMap<Value, Value>): ParameterGroup {
  requireOwnRate("groups", group.rate);
  return { ...group, parameters: group.parameters.map((it) => copies.get(it) ?? it) };
}

/** @throws GraphError for a rate that only the whole graph can compute */
function requireOwnRate(option: string, rate: Rate | undefined): void {
  if (isValue(rate)) failArgument("splitStep", `${option}.rate`, "a number or a schedule", rate);
}
