import * as op from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";

/** Groups of equal entries in ascending rows, int64 [batch, n]. */
export interface TieGroups {
  /** The number of the group, from 0. */
  readonly group: Value;
  /** Where the group begins. */
  readonly first: Value;
  /** Where the next one begins, n after the last. */
  readonly next: Value;
}

/** @param s [batch, n], ascending */
export function tieGroups(s: Value): TieGroups {
  const n = op.shape(s, { start: 1 });
  const before = op.slice(s, 0, -1, { axes: 1 });
  const risen = op.not(op.equal(op.slice(s, 1, Number.POSITIVE_INFINITY, { axes: 1 }), before));
  const begins = op.pad(op.cast(risen, "int64"), [
    [0, 0],
    [1, 0],
  ]);
  const group = op.cumSum(begins, { axis: 1 });
  const places = op.expand(op.range(0, n), op.shape(s));
  // One more slot for the end of the last group, and one that is written to but not read.
  const slots = op.add(n, 2);
  const ends = op.expand(n, op.concat([op.shape(s, { end: 1 }), slots], { axis: 0 }));
  const leads = op.or(op.greater(begins, 0), op.equal(places, 0));
  const at = op.where(leads, group, op.sub(slots, 1));
  const starts = op.scatterElements(ends, at, places, { axis: 1 });
  return {
    group,
    first: op.gatherElements(starts, group, { axis: 1 }),
    next: op.gatherElements(starts, op.add(group, 1), { axis: 1 }),
  };
}

/** For every entry the sum over its group.
 * @param v [channels, batch, n] */
export function tieSums({ group }: TieGroups, v: Value): Value {
  const places = op.expand(group, op.shape(v));
  const none = op.expand(v.graph.constant(0, [], v.dtype), op.shape(v));
  const sums = op.scatterElements(none, places, v, { axis: 2, reduction: "add" });
  return op.gatherElements(sums, places, { axis: 2 });
}
