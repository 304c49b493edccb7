import type { Operand } from "../builder/lift.ts";
import * as op from "../builder/operators/index.ts";
import type { Value } from "../builder/value.ts";
import { oddStep, ramp, step } from "./curves.ts";
import { floating, floatingAll, positiveSoftness } from "./operands.ts";
import {
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

/** A soft step from 0 to 1, elementwise: 1 / (1 + exp(-x / softness)) in mode "smooth"; in the others a
 * polynomial of degree 1, 3 or 5 (or a p-norm curve) for |x| < 5 softness, and 0 or 1 beyond. Mode
 * "hard" is heaviside.
 *
 * ```ts
 * const gate = soft.sigmoidal(x, { softness: 0.5, mode: "c1" });
 * ```
 * Cost: O(1) an element. Source: Paulus et al. 2026 (arXiv 2603.08824), elementwise operators.
 * @throws GraphError for options that are wrong */
export function sigmoidal(x: Operand, options: SigmoidalOptions = {}): Value {
  const { softness, mode } = resolveOptions(
    "sigmoidal",
    options,
    sigmoidalDefaults,
    SIGMOIDAL_MODES,
  );
  return scoped("sigmoidal", x, softness, (value, s) =>
    mode === "hard" ? hardStep(value) : step(value, s, mode),
  );
}

/** A soft max(x, 0), elementwise: softness log(1 + exp(x / softness)) in mode "smooth"; in the others the
 * integral of `sigmoidal`, which is 0 or x for |x| >= 5 softness. `gated: true` is x sigmoidal(x)
 * instead ("SiLU"). Mode "hard" is max(x, 0).
 *
 * ```ts
 * const y = soft.softrelu(x, { mode: "_c1_pnorm" });
 * ```
 * Cost: O(1) an element. Source: Paulus et al. 2026 (arXiv 2603.08824), elementwise operators.
 * @throws GraphError for options that are wrong */
export function softrelu(x: Operand, options: SoftreluOptions = {}): Value {
  const { softness, mode, gated } = resolveOptions(
    "softrelu",
    options,
    softreluDefaults,
    SIGMOIDAL_MODES,
  );
  return scoped("softrelu", x, softness, (value, s) =>
    mode === "hard" ? op.relu(value) : ramp(value, s, mode, gated),
  );
}

/** A soft max(x, 0), elementwise; see softrelu.
 *
 * ```ts
 * const y = soft.relu(x, { softness: 0.05 });
 * ```
 * Cost: O(1) an element.
 * @throws GraphError for options that are wrong */
export function relu(x: Operand, options: ReluOptions = {}): Value {
  const { softness, mode, gated } = resolveOptions("relu", options, reluDefaults);
  return scoped("relu", x, softness, (value, s) =>
    mode === "hard" ? op.relu(value) : ramp(value, s, mode, gated),
  );
}

/** A soft |x|, elementwise: x sign(x) with the soft sign. Below the hard one, 0 at 0.
 *
 * ```ts
 * const loss = soft.abs(y.sub(prediction)).mean();
 * ```
 * Cost: O(1) an element. Source: Paulus et al. 2026 (arXiv 2603.08824), elementwise operators.
 * @throws GraphError for options that are wrong */
export function abs(x: Operand, options: ElementwiseOptions = {}): Value {
  const { softness, mode } = resolveOptions("abs", options, elementwiseDefaults);
  return scoped("abs", x, softness, (value, s) =>
    mode === "hard" ? op.abs(value) : op.mul(value, oddStep(value, s, mode)),
  );
}

/** A soft sign from -1 to 1, elementwise: 2 sigmoidal(x) - 1, which is tanh(x / (2 softness)) in mode
 * "smooth".
 *
 * ```ts
 * const direction = soft.sign(x, { mode: "c2" });
 * ```
 * Cost: O(1) an element. Source: Paulus et al. 2026 (arXiv 2603.08824), elementwise operators.
 * @throws GraphError for options that are wrong */
export function sign(x: Operand, options: ElementwiseOptions = {}): Value {
  const { softness, mode } = resolveOptions("sign", options, elementwiseDefaults);
  return scoped("sign", x, softness, (value, s) =>
    mode === "hard" ? op.sign(value) : oddStep(value, s, mode),
  );
}

/** A soft step from 0 to 1, elementwise: sigmoidal. Mode "hard" is 0, 1/2 at 0, and 1.
 *
 * ```ts
 * const positive = soft.heaviside(x);
 * ```
 * Cost: O(1) an element.
 * @throws GraphError for options that are wrong */
export function heaviside(x: Operand, options: ElementwiseOptions = {}): Value {
  const { softness, mode } = resolveOptions("heaviside", options, elementwiseDefaults);
  return scoped("heaviside", x, softness, (value, s) =>
    mode === "hard" ? hardStep(value) : step(value, s, mode),
  );
}

/** x kept softly between two bounds: a + softrelu(x - a) - softrelu(x - b), elementwise. The bounds
 * broadcast; they may be Values, which then have gradients.
 *
 * ```ts
 * const y = soft.clamp(x, 0, 1, { softness: 0.02 });
 * ```
 * Cost: O(1) an element. Source: Paulus et al. 2026 (arXiv 2603.08824), elementwise operators.
 * @throws GraphError for options that are wrong, or shapes that do not broadcast */
export function clamp(x: Operand, a: Operand, b: Operand, options: ReluOptions = {}): Value {
  const { softness, mode, gated } = resolveOptions("clamp", options, reluDefaults);
  const [value, low, high] = floatingAll("clamp", { x, a, b }) as [Value, Value, Value];
  return value.graph.operation("clamp", () => {
    if (mode === "hard") return op.min(op.max(value, low), high);
    const s = positiveSoftness("clamp", softness, value);
    const above = ramp(op.sub(value, low), s, mode, gated);
    return op.sub(op.add(low, above), ramp(op.sub(value, high), s, mode, gated));
  });
}

/** A soft rounding to whole numbers, elementwise: the sum over the 2 neighborRadius + 1 whole numbers n
 * around floor(x) of n (sigmoidal(x - n + 1/2) - sigmoidal(x - n - 1/2)). Mode "hard" rounds halves to
 * the even number. The sum is truncated: at a softness above about neighborRadius / 10 it falls off.
 *
 * ```ts
 * const levels = soft.round(x, { neighborRadius: 3 });
 * ```
 * Cost: O(neighborRadius) an element. Source: "Smooth Approximations of the Rounding Function" (arXiv
 * 2504.19026).
 * @throws GraphError for options that are wrong */
export function round(x: Operand, options: RoundOptions = {}): Value {
  const { softness, mode, neighborRadius } = resolveOptions("round", options, roundDefaults);
  return scoped("round", x, softness, (value, s) =>
    mode === "hard" ? op.round(value) : softRound(value, s, mode, neighborRadius),
  );
}

/** The sum in round, telescoped so that each step appears once: with w_o the step at c + o - 1/2,
 * (c - R) w_{-R} - (c + R) w_{R+1} + the sum of w_o for -R < o <= R. Nothing cancels. */
function softRound(
  x: Value,
  softness: Softness,
  mode: Exclude<Mode, "hard">,
  radius: number,
): Value {
  const count = 2 * radius + 2;
  const edges = Array.from({ length: count }, (_, i) => i - radius - 0.5);
  const ends = edges.map((_, i) => (i === 0 ? 1 : i === count - 1 ? -1 : 0));
  const inner = edges.map((_, i) => (i === 0 || i === count - 1 ? -radius : 1));
  const center = op.unsqueeze(op.floor(x), -1);
  const weights = step(op.sub(op.sub(op.unsqueeze(x, -1), center), edges), softness, mode);
  const numbers = op.add(op.mul(center, ends), inner);
  return op.reduceSum(op.mul(weights, numbers), { axes: -1 });
}

function hardStep(x: Value): Value {
  return op.mul(op.add(op.sign(x), 1), 0.5);
}

function scoped(
  operator: string,
  x: Operand,
  softness: Softness,
  build: (x: Value, softness: Softness) => Value,
): Value {
  const value = floating(operator, "x", x);
  return value.graph.operation(operator, () =>
    build(value, positiveSoftness(operator, softness, value)),
  );
}
