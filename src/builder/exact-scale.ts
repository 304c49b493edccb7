import type { Node } from "./block.ts";
import type { Value } from "./value.ts";

// ONNX Runtime merges a product with a constant scalar into the matrix product beside it, as an attribute
// that is float32 whatever the tensors are: at its default optimisation level float64 results are then off
// by 6e-8. It looks through other such scales, transposes and identities, and stops at a Neg.

/** The float64 products and quotients by a constant that have to be kept apart from a matrix product, each
 * with the place of the input that is scaled.
 *
 * @param nodes those of one block, in order
 * @param resolve the value that is read where the graph says another */
export function scalesBesideMatMul(
  nodes: readonly Node[],
  resolve: (value: Value) => Value,
): ReadonlyMap<Node, number> {
  const scales = new Map<Node, number>();
  for (const node of nodes) {
    const scaled = scaledInput(node, resolve);
    if (scaled !== undefined) scales.set(node, scaled);
  }
  if (scales.size === 0) return scales;
  const readers = readersOf(nodes, resolve);
  const before = (node: Node) =>
    node.inputs.flatMap((input) => (input && resolve(input).producer) ?? []);
  const after = (node: Node) => node.outputs.flatMap((output) => readers.get(output) ?? []);
  const passes = (node: Node) => TRANSPARENT.has(node.op) || scales.has(node);
  const beside = (node: Node) =>
    leadsToMatMul(node, before, passes) || leadsToMatMul(node, after, passes);
  return new Map([...scales].filter(([node]) => beside(node)));
}

function readersOf(nodes: readonly Node[], resolve: (value: Value) => Value) {
  const readers = new Map<Value, Node[]>();
  for (const node of nodes) {
    for (const input of node.inputs) {
      if (input === undefined) continue;
      const value = resolve(input);
      const known = readers.get(value);
      if (known === undefined) readers.set(value, [node]);
      else known.push(node);
    }
  }
  return readers;
}

const TRANSPARENT: ReadonlySet<string> = new Set([
  "Transpose",
  "Identity",
  "StopGradient",
  "StraightThrough",
]);

function leadsToMatMul(
  from: Node,
  next: (node: Node) => readonly Node[],
  passes: (node: Node) => boolean,
): boolean {
  const seen = new Set<Node>([from]);
  const pending = [...next(from)];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    if (node.op === "MatMul") return true;
    if (passes(node)) pending.push(...next(node));
  }
  return false;
}

/** The place of the input that a node scales, if the factor loses digits as a float32 attribute. */
function scaledInput(node: Node, resolve: (value: Value) => Value): number | undefined {
  if (node.domain !== "" || (node.op !== "Mul" && node.op !== "Div")) return undefined;
  if (node.source !== undefined || node.outputs[0]?.dtype !== "float64") return undefined;
  for (const at of node.op === "Div" ? [1] : [1, 0]) {
    const operand = node.inputs[at];
    const data = operand && resolve(operand).data;
    if (data === undefined || data.size !== 1) continue;
    const constant = Number(data.elements[0]);
    if (!isShort(node.op === "Div" ? 1 / constant : constant)) return 1 - at;
  }
  return undefined;
}

/** True for numbers of at most 12 significant bits: a float32 holds them, and products of two. */
function isShort(x: number): boolean {
  if (!Number.isFinite(x) || x === 0) return true;
  const exponent = Math.floor(Math.log2(Math.abs(x)));
  return Math.abs(exponent) < 120 && Number.isInteger(x / 2 ** (exponent - 11));
}
