import * as op from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import { decaySums, inclusiveSums, softnessCotangent } from "./softsort-scan.ts";
import { tieGroups, tieSums } from "./softsort-ties.ts";

// SoftSort in mode smooth, on rows in ascending order: row i of the soft permutation is proportional to
// exp(-|s_i - s_j| / softness), so that means by it are two decaying sums, of the numbers and of ones.

/** y_i = sum_j K_ij x_j / sum_j K_ij, K_ij = exp(-|s_i - s_j| / softness).
 *
 * @param s float64 [batch, n], ascending
 * @param x float64 [batch, n], taken from somewhere in its middle, so that no digits are lost
 * @param softness float64 scalar */
export function decayMeans(s: Value, x: Value, softness: Value): Value {
  const v = withOnes(x);
  const [left, right] = inclusiveSums(s, v, v, softness);
  return ratio(op.add(left, op.sub(right, v)));
}

/** The cotangents of s, x and softness. With F the sums, y = F_x / F_1 and Fbar = (-h y, h), h = ybar / F_1:
 *
 *     xbar = K h,   sbar = -(Fbar (l(v) - r(v)) + v (l(Fbar) - r(Fbar))) / softness
 *
 * summed over both channels v = (1, x), with the sums l and r of either side without ties. Every pair across
 * the gap g between two neighbours feels it, which gives the softness
 *
 *     sum over gaps of g exp(-g / softness) (L(Fbar) R(v) + L(v) R(Fbar)) / softness^2
 *
 * with L and R the sums up to the gap and from it on. That is -sum s sbar / softness without the loss of
 * digits where the softness is small beside s; its own derivative is taken in that form.
 *
 * @param dy [batch, n] */
export function pullBackMeans(
  s: Value,
  x: Value,
  softness: Value,
  dy: Value,
): { readonly ds: Value; readonly dx: Value; readonly dsoftness: Value } {
  const v = withOnes(x);
  const ties = tieGroups(s);
  const [there, tied] = [decaySums(s, v, v, softness), tieSums(ties, v)];
  const sums = op.add(op.add(there.left, there.right), tied);
  const h = op.div(dy, first(sums));
  const df = stack(op.neg(op.mul(h, ratio(sums))), h);
  const [back, backTied] = [decaySums(s, df, df, softness), tieSums(ties, df)];
  const dv = op.add(op.add(back.left, back.right), backTied);
  const felt = op.add(
    op.mul(df, op.sub(there.left, there.right)),
    op.mul(v, op.sub(back.left, back.right)),
  );
  const ds = op.div(op.reduceSum(felt, { axes: 0 }), op.neg(softness));
  const across = op.add(
    op.mul(upTo(op.add(back.left, backTied)), from(op.add(there.right, tied))),
    op.mul(upTo(op.add(there.left, tied)), from(op.add(back.right, backTied))),
  );
  const gap = op.sub(from(s), upTo(s));
  const decayed = op.mul(gap, op.exp(op.div(op.neg(gap), softness)));
  const total = op.reduceSum(op.mul(decayed, across));
  return {
    ds,
    dx: second(dv),
    dsoftness: op.passThrough(
      op.div(total, op.mul(softness, softness)),
      softnessCotangent(s, ds, softness),
    ),
  };
}

/** What lies before each gap between neighbours on the last axis. */
function upTo(x: Value): Value {
  return op.slice(x, 0, -1, { axes: -1 });
}

/** What lies behind it. */
function from(x: Value): Value {
  return op.slice(x, 1, Number.POSITIVE_INFINITY, { axes: -1 });
}

function withOnes(x: Value): Value {
  return stack(op.expand(x.graph.constant(1, [], x.dtype), op.shape(x)), x);
}

function ratio(sums: Value): Value {
  return op.div(second(sums), first(sums));
}

function stack(a: Value, b: Value): Value {
  return op.concat([op.unsqueeze(a, 0), op.unsqueeze(b, 0)], { axis: 0 });
}

function first(pair: Value): Value {
  return op.squeeze(op.slice(pair, 0, 1, { axes: 0 }), 0);
}

function second(pair: Value): Value {
  return op.squeeze(op.slice(pair, 1, 2, { axes: 0 }), 0);
}
