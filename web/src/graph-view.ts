import { Graphviz } from "@hpcc-js/wasm-graphviz";
import type { Graph, Value } from "softonnx";

/** Layout takes long, and nobody can read it, beyond so many nodes. */
const MOST_NODES = 250;

type Node = Graph["root"]["nodes"][number];

let graphviz: ReturnType<typeof Graphviz.load> | undefined;

/** A picture of the nodes of a graph, or of its first ones.
 * @returns the picture, and how many nodes it leaves out */
export async function pictureOf(
  graph: Graph,
): Promise<{ readonly svg: SVGSVGElement; readonly left: number }> {
  graphviz ??= Graphviz.load();
  const nodes = graph.root.nodes.slice(0, MOST_NODES);
  const text = (await graphviz).layout(dotOf(graph, nodes), "svg", "dot");
  const parsed = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
  const svg = document.adoptNode(parsed) as unknown as SVGSVGElement;
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `The graph: ${spokenOf(graph)}`);
  return { svg, left: graph.root.nodes.length - nodes.length };
}

function spokenOf(graph: Graph): string {
  return `${[...graph.inputs.keys()].join(", ")} go in; ${graph.root.nodes.length} nodes; ${[...graph.outputs.keys()].join(", ")} come out`;
}

/** The graph in Graphviz's language. Names come from a file: they are quoted, and not too long. */
function dotOf(graph: Graph, nodes: readonly Node[]): string {
  const ids = new Map<Node | Value, string>();
  const lines = [
    "digraph {",
    'graph [rankdir=TB, nodesep=0.25, ranksep=0.38, bgcolor="transparent", pad=0.2];',
    'node [shape=box, style="rounded,filled", fontname="Helvetica", fontsize=11, height=0.32, margin="0.14,0.05", class="node"];',
    'edge [arrowsize=0.55, class="edge"];',
  ];
  const add = (key: Node | Value, label: string, look: string) => {
    const id = `n${ids.size}`;
    ids.set(key, id);
    lines.push(`${id} [label=${quoted(label)}, class="${look}"];`);
  };
  for (const [name, value] of graph.inputs) add(value, `${name}\n${typeOf(value)}`, "node given");
  for (const [name, value] of graph.parameters)
    add(value, `${name}\n${typeOf(value)}`, "node given");
  for (const node of nodes) add(node, node.op, node.domain === "" ? "node" : "node ours");
  const idOf = (value: Value) =>
    ids.get(value) ?? (value.origin.kind === "node" ? ids.get(value.origin.node) : undefined);
  for (const node of nodes) {
    const from = node.inputs.flatMap((input) => (input === undefined ? [] : (idOf(input) ?? [])));
    for (const id of new Set(from)) lines.push(`${id} -> ${ids.get(node)};`);
  }
  let count = 0;
  for (const [name, value] of graph.outputs) {
    const from = idOf(value);
    if (from === undefined) continue;
    const id = `out${count++}`;
    lines.push(`${id} [label=${quoted(`${name}\n${typeOf(value)}`)}, class="node result"];`);
    lines.push(`${from} -> ${id};`);
  }
  return `${lines.join("\n")}\n}`;
}

function typeOf(value: Value): string {
  const shape = value.shape?.map((dim) => dim ?? "?").join(", ") ?? "…";
  return `${value.dtype} [${shape}]`;
}

const LONGEST = 42;

function quoted(text: string): string {
  const lines = text
    .split("\n")
    .map((line) => (line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line))
    // Control characters and lone halves of pairs are no text for the picture.
    .map((line) =>
      line
        .replace(/[\p{Cc}\p{Cs}]/gu, "\u{fffd}")
        .replace(/\\/g, "\\\\")
        .replace(/"/g, '\\"'),
    );
  return `"${lines.join("\\n")}"`;
}
