import { type Node, subgraphsOf } from "../builder/block.ts";
import { addDims, type Dim, divideDims, multiplyDims, sizeOfShape } from "../builder/dim.ts";
import { bitsOf } from "../builder/dtype.ts";
import { type Plan, planModel } from "../builder/plan.ts";
import type { Value } from "../builder/value.ts";
import { operatorOf } from "./custom-rules.ts";
import { type GradOptions, grad } from "./reverse.ts";

/** What a gradient takes beside what it is the gradient of. */
export interface GradientReport {
  /** Nodes that only the gradient needs, those in bodies included. */
  readonly nodes: number;
  /** How many of them there are of each operator, most first. */
  readonly operators: Readonly<Record<string, number>>;
  /** Results on the way to y that are kept for the gradient, largest first where sizes are known. */
  readonly saved: readonly SavedValue[];
  /** The sum of their bytes: a number, or a polynomial of the sizes' names; undefined where one is not
   * known. */
  readonly savedBytes: Dim;
  /** All of it as text. */
  toString(): string;
}

/** A value that is kept from the way forward to the way back. */
export interface SavedValue {
  readonly value: Value;
  readonly bytes: Dim;
}

/** Says what the gradient of y by xs takes: how many nodes of which operators, and what it keeps of the
 * way forward. For finding out why a training step is slow or large.
 *
 * ```ts
 * console.log(String(explainGradient(loss, [w, b])));
 * ```
 * The gradient is added to the graph to find out; a model only has it if it is used.
 * @throws GraphError as `grad` does */
export function explainGradient(
  y: Value,
  xs: readonly Value[],
  options: GradOptions = {},
): GradientReport {
  const gradients = grad(y, xs, options);
  const top = y.graph.root;
  const planOf = (roots: readonly Value[]) =>
    planModel(top, { roots, keepImported: false, inference: false, training: true });
  const [forward, both] = [planOf([y]), planOf([y, ...gradients])];
  const before = new Set(forward.nodesOf(top));
  const added = both.nodesOf(top).filter((node) => !before.has(node));
  const operators = count(added, both);
  const saved = savedFor(added, both, before);
  const report = {
    nodes: Object.values(operators).reduce((a, b) => a + b, 0),
    operators,
    saved,
    savedBytes: saved.map(({ bytes }) => bytes).reduce<Dim>(addDims, 0),
  };
  return { ...report, toString: () => textOf(report) };
}

function count(nodes: readonly Node[], plan: Plan): Record<string, number> {
  const counts = new Map<string, number>();
  const add = (list: readonly Node[]) => {
    for (const node of list) {
      const name = operatorOf(node);
      counts.set(name, (counts.get(name) ?? 0) + 1);
      for (const body of subgraphsOf(node.attributes)) add(plan.nodesOf(body));
    }
  };
  add(nodes);
  return Object.fromEntries([...counts].sort(([, a], [, b]) => b - a));
}

/** What the added nodes read of the others, in bodies too. */
function savedFor(added: readonly Node[], plan: Plan, before: ReadonlySet<Node>): SavedValue[] {
  const found = new Set<Value>();
  const visit = (nodes: readonly Node[]) => {
    for (const node of nodes) {
      const bodies = subgraphsOf(node.attributes);
      // Of a value of which only the sizes are read, only those are kept.
      const reads = node.op === "Shape" ? [] : plan.inputsOf(node);
      for (const read of [...reads, ...bodies.flatMap(({ outputs }) => outputs)]) {
        const real = read && plan.resolve(read);
        if (real?.producer !== undefined && before.has(real.producer)) found.add(real);
      }
      for (const body of bodies) visit(plan.nodesOf(body));
    }
  };
  visit(added);
  const saved = [...found].map((value) => ({ value, bytes: bytesOf(value) }));
  const size = ({ bytes }: SavedValue) => (typeof bytes === "number" ? bytes : -1);
  return saved.sort((a, b) => size(b) - size(a));
}

function bytesOf({ dtype, shape }: Value): Dim {
  const bits = bitsOf(dtype);
  if (shape === undefined || bits === 0) return undefined;
  const size = multiplyDims(sizeOfShape(shape), bits);
  return typeof size === "number" ? Math.ceil(size / 8) : divideDims(size, 8);
}

function textOf({ nodes, operators, saved, savedBytes }: Omit<GradientReport, "toString">): string {
  const counts = Object.entries(operators).map(([name, times]) => `${times} ${name}`);
  const kept = saved.map(({ value, bytes }) => `  ${value}: ${bytes ?? "?"} bytes`);
  return [
    `${nodes} nodes: ${counts.join(", ")}`,
    `${savedBytes ?? "an unknown number of"} bytes kept in ${saved.length} values:`,
    ...kept,
  ].join("\n");
}
