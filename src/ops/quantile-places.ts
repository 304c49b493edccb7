import { isFloating } from "../builder/dtype.ts";
import { failArgument, GraphError } from "../builder/errors.ts";
import { isValue } from "../builder/lift.ts";
import * as op from "../builder/operators/index.ts";
import type { Value } from "../builder/value.ts";
import { asFloats, int64Vector } from "./indices.ts";
import type { Interpolation } from "./options.ts";

/** Which quantiles: one, several, or a scalar or vector Value, from 0 to 1. */
export type Quantiles = number | readonly number[] | Value;

/** Where quantiles lie among n sorted entries: between two neighbours, or on one entry. */
export interface Places {
  /** One quantile, so that the result has no axis for them. */
  readonly single: boolean;
  /** The entry at or below, int64 [k]. */
  readonly lower: Value;
  /** The entry above, int64 [k]; undefined for interpolations that take one entry. */
  readonly next: Value | undefined;
  /** How much of the entry above to take, [k]; undefined where all quantiles lie on entries. */
  readonly share: Value | undefined;
}

/** Finds quantiles in a sorted row, as numbers if they and n are known, else in the graph.
 *
 * Quantile q of n entries lies at place p = q (n - 1) (type 7 of Hyndman and Fan 1996). Of a Value what
 * is below 0 or above 1 counts as 0 or 1.
 *
 * @param x [..., n]
 * @throws GraphError for a q that is out of range or no quantile */
export function quantilePlaces(
  operator: string,
  x: Value,
  q: Quantiles,
  interpolation: Interpolation,
): Places {
  const size = op.sizeOf(x, -1);
  if (isValue(q)) return placesOfValue(operator, x, q, size, interpolation);
  const single = typeof q === "number";
  const numbers = single ? [q] : q;
  checkNumbers(operator, q, numbers);
  if (typeof size === "number") return knownPlaces(x, numbers, size, interpolation, single);
  const level = x.graph.constant([...numbers], [numbers.length], "float64");
  return { single, ...placesInGraph(x, level, size, interpolation, SLACK.exact) };
}

/** A place this close to a whole number, relative to it, is meant to be that number: midpoint must give
 * the entry itself there. Above the rounding of q (n - 1), and far below 1/2 for any n that fits. */
const SLACK = { exact: 2 ** -44, float32: 2 ** -21 } as const;

function knownPlaces(
  x: Value,
  q: readonly number[],
  n: number,
  interpolation: Interpolation,
  single: boolean,
): Places {
  const found = q.map((one) => placeOf(one * (n - 1), interpolation));
  const lower = int64Vector(
    x.graph,
    found.map(({ place }) => place),
  );
  if (!MIXING.has(interpolation)) return { single, lower, next: undefined, share: undefined };
  const next = int64Vector(
    x.graph,
    found.map(({ place }) => Math.min(place + 1, n - 1)),
  );
  const shares = found.map(({ share }) => share);
  if (shares.every((share) => share === 0)) return { single, lower, next, share: undefined };
  return { single, lower, next, share: x.graph.constant(shares, [shares.length], x.dtype) };
}

/** Interpolations that mix two entries. */
const MIXING: ReadonlySet<Interpolation> = new Set(["linear", "midpoint"]);

function placeOf(p: number, interpolation: Interpolation): { place: number; share: number } {
  const [below, nearest] = [Math.floor(p), roundHalfToEven(p)];
  switch (interpolation) {
    case "linear":
      return { place: below, share: p - below };
    case "lower":
      return { place: below, share: 0 };
    case "higher":
      return { place: Math.ceil(p), share: 0 };
    case "nearest":
      return { place: nearest, share: 0 };
    case "midpoint":
      return Math.abs(p - nearest) <= SLACK.exact * nearest
        ? { place: nearest, share: 0 }
        : { place: below, share: 0.5 };
  }
}

function roundHalfToEven(p: number): number {
  const below = Math.floor(p);
  if (p - below !== 0.5) return Math.round(p);
  return below % 2 === 0 ? below : below + 1;
}

function placesOfValue(
  operator: string,
  x: Value,
  q: Value,
  size: op.Size,
  interpolation: Interpolation,
): Places {
  const rank = q.shape?.length;
  if (rank === undefined || rank > 1 || !isFloating(q.dtype)) {
    failArgument(operator, "q", "numbers, or a scalar or vector Value of floats", q);
  }
  const single = rank === 0;
  const level = op.clip(op.cast(single ? op.unsqueeze(q, 0) : q, "float64"), 0, 1);
  const slack = q.dtype === "float64" ? SLACK.exact : SLACK.float32;
  return { single, ...placesInGraph(x, level, size, interpolation, slack) };
}

/** The same in the graph, in float64 whatever the type of x: places of a long row need the digits.
 * @param level the quantiles, float64 [k] */
function placesInGraph(
  x: Value,
  level: Value,
  size: op.Size,
  interpolation: Interpolation,
  slack: number,
): Omit<Places, "single"> {
  const last = op.sub(typeof size === "number" ? int64Vector(x.graph, [size]) : size, 1);
  const end = asFloats(last, "float64");
  const p = op.mul(level, end);
  const { place, share } = placeInGraph(p, interpolation, slack);
  const lower = op.cast(place, "int64");
  if (share === undefined) return { lower, next: undefined, share };
  // In floats: before opset 12 there is no minimum of integers.
  const next = op.cast(op.min(op.add(place, 1), end), "int64");
  return { lower, next, share: op.cast(share, x.dtype) };
}

function placeInGraph(
  p: Value,
  interpolation: Interpolation,
  slack: number,
): { place: Value; share?: Value } {
  switch (interpolation) {
    case "linear": {
      const place = op.floor(p);
      return { place, share: op.sub(p, place) };
    }
    case "lower":
      return { place: op.floor(p) };
    case "higher":
      return { place: op.ceil(p) };
    case "nearest":
      return { place: op.round(p) };
    case "midpoint": {
      const nearest = op.round(p);
      const whole = op.lessOrEqual(op.abs(op.sub(p, nearest)), op.mul(nearest, slack));
      return { place: op.where(whole, nearest, op.floor(p)), share: op.where(whole, 0, 0.5) };
    }
  }
}

function checkNumbers(operator: string, q: unknown, numbers: unknown): void {
  if (!Array.isArray(numbers)) {
    failArgument(operator, "q", "a number, an array of numbers, or a scalar or vector Value", q);
  }
  if (numbers.length === 0)
    throw new GraphError(operator, "q: expected at least one number, got []");
  for (const one of numbers) {
    if (typeof one !== "number" || !(one >= 0 && one <= 1)) {
      failArgument(operator, "q", "numbers from 0 to 1", one);
    }
  }
}
