import * as op from "../builder/operators/index.ts";
import type { Size } from "../builder/operators/sizes.ts";
import type { Value } from "../builder/value.ts";
import { step, stepSlope } from "./curves.ts";
import type { SoftMode, Softness } from "./options.ts";

// The sum in round, telescoped so that each step appears once: with w_o the step at c + o - 1/2, c = floor(x),
// it is (c - R) w_{-R} - (c + R) w_{R+1} + the sum of w_o for -R < o <= R. Nothing cancels.

/** @param radius R, a number or an int64 scalar */
export function softRound(x: Value, softness: Softness, mode: SoftMode, radius: Size): Value {
  const { apart, numbers } = stepsOf(x, radius);
  return sumOf(op.mul(step(apart, softness, mode), numbers), x);
}

/** The derivative by x. */
export function softRoundSlope(x: Value, softness: Softness, mode: SoftMode, radius: Size): Value {
  const { apart, numbers } = stepsOf(x, radius);
  return sumOf(op.mul(stepSlope(apart, softness, mode), numbers), x);
}

/** The derivative by the softness. */
export function softRoundBySoftness(
  x: Value,
  softness: Softness,
  mode: SoftMode,
  radius: Size,
): Value {
  const { apart, numbers } = stepsOf(x, radius);
  const stretched = op.mul(stepSlope(apart, softness, mode), op.div(apart, softness));
  return op.neg(sumOf(op.mul(stretched, numbers), x));
}

/** How far x is from each step, and what each counts. */
function stepsOf(x: Value, radius: Size) {
  const { ends, inner, edges } = edgesOf(x, radius);
  const center = op.unsqueeze(op.floor(x), -1);
  return {
    apart: op.sub(op.sub(op.unsqueeze(x, -1), center), edges),
    numbers: op.add(op.mul(center, ends), inner),
  };
}

/** The steps at o - 1/2 from o = -R to R + 1: which is the first, less which is the last, and what they count
 * besides. */
function edgesOf({ dtype, graph }: Value, radius: Size) {
  if (typeof radius === "number") {
    const count = 2 * radius + 2;
    const row = (of: (i: number) => number) =>
      graph.constant(
        Array.from({ length: count }, (_, i) => of(i)),
        [count],
        dtype,
      );
    return {
      ends: row((i) => (i === 0 ? 1 : i === count - 1 ? -1 : 0)),
      inner: row((i) => (i === 0 || i === count - 1 ? -radius : 1)),
      edges: row((i) => i - radius - 0.5),
    };
  }
  const after = op.add(radius, 1);
  const places = op.range(op.neg(radius), op.add(after, 1));
  const [first, last] = [op.neg(radius), after].map((place) =>
    op.cast(op.equal(places, place), dtype),
  ) as [Value, Value];
  const both = op.add(first, last);
  return {
    ends: op.sub(first, last),
    inner: op.sub(op.sub(1, both), op.mul(both, op.cast(radius, dtype))),
    edges: op.sub(op.cast(places, dtype), 0.5),
  };
}

/** The sum over the steps. ONNX Runtime (1.30) keeps the axis where there is nothing to sum. */
function sumOf(steps: Value, x: Value): Value {
  return op.reshape(op.reduceSum(steps, { axes: -1 }), op.shape(x));
}
