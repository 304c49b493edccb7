import { type Block, currentValue, type Node, readsOf } from "../builder/block.ts";
import type { TensorType } from "../builder/definition.ts";
import { isInteger } from "../builder/dtype.ts";
import { requireValue } from "../builder/lift.ts";
import type { Value } from "../builder/value.ts";

/** What lies between some values and what is computed from them. Where a node stands for another one
 * (`Block.replaced`), the path has its values, in that one's place. */
export interface Path {
  /** The nodes through which a change of some x reaches some y, in the order they were made. */
  readonly nodes: readonly Node[];
  /** The values that such a change reaches, the xs included. */
  readonly values: ReadonlySet<Value>;
}

/** True if y can change with x by small steps: there is a way from x to y through floating values.
 * Booleans and integers on the way end it, so `dependsOn(cast(argMax(x), "float32"), x)` is false.
 *
 * ```ts
 * if (!dependsOn(loss, w)) throw new Error("w is not trained");
 * ``` */
export function dependsOn(y: Value, x: Value): boolean {
  requireValue("dependsOn", "y", y);
  requireValue("dependsOn", "x", x);
  return y === x || pathBetween([y], [x]).values.has(currentValue(y));
}

/** True if the value's type can carry a gradient. A type that is not known may, so that an operator
 * nobody knows is named in an error and not passed over in silence. */
export function carriesGradient(value: Value): boolean {
  const { dtype } = innermost(value);
  if (dtype === "bool" || dtype === "string") return false;
  return !isInteger(dtype) || isQuantized(value);
}

/** The type of the tensors that a value is, or holds. */
function innermost(type: TensorType): TensorType {
  return type.container === undefined ? type : innermost(type.container.of);
}

/** What a quantised tensor goes through on its way without being another one. */
const MOVES: ReadonlySet<string> = new Set([
  "Identity",
  "Reshape",
  "Flatten",
  "Squeeze",
  "Unsqueeze",
  "Transpose",
]);

/** Whole numbers that stand for floats: what QuantizeLinear gives, moved at most. Their cotangents are
 * floats, as if they were not rounded. */
export function isQuantized(value: Value): boolean {
  let at = value;
  for (let steps = 0; steps < 64; steps++) {
    const { origin } = at;
    if (origin.kind !== "node" || origin.node.domain !== "") return false;
    const { op, inputs } = origin.node;
    if (op === "QuantizeLinear") return true;
    if (op === "DynamicQuantizeLinear") return origin.index === 0;
    const [from] = inputs;
    if (!MOVES.has(op) || from === undefined) return false;
    at = from;
  }
  return false;
}

/** Finds the nodes between xs and ys, visiting none older than the xs.
 *
 * @param within visit only nodes of this block, and none behind an x: the xs are all that the block reads
 * from elsewhere, whether or not one of them is computed from another */
export function pathBetween(ys: readonly Value[], xs: readonly Value[], within?: Block): Path {
  const roots = xs.map(currentValue);
  const values = new Set(roots.filter(carriesGradient));
  const nodes: Node[] = [];
  for (const node of ancestors(ys.map(currentValue), roots, within)) {
    if (!readsOf(node).some((read) => values.has(currentValue(read)))) continue;
    const reached = node.outputs.filter(
      (output) => carriesGradient(output) && !(within && values.has(output)),
    );
    if (reached.length === 0) continue;
    for (const output of reached) values.add(output);
    nodes.push(node);
  }
  return { nodes, values };
}

/** The nodes that ys need and that can need some x, in the order they were made. */
function ancestors(ys: readonly Value[], xs: readonly Value[], within?: Block): Node[] {
  // A node is younger than all that it reads, so nothing older than the oldest x depends on any.
  const oldest = xs.reduce((least, x) => Math.min(least, ageOf(x)), Number.POSITIVE_INFINITY);
  const ends = new Set(within === undefined ? [] : xs);
  const seen = new Set<Node>();
  const stack = [...ys];
  for (let value = stack.pop(); value !== undefined; value = stack.pop()) {
    if (ageOf(value) <= oldest || !carriesGradient(value) || ends.has(value)) continue;
    const node = value.producer;
    if (node === undefined || seen.has(node)) continue;
    if (within !== undefined && node.block !== within) continue;
    seen.add(node);
    for (const read of readsOf(node)) stack.push(currentValue(read));
  }
  return [...seen].sort((a, b) => ageOfNode(a) - ageOfNode(b));
}

function ageOf(value: Value): number {
  return value.producer === undefined ? value.id : ageOfNode(value.producer);
}

/** That of the node it stands for, if it stands for one: all that reads either is younger. */
function ageOfNode(node: Node): number {
  const first = node.replaces ?? node;
  return (first.outputs[0] as Value).id;
}
