import * as op from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import type { SoftMode } from "../options.ts";
import { simplexThreshold } from "./simplex-threshold.ts";

// SoftSort in modes c0, c1 and c2 by its matrix: row i is the projection of -|a_i - b_j| / softness over j onto
// the simplex, phi(r_ij) with phi(r) = max(r, 0), its square or its cube.

type PowerMode = Exclude<SoftMode, "smooth">;

/** y_i = sum_j P_ij payload_j.
 *
 * @param from a, [batch, n]
 * @param to b, [batch, n]
 * @param payload [batch, n]
 * @param softness scalar; NaN gives NaN */
export function matrixMeans(
  from: Value,
  to: Value,
  payload: Value,
  softness: Value,
  mode: PowerMode,
): Value {
  const { r } = exponents(from, to, softness, mode);
  const y = op.matmul(power(r, mode), op.unsqueeze(payload, -1));
  return op.add(op.squeeze(y, -1), op.mul(softness, 0));
}

/** The cotangents of all operands. With w = phi'(r) and m_i the mean of the payload weighted by row i of w, the
 * exponents get dy_i w_ij (payload_j - m_i); of these the distances take -1 / softness times, and the softness
 * the sum of distances over its square. Equal entries have the derivative 0 by their distance.
 *
 * @param dy [batch, n] */
export function pullBackMatrixMeans(
  from: Value,
  to: Value,
  payload: Value,
  softness: Value,
  dy: Value,
  mode: PowerMode,
) {
  const { apart, distance, r } = exponents(from, to, softness, mode);
  const [column, row] = [op.unsqueeze(dy, -1), op.unsqueeze(payload, -2)];
  const w = slope(r, mode);
  const along = { axes: -1, keepdims: true } as const;
  const mean = op.div(op.reduceSum(op.mul(w, row), along), op.reduceSum(w, along));
  const bar = op.mul(column, op.mul(w, op.sub(row, mean)));
  const felt = op.div(op.mul(op.sign(apart), bar), softness);
  const poison = op.mul(softness, 0);
  return {
    dfrom: op.sub(poison, op.reduceSum(felt, { axes: -1 })),
    dto: op.add(poison, op.reduceSum(felt, { axes: -2 })),
    dpayload: op.add(op.reduceSum(op.mul(power(r, mode), column), { axes: -2 }), poison),
    dsoftness: op.div(op.reduceSum(op.mul(bar, distance)), op.mul(softness, softness)),
  };
}

/** a_i - b_j, its size, and what phi is taken of: [batch, n, n] each. */
function exponents(from: Value, to: Value, softness: Value, mode: PowerMode) {
  const apart = op.sub(op.unsqueeze(from, -1), op.unsqueeze(to, -2));
  const distance = op.abs(apart);
  const v = op.div(distance, op.neg(softness));
  const rows = op.reshape(v, [-1, op.sizeOf(v, -1)]);
  const t = simplexThreshold(rows, v.graph.constant(1, [1, 1], v.dtype), mode);
  return { apart, distance, r: op.relu(op.reshape(op.sub(rows, t), op.sizesOf(v))) };
}

function power(r: Value, mode: PowerMode): Value {
  if (mode === "c0") return r;
  return mode === "c1" ? op.mul(r, r) : op.mul(op.mul(r, r), r);
}

/** The derivative of `power`. */
function slope(r: Value, mode: PowerMode): Value {
  if (mode === "c0") return op.cast(op.greater(r, 0), r.dtype);
  return mode === "c1" ? op.mul(r, 2) : op.mul(op.mul(r, r), 3);
}
