import * as op from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import type { SoftMode } from "../options.ts";

// A regularised plan is phi(s) with s = (f_i + g_j - C_ij) / softness, where phi is the inverse of the
// regulariser's derivative: exp, and the powers 1, 2, 3 of max(s, 0) for the p-norms with p = 2, 3/2, 4/3.

/** The power alpha in phi(s) = max(s, 0)^alpha. */
export const POWER = { c0: 1, c1: 2, c2: 3 } as const;

export type NormMode = keyof typeof POWER;

/** phi(s). */
export function planOf(s: Value, mode: SoftMode): Value {
  if (mode === "smooth") return op.exp(s);
  const r = op.relu(s);
  return mode === "c0" ? r : mode === "c1" ? op.mul(r, r) : op.mul(op.mul(r, r), r);
}

/** phi'(s); where it jumps (c0 at 0) the value of the left piece. */
export function slopeOf(s: Value, mode: SoftMode): Value {
  if (mode === "smooth") return op.exp(s);
  if (mode === "c0") return op.cast(op.greater(s, 0), s.dtype);
  const r = op.relu(s);
  return mode === "c1" ? op.mul(r, 2) : op.mul(op.mul(r, r), 3);
}

/** The integral of phi up to s: the regulariser's conjugate. */
export function conjugateOf(s: Value, mode: SoftMode): Value {
  if (mode === "smooth") return op.exp(s);
  return op.div(op.mul(planOf(s, mode), op.relu(s)), POWER[mode] + 1);
}

/** The regulariser of one cell, of phi(s): P (log P - 1), or P^p / p with p = 1 + 1 / alpha. */
export function regularizerOf(s: Value, mode: SoftMode): Value {
  if (mode === "smooth") return op.mul(op.exp(s), op.sub(s, 1));
  return op.mul(conjugateOf(s, mode), POWER[mode]);
}

/** x^(1 / alpha) for x that is not negative. */
export function rootOf(x: Value, mode: NormMode): Value {
  return mode === "c0" ? x : mode === "c1" ? op.sqrt(x) : op.pow(x, 1 / 3);
}
