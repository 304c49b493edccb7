import { formatShape } from "./dim.ts";
import type { Graph } from "./graph.ts";
import type { Value } from "./value.ts";

/** See Graph.summary. */
export function summarize(graph: Graph): string {
  const raised = graph.raisedFrom === undefined ? "" : `, raised from ${graph.raisedFrom}`;
  const lines = [`${graph} at opset ${graph.opset}${raised}`];
  const list = (title: string, values: Iterable<readonly [string, Value]>) => {
    for (const [name, value] of values) {
      lines.push(`  ${title.padEnd(9)} ${name}: ${value.dtype} ${formatShape(value.shape)}`);
    }
  };
  list("input", graph.inputs);
  list("parameter", graph.parameters);
  list("output", graph.outputs);
  for (const [parameter, next] of graph.updates) {
    lines.push(`  ${"update".padEnd(9)} ${parameter.hint} <- ${next}`);
  }
  const counts = new Map<string, number>();
  for (const node of graph.root.nodes) counts.set(node.op, (counts.get(node.op) ?? 0) + 1);
  const operators = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  for (const [op, count] of operators) lines.push(`  ${String(count).padStart(9)} ${op}`);
  return lines.join("\n");
}
