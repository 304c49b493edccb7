import { Graph } from "../builder/graph.ts";
import { hashOf } from "./hash.ts";

/** By what a graph is known again. */
export interface Fingerprint {
  readonly hash: string;
  /** How many nodes of which operator it has. */
  readonly operators: Readonly<Record<string, number>>;
}

/** Of a model that this package wrote. Which release of it does not matter. */
export function fingerprintOf(bytes: Uint8Array): Fingerprint {
  const graph = Graph.fromModel(bytes);
  const operators: Record<string, number> = {};
  for (const { op } of graph.root.nodes) operators[op] = (operators[op] ?? 0) + 1;
  if (graph.source !== undefined) graph.source.model.producerVersion = "";
  return { hash: hashOf(graph.toModel()), operators };
}

/** What differs between two, in words; undefined if nothing does. */
export function fingerprintDifference(a: Fingerprint, b: Fingerprint): string | undefined {
  if (a.hash === b.hash) return undefined;
  const names = [...new Set([...Object.keys(a.operators), ...Object.keys(b.operators)])].sort();
  const changes = names
    .map((name) => [name, a.operators[name] ?? 0, b.operators[name] ?? 0] as const)
    .filter(([, before, after]) => before !== after)
    .map(([name, before, after]) => `${before} ${name} instead of ${after}`);
  if (changes.length === 0) return "the same operators, but other constants or connections";
  const shown = changes.slice(0, 6).join(", ");
  return changes.length > 6 ? `${shown}, and ${changes.length - 6} more` : shown;
}
