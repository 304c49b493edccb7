import type { Operand } from "../builder/lift.ts";
import * as op from "../builder/operators/index.ts";
import type { Value } from "../builder/value.ts";
import { ramp, step } from "./curves.ts";
import { softCurve } from "./kernels/soft-curves.ts";
import { floating, floatingAlike, positiveSoftness } from "./operands.ts";
import {
  hardForm,
  type Mode,
  resolveOptions,
  SIGMOIDAL_MODES,
  type SigmoidalMode,
  type Softness,
} from "./options.ts";

/** Options of abs, sign and heaviside. */
export interface ElementwiseOptions {
  /** Default 0.1. */
  readonly softness?: Softness;
  /** Default "smooth". */
  readonly mode?: Mode;
}

/** Options of round. */
export interface RoundOptions extends ElementwiseOptions {
  /** Whole numbers on either side of floor(x) that take part. Default 5. */
  readonly neighborRadius?: number;
}

/** Options of relu and clamp. */
export interface ReluOptions extends ElementwiseOptions {
  /** x times the step instead of the step's integral. Default false. */
  readonly gated?: boolean;
}

/** Options of sigmoidal. */
export interface SigmoidalOptions {
  /** Default 0.1. */
  readonly softness?: Softness;
  /** Default "smooth". */
  readonly mode?: SigmoidalMode;
}

/** Options of softrelu. */
export interface SoftreluOptions extends SigmoidalOptions {
  /** x times the step instead of the step's integral. Default false. */
  readonly gated?: boolean;
}

const base = { softness: 0.1, mode: "smooth" } as const;

export const elementwiseDefaults: Readonly<Required<ElementwiseOptions>> = Object.freeze({
  ...base,
});

export const roundDefaults: Readonly<Required<RoundOptions>> = Object.freeze({
  ...base,
  neighborRadius: 5,
});

export const reluDefaults: Readonly<Required<ReluOptions>> = Object.freeze({
  ...base,
  gated: false,
});

export const sigmoidalDefaults: Readonly<Required<SigmoidalOptions>> = Object.freeze({ ...base });

export const softreluDefaults: Readonly<Required<SoftreluOptions>> = Object.freeze({
  ...base,
  gated: false,
});

/** A soft step from 0 to 1, elementwise: the logistic function in mode "smooth"; in the others a
 * polynomial of degree 1, 3 or 5 (or a p-norm curve) for |x| < 5 softness, and 0 or 1 beyond. Mode
 * "hard" is heaviside.
 *
 * Formula: with v = x / (5 softness), cut to [-1, 1], and w = (v + 1) / 2
 *   smooth      1 / (1 + exp(-x / softness))
 *   c0          w
 *   c1          w² (3 - 2 w)
 *   c2          w³ (10 - 15 w + 6 w²)
 *   _c1_pnorm   (v + sqrt(2 - v²))² / 4
 *   _c2_pnorm   b³, where b³ + (b - v)³ = 1
 *   hard        0, 1/2 at 0, 1
 *
 * ```ts
 * const gate = soft.sigmoidal(x, { softness: 0.5, mode: "c1" });
 * ```
 * @param x [...]
 * @returns [...], the shape of x
 *
 * Cost: O(1) an element. Source: Paulus et al. 2026 (arXiv 2603.08824), elementwise operators.
 * @throws GraphError for options that are wrong */
export function sigmoidal(x: Operand, options: SigmoidalOptions = {}): Value {
  const resolved = resolveOptions("sigmoidal", options, sigmoidalDefaults, SIGMOIDAL_MODES);
  return scoped("sigmoidal", x, resolved, (value, s, { mode }) =>
    mode === "hard" ? hardStep(value) : softStep(value, s, mode),
  );
}

