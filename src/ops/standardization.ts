import * as op from "../builder/operators/index.ts";
import type { Value } from "../builder/value.ts";

// Standardisation, the way back and their gradients in standard operators: the bodies of kernel operators, and
// what element types without kernels use.

/** Added to the variance, so that equal entries give 0. */
const VARIANCE_FLOOR = 1e-6;

/** What was taken off each row when it was standardised, to put it back on. */
export interface Scale {
  /** [..., 1]: the first entry, as a constant. */
  readonly first: Value;
  /** [..., 1]: the mean less the first entry. */
  readonly offset: Value;
  /** [..., 1] */
  readonly deviation: Value;
}

/** A row on the scale that the default softness is meant for, and the way back. */
export interface Standardized {
  /** [..., n] in (0, 1) */
  readonly squashed: Value;
  readonly scale: Scale;
}

/** The formula of standardize. The mean is taken relative to the first entry: summing 1000 times 1000000.3
 * in float32 is off by 0.25, which would give 1 for 0. The shift cancels, so it has no gradient.
 *
 * @param x [..., n] */
export function makeStandardized(x: Value): Standardized {
  const first = op.stopGradient(op.slice(x, 0, 1, { axes: -1 }));
  const shifted = op.sub(x, first);
  const offset = mean(shifted);
  const centered = op.sub(shifted, offset);
  const deviation = op.sqrt(op.add(mean(op.mul(centered, centered)), VARIANCE_FLOOR));
  const squashed = op.sigmoid(op.div(centered, deviation));
  return { squashed, scale: { first, offset, deviation } };
}

function mean(x: Value): Value {
  return op.reduceMean(x, { axes: -1, keepdims: true });
}

/** How close to 0 and 1 values may come before the way back: in float64 23 standard deviations from the
 * mean, in float32, where 1 - y has no digits left, 13.6. */
const MARGIN = { float64: 1e-10, float32: 10 * 2 ** -23, float16: 10 * 2 ** -10 } as const;

function marginOf({ dtype }: Value): number {
  return MARGIN[dtype as keyof typeof MARGIN] ?? MARGIN.float32;
}

/** The formula of unsquash.
 *
 * @param y [..., k] */
export function makeUnsquashed(y: Value, { first, offset, deviation }: Scale): Value {
  const margin = marginOf(y);
  const inside = op.clip(y, margin, 1 - margin);
  const z = op.log(op.div(inside, op.sub(1, inside)));
  return op.add(op.add(op.mul(z, deviation), offset), first);
}

/** Cotangents of what `unsquash` takes.
 *
 * @param g the cotangent of its result */
export function pullBackUnsquash(
  y: Value,
  { deviation }: Pick<Scale, "deviation">,
  g: Value,
): { readonly dy: Value; readonly dscale: ScaleCotangent } {
  const margin = marginOf(y);
  const inside = op.clip(y, margin, 1 - margin);
  const rest = op.sub(1, inside);
  const z = op.log(op.div(inside, rest));
  const within = op.equal(inside, y);
  const dz = op.div(op.mul(g, deviation), op.mul(inside, rest));
  return {
    // NaN beside what is clipped.
    dy: op.where(within, dz, op.mul(dz, 0)),
    dscale: { offset: mean(g), deviation: mean(op.mul(g, z)) },
  };
}

/** The cotangent of a scale over the number of entries. */
export interface ScaleCotangent {
  /** [..., 1] */
  readonly offset: Value;
  /** [..., 1] */
  readonly deviation: Value;
}

/** The cotangent of what `standardize` takes.
 *
 * @param x what it was given
 * @param made what it made of that
 * @param dsquashed [..., n]
 * @param dscale where the scale is in use besides */
export function pullBackStandardize(
  x: Value,
  { squashed, scale }: Standardized,
  dsquashed: Value,
  dscale?: ScaleCotangent,
): Value {
  const { first, offset, deviation } = scale;
  const u = op.div(op.sub(op.sub(x, first), offset), deviation);
  const du = op.mul(dsquashed, op.mul(squashed, op.sigmoid(op.neg(u))));
  const scaled = op.sub(du, op.mul(u, mean(op.mul(du, u))));
  const spread = op.div(scaled, deviation);
  // The variance is the mean of squares, and the derivative of its root by an entry is u / n.
  const centered = dscale === undefined ? spread : op.add(spread, op.mul(u, dscale.deviation));
  const dx = op.sub(centered, mean(centered));
  return dscale === undefined ? dx : op.add(dx, dscale.offset);
}
