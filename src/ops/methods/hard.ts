import * as op from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import { oneHot } from "../indices.ts";
import { ordered } from "../ordered.ts";
import type { Positions } from "./method.ts";

// The ordinary operators, in the form that the soft methods have: mode "hard". Of equal entries the
// earlier comes first, in either direction.

/** The sorted entries at the wanted positions: [...] for the top, else [..., k]. */
export function hardValues(x: Value, descending: boolean, positions: Positions): Value {
  if (positions.kind === "top") {
    return descending ? op.reduceMax(x, { axes: -1 }) : op.reduceMin(x, { axes: -1 });
  }
  return pick(sorted(x, descending, positions).values, positions);
}

/** Where the entries at the wanted positions stand in x, one-hot: [..., n] for the top, else [..., k, n].
 * Has no gradient. */
export function hardRows(x: Value, descending: boolean, positions: Positions): Value {
  return oneHot(hardIndices(x, descending, positions), op.sizeOf(x, -1), x.dtype);
}

/** Ranks from 1: the inverse of the sorting permutation. Has no gradient. */
export function hardRanks(x: Value, descending: boolean): Value {
  const order = sorted(x, descending, { kind: "all" }).indices;
  const inverse = ordered(order, op.sizeOf(order, -1), false).indices;
  return op.cast(op.add(inverse, 1), x.dtype);
}

function hardIndices(x: Value, descending: boolean, positions: Positions): Value {
  if (positions.kind === "top") {
    return descending ? op.argMax(x, { axis: -1 }) : op.argMin(x, { axis: -1 });
  }
  return pick(sorted(x, descending, positions).indices, positions);
}

function sorted(x: Value, descending: boolean, positions: Positions) {
  const count = positions.kind === "first" ? positions.count : op.sizeOf(x, -1);
  return ordered(x, count, descending);
}

function pick(all: Value, positions: Positions): Value {
  return positions.kind === "at" ? op.gather(all, positions.places, { axis: -1 }) : all;
}