/** A soft max(x, 0), elementwise: the integral of `sigmoidal`, or with `gated: true` x sigmoidal(x)
 * instead ("SiLU"). Other than in mode "smooth" it is exactly 0 or x for |x| >= 5 softness.
 *
 * Formula: with v = x / (5 softness), cut to [-1, 1], and w = (v + 1) / 2; x itself where w = 1
 *   smooth      softness log(1 + exp(x / softness))
 *   c0          5 softness w²
 *   c1          5 softness w³ (2 - w)
 *   c2          5 softness w⁴ (5 - 6 w + 2 w²)
 *   _c1_pnorm   5 softness (2/3 + v / 2 - sqrt(2 - v²)³ / 6)
 *   _c2_pnorm   5 softness (3/4 + v b³ - 3/4 (b⁴ + (b - v)⁴)), where b³ + (b - v)³ = 1
 *   hard        max(x, 0)
 *   gated       x sigmoidal(x)
 *
 * ```ts
 * const y = soft.softrelu(x, { mode: "_c1_pnorm" });
 * ```
 * @param x [...]
 * @returns [...], the shape of x
 *
 * Cost: O(1) an element. Source: Paulus et al. 2026 (arXiv 2603.08824), elementwise operators.
 * @throws GraphError for options that are wrong */
export function softrelu(x: Operand, options: SoftreluOptions = {}): Value {
  const resolved = resolveOptions("softrelu", options, softreluDefaults, SIGMOIDAL_MODES);
  return scoped("softrelu", x, resolved, (value, s, { mode, gated }) =>
    mode === "hard" ? op.relu(value) : softRamp(value, s, mode, gated),
  );
}

/** A soft max(x, 0), elementwise; see softrelu.
 *
 * Formula: softrelu(x), the integral of sigmoidal; x sigmoidal(x) with `gated`
 *
 * ```ts
 * const y = soft.relu(x, { softness: 0.05 });
 * ```
 * @param x [...]
 * @returns [...], the shape of x
 *
 * Cost: O(1) an element.
 * @throws GraphError for options that are wrong */
export function relu(x: Operand, options: ReluOptions = {}): Value {
  const resolved = resolveOptions("relu", options, reluDefaults);
  return scoped("relu", x, resolved, (value, s, { mode, gated }) =>
    mode === "hard" ? op.relu(value) : softRamp(value, s, mode, gated),
  );
}

/** A soft |x|, elementwise. Below the hard one, 0 at 0.
 *
 * Formula: x sign(x), with the soft sign
 *
 * ```ts
 * const loss = soft.abs(y.sub(prediction)).mean();
 * ```
 * @param x [...]
 * @returns [...], the shape of x
 *
 * Cost: O(1) an element. Source: Paulus et al. 2026 (arXiv 2603.08824), elementwise operators.
 * @throws GraphError for options that are wrong */
export function abs(x: Operand, options: ElementwiseOptions = {}): Value {
  const resolved = resolveOptions("abs", options, elementwiseDefaults);
  return scoped("abs", x, resolved, (value, s, { mode }) =>
    mode === "hard" ? op.abs(value) : softCurve("SoftAbs", value, s, mode),
  );
}

/** A soft sign from -1 to 1, elementwise.
 *
 * Formula: 2 sigmoidal(x) - 1, which is tanh(x / (2 softness)) in mode smooth
 *
 * ```ts
 * const direction = soft.sign(x, { mode: "c2" });
 * ```
 * @param x [...]
 * @returns [...], the shape of x
 *
 * Cost: O(1) an element. Source: Paulus et al. 2026 (arXiv 2603.08824), elementwise operators.
 * @throws GraphError for options that are wrong */
export function sign(x: Operand, options: ElementwiseOptions = {}): Value {
  const resolved = resolveOptions("sign", options, elementwiseDefaults);
  return scoped("sign", x, resolved, (value, s, { mode }) =>
    mode === "hard" ? op.sign(value) : softCurve("SoftSign", value, s, mode),
  );
}

/** A soft step from 0 to 1, elementwise. Mode "hard" is 0, 1/2 at 0, and 1.
 *
 * Formula: sigmoidal(x)
 *
 * ```ts
 * const positive = soft.heaviside(x);
 * ```
 * @param x [...]
 * @returns [...], the shape of x
 *
 * Cost: O(1) an element.
 * @throws GraphError for options that are wrong */
