import { isFloating } from "./dtype.ts";
import { failArgument, GraphError, nearest } from "./errors.ts";
import type { Graph } from "./graph.ts";
import type { Value } from "./value.ts";

/** The initialisers of an imported graph, those that are trained now included, by name. */
export function initializersOf(graph: Graph): ReadonlyMap<string, Value> {
  const found = new Map<string, Value>();
  for (const [name, value] of graph.source?.values ?? []) {
    const { kind } = value.origin;
    if (value.block === graph.root && (kind === "constant" || kind === "parameter")) {
      found.set(name, value);
    }
  }
  return found;
}

/** One that can be trained. @throws GraphError if there is none, or it cannot be */
export function requireInitializer(known: ReadonlyMap<string, Value>, name: string): Value {
  const value = known.get(name);
  if (value === undefined) {
    const near = nearest(name, [...known.keys()]);
    const advice = near === undefined ? "" : `; did you mean "${near}"?`;
    throw new GraphError("trainable", `there is no initialiser "${name}"${advice}`);
  }
  if (!isFloating(value.dtype)) failArgument("trainable", name, "floats", value);
  if (value.data?.external) {
    throw new GraphError("trainable", `"${name}" is kept in another file than the model`);
  }
  return value;
}
