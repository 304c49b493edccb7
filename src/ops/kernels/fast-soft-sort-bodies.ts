import * as op from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import { numbersFrom1 } from "../indices.ts";
import { reversed } from "../methods/positions.ts";
import type { SoftMode } from "../options.ts";
import {
  backInPlace,
  descending,
  levelsOnBlocks,
  projectOnBlocks,
  pullBackOnBlocks,
} from "../sorted-projection.ts";
import {
  makeStandardized,
  makeUnsquashed,
  pullBackStandardize,
  pullBackUnsquash,
} from "../standardization.ts";
import { blockAnchor, isotonicRegression } from "./isotonic-regression.ts";

/** What the forward bodies leave for the gradient. */
export interface Kept {
  /** int64 [batch, n]: where the sorted entries were. */
  readonly order: Value;
  /** int64 [batch, n]: the blocks of the isotonic regression. */
  readonly blocks: Value;
  /** float64 [batch, n]: their levels. Modes c1 and c2 cannot do without. */
  readonly v: Value | undefined;
}

/** The sorted rows, ascending: evenly spaced numbers take the place of the entries' order. */
export function makeValues(
  x: Value,
  softness: Value,
  mode: SoftMode,
  standardized: boolean,
): Kept & { readonly result: Value; readonly v: Value } {
  const rows = op.cast(x, "float64");
  const ready = standardized ? makeStandardized(rows) : undefined;
  const { values: w, indices: order } = descending(ready?.squashed ?? rows);
  const s = spacedLike(w, positive(softness));
  const { blocks, v } = isotonicRegression(s, w, mode);
  const y = reversed(projectOnBlocks(s, w, { blocks, v }, mode));
  const back = ready === undefined ? y : makeUnsquashed(y, ready.scale);
  return { result: op.cast(back, x.dtype), order, blocks, v };
}

/** The ranks, 1 for the largest. */
export function makeRanks(
  x: Value,
  softness: Value,
  mode: SoftMode,
  standardized: boolean,
): Kept & { readonly result: Value; readonly v: Value } {
  const rows = op.cast(x, "float64");
  const { squashed: keys } = standardized ? makeStandardized(rows) : { squashed: rows };
  const { values, indices: order } = descending(op.neg(keys));
  const s = op.div(values, positive(softness));
  const { w, most } = placesLike(s);
  const { blocks, v } = isotonicRegression(s, w, mode);
  const y = projectOnBlocks(s, w, { blocks, v }, mode);
  const result = op.cast(backInPlace(op.mul(y, most), order), x.dtype);
  return { result, order, blocks, v };
}

interface Cotangents {
  readonly dx: Value;
  readonly dsoftness: Value;
}

export function pullBackValues(
  x: Value,
  softness: Value,
  kept: Kept,
  dy: Value,
  mode: SoftMode,
  standardized: boolean,
): Cotangents {
  const rows = op.cast(x, "float64");
  const g = reversed(op.cast(dy, "float64"));
  const ready = standardized ? makeStandardized(rows) : undefined;
  const tau = positive(softness);
  const w = op.gatherElements(ready?.squashed ?? rows, kept.order, { axis: 1 });
  const s = spacedLike(w, tau);
  const pools = { blocks: kept.blocks, v: levelsOnBlocks(s, w, kept, mode) };
  const back = ready && pullBackUnsquash(projectOnBlocks(s, w, pools, mode), ready.scale, g);
  const { ds, dw } = pullBackOnBlocks(s, w, pools, back?.dy ?? g, mode);
  const keys = backInPlace(dw, kept.order);
  const drows = ready && back ? pullBackStandardize(rows, ready, keys, back.dscale) : keys;
  return cotangents(x, drows, { ds, s, tau, dy, blocks: kept.blocks });
}

export function pullBackRanks(
  x: Value,
  softness: Value,
  kept: Kept,
  dr: Value,
  mode: SoftMode,
  standardized: boolean,
): Cotangents {
  const rows = op.cast(x, "float64");
  const ready = standardized ? makeStandardized(rows) : undefined;
  const tau = positive(softness);
  const inOrder = (values: Value) => op.gatherElements(values, kept.order, { axis: 1 });
  const s = op.div(op.neg(inOrder(ready?.squashed ?? rows)), tau);
  const { w, most } = placesLike(s);
  const pools = { blocks: kept.blocks, v: levelsOnBlocks(s, w, kept, mode) };
  const g = op.mul(inOrder(op.cast(dr, "float64")), most);
  const { ds } = pullBackOnBlocks(s, w, pools, g, mode);
  const keys = op.neg(backInPlace(op.div(ds, tau), kept.order));
  const drows = ready ? pullBackStandardize(rows, ready, keys) : keys;
  return cotangents(x, drows, { ds, s, tau, dy: dr, blocks: kept.blocks });
}

/** n evenly spaced numbers from 1 / softness down to 0, for every row. */
function spacedLike(w: Value, softness: Value): Value {
  const numbers = op.sub(numbersFrom1(w), 1);
  const step = op.div(1, op.mul(op.max(lastOf(numbers), 1), softness));
  return op.add(op.mul(reversed(numbers), step), op.zerosLike(w));
}

/** The numbers from n down to 1 over `most`, for every row. */
function placesLike(s: Value): { readonly w: Value; readonly most: Value } {
  const numbers = numbersFrom1(s);
  const most = op.max(op.sub(lastOf(numbers), 1), 1);
  return { w: op.add(op.div(reversed(numbers), most), op.zerosLike(s)), most };
}

/** The softness, or NaN where it is not positive. */
function positive(softness: Value): Value {
  return op.where(op.greater(softness, 0), softness, Number.NaN);
}

function lastOf(x: Value): Value {
  return op.slice(x, -1, Number.POSITIVE_INFINITY, { axes: -1 });
}

/** @param drows of x in float64
 * @param ds of s, which is something over the softness */
function cotangents(
  x: Value,
  drows: Value,
  { ds, s, blocks, tau, dy }: { readonly [Name in "ds" | "s" | "blocks" | "tau" | "dy"]: Value },
): Cotangents {
  const along = { axes: 1, keepdims: true };
  const nothing = op.add(op.mul(op.cast(x, "float64"), 0), op.mul(op.cast(dy, "float64"), 0));
  // NaN in rows that hold NaN or an infinity, else 0.
  const poison = op.stopGradient(op.reduceSum(nothing, along));
  // ds sums to 0 over a block, so that s may be taken from its first entry: it is large where tau is small.
  const near = op.sub(s, blockAnchor(s, blocks));
  const dsoftness = op.neg(op.div(op.reduceSum(op.mul(ds, near)), tau));
  return {
    dx: op.cast(op.add(drows, poison), x.dtype),
    dsoftness: op.add(dsoftness, op.reduceSum(poison)),
  };
}