export function heaviside(x: Operand, options: ElementwiseOptions = {}): Value {
  const resolved = resolveOptions("heaviside", options, elementwiseDefaults);
  return scoped("heaviside", x, resolved, (value, s, { mode }) =>
    mode === "hard" ? hardStep(value) : softStep(value, s, mode),
  );
}

/** x kept softly between two bounds, elementwise. The bounds may be Values, which then have gradients.
 *
 * Formula: a + softrelu(x - a) - softrelu(x - b)
 *
 * ```ts
 * const y = soft.clamp(x, 0, 1, { softness: 0.02 });
 * ```
 * @param x [...]
 * @param a lower bound, broadcast with x
 * @param b upper bound, broadcast with x
 * @returns [...], of the broadcast shape
 *
 * Cost: O(1) an element. Source: Paulus et al. 2026 (arXiv 2603.08824), elementwise operators.
 * @throws GraphError for options that are wrong, or shapes that do not broadcast */
export function clamp(x: Operand, a: Operand, b: Operand, options: ReluOptions = {}): Value {
  const resolved = resolveOptions("clamp", options, reluDefaults);
  const { softness, mode, gated } = resolved;
  const [value, low, high] = floatingAlike("clamp", { x, a, b }) as [Value, Value, Value];
  return value.graph.operation(
    "clamp",
    () => {
      if (mode === "hard") return op.min(op.max(value, low), high);
      const s = positiveSoftness("clamp", softness, value);
      const above = softRamp(op.sub(value, low), s, mode, gated);
      return op.sub(op.add(low, above), softRamp(op.sub(value, high), s, mode, gated));
    },
    hardForm(resolved, (hard) => clamp(value, low, high, hard)),
  );
}

/** A soft rounding to whole numbers, elementwise: the mean of whole numbers, each weighted by how far it is
 * the nearest. Mode "hard" rounds halves to the even number. The sum is truncated: at a softness above
 * about neighborRadius / 10 it falls off.
 *
 * Formula: sum_n n (sigmoidal(x - n + 1/2) - sigmoidal(x - n - 1/2)), over the 2 neighborRadius + 1 whole
 * numbers n around floor(x)
 *
 * ```ts
 * const levels = soft.round(x, { neighborRadius: 3 });
 * ```
 * @param x [...]
 * @returns [...], the shape of x
 *
 * Cost: O(neighborRadius) an element. Source: "Smooth Approximations of the Rounding Function" (arXiv
 * 2504.19026).
 * @throws GraphError for options that are wrong */
export function round(x: Operand, options: RoundOptions = {}): Value {
  const resolved = resolveOptions("round", options, roundDefaults);
  return scoped("round", x, resolved, (value, s, { mode, neighborRadius }) =>
    mode === "hard" ? op.round(value) : softCurve("SoftRound", value, s, mode, neighborRadius),
  );
}

type CurveMode = Exclude<SigmoidalMode, "hard">;

function softStep(x: Value, softness: Softness, mode: CurveMode): Value {
  return isPnorm(mode) ? step(x, softness, mode) : softCurve("SoftStep", x, softness, mode);
}

function softRamp(x: Value, softness: Softness, mode: CurveMode, gated: boolean): Value {
  if (isPnorm(mode)) return ramp(x, softness, mode, gated);
  return softCurve(gated ? "SoftGatedRelu" : "SoftRelu", x, softness, mode);
}

function isPnorm(mode: CurveMode): mode is "_c1_pnorm" | "_c2_pnorm" {
  return mode === "_c1_pnorm" || mode === "_c2_pnorm";
}

function hardStep(x: Value): Value {
  return op.mul(op.add(op.sign(x), 1), 0.5);
}

function scoped<Options extends { readonly softness: Softness; readonly mode: string }>(
  operator: string,
  x: Operand,
  options: Options,
  build: (x: Value, softness: Softness, options: Options) => Value,
): Value {
  const value = floating(operator, "x", x);
  return value.graph.operation(
    operator,
    () => build(value, positiveSoftness(operator, options.softness, value), options),
    hardForm(options, (hard) => scoped(operator, value, hard, build)),
  );
}
