import type { Pullback } from "../../builder/definition.ts";
import {
  add,
  cast,
  dft,
  div,
  equal,
  max,
  mul,
  pad,
  positions,
  reshape,
  sizeOf,
  slice,
  sub,
  subtractSizes,
  unsqueeze,
} from "../../builder/operators/index.ts";
import { asScalar, type Size } from "../../builder/operators/sizes.ts";
import { framesTransformed } from "../../builder/operators/spectrum.ts";
import type { OperatorTable } from "../../builder/schema.ts";
import type { Value } from "../../builder/value.ts";
import { type Cotangents, composed, type Missing, missing, type Rules, zero } from "./rule.ts";

const WHOLE = zero("it is made of whole numbers");

/** The transform is linear: its transpose is the conjugate transform, the inverse one but for the factor
 * N. What was cut off gets zeros, what was filled up is cut off, and a signal without imaginary parts gets
 * the real ones. */
function dftRule(node: Pullback<OperatorTable["DFT"]>): Cotangents | Missing {
  const x = node.input(0);
  const { axis, inverse, onesided } = node.attributes;
  if (axis === undefined || x.shape === undefined) {
    return missing("its axis or rank is not known when the graph is built");
  }
  const { dy } = node;
  const given = node.optional(1);
  const size =
    given === undefined ? signalLength(x, axis, inverse && onesided) : vectorOfOne(given);
  const count = numberOf(size, x);
  const whole =
    inverse && onesided
      ? halfSpectrum(dft(dy, { axis, length: size, onesided }), axis, size, count)
      : inverse
        ? div(dft(dy, { axis }), count)
        : mul(dft(dy, { axis, length: size, inverse: true }), count);
  const parts = sizeOf(x, -1);
  const own = parts === 2 ? whole : slice(whole, 0, parts, { axes: -1 });
  return [fitted(own, axis, sizeOf(x, axis))];
}

function signalLength(x: Value, axis: number, fromHalf: boolean): Size {
  const size = sizeOf(x, axis);
  if (!fromHalf) return size;
  return typeof size === "number" ? 2 * (size - 1) : mul(sub(size, 1), 2);
}

function vectorOfOne(value: Value): Size {
  const known = value.elements?.[0];
  return typeof known === "number" ? known : reshape(cast(value, "int64"), [1]);
}

function numberOf(size: Size, like: Value): Value {
  if (typeof size === "number") return like.graph.constant(size, like.dtype);
  return asScalar(cast(size, like.dtype));
}

/** The cotangent of half a spectrum: each entry counts twice but for those that are their own mirror
 * image, the first and, where N is even, the last. */
function halfSpectrum(bins: Value, axis: number, size: Size, count: Value): Value {
  const place = positions(bins, axis);
  const alone = [equal(place, 0), equal(mul(place, 2), size)].map((test) => cast(test, bins.dtype));
  const times = sub(2, add(alone[0] as Value, alone[1] as Value));
  const others = Array.from({ length: bins.rank - 1 - axis }, (_, i) => i + 1);
  return div(mul(bins, unsqueeze(times, others)), count);
}

/** The first entries along an axis, and zeros behind them, as many as asked for. */
function fitted(x: Value, axis: number, size: Size): Value {
  const own = sizeOf(x, axis);
  if (own === size) return x;
  const [a, b] = [own, size];
  const known = typeof a === "number" && typeof b === "number";
  const cut = known && b >= a ? x : slice(x, 0, size, { axes: axis });
  if (known && b <= a) return cut;
  const lacking = subtractSizes(size, own);
  const after: Size = typeof lacking === "number" ? Math.max(lacking, 0) : max(lacking, 0);
  const none: readonly [Size, Size] = [0, 0];
  return pad(
    cut,
    Array.from({ length: x.rank }, (_, i) => (i === axis ? ([0, after] as const) : none)),
  );
}

export const spectrumRules: Rules<
  "DFT" | "STFT" | "HannWindow" | "HammingWindow" | "BlackmanWindow" | "MelWeightMatrix"
> = {
  DFT: dftRule,
  STFT: composed((node) => {
    const [signal, window] = [node.input(0), node.optional(2)];
    if (window?.shape !== undefined && window.shape.length !== 1) {
      return missing("its window is not a vector of real numbers");
    }
    const { onesided } = node.attributes;
    return [framesTransformed(signal, node.input(1), window, node.optional(3), onesided)];
  }),
  HannWindow: WHOLE,
  HammingWindow: WHOLE,
  BlackmanWindow: WHOLE,
  MelWeightMatrix: zero("its edges are rounded to whole bins"),
};
