import { checkOptions, failArgument } from "../builder/errors.ts";
import type { Random } from "./random.ts";

/** How many numbers flow into one output of a layer, and out of one input. */
export interface Fans {
  readonly in: number;
  readonly out: number;
}

/** Makes the first value of one element after the other. */
export type Initializer = (random: Random, fans: Fans) => number;

/** All zero. */
export function zeros(): Initializer {
  return () => 0;
}

/** All one number. */
export function constant(value: number): Initializer {
  if (!Number.isFinite(value)) failArgument("constant", "value", "a number", value);
  return () => value;
}

/** Uniform between two numbers.
 *
 * @param options `low` by default -0.05, `high` 0.05 */
export function uniform(
  options: { readonly low?: number; readonly high?: number } = {},
): Initializer {
  checkOptions("uniform", options, ["low", "high"]);
  const { low = -0.05, high = 0.05 } = options;
  if (!(high > low && Number.isFinite(high - low))) {
    failArgument("uniform", "high", `a number above low, ${low}`, high);
  }
  return (random) => low + (high - low) * random.uniform();
}

/** Normal.
 *
 * @param options `mean` by default 0, `deviation` 0.05 */
export function normal(
  options: { readonly mean?: number; readonly deviation?: number } = {},
): Initializer {
  checkOptions("normal", options, ["mean", "deviation"]);
  const { mean = 0, deviation = 0.05 } = options;
  if (!(deviation >= 0 && Number.isFinite(mean + deviation))) {
    failArgument("normal", "deviation", "a number from 0", deviation);
  }
  return (random) => mean + deviation * random.normal();
}

/** Uniform of variance 2 / (in + out): keeps the variance of signals and of gradients about the same
 * through layers that are close to linear (Glorot and Bengio 2010, equation 16). */
export function glorotUniform(): Initializer {
  return (random, fans) => symmetric(random, Math.sqrt(6 / (fans.in + fans.out)));
}

/** Normal of variance 2 / (in + out). */
export function glorotNormal(): Initializer {
  return (random, fans) => Math.sqrt(2 / (fans.in + fans.out)) * random.normal();
}

/** Uniform of variance 2 / in: the same for layers followed by relu (He et al. 2015, arXiv 1502.01852,
 * equation 10). */
export function heUniform(): Initializer {
  return (random, fans) => symmetric(random, Math.sqrt(6 / fans.in));
}

/** Normal of variance 2 / in. */
export function heNormal(): Initializer {
  return (random, fans) => Math.sqrt(2 / fans.in) * random.normal();
}

function symmetric(random: Random, bound: number): number {
  return bound * (2 * random.uniform() - 1);
}
