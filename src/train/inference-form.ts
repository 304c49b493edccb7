import { isFloating } from "../builder/dtype.ts";
import { checkOptions, failArgument, GraphError } from "../builder/errors.ts";
import type { Graph } from "../builder/graph.ts";
import { hardFormOf } from "../builder/hard-forms.ts";
import { graphOf, isValue, requireValue } from "../builder/lift.ts";
import { rewritten } from "../builder/rewrite.ts";
import type { Value } from "../builder/value.ts";
import { vjp } from "../grad/index.ts";

/** Options of inferenceForm. */
export interface InferenceOptions {
  /** "hard" for the hard form of every soft operator, whatever mode it was applied in. By default each keeps
   * its mode. Projections and transport, which have no hard form, stay. */
  readonly mode?: "hard" | undefined;
  /** Values, such as inputs, by which the outputs are to be differentiated. Default none. */
  readonly gradients?: readonly Value[] | undefined;
}

/** What outputs are in a model to ship: layers in their forms for inference, soft operators hard if asked
 * for, and gradients beside them, for a model that can be a part of something that is trained elsewhere.
 *
 * ```ts
 * const hard = g.toModel({ outputs: inferenceForm({ ranks }, { mode: "hard" }), state });
 * const layer = g.toModel({ outputs: inferenceForm({ y }, { gradients: [x] }), state });
 * ```
 * The second model has the outputs `y` and `x.grad`, and an input more, `y.grad`: what of the loss flows back
 * to `y`. A scalar output needs none, its gradient begins with 1.
 *
 * @param outputs Values by the names that they are to have
 * @returns the outputs, and the gradients as `name.grad`, for `toModel`
 * @throws GraphError for options that are wrong, operators without gradient, and names that are taken */
export function inferenceForm(
  outputs: Readonly<Record<string, Value>>,
  options: InferenceOptions = {},
): Record<string, Value> {
  checkOptions("inferenceForm", options, ["mode", "gradients"]);
  const { mode, gradients = [] } = options;
  if (mode !== undefined && mode !== "hard") {
    failArgument("inferenceForm", "mode", '"hard", or nothing', mode);
  }
  const names = Object.keys(outputs);
  const values = Object.entries(outputs).map(([name, value]) =>
    requireValue("inferenceForm", `outputs.${name}`, value),
  );
  for (const [i, x] of gradients.entries()) {
    if (!isValue(x) || !isFloating(x.dtype)) {
      failArgument("inferenceForm", `gradients[${i}]`, "a floating Value", x);
    }
  }
  const graph = graphOf("inferenceForm", [...values, ...gradients]);
  const forms = rewritten(graph, [...values, ...gradients], (value) => formOf(value, mode));
  const ys = forms.slice(0, values.length);
  const result = Object.fromEntries(ys.map((y, i) => [names[i] as string, y]));
  if (gradients.length === 0) return result;
  const floats = names.filter((_, i) => isFloating((ys[i] as Value).dtype));
  const cotangents = floats.map((name) => cotangentOf(graph, name, result[name] as Value));
  const xs = forms.slice(values.length);
  const grads = vjp(
    floats.map((name) => result[name] as Value),
    xs,
    cotangents,
  );
  for (const [i, x] of gradients.entries()) {
    const name = `${x.hint}.grad`;
    if (Object.hasOwn(result, name)) {
      throw new GraphError("inferenceForm", `there are two outputs "${name}"`);
    }
    result[name] = grads[i] as Value;
  }
  return result;
}

/** What stands for a value; undefined for the value itself. */
function formOf(value: Value, mode: "hard" | undefined): Value | undefined {
  const { origin } = value;
  if (origin.kind === "node") {
    const { definition, inputs } = origin.node;
    const side = definition?.inferencePasses?.[origin.index];
    if (side !== undefined) return inputs[side];
    // Its soft side is for the gradient.
    if (mode === "hard" && definition?.name === "StraightThrough") return inputs[0];
  }
  return mode === "hard" ? hardFormOf(value) : undefined;
}

/** What flows back to an output: an input, made once. */
function cotangentOf(graph: Graph, name: string, { dtype, shape }: Value): Value | number {
  if (shape?.length === 0) return 1;
  const input = `${name}.grad`;
  const known = graph.inputs.get(input);
  const dims = shape?.map((dim) => dim ?? null);
  return known?.dtype === dtype ? known : graph.input(input, dtype, dims);
}
