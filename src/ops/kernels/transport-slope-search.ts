import * as op from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import type { Point, Transport } from "./transport-newton.ts";
import { allOf, anywhere, largest, sum } from "./transport-parts.ts";
import { rowPotentials } from "./transport-projection.ts";
import { POWER, planOf } from "./transport-regularizer.ts";

const MOST_ROUNDS = 30;

/** A direction is followed until the slope is down to this share. */
const SLOPE_SHARE = 0.1;

/** Or the error of the columns is. */
const ERROR_SHARE = 0.1;

/** Relative error of the columns that is good enough whatever the slope. */
const GOOD_ERROR = 1e-11;

/** Where a direction does not end. */
const LONGEST = 1e6;

export interface SlopeSearch {
  readonly problem: Transport;
  /** In units of the softness. */
  readonly cost: Value;
  readonly point: Point;
  /** Direction of g, and of f to first order. */
  readonly d: Value;
  readonly along: Value;
  /** The slope of the dual at the point, r'd; and the error there. */
  readonly slope: Value;
  readonly error: Value;
  /** What errors are relative to. */
  readonly size: Value;
}

/** Goes from the point along d to where the slope of the dual, which is concave, has nearly vanished: by
 * growing steps until it is bracketed, then secants, with a bisection every third time.
 *
 * @returns the point reached and the columns' residual r = b - P'1 there */
export function searchSlope(search: SlopeSearch): { f: Value; g: Value; r: Value } {
  const { problem, cost, point, d, along, slope, error, size } = search;
  const { a, b, mode } = problem;
  const none = op.mul(slope, 0);
  const one = op.add(none, 1);
  const init = [
    one,
    none,
    slope,
    op.add(none, Number.POSITIVE_INFINITY),
    none,
    op.greater(one, 0),
    point.f,
    point.g,
    op.mul(point.g, 0),
  ];
  const found = op.loop(
    MOST_ROUNDS,
    init,
    (round, length, low, lowSlope, high, highSlope, open, f, g, r) => {
      const gNow = op.add(point.g, op.mul(d, length));
      const v = op.sub(gNow, cost);
      const fNow = rowPotentials(v, a, op.add(point.f, op.mul(along, length)), mode);
      const rNow = op.sub(b, sum(planOf(op.add(v, fNow), mode), 1));
      const slopeNow = sum(op.mul(rNow, d), 2);
      const errorNow = op.div(largest(op.abs(rNow), 2), size);
      const rising = op.greater(slopeNow, 0);
      const nextLow = op.where(rising, length, low);
      const nextLowSlope = op.where(rising, slopeNow, lowSlope);
      const nextHigh = op.where(rising, high, length);
      const nextHighSlope = op.where(rising, highSlope, slopeNow);
      const unbounded = op.isInf(nextHigh);
      const bracket = {
        low: nextLow,
        lowSlope: nextLowSlope,
        high: nextHigh,
        highSlope: nextHighSlope,
      };
      const inside = within(bracket, round);
      const outside = op.mul(length, growth(slopeNow, slope, mode));
      const next = op.where(unbounded, outside, inside);
      const still = allOf(
        open,
        op.greater(op.abs(slopeNow), op.mul(op.abs(slope), SLOPE_SHARE)),
        op.greater(errorNow, GOOD_ERROR),
        op.greater(errorNow, op.mul(error, ERROR_SHARE)),
        op.not(op.and(unbounded, op.greaterOrEqual(length, LONGEST))),
      );
      const keep = (fresh: Value, old: Value) => op.where(open, fresh, old);
      return {
        state: [
          next,
          nextLow,
          nextLowSlope,
          nextHigh,
          nextHighSlope,
          still,
          keep(fNow, f),
          keep(gNow, g),
          keep(rNow, r),
        ],
        proceed: anywhere(still),
      };
    },
  );
  return { f: found[6] as Value, g: found[7] as Value, r: found[8] as Value };
}

interface Bracket {
  readonly low: Value;
  readonly lowSlope: Value;
  readonly high: Value;
  readonly highSlope: Value;
}

function within({ low, lowSlope, high, highSlope }: Bracket, round: Value): Value {
  const secant = op.clip(op.div(lowSlope, op.sub(lowSlope, highSlope)), 0.001, 0.9);
  const halve = op.equal(op.mod(round, 3), 2);
  const share = op.where(halve, 0.5, secant);
  return op.add(low, op.mul(share, op.sub(high, low)));
}

/** How much farther to go while the slope is still positive: to the root of a power of the length, which
 * is what the dual looks like where cells leave or enter the support. */
function growth(slope: Value, first: Value, mode: Transport["mode"]): Value | number {
  if (mode === "smooth" || mode === "c0") return 4;
  const left = op.pow(op.max(op.div(slope, first), 0), 1 / POWER[mode]);
  return op.clip(op.reciprocal(op.sub(1, left)), 1.2, 4);
}
