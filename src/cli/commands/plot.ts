import { loadModel } from "../../runtime/files.ts";
import { type Command, type Given, UsageError } from "../command.ts";
import { beside } from "../output-path.ts";
import { curvesSvg } from "../plot/curves.ts";
import { graphDot } from "../plot/graph-dot.ts";
import { optionalModule } from "../plot/optional-module.ts";
import { readCurves } from "../plot/read-curves.ts";
import { writeText } from "../write-text.ts";

export const plotCommand: Command = {
  name: "plot",
  summary: "draw a model, or the curves of a training run, as SVG",
  usage: "FILE [-o FILE]",
  details: `
A model (.onnx) is drawn as its graph: operators with the shapes between them. Large models are gathered
by the first parts of their nodes' names; --depth says by how many.

A table (.csv with a heading, or .jsonl) is drawn as curves over its column epoch or step.

  softonnx plot model.onnx
  softonnx plot run/log.csv -o curves.svg`,
  options: [
    {
      name: "output",
      short: "o",
      value: "FILE",
      about: "where to write; by default FILE.svg beside it",
    },
    { name: "depth", value: "N", about: "parts of the nodes' names that make a box" },
    { name: "columns", value: "NAMES", about: "which curves, between commas; by default all" },
  ],
  operands: [1, 1],
  run: async (given, terminal) => {
    const path = given.operands[0] as string;
    const svg = path.endsWith(".onnx")
      ? await drawGraph(path, given)
      : await drawCurves(path, given);
    const file = given.text("output") ?? beside(path, "svg");
    await writeText(file, svg);
    terminal.note(`wrote ${file}`);
  },
};

async function drawGraph(path: string, given: Given): Promise<string> {
  if (given.has("columns")) throw new UsageError("--columns is for tables, not for models");
  const depth = given.number(
    "depth",
    "a whole number from 1",
    (n) => Number.isInteger(n) && n >= 1,
  );
  const dot = graphDot(await loadModel(path), depth);
  const { Graphviz } = await optionalModule(
    () => import("@hpcc-js/wasm-graphviz"),
    "@hpcc-js/wasm-graphviz",
  );
  const graphviz = await Graphviz.load();
  return graphviz.dot(dot);
}

async function drawCurves(path: string, given: Given): Promise<string> {
  if (given.has("depth")) throw new UsageError("--depth is for models, not for tables");
  return curvesSvg(await readCurves(path, given.names("columns")));
}
