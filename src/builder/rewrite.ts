import { currentValue, type Node, readsOf } from "./block.ts";
import { cloneNode } from "./clone.ts";
import type { Graph } from "./graph.ts";
import type { Value } from "./value.ts";

/** Values as they are where others stand for some that they are computed from. What none of these reaches is
 * shared, the rest is made once more. The walk is iterative: graphs are deep.
 *
 * @param values of the top of the graph
 * @param replacement what stands for a value, itself rewritten; undefined for the value itself */
export function rewritten(
  graph: Graph,
  values: readonly Value[],
  replacement: (value: Value) => Value | undefined,
): Value[] {
  return graph.within(graph.root, () => {
    const copies = new Map<Value, Value>();
    const stands = new Map<Value, Value>();
    const pending = [...values];
    for (let value = pending.at(-1); value !== undefined; value = pending.at(-1)) {
      const missing = copies.has(value)
        ? []
        : neededBy(value, stands, replacement).filter((it) => !copies.has(it));
      if (missing.length > 0) {
        pending.push(...missing);
        continue;
      }
      if (!copies.has(value)) settle(graph, value, stands, copies);
      pending.pop();
    }
    return values.map((value) => copies.get(value) as Value);
  });
}

/** The values that have to be settled before this one. */
function neededBy(
  value: Value,
  stands: Map<Value, Value>,
  replacement: (value: Value) => Value | undefined,
): readonly Value[] {
  const known = stands.get(value);
  if (known !== undefined) return known === value ? readsOfValue(value) : [known];
  const current = currentValue(value);
  const other = current === value ? replacement(value) : current;
  stands.set(value, other ?? value);
  return other === undefined ? readsOfValue(value) : [other];
}

function readsOfValue({ origin }: Value): readonly Value[] {
  return origin.kind === "node" ? readsOf(origin.node) : [];
}

function settle(
  graph: Graph,
  value: Value,
  stands: ReadonlyMap<Value, Value>,
  copies: Map<Value, Value>,
): void {
  const other = stands.get(value) as Value;
  const { origin } = value;
  if (other !== value) copies.set(value, copies.get(other) as Value);
  else if (origin.kind !== "node" || !isChanged(origin.node, copies)) copies.set(value, value);
  else cloneNode(graph, origin.node, copies);
}

function isChanged(node: Node, copies: ReadonlyMap<Value, Value>): boolean {
  return readsOf(node).some((read) => copies.get(read) !== read);
}
