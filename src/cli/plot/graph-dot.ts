import { type Block, type Node, readsOf, subgraphsOf } from "../../builder/block.ts";
import { formatShape } from "../../builder/dim.ts";
import type { Graph } from "../../builder/graph.ts";
import type { TensorData } from "../../builder/tensor.ts";
import type { Value } from "../../builder/value.ts";
import { operatorName } from "../model-facts.ts";

/** A picture with more boxes than this helps nobody, and takes long to lay out. */
const MOST_BOXES = 400;

/** A graph in Graphviz's language: boxes for operators, ellipses for inputs and outputs, the type and
 * shape on every arrow. Weights and constants stand in their operator's box, not as boxes of their own.
 *
 * Nodes are gathered into one box by the first parts of their names (`encoder/layer_0`), as many parts as
 * `depth` says; by default the most with which there are no more than 400 boxes.
 *
 * @throws Error if even one part leaves too many */
export function graphDot(graph: Graph, depth?: number): string {
  const groups = grouped(graph, depth);
  const boxOf = (value: Value): string | undefined => {
    const { producer } = value;
    if (producer !== undefined) return groups.of(producer);
    return value.origin.kind === "constant" ? undefined : `in_${value.id}`;
  };
  const lines = [
    "digraph {",
    `  graph [rankdir=TB, bgcolor="transparent", fontname="Helvetica", nodesep=0.3, ranksep=0.45]`,
    `  node [shape=box, style="rounded,filled", fillcolor="#f4f6f8", color="#7a8a99", fontname="Helvetica", fontsize=11, margin="0.14,0.06"]`,
    `  edge [color="#7a8a99", fontname="Helvetica", fontsize=9, fontcolor="#5a6772", arrowsize=0.6]`,
  ];
  for (const value of [...graph.inputs.values(), ...graph.parameters.values()]) {
    const label = `${value.hint}\n${value.dtype} ${formatShape(value.shape)}`;
    lines.push(`  in_${value.id} [shape=ellipse, fillcolor="#dcebf7", label=${quoted(label)}]`);
  }
  for (const [box, nodes] of groups.boxes) lines.push(`  ${box} [label=${quoted(labelOf(nodes))}]`);
  const edges = new Set<string>();
  const connect = (value: Value, to: string) => {
    const from = boxOf(value);
    if (from === undefined || from === to) return;
    edges.add(`  ${from} -> ${to} [label=${quoted(` ${formatShape(value.shape)}`)}]`);
  };
  for (const [box, nodes] of groups.boxes) {
    for (const node of nodes) for (const value of outerReads(node)) connect(value, box);
  }
  for (const [name, value] of graph.outputs) {
    const box = `out_${value.id}_${edges.size}`;
    const label = `${name}\n${value.dtype} ${formatShape(value.shape)}`;
    lines.push(`  ${box} [shape=ellipse, fillcolor="#f7e3dc", label=${quoted(label)}]`);
    connect(value, box);
  }
  return [...lines, ...edges, "}"].join("\n");
}

interface Groups {
  readonly of: (node: Node) => string;
  readonly boxes: ReadonlyMap<string, readonly Node[]>;
}

function grouped(graph: Graph, depth: number | undefined): Groups {
  const { nodes } = graph.root;
  const most = Math.max(1, ...nodes.map((node) => pathOf(node).length));
  if (depth !== undefined) return group(nodes, depth);
  for (let parts = most + 1; parts >= 1; parts--) {
    const groups = group(nodes, parts);
    if (groups.boxes.size <= MOST_BOXES) return groups;
  }
  throw new Error(
    `the model has ${nodes.length} nodes, too many for a picture, and names that do not gather them`,
  );
}

/** By the first `depth` parts of the name; a node with no more parts has a box of its own. */
function group(nodes: readonly Node[], depth: number): Groups {
  const names = new Map<Node, string>();
  const boxes = new Map<string, Node[]>();
  const byPath = new Map<string, string>();
  for (const node of nodes) {
    const path = pathOf(node);
    const key = path.slice(0, depth).join("/");
    let box = path.length >= depth && key !== "" ? byPath.get(key) : undefined;
    if (box === undefined) {
      box = `box_${boxes.size}`;
      boxes.set(box, []);
      if (path.length >= depth) byPath.set(key, box);
    }
    names.set(node, box);
    boxes.get(box)?.push(node);
  }
  return { of: (node) => names.get(node) as string, boxes };
}

/** The scopes that a node lies in, outermost first: by its name in the file, or where it was built. */
function pathOf(node: Node): string[] {
  const name = node.source === undefined ? `${node.scope}/` : node.source.message.name;
  return name.split("/").slice(0, -1).filter(Boolean);
}

function labelOf(nodes: readonly Node[]): string {
  const [first] = nodes as readonly [Node];
  if (nodes.length > 1) return `${commonPath(nodes)}\n${nodes.length} nodes`;
  const lines = [operatorName(first)];
  for (const input of first.inputs) {
    if (input?.origin.kind === "constant") lines.push(constantLabel(input, input.origin.data));
  }
  const bodies = subgraphsOf(first.attributes);
  for (const body of bodies) lines.push(`body of ${body.nodes.length} nodes`);
  return lines.join("\n");
}

function commonPath(nodes: readonly Node[]): string {
  const paths = nodes.map(pathOf);
  const first = paths[0] ?? [];
  const shared = first.findIndex((part, i) => paths.some((path) => path[i] !== part));
  return (shared < 0 ? first : first.slice(0, shared)).join("/");
}

/** What a node reads at the top of the graph, its bodies included. */
function outerReads(node: Node): Value[] {
  const root: Block = node.block;
  return readsOf(node).filter((value) => root.sees(value.block));
}

/** The elements of a small constant, the name and shape of a large one. */
function constantLabel(value: Value, data: TensorData): string {
  const small = data.size <= 3 && !data.external;
  return small
    ? `${Array.from(data.elements, Number).map(brief).join(", ")}`
    : `${shortened(value.hint)} ${formatShape(value.shape)}`;
}

/** Bounds that stand for the end of an axis are infinite to people. */
function brief(element: number): string {
  if (Math.abs(element) >= Number.MAX_SAFE_INTEGER) return element > 0 ? "∞" : "-∞";
  return String(Number(element.toPrecision(4)));
}

function shortened(text: string): string {
  return text.length > 28 ? `…${text.slice(-27)}` : text;
}

/** A text between quotes in Graphviz's language, each line centred. */
function quoted(text: string): string {
  return `"${text.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n")}"`;
}
