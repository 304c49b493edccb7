import * as op from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import { columnMeans } from "../column-means.ts";
import { oddSlope, oddStep } from "../curves.ts";
import { asRow, numbersFrom1 } from "../indices.ts";
import type { SoftMode } from "../options.ts";
import { belowLargest, ofSum1, phi, phiSlope, projectSimplex } from "../simplex.ts";
import { weightedSums } from "../weighted-sums.ts";
import { simplexThreshold } from "./simplex-threshold.ts";

// NeuralSort by its matrices of n x n, of keys as rows [batch, n]. Row i from 0, ascending, is the projection
// of the logits over j
//
//     (c_i k_j - A_j) / softness,   c_i = 2i - (n - 1),   A_j = sum_m |k_j - k_m|, soft.

/** The soft permutation, [batch, n, n]. */
export function permutationOf(keys: Value, softness: Value, mode: SoftMode): Value {
  return projectSimplex(logitsOf(keys, softness, mode), mode);
}

/** The mean position from 1 under each column, which is brought to sum 1. */
export function ranksOf(keys: Value, softness: Value, mode: SoftMode): Value {
  return columnMeans(numbersFrom1(keys), permutationOf(keys, softness, mode));
}

/** What the gradient of y = P payload and of P itself depends on. */
export interface ValueCotangents {
  /** Of y, [batch, n]. */
  readonly dy: Value | undefined;
  /** Of P, [batch, n, n]. */
  readonly dp: Value | undefined;
}

export function pullBackValues(
  keys: Value,
  payload: Value,
  softness: Value,
  { dy, dp }: ValueCotangents,
  mode: SoftMode,
): { readonly dkeys: Value; readonly dpayload: Value | undefined; readonly dsoftness: Value } {
  const { p, w } = project(logitsOf(keys, softness, mode), mode);
  const outer = dy && op.mul(op.unsqueeze(dy, -1), op.unsqueeze(payload, -2));
  const slopes = outer === undefined ? dp : dp === undefined ? outer : op.add(outer, dp);
  return {
    ...pullBackLogits(keys, softness, pullBackRows(w, slopes as Value), mode),
    dpayload: dy && op.squeeze(op.matmul(op.unsqueeze(dy, -2), p), -2),
  };
}

/** As columnMeans divides: by sums of at least this. */
const LEAST_SUM = 1e-10;

export function pullBackRanks(keys: Value, softness: Value, dr: Value, mode: SoftMode) {
  const { p, w } = project(logitsOf(keys, softness, mode), mode);
  const numbers = numbersFrom1(keys);
  const ones = op.onesLike(op.unsqueeze(keys, -2));
  const sums = op.squeeze(op.matmul(ones, p), -2);
  const means = op.squeeze(op.matmul(op.mul(ones, numbers), p), -2);
  const share = op.div(dr, op.clip(sums, LEAST_SUM));
  // Of a column that is all but empty the divisor is fixed.
  const ranks = op.where(op.greaterOrEqual(sums, LEAST_SUM), op.div(means, sums), 0);
  const apart = op.sub(op.unsqueeze(numbers, -1), op.unsqueeze(ranks, -2));
  const slopes = op.mul(op.unsqueeze(share, -2), apart);
  return pullBackLogits(keys, softness, pullBackRows(w, slopes), mode);
}

function logitsOf(keys: Value, softness: Value, mode: SoftMode): Value {
  const lines = op.mul(op.unsqueeze(op.div(keys, softness), -2), coefficients(keys));
  const spread = op.div(spreadOf(keys, softness, mode), softness);
  const found = op.sub(lines, op.unsqueeze(spread, -2));
  return mode === "smooth" ? found : belowLargest(found);
}

/** c, [n, 1]. */
function coefficients(keys: Value): Value {
  const n = op.shape(keys, { start: 1 });
  const doubled = op.mul(op.range(0, n), 2);
  return op.unsqueeze(op.cast(op.sub(doubled, op.sub(n, 1)), keys.dtype), -1);
}

/** A, the sum of the soft distances to all entries.
 *
 * @param x [..., n]
 * @returns [..., n] */
export function spreadOf(x: Value, softness: Value | number, mode: SoftMode): Value {
  const apart = differences(x);
  return op.reduceSum(op.mul(apart, oddStep(apart, softness, mode)), { axes: -1 });
}

function differences(x: Value): Value {
  return op.sub(op.unsqueeze(x, -1), asRow(x));
}

/** The projection p = phi(v - t) of each row, and w = phi'(v - t). */
function project(v: Value, mode: SoftMode): { readonly p: Value; readonly w: Value } {
  if (mode === "smooth") {
    const p = op.softmax(v, { axis: -1 });
    return { p, w: p };
  }
  const rows = op.reshape(v, [-1, op.sizeOf(v, -1)]);
  const t = simplexThreshold(rows, v.graph.constant(1, [1, 1], v.dtype), mode);
  const r = op.reshape(op.relu(op.sub(rows, t)), op.shape(v));
  return { p: ofSum1(phi(r, mode)), w: phiSlope(r, mode) };
}

/** From the cotangent of the projection that of its argument, which has sum 0 in each row. */
function pullBackRows(w: Value, dp: Value): Value {
  const along = { axes: -1, keepdims: true };
  const mean = op.div(op.reduceSum(op.mul(w, dp), along), op.reduceSum(w, along));
  return op.mul(w, op.sub(dp, mean));
}

/** From the cotangent of the logits those of the keys and the softness. */
function pullBackLogits(keys: Value, softness: Value, dlogits: Value, mode: SoftMode) {
  const ones = op.onesLike(op.unsqueeze(keys, -2));
  const slopes = op.squeeze(coefficients(keys), -1);
  const columns = op.matmul(op.concat([op.mul(ones, slopes), ones], { axis: 1 }), dlogits);
  const [line, all] = [0, 1].map((i) => op.squeeze(op.slice(columns, i, i + 1, { axes: 1 }), 1));
  const dline = op.div(line as Value, softness);
  const dspread = op.div(op.neg(all as Value), softness);
  const spread = spreadOf(keys, softness, mode);
  const apart = differences(keys);
  // softAbs(d) = d o(d / softness) has the slope o + bend, and -bend d / softness by the softness.
  const bend = op.mul(apart, oddSlope(apart, softness, mode));
  const slope = op.add(oddStep(apart, softness, mode), bend);
  // The slope is odd, so the cotangents of both ends of a pair meet in the same sum.
  const own = op.mul(dspread, op.reduceSum(slope, { axes: -1 }));
  const bends = op.reduceSum(op.mul(bend, apart), { axes: -1 });
  const scale = op.add(
    op.add(op.mul(dline, keys), op.mul(dspread, spread)),
    op.mul(dspread, bends),
  );
  return {
    dkeys: op.add(op.add(dline, own), weightedSums(slope, dspread)),
    dsoftness: op.neg(op.div(op.reduceSum(scale), softness)),
  };
}
