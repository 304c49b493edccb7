import {
  abs,
  add,
  cast,
  clip,
  div,
  greaterOrEqual,
  lessOrEqual,
  mul,
  neg,
  pow,
  relu,
  sigmoid,
  softplus,
  sqrt,
  sub,
  tanh,
  where,
} from "../builder/operators/index.ts";
import type { Value } from "../builder/value.ts";
import { scaled } from "./operands.ts";
import type { SigmoidalMode, SoftMode, Softness } from "./options.ts";

// The one-dimensional curves under all elementwise operators: a step from 0 to 1, an odd step from -1 to
// 1, and the ramp that is the step's integral. In the piecewise modes they bend within five softnesses of
// 0, where the logistic function has reached 0.0067 and 0.9933. (Paulus et al. 2026, arXiv 2603.08824.)

/** Half the width of the window in softnesses. */
const REACH = 5;

type CurveMode = Exclude<SigmoidalMode, "hard">;

/** 0 far below 0, 1/2 at 0, 1 far above. The polynomials are written so that no two terms of unlike sign
 * are added: values close to 0 keep their relative accuracy. */
export function step(x: Value, softness: Softness, mode: CurveMode): Value {
  if (mode === "smooth") return sigmoid(div(x, softness));
  if (mode === "_c1_pnorm" || mode === "_c2_pnorm") return pnormStep(x, softness, mode);
  const w = window(x, softness);
  if (mode === "c0") return w;
  const z = sub(1, w);
  if (mode === "c1") return mul(mul(w, w), add(mul(z, 2), 1));
  return mul(cube(w), add(mul(add(mul(z, 6), 3), z), 1));
}

/** The derivative of `step` by x. */
export function stepSlope(x: Value, softness: Softness, mode: SoftMode): Value {
  if (mode !== "smooth") return mul(oddSlope(x, softness, mode), 0.5);
  // Not y (1 - y), which has no digits left far from 0.
  const at = div(x, softness);
  return div(mul(sigmoid(at), sigmoid(neg(at))), softness);
}

/** -1 far below 0, 0 at 0, 1 far above: 2 step - 1, without losing digits around 0. */
export function oddStep(x: Value, softness: Softness, mode: SoftMode): Value {
  if (mode === "smooth") return tanh(div(x, scaled(softness, 2)));
  const v = clip(div(x, scaled(softness, REACH)), -1, 1);
  if (mode === "c0") return v;
  const square = mul(v, v);
  if (mode === "c1") return mul(v, sub(1.5, mul(square, 0.5)));
  return mul(v, add(mul(sub(mul(square, 0.375), 1.25), square), 1.875));
}

/** The derivative of `oddStep` by x. */
export function oddSlope(x: Value, softness: Softness, mode: SoftMode): Value {
  if (mode === "smooth") {
    const t = oddStep(x, softness, mode);
    return div(sub(1, mul(t, t)), scaled(softness, 2));
  }
  const at = div(x, scaled(softness, REACH));
  if (mode === "c0") return div(inWindow(at), scaled(softness, REACH));
  const v = clip(at, -1, 1);
  const bump = sub(1, mul(v, v));
  const shape = mode === "c1" ? mul(bump, 1.5) : mul(mul(bump, bump), 1.875);
  return div(shape, scaled(softness, REACH));
}

/** 1 for v in [-1, 1], where `clip` has a derivative; else 0. */
function inWindow(v: Value): Value {
  return cast(lessOrEqual(abs(v), 1), v.dtype);
}

/** 0 far below 0, x far above.
 * @param gated x step(x) instead of the integral of the step */
export function ramp(x: Value, softness: Softness, mode: CurveMode, gated: boolean): Value {
  if (gated) return mul(x, step(x, softness, mode));
  if (mode === "smooth") return mul(softplus(div(x, softness)), softness);
  if (mode === "_c1_pnorm" || mode === "_c2_pnorm") return pnormRamp(x, softness, mode);
  const w = window(x, softness);
  const bend = mul(bendOf(w, mode), scaled(softness, REACH));
  // Beyond the window x itself: the polynomial ends in 1, and 5 * softness * 1 is not x. NaN is not beyond.
  return where(greaterOrEqual(w, 1), x, bend);
}

/** The derivative of the ungated `ramp` by the softness. */
export function rampBySoftness(x: Value, softness: Softness, mode: SoftMode): Value {
  // Not (x / softness) step(x): ONNX Runtime (1.30) makes z sigmoid(z) a QuickGelu, which float64 has not.
  const line = div(mul(x, step(x, softness, mode)), softness);
  if (mode === "smooth") return sub(softplus(div(x, softness)), line);
  const w = window(x, softness);
  return where(greaterOrEqual(w, 1), 0, sub(mul(bendOf(w, mode), REACH), line));
}

/** The integral of the step over the window, which is 1 at its end. */
function bendOf(w: Value, mode: "c0" | "c1" | "c2"): Value {
  if (mode === "c0") return mul(w, w);
  const z = sub(1, w);
  if (mode === "c1") return mul(cube(w), add(z, 1));
  const square = mul(w, w);
  return mul(mul(square, square), add(mul(add(mul(z, 2), 2), z), 1));
}

/** Where x stands in the window, from 0 to 1. */
function window(x: Value, softness: Softness): Value {
  return clip(add(div(x, scaled(softness, 2 * REACH)), 0.5), 0, 1);
}

/** The second entry of the p-norm projection of (0, v) onto the simplex, p = 3/2 (c1) and 4/3 (c2). */
function pnormStep(x: Value, softness: Softness, mode: "_c1_pnorm" | "_c2_pnorm"): Value {
  const v = clip(div(x, scaled(softness, REACH)), -1, 1);
  // The root may be rounded below 0 at the window's edge. It must not be cut itself: its slope is 1 there.
  if (mode === "_c2_pnorm") return relu(cube(cubicRoot(v)));
  const h = add(v, sqrt(sub(2, mul(v, v))));
  return mul(mul(h, h), 0.25);
}

function pnormRamp(x: Value, softness: Softness, mode: "_c1_pnorm" | "_c2_pnorm"): Value {
  const v = clip(div(x, scaled(softness, REACH)), -1, 1);
  const integral = mode === "_c1_pnorm" ? pnormIntegral1(v) : pnormIntegral2(v);
  return where(greaterOrEqual(v, 1), x, mul(integral, scaled(softness, REACH)));
}

function pnormIntegral1(v: Value): Value {
  const inside = sub(2, mul(v, v));
  return add(sub(mul(v, 0.5), mul(mul(inside, sqrt(inside)), 1 / 6)), 2 / 3);
}

function pnormIntegral2(v: Value): Value {
  const b = cubicRoot(v);
  const rest = sub(b, v);
  const quartics = add(fourth(b), fourth(rest));
  return add(sub(mul(v, cube(b)), mul(quartics, 0.75)), 0.75);
}

/** b >= 0 with b^3 + (b - v)^3 = 1, for v in [-1, 1]. With t = b - v/2 and p = v^2/4 that is
 * t^3 + 3pt = 1/2, whose Cardano form has a cube root of something above 1/2: no case of its own at
 * v = 0, and all derivatives are finite. */
function cubicRoot(v: Value): Value {
  const p = mul(mul(v, v), 0.25);
  const c = pow(add(sqrt(add(cube(p), 1 / 16)), 0.25), 1 / 3);
  return add(sub(c, div(p, c)), mul(v, 0.5));
}

function cube(x: Value): Value {
  return mul(mul(x, x), x);
}

function fourth(x: Value): Value {
  const square = mul(x, x);
  return mul(square, square);
}
