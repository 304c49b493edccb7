import * as op from "../builder/operators/index.ts";
import type { Value } from "../builder/value.ts";
import {
  blockAnchor,
  blockLengths,
  blockShares,
  isotonicRegression,
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
  const { blocks, v } = isotonicRegression(s, w, mode);
  // The formulas below need the blocks alone; NaN in a row is in all of v.
  const poison = op.stopGradient(op.mul(v, 0));
  if (mode === "c0") return op.add(aboutMeans(s, w, blocks), poison);
  if (mode === "smooth") return op.add(aboutLogSums(s, w, blocks), poison);
  return byPowers(s, w, blocks, v, mode);
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
 * at t = 0, where those of y are not. With h = y' up to a factor and p = h / sum h over the block,
 * dy_i = k h_i (ds_i - sum p ds) + p_i sum dw. */
function byPowers(s: Value, w: Value, blocks: Value, v: Value, mode: "c1" | "c2"): Value {
  const factor = mode === "c1" ? 2 : 3;
  const project = op.customGradient(
    () => {
      const t = op.sub(s, v);
      const y = power(op.add(t, correction(t, w, v, blocks, mode)), mode);
      return op.where(op.greater(blockLengths(blocks), 1), y, op.add(w, op.mul(v, 0)));
    },
    (_, ybar) => {
      const h = slope(op.sub(s, v), mode);
      const p = blockShares(h, blocks);
      const tbar = op.mul(op.mul(h, factor), ybar);
      const sbar = op.sub(tbar, op.mul(p, segmentSum(tbar, blocks)));
      return [sbar, segmentSum(op.mul(p, ybar), blocks)];
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
