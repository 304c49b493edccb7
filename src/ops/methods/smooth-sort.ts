import * as op from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import { numbersFrom1 } from "../indices.ts";
import { logSymmetric } from "../kernels/log-symmetric.ts";
import { secondDifference } from "../kernels/second-difference.ts";
import { smoothSort as solve } from "../kernels/smooth-sort.ts";
import { asExact, asRows, backInPlace, descending, fromRows } from "../sorted-projection.ts";
import type { OrderRequest, SoftMethod, ValuesRequest } from "./method.ts";
import { reversed, valuesAt } from "./positions.ts";

/** SmoothSort (Paulus et al. 2026, arXiv 2603.08824): as fastSoftSort, with a projection that is smooth in
 * both rows. The bounds of the partial sums are logarithms of elementary symmetric polynomials, and an
 * entropy of the slacks below these bounds and of the gaps between sorted entries takes the place of the
 * corners. In mode "smooth" alone, and always in the units of the entries: it does not standardise. */
export const smoothSort: SoftMethod = { modes: ["smooth"], ranks, values };

function values({ original, softness, descending: down, positions }: ValuesRequest): Value {
  const w = asRows(original);
  const tau = asExact(softness);
  const numbers = numbersFrom1(w);
  const between = op.slice(numbers, 1, Number.POSITIVE_INFINITY, { axes: -1 });
  const count = op.sub(lastOf(numbers), 1);
  const apart = op.div(op.add(op.mul(between, 0), 1), op.mul(op.max(count, 1), tau));
  const first = op.slice(w, 1, Number.POSITIVE_INFINITY, { axes: 1 });
  const y = project(op.add(op.zerosLike(first), apart), w, tau);
  return valuesAt(fromRows(spoilt(down ? y : reversed(y), w), original), positions);
}

function ranks({ original, softness, descending: down }: OrderRequest): Value {
  const rows = asRows(original);
  const tau = asExact(softness);
  const order = descending(down ? op.neg(rows) : rows);
  const numbers = numbersFrom1(rows);
  const most = op.max(op.sub(lastOf(numbers), 1), 1);
  const w = op.add(op.div(numbers, most), op.zerosLike(rows));
  const above = op.slice(order.values, 0, -1, { axes: 1 });
  const below = op.slice(order.values, 1, Number.POSITIVE_INFINITY, { axes: 1 });
  const y = project(op.div(op.sub(above, below), tau), w, tau);
  return fromRows(spoilt(backInPlace(op.mul(y, most), order.indices), rows), original);
}

/** The projection of a descending row, given by its gaps over the softness.
 *
 * @param gaps float64 [batch, n - 1]
 * @param w float64 [batch, n], in any order
 * @returns float64 [batch, n], descending */
function project(gaps: Value, w: Value, softness: number | Value): Value {
  const tau = typeof softness === "number" ? Math.min(softness, 1) : op.min(softness, 1);
  const bounds = op.mul(logSymmetric(op.div(w, tau)), tau);
  const steps = differences(bounds);
  // How far the bounds bend at each place: the gaps of the row without slack.
  const q = op.neg(differences(steps));
  const beta = solve(gaps, q);
  const slack = op.exp(op.neg(op.add(gaps, secondDifference(beta))));
  const framed = op.pad(slack, [
    [0, 0],
    [1, 1],
  ]);
  return op.sub(steps, differences(framed));
}

/** NaN in every entry of a row that has NaN or infinity: the solver spreads them no farther than it must. */
function spoilt(y: Value, rows: Value): Value {
  const poison = op.reduceSum(op.mul(rows, 0), { axes: 1, keepdims: true });
  return op.add(y, op.stopGradient(poison));
}

/** x_{i+1} - x_i: one entry less. */
function differences(x: Value): Value {
  const after = op.slice(x, 1, Number.POSITIVE_INFINITY, { axes: 1 });
  return op.sub(after, op.slice(x, 0, -1, { axes: 1 }));
}

function lastOf(x: Value): Value {
  return op.slice(x, -1, Number.POSITIVE_INFINITY, { axes: -1 });
}
