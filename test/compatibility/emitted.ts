import { Graph, vjp } from "softonnx";
import { type Block, type Node, subgraphsOf } from "../../src/builder/block.ts";
import type { Value } from "../../src/builder/value.ts";
import type { NodeCase } from "../onnx/case.ts";

/** What differentiating an operator puts into a graph. */
export interface Emitted {
  /** Whether its first gradient, and that one's, could be made in some case. */
  readonly first: boolean;
  readonly second: boolean;
  readonly operators: ReadonlySet<string>;
}

/** Cases of each operator that are differentiated. */
const CASES = 3;

/** Differentiates ONNX's own tests of each operator twice, and looks at what comes of it.
 *
 * @param cases small ones first: each operator is tried on its first few */
export function emittedBy(cases: readonly NodeCase[]): ReadonlyMap<string, Emitted> {
  const found = new Map<string, Emitted>();
  const tried = new Map<string, number>();
  for (const { model } of cases) {
    const graph = readable(model);
    const ops = new Set(graph === undefined ? [] : operatorsIn(graph.root));
    for (const op of ops) {
      const count = tried.get(op) ?? 0;
      const known = found.get(op);
      if (count >= CASES && known?.second) continue;
      tried.set(op, count + 1);
      const { first, second, operators } = differentiated(model);
      found.set(op, {
        first: first || known?.first === true,
        second: second || known?.second === true,
        operators: new Set([...operators, ...(known?.operators ?? [])]),
      });
    }
  }
  return found;
}

function readable(model: Uint8Array): Graph | undefined {
  try {
    return Graph.fromModel(model);
  } catch {
    return undefined;
  }
}

function differentiated(model: Uint8Array): Emitted {
  const graph = Graph.fromModel(model);
  const before = new Set(nodesIn(graph.root));
  const isFloat = ({ dtype }: Value) => dtype === "float32" || dtype === "float64";
  const xs = [...graph.inputs.values()].filter(isFloat);
  const ys = [...graph.outputs.values()].filter(isFloat);
  let [first, second] = [false, false];
  try {
    const slopes = xs.length * ys.length === 0 ? [] : vjp(ys, xs);
    first = slopes.length > 0;
    if (first) vjp(slopes, xs);
    second = first;
  } catch {
    // Which operators have a rule, the table of rules says.
  }
  const made = nodesIn(graph.root).filter((node) => !before.has(node) && node.domain === "");
  return { first, second, operators: new Set(made.map(({ op }) => op)) };
}

export function operatorsIn(block: Block): string[] {
  return nodesIn(block).map(({ op, domain }) => (domain === "" ? op : `${domain}.${op}`));
}

function nodesIn(block: Block): Node[] {
  return block.nodes.flatMap((node) => [node, ...subgraphsOf(node.attributes).flatMap(nodesIn)]);
}
