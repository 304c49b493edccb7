import { sizeOfShape } from "../../builder/dim.ts";
import { isFloating } from "../../builder/dtype.ts";
import { nearest } from "../../builder/errors.ts";
import type { Graph } from "../../builder/graph.ts";
import type { Value } from "../../builder/value.ts";
import { dependsOn, vjp } from "../../grad/index.ts";
import { loadModel, saveModel } from "../../runtime/files.ts";
import { type Command, type Given, UsageError } from "../command.ts";
import { weightsOf } from "../model-facts.ts";
import { beside } from "../output-path.ts";
import { count } from "../table.ts";

export const gradCommand: Command = {
  name: "grad",
  summary: "add gradients to a model",
  usage: "MODEL [--of OUTPUT] [--by NAMES] [-o FILE]",
  details: `
Writes a model with all outputs of the one given and, for each NAME, an output NAME.grad of its type and
shape. It is ordinary ONNX. An OUTPUT that is not a scalar gets an input OUTPUT.cotangent of its own
shape, by which the gradient is weighted (the vector-Jacobian product).

  softonnx grad model.onnx --of loss --by weights -o model.grad.onnx`,
  options: [
    {
      name: "of",
      value: "OUTPUT",
      about: "what to differentiate; by default the only floating output",
    },
    {
      name: "by",
      value: "NAMES",
      many: true,
      about:
        "inputs, weights or other values, between commas; or all `inputs` (default), all `weights`",
    },
    {
      name: "output",
      short: "o",
      value: "FILE",
      about: "where to write; by default MODEL.grad.onnx",
    },
  ],
  operands: [1, 1],
  run: async (given, terminal) => {
    const path = given.operands[0] as string;
    const graph = await loadModel(path);
    const [name, y] = target(graph, given);
    const xs = variables(graph, given);
    const scalar = y.shape !== undefined && sizeOfShape(y.shape) === 1;
    const cotangent = scalar
      ? undefined
      : graph.input(
          `${name}.cotangent`,
          y.dtype,
          y.shape?.map((dim) => dim ?? null),
        );
    const gradients = vjp(y, [...xs.values()], cotangent);
    [...xs.keys()].forEach((x, i) => {
      graph.output(`${x}.grad`, gradients[i] as Value);
    });
    const file = given.text("output") ?? beside(path, "grad.onnx");
    await saveModel(file, graph);
    for (const [x, value] of xs) {
      if (!dependsOn(y, value)) terminal.note(`${name} does not depend on ${x}: its gradient is 0`);
    }
    terminal.note(`wrote ${file}: ${name} by ${count(xs.size, "value")}`);
  },
};

function target(graph: Graph, given: Given): [string, Value] {
  const named = given.text("of");
  if (named !== undefined) {
    const y = graph.value(named);
    if (!isFloating(y.dtype)) throw new Error(`--of ${named}: expected a floating value, got ${y}`);
    return [named, y];
  }
  const floating = [...graph.outputs].filter(([, { dtype }]) => isFloating(dtype));
  if (floating.length === 1) return floating[0] as [string, Value];
  if (floating.length === 0) throw new Error("the model has no floating output to differentiate");
  const names = floating.map(([name]) => name).join(", ");
  throw new UsageError(`the model has several floating outputs; say --of one of ${names}`);
}

function variables(graph: Graph, given: Given): Map<string, Value> {
  const floating = (values: Iterable<readonly [string, Value]>) =>
    [...values].filter(([, { dtype }]) => isFloating(dtype));
  const found = new Map<string, Value>();
  for (const name of given.names("by") ?? ["inputs"]) {
    // A value of that name comes before the word for all of a kind.
    if (graph.source?.values.has(name)) {
      const x = graph.value(name);
      if (!isFloating(x.dtype))
        throw new Error(`--by ${name}: expected a floating value, got ${x}`);
      found.set(name, x);
    } else if (name === "inputs") {
      for (const [each, value] of floating(graph.inputs)) found.set(each, value);
    } else if (name === "weights") {
      for (const [each, value] of floating(weightsOf(graph))) found.set(each, value);
    } else {
      const near = nearest(name, [...(graph.source?.values.keys() ?? [])]);
      throw new Error(
        `--by: there is no value named "${name}"` +
          (near === undefined ? "; softonnx inspect lists them" : `; did you mean "${near}"?`),
      );
    }
  }
  if (found.size === 0) throw new Error("there is no floating value to differentiate by");
  return found;
}
