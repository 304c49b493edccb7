import { checkOptions, failArgument } from "../builder/errors.ts";

/** The learning rate of each step, counted from 0. Feed it, or hand it to an optimizer as its rate, which
 * makes a scalar input for it.
 *
 * ```ts
 * const schedule = warmup(cosine({ rate: 0.1, steps: 900 }), 100);
 * for (let step = 0; step < 1000; step++) await stepper.step({ ...batch, rate: schedule(step) });
 * ``` */
export type Schedule = (step: number) => number;

/** The same rate in every step. */
export function constant(rate: number): Schedule {
  check("constant", { rate });
  return () => rate;
}

/** rate factor^floor(step / every): torch's StepLR.
 *
 * @param options `factor` by default 0.1 */
export function stepDecay(options: {
  readonly rate: number;
  readonly every: number;
  readonly factor?: number;
}): Schedule {
  checkOptions("stepDecay", options, ["rate", "every", "factor"]);
  const { rate, every, factor = 0.1 } = options;
  check("stepDecay", { rate, factor }, { every });
  return (step) => rate * factor ** Math.floor(step / every);
}

/** Half a cosine from `rate` in step 0 to `floor` in step `steps`, and `floor` from there on (Loshchilov and
 * Hutter 2017, arXiv 1608.03983, equation 5, without restarts).
 *
 * @param options `floor` by default 0 */
export function cosine(options: {
  readonly rate: number;
  readonly steps: number;
  readonly floor?: number;
}): Schedule {
  checkOptions("cosine", options, ["rate", "steps", "floor"]);
  const { rate, steps, floor = 0 } = options;
  check("cosine", { rate, floor }, { steps });
  return (step) => between(rate, floor, step / steps);
}

/** Up from peak / startDivisor to `peak` in the first `rising` of the steps, then down to that start over
 * endDivisor in the last step, both by half a cosine (Smith and Topin 2019, arXiv 1708.07120; torch's
 * OneCycleLR).
 *
 * @param options `rising` by default 0.3, `startDivisor` 25, `endDivisor` 10000 */
export function oneCycle(options: {
  readonly peak: number;
  readonly steps: number;
  readonly rising?: number;
  readonly startDivisor?: number;
  readonly endDivisor?: number;
}): Schedule {
  checkOptions("oneCycle", options, ["peak", "steps", "rising", "startDivisor", "endDivisor"]);
  const { peak, steps, rising = 0.3, startDivisor = 25, endDivisor = 1e4 } = options;
  check("oneCycle", { peak, startDivisor, endDivisor }, { steps });
  if (!(rising > 0 && rising < 1)) {
    failArgument("oneCycle", "rising", "a number between 0 and 1", rising);
  }
  const start = peak / startDivisor;
  // The peak lies in one step, the end in the last.
  const top = rising * steps - 1;
  const last = steps - 1;
  return (step) =>
    step <= top
      ? between(start, peak, step / top)
      : between(peak, start / endDivisor, (step - top) / (last - top));
}

/** Another schedule after so many steps in which the rate rises in a line to where that begins (Goyal et
 * al. 2017, arXiv 1706.02677, section 2.2). The first step has the first part of it, not 0. */
export function warmup(schedule: Schedule, steps: number): Schedule {
  if (typeof schedule !== "function") failArgument("warmup", "schedule", "a function", schedule);
  check("warmup", {}, { steps });
  return (step) =>
    step < steps ? (schedule(0) * (step + 1)) / (steps + 1) : schedule(step - steps);
}

/** On half a cosine from a to b; at the ends outside. */
function between(a: number, b: number, part: number): number {
  const inside = Math.min(Math.max(part, 0), 1);
  return b + ((a - b) * (1 + Math.cos(Math.PI * inside))) / 2;
}

function check(
  operator: string,
  numbers: Readonly<Record<string, number>>,
  counts: Readonly<Record<string, number>> = {},
): void {
  for (const [name, value] of Object.entries(numbers)) {
    if (!(typeof value === "number" && value >= 0 && value < Number.POSITIVE_INFINITY)) {
      failArgument(operator, name, "a number from 0", value);
    }
  }
  for (const [name, value] of Object.entries(counts)) {
    if (!Number.isInteger(value) || value < 1) {
      failArgument(operator, name, "a whole number from 1", value);
    }
  }
}
