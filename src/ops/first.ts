import { slice } from "../builder/operators/index.ts";
import type { Value } from "../builder/value.ts";

/** The first entries along an axis, and never fewer: see `exactly`.
 *
 * @param axis from 0, or -1 */
export function first(x: Value, count: number, axis: number): Value {
  return exactly(slice(x, 0, count, { axes: axis }), x, count, axis);
}

/** What a Slice took. Where only the run of a model tells that there was less than that, it fails: the Slice
 * alone would give what there is. The Reshape copies nothing.
 *
 * @param from what it was taken of
 * @param count how many there should be
 * @param axis from 0, or -1 */
export function exactly(taken: Value, from: Value, count: number, axis: number): Value {
  const along = axis < 0 ? axis + from.rank : axis;
  if (typeof from.shape?.[along] === "number") return taken;
  // A 0 stands for the size that is there. Were a size -1, entries of other axes could make up for these.
  const sizes = Array.from({ length: from.rank }, (_, i) => (i === along ? count : 0));
  const shape = from.graph.constant(sizes, [from.rank], "int64");
  return from.graph.emit({ op: "Reshape", inputs: [taken, shape] }).outputs[0] as Value;
}
