import type { Value } from "../value.ts";
import { abs, add, div, floor, mul, round, sub } from "./arithmetic.ts";
import { gatherElements } from "./indexing.ts";
import { and, cast, equal, greaterOrEqual, lessOrEqual, where } from "./logic.ts";
import { concat, expand } from "./movement.ts";
import { reduceSum } from "./reduction.ts";
import { reshape, unsqueeze } from "./reshape.ts";
import { type Scalar, scalarArithmetic, within } from "./scalar.ts";
import { multiplySizes, type Size, sizeOf } from "./sizes.ts";

/** How entries are found at places between those of a tensor. */
export interface Interpolation {
  readonly mode: "linear" | "nearest" | "cubic";
  /** What is read beside the tensor: zeros, the nearest entry of it, or its mirror image. */
  readonly padding: "zeros" | "border" | "reflection";
  /** Whether the mirrors stand at the middle of the outermost entries, or at their edge. */
  readonly alignCorners: boolean;
}

/** One of the entries that a place is interpolated from, along one axis: which one, and its weight. */
interface Tap {
  readonly index: Value;
  readonly weight: Value | undefined;
}

/** The entries of x [batch, channels, d1, …, dr] at places that need not be whole.
 *
 * @param at for each of the r axes the places along it, [batch, places]
 * @returns [batch, channels, places] */
export function interpolated(x: Value, at: readonly Value[], options: Interpolation): Value {
  const sizes = at.map((_, axis) => sizeOf(x, axis + 2));
  let taps: readonly Tap[] | undefined;
  for (const [axis, places] of at.entries()) {
    const size = sizes[axis] as Size;
    const own = tapsAlong(exactly(places), size, options);
    taps = taps === undefined ? own : taps.flatMap((one) => own.map((tap) => both(one, tap, size)));
  }
  const all = taps as readonly Tap[];
  const [batch, channels] = [sizeOf(x, 0), sizeOf(x, 1)];
  const flat = reshape(x, [batch, channels, -1]);
  const index = side(all.map((tap) => tap.index));
  const count = sizeOf(index, 1);
  const wide = expand(unsqueeze(index, 1), [batch, channels, count]);
  const found = gatherElements(flat, wide, { axis: 2 });
  const weights = all.map(({ weight }) => weight);
  const [first] = weights;
  if (first === undefined) return found;
  if (all.length === 1) return mul(found, cast(unsqueeze(first, 1), x.dtype));
  const places = sizeOf(first, 1);
  const apart = reshape(found, [batch, channels, all.length, places]);
  const shares = reshape(side(weights as Value[]), [batch, 1, all.length, places]);
  return reduceSum(mul(apart, cast(shares, x.dtype)), { axes: 2 });
}

/** Floats wide enough to count entries with. */
export function exactly(x: Value): Value {
  return x.dtype === "float64" ? x : cast(x, "float32");
}

function side(parts: readonly Value[]): Value {
  return concat(parts, { axis: 1 });
}

function both(a: Tap, b: Tap, size: Size): Tap {
  const weight = a.weight && b.weight ? mul(a.weight, b.weight) : (a.weight ?? b.weight);
  return { index: add(mul(a.index, size), b.index), weight };
}

function tapsAlong(places: Value, size: Size, options: Interpolation): Tap[] {
  const { mode, padding } = options;
  const arithmetic = scalarArithmetic(places.dtype === "float64" ? "float64" : "float32");
  const last = arithmetic.minus(arithmetic.of(size), 1);
  const moved = (place: Value) => inside(place, last, options);
  const tap = (place: Value, weight: Value | undefined): Tap => {
    if (padding !== "zeros") return { index: cast(moved(place), "int64"), weight };
    const within0 = and(greaterOrEqual(place, 0), lessOrEqual(place, last));
    const share = weight === undefined ? cast(within0, places.dtype) : where(within0, weight, 0);
    return { index: cast(within(place, last), "int64"), weight: share };
  };
  if (mode === "cubic") {
    const first = floor(places);
    const part = sub(places, first);
    return cubicWeights(part).map((weight, i) => tap(i === 1 ? first : add(first, i - 1), weight));
  }
  const at = padding === "zeros" ? places : moved(places);
  if (mode === "nearest") return [tap(round(at), undefined)];
  const low = floor(at);
  const part = sub(at, low);
  return [tap(low, sub(1, part)), tap(add(low, 1), part)];
}

/** Places beside a tensor as those within it that stand for them. The slope is 0 where the edge does. */
function inside(place: Value, last: Scalar, { padding, alignCorners }: Interpolation): Value {
  const mirrored = padding === "reflection" ? reflected(place, last, alignCorners) : place;
  return where(lessOrEqual(mirrored, 0), 0, where(greaterOrEqual(mirrored, last), last, mirrored));
}

function reflected(place: Value, last: Scalar, alignCorners: boolean): Value {
  const { plus } = scalarArithmetic(place.dtype === "float64" ? "float64" : "float32");
  const low = alignCorners ? 0 : -0.5;
  const span = alignCorners ? last : plus(last, 1);
  const far = abs(sub(place, low));
  // A single entry has no mirror image but itself.
  const width = typeof span === "number" ? span || 1 : where(equal(span, 0), 1, span);
  const turns = floor(div(far, width));
  const rest = sub(far, mul(turns, width));
  const odd = sub(turns, mul(floor(mul(turns, 0.5)), 2));
  return add(where(equal(odd, 0), rest, sub(width, rest)), low);
}

/** The weights of the four entries about a place (Keys 1981, equation 4, coefficient -0.75).
 *
 * @param t how far it lies behind the second of them */
function cubicWeights(t: Value): Value[] {
  const a = -0.75;
  const near = (d: Value) => add(mul(mul(sub(mul(d, a + 2), a + 3), d), d), 1);
  const far = (d: Value) => mul(sub(mul(add(mul(sub(d, 5), d), 8), d), 4), a);
  return [far(add(t, 1)), near(t), near(sub(1, t)), far(sub(2, t))];
}

/** [batch groups, channels / groups, …] of [batch, channels, …]. */
export function splitChannels(x: Value, groups: number): Value {
  if (groups === 1) return x;
  const channels = sizeOf(x, 1);
  const part = typeof channels === "number" ? channels / groups : div(channels, groups);
  const rest = Array.from({ length: x.rank - 2 }, (_, i) => sizeOf(x, i + 2));
  return reshape(x, [multiplySizes(sizeOf(x, 0), groups), part, ...rest]);
}
