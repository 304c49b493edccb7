import { readFile } from "node:fs/promises";
import { Graph } from "../../builder/graph.ts";
import { readHeader, STATE_KEY } from "../../builder/read-header.ts";
import type { Value } from "../../builder/value.ts";
import { saveModel, Tensor, type Tensors } from "../../node.ts";
import { parseSafeTensors } from "../../runtime/safetensors.ts";
import { type Command, type Given, UsageError } from "../command.ts";
import { beside } from "../output-path.ts";
import { count } from "../table.ts";

export const exportCommand: Command = {
  name: "export",
  summary: "make the model to ship of a training step, or of a part of a model",
  usage: "MODEL [--state FILE] [--outputs NAMES] [-o FILE]",
  details: `
Writes a model that computes only the outputs named. Of a training step it needs the state, which a trainer
or its checkpoints keep as a .safetensors file: the parameters are then inside the model, and what only
training needs is gone.

  softonnx export step.onnx --state run.safetensors --outputs prediction -o model.onnx
  softonnx export big.onnx --outputs features -o backbone.onnx`,
  options: [
    { name: "state", value: "FILE", about: "a .safetensors file with the parameters by name" },
    {
      name: "outputs",
      value: "NAMES",
      many: true,
      about: "outputs, or other values, between commas; by default all outputs",
    },
    {
      name: "output",
      short: "o",
      value: "FILE",
      about: "where to write; by default MODEL.export.onnx",
    },
  ],
  operands: [1, 1],
  run: async (given, terminal) => {
    const path = given.operands[0] as string;
    const bytes = await readFile(path);
    const state = await stateFor(bytes, given.text("state"));
    const graph = Graph.fromModel(bytes, { state });
    const outputs = outputsOf(graph, given);
    const file = given.text("output") ?? beside(path, "export.onnx");
    await saveModel(file, graph.toModel({ outputs }));
    terminal.note(`wrote ${file}: ${count(Object.keys(outputs).length, "output")}`);
  },
};

/** What of a file of tensors the model is fed. A checkpoint holds more: what the optimizer keeps of
 * parameters that were added after the model was written, and the best of an epoch. */
async function stateFor(bytes: Uint8Array, path: string | undefined): Promise<Tensors> {
  const { metadata, shaped } = readHeader(bytes);
  if (path === undefined) {
    if (metadata.has(STATE_KEY)) {
      throw new UsageError("the model is a training step: give its parameters by --state FILE");
    }
    return {};
  }
  const { tensors } = parseSafeTensors(await readFile(path), Tensor);
  const state = Object.fromEntries(Object.entries(tensors).filter(([name]) => shaped.has(name)));
  if (Object.keys(state).length === 0) {
    throw new Error(`${path} has no tensor that the model is fed`);
  }
  return state;
}

function outputsOf(graph: Graph, given: Given): Record<string, Value> {
  const names = given.names("outputs");
  if (names === undefined) return Object.fromEntries(graph.outputs);
  if (names.length === 0) throw new UsageError("--outputs: expected names between commas");
  return Object.fromEntries(names.map((name) => [name, graph.value(name)] as const));
}
