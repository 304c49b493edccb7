import * as op from "../builder/operators/index.ts";
import type { Value } from "../builder/value.ts";
import {
  blockAnchor,
  blockLengths,
  blockShares,
  blockSoftmax,
  isotonicRegression,
  pullBackLevels,
} from "./kernels/isotonic-regression.ts";
import { power, slope } from "./kernels/isotonic-roots.ts";
import { segmentSum } from "./kernels/segments.ts";
import type { SoftMode, Softness } from "./options.ts";
import { ordered } from "./ordered.ts";

// The projection onto the permutahedron where both rows are in order, and the ways there and back. In
// float64 throughout: with a softness of 0.001 the difference of two numbers near 1000 counts.

/** [..., n] as float64 rows [batch, n]. */
export function asRows(x: Value): Value {
  const exact = op.cast(x, "float64");
  return x.rank === 2 ? exact : op.reshape(exact, [-1, op.sizeOf(x, -1)]);
}

/** Rows back in the shape and type of x. */
export function fromRows(rows: Value, x: Value): Value {
  return op.cast(x.rank === 2 ? rows : op.reshape(rows, op.sizesOf(x)), x.dtype);
}

export function asExact(softness: Softness): Softness {
  return typeof softness === "number" ? softness : op.cast(softness, "float64");
}

/** Each row from the largest to the smallest; of equal entries the earlier first. */
export function descending(rows: Value): { readonly values: Value; readonly indices: Value } {
  return ordered(rows, op.sizeOf(rows, -1), true);
}

/** Puts sorted entries where they were before. */
export function backInPlace(sorted: Value, indices: Value): Value {
  return op.scatterElements(op.zerosLike(sorted), indices, sorted, { axis: 1 });
}

/** The projection of rows in order.
 *
 * @param s float64 [batch, n], descending: divided by the softness
 * @param w float64 [batch, n], descending
 * @returns float64 [batch, n], descending */
export function projectSorted(s: Value, w: Value, mode: SoftMode): Value {
  return projectOnBlocks(s, w, isotonicRegression(s, w, mode), mode);
}

/** A solution of the isotonic regression of s and w. Modes c1 and c2 cannot do without the levels v. */
export interface Pools {
  readonly blocks: Value;
  readonly v: Value | undefined;
}

/** The projection where the isotonic regression is solved. */
export function projectOnBlocks(s: Value, w: Value, pools: Pools, mode: SoftMode): Value {
  const { blocks, v } = pools;
  if (mode === "c1" || mode === "c2") return byPowers(s, w, pools, mode);
  const y = mode === "c0" ? aboutMeans(s, w, blocks) : aboutLogSums(s, w, blocks);
  // The formulas need the blocks alone; NaN in a row is in all of v.
  return v === undefined ? y : op.add(y, op.stopGradient(op.mul(v, 0)));
}

/** The cotangents of s and w by that of their projection. In modes c1 and c2 with h = y' up to a factor k and
 * p = h / sum h over the block, dy_i = k h_i (ds_i - sum p ds) + p_i sum dw. */
export function pullBackOnBlocks(
  s: Value,
  w: Value,
  { blocks, v }: Pools,
  ybar: Value,
  mode: SoftMode,
): { readonly ds: Value; readonly dw: Value } {
  if (mode === "c1" || mode === "c2") {
    const h = slope(op.sub(s, v as Value), mode);
    const p = blockShares(h, blocks);
    const tbar = op.mul(op.mul(h, mode === "c1" ? 2 : 3), ybar);
    return {
      ds: op.sub(tbar, op.mul(p, segmentSum(tbar, blocks))),
      dw: segmentSum(op.mul(p, ybar), blocks),
    };
  }
  const sum = segmentSum(ybar, blocks);
  if (mode === "c0") {
    const mean = op.div(sum, blockLengths(blocks));
    return { ds: op.sub(ybar, mean), dw: mean };
  }
  return {
    ds: op.sub(ybar, op.mul(sum, blockSoftmax(s, blocks))),
    dw: op.mul(sum, blockSoftmax(w, blocks)),
  };
}

/** The levels as a function of s and w, where they are only at hand as numbers. */
export function levelsOnBlocks(
  s: Value,
  w: Value,
  { blocks, v }: Pools,
  mode: SoftMode,
): Value | undefined {
  if (v === undefined) return undefined;
  const levels = op.customGradient(
    () => op.stopGradient(v),
    ([a, b], vbar) => {
      const own = levelsOnBlocks(a as Value, b as Value, { blocks, v }, mode) as Value;
      return pullBackLevels(a as Value, b as Value, { blocks, v: own }, vbar, mode);
    },
  );
  return levels(s, w);
}

/** s - mean s + mean w on each block. Written about an entry of the block: at small softness s is large,
 * and s - v would keep few digits. */
function aboutMeans(s: Value, w: Value, blocks: Value): Value {
  const near = op.sub(s, blockAnchor(s, blocks));
  const mean = op.div(segmentSum(op.sub(w, near), blocks), blockLengths(blocks));
  return op.add(near, mean);
}

/** s - logsumexp s + logsumexp w on each block. */
function aboutLogSums(s: Value, w: Value, blocks: Value): Value {
  const [nearS, anchorW] = [op.sub(s, blockAnchor(s, blocks)), blockAnchor(w, blocks)];
  const sum = (x: Value) => segmentSum(op.exp(x), blocks);
  const ratio = op.log(op.div(sum(op.sub(w, anchorW)), sum(nearS)));
  return op.add(op.add(nearS, anchorW), ratio);
}

/** y = t |t| or t^3 with t = s - v. Its derivatives are written for y itself: those of v by w are infinite
 * at t = 0, where those of y are not. */
function byPowers(s: Value, w: Value, pools: Pools, mode: "c1" | "c2"): Value {
  const { blocks } = pools;
  const v = pools.v as Value;
  const project = op.customGradient(
    () => {
      const t = op.sub(s, v);
      const y = power(op.add(t, correction(t, w, v, blocks, mode)), mode);
      return op.where(op.greater(blockLengths(blocks), 1), y, op.add(w, op.mul(v, 0)));
    },
    (_, ybar) => {
      const { ds, dw } = pullBackOnBlocks(s, w, pools, ybar, mode);
      return [ds, dw];
    },
  );
  return project(s, w);
}

/** What rounding of v has cost t, the same for a whole block: a Newton step of the block's sum, which t
 * can tell more precisely than s and v. */
function correction(t: Value, w: Value, v: Value, blocks: Value, mode: "c1" | "c2"): Value {
  const off = segmentSum(op.sub(w, power(t, mode)), blocks);
  const steepness = op.mul(segmentSum(slope(t, mode), blocks), mode === "c1" ? 2 : 3);
  const step = op.div(off, op.where(op.greater(steepness, 0), steepness, 1));
  const most = op.mul(op.abs(v), 2 ** -49);
  return op.min(op.max(step, op.neg(most)), most);
}
