import { statSync } from "node:fs";
import { isFloating } from "../../builder/dtype.ts";
import type { Graph } from "../../builder/graph.ts";
import { vjp } from "../../grad/index.ts";
import { loadModel } from "../../runtime/files.ts";
import type { Command } from "../command.ts";
import { factsOf, type ModelFacts, type TensorFacts, weightsOf } from "../model-facts.ts";
import { count, size, table } from "../table.ts";

/** More weights than this are summed up, unless --all is given. */
const MOST_WEIGHTS = 24;

export const inspectCommand: Command = {
  name: "inspect",
  summary: "say what a model holds, and what of it has a gradient",
  usage: "MODEL [--all] [--json]",
  details: `
Prints inputs, outputs and weights with their types and shapes, how many nodes there are of which
operator, whether each operator has a gradient, and whether that of the outputs can be taken.

  softonnx inspect model.onnx`,
  options: [
    { name: "all", short: "a", about: "list every weight" },
    { name: "json", about: "print JSON, for other programs" },
  ],
  operands: [1, 1],
  run: async (given, terminal) => {
    const path = given.operands[0] as string;
    const graph = await loadModel(path);
    const facts = factsOf(graph);
    const obstacle = obstacleToGradient(graph);
    if (given.has("json")) {
      terminal.print(JSON.stringify({ ...facts, obstacle: obstacle ?? null }, null, 2));
      return;
    }
    terminal.print(describe(path, facts, given.has("all")).join("\n"));
    terminal.print(
      obstacle === undefined
        ? "\nThe outputs can be differentiated by the inputs and weights: softonnx grad."
        : `\nThe outputs cannot be differentiated: ${obstacle}`,
    );
  },
};

function describe(path: string, facts: ModelFacts, all: boolean): string[] {
  const nodes = facts.operators.reduce((sum, each) => sum + each.count, 0);
  const by = facts.producer === "" ? "" : `, by ${facts.producer}`;
  return [
    `${path}: "${facts.name}", ${size(statSync(path).size)}, opset ${facts.opset}${by}`,
    ...section("inputs", tensorRows(facts.inputs)),
    ...section("outputs", tensorRows(facts.outputs)),
    ...weightLines(facts, all),
    ...section(
      count(nodes, "node"),
      facts.operators.map((each) => [
        `${each.count}`,
        each.operator,
        each.gradient === "yes"
          ? "has a gradient"
          : `${gradientWord[each.gradient]}: ${each.reason}`,
      ]),
    ),
  ];
}

const gradientWord = { zero: "gradient zero", no: "no gradient" } as const;

function section(title: string, rows: readonly (readonly string[])[]): string[] {
  return rows.length === 0 ? [] : ["", title, ...table(rows)];
}

function tensorRows(tensors: readonly TensorFacts[]): string[][] {
  return tensors.map(({ name, dtype, shape }) => [name, dtype, shape]);
}

function weightLines({ weights }: ModelFacts, all: boolean): string[] {
  const elements = weights.reduce((sum, weight) => sum + weight.elements, 0);
  const bytes = weights.reduce((sum, weight) => sum + weight.bytes, 0);
  const shown = all ? weights : weights.slice(0, MOST_WEIGHTS);
  const title = `${count(weights.length, "weight")}, ${count(elements, "element")}, ${size(bytes)}`;
  const lines = section(title, tensorRows(shown));
  const left = weights.length - shown.length;
  return left === 0 ? lines : [...lines, `  and ${left} more; --all lists them`];
}

/** Why no gradient of the floating outputs can be taken; undefined if it can. */
function obstacleToGradient(graph: Graph): string | undefined {
  const floating = <T extends { readonly dtype: Parameters<typeof isFloating>[0] }>(value: T) =>
    isFloating(value.dtype);
  const ys = [...graph.outputs.values()].filter(floating);
  const xs = [...graph.inputs.values(), ...weightsOf(graph).values()].filter(floating);
  if (ys.length === 0) return "none of them is of a floating type";
  if (xs.length === 0) return "no input and no weight is of a floating type";
  try {
    vjp(ys, xs);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
