import * as op from "../../builder/operators/index.ts";
import { addSizes } from "../../builder/operators/sizes.ts";
import type { Value } from "../../builder/value.ts";
import { iota } from "../indices.ts";
import { segmentMax, segmentMin, segmentSum } from "./segments.ts";

/** Rounding allowed for before a sum counts as positive, relative to the sum of what was added. */
const NOISE = 4 * 2 ** -52;

/** Beyond the end of every row. */
const BEYOND = 2 ** 40;

/** The rows of a problem, float64 [batch, n], both descending, and what every round needs of them. */
export interface Rows {
  readonly s: Value;
  readonly w: Value;
  /** 0, 1, …, n - 1; int64 [n] */
  readonly index: Value;
  readonly n: op.Size;
  readonly zeros: Value;
  readonly lowest: Value;
  readonly beyond: Value;
  /** [batch, 1]: more than the weights of a row sum to, and not 0. */
  readonly bound: Value;
}

/** Where each entry's segment starts and ends: int64 [batch, n] each. A segment's start names it. */
export interface Cuts {
  readonly start: Value;
  readonly last: Value;
}

export function rowsOf(s: Value, w: Value): Rows {
  const n = op.sizeOf(s, 1);
  const zeros = op.zerosLike(s);
  const places = op.cast(zeros, "int64");
  const bound = op.mul(op.reduceSum(op.abs(w), { axes: 1, keepdims: true }), 2);
  return {
    s,
    w,
    n,
    index: iota(s.graph, n),
    zeros,
    lowest: op.fullLike(s, Number.NEGATIVE_INFINITY),
    beyond: op.add(places, BEYOND),
    bound: op.where(op.greater(bound, 0), bound, 1),
  };
}

/** All of each row in one segment. */
export function uncut({ zeros, n }: Rows): Cuts {
  const start = op.cast(zeros, "int64");
  return { start, last: op.add(start, addSizes(n, -1)) };
}

/** Numbers the segments of each row 0, 1, …; int64 [batch, n]. */
export function numbered({ index }: Rows, { start }: Cuts): Value {
  const opens = op.cast(op.equal(start, index), "int64");
  return op.sub(op.cumSum(opens, { axis: 1 }), 1);
}

/** Cuts along a numbering. */
export function cutsOf({ index, zeros, beyond }: Rows, numbers: Value): Cuts {
  const places = op.add(op.cast(zeros, "int64"), index);
  const before = op.add(op.cast(zeros, "int64"), -1);
  return {
    start: segmentMin(places, numbers, beyond),
    last: segmentMax(places, numbers, before),
  };
}

export const sumOver = (rows: Rows, cuts: Cuts, x: Value): Value =>
  segmentSum(x, cuts.start, rows.zeros);

export const at = (x: Value, places: Value): Value => op.gatherElements(x, places, { axis: 1 });

/** How many entries each segment has, as float64. */
export function lengths({ start, last }: Cuts): Value {
  return op.cast(op.add(op.sub(last, start), 1), "float64");
}

/** One cut in each segment that has a score above -infinity, after the entry that scores best. */
export interface Round {
  readonly cuts: Cuts;
  /** Entries before and after a new cut: bool [batch, n] each. */
  readonly left: Value;
  readonly right: Value;
  /** Whether there was any: a bool scalar. */
  readonly any: Value;
}

/** @param score float64 [batch, n]; -infinity at the last entry of a segment */
export function cutAtBest(rows: Rows, cuts: Cuts, score: Value): Round {
  const { start, last } = cuts;
  const best = segmentMax(score, start, rows.lowest);
  const cut = op.greater(best, Number.NEGATIVE_INFINITY);
  const hit = op.and(cut, op.equal(score, best));
  const after = segmentMin(op.where(hit, rows.index, rows.beyond), start, rows.beyond);
  const leftOf = op.lessOrEqual(rows.index, after);
  const [left, right] = [op.and(cut, leftOf), op.and(cut, op.not(leftOf))];
  return {
    cuts: {
      start: op.where(right, op.add(after, 1), start),
      last: op.where(left, after, last),
    },
    left,
    right,
    any: anyOf(cut),
  };
}

/** Where the sums from the start of each segment over d = a - w say that it must be cut.
 *
 * With a_i falling in the level that it was made with, and along the row, the entries whose value lies
 * above the level are those up to where these sums are largest: a cut there belongs to the solution,
 * whatever the level is, if the sum is above that of none and of all entries.
 *
 * What is larger than all weights together decides by its sign alone, so a is limited to that: rounding of
 * large terms would move the place.
 *
 * @param a float64 [batch, n]
 * @returns the sums where they say so, -infinity elsewhere */
export function cutsByPrefix(rows: Rows, cuts: Cuts, a: Value): Value {
  const { start, last } = cuts;
  const limited = op.min(op.max(a, op.neg(rows.bound)), rows.bound);
  const d = op.sub(limited, rows.w);
  const sums = op.cumSum(d, { axis: 1 });
  const base = op.sub(at(sums, start), at(d, start));
  const found = op.sub(sums, base);
  const total = op.sub(at(sums, last), base);
  const size = op.add(op.abs(limited), op.abs(rows.w));
  const noise = op.mul(sumOver(rows, cuts, size), NOISE);
  const enough = op.greater(found, op.add(op.relu(total), noise));
  return op.where(op.and(enough, op.less(rows.index, last)), found, rows.lowest);
}

/** Which numbers of a window a block begins with, and follow an entry: bool [batch, n] each. */
export interface Within {
  readonly begins: Value;
  readonly follows: Value;
}

/** The same by sums up to the end of each segment, with the noise of those sums alone: for terms that fall
 * by orders of magnitude along a row, of which the sums from the start would keep nothing.
 *
 * @param positive, negative [batch, n]: d is their difference, where they are not above the window
 * @returns less the sums after each entry where a cut belongs, -infinity elsewhere */
export function cutsBySuffix(
  rows: Rows,
  cuts: Cuts,
  positive: Value,
  negative: Value,
  { begins, follows }: Within,
): Value {
  const { start, last } = cuts;
  const d = op.sub(positive, negative);
  const after = { axis: 1, reverse: true, exclusive: true } as const;
  const sums = op.cumSum(d, after);
  const base = at(sums, last);
  const rest = op.sub(sums, base);
  const total = op.add(at(rest, start), at(d, start));
  const noise = op.mul(op.cumSum(op.add(positive, negative), after), NOISE);
  const enough = op.less(rest, op.sub(op.where(begins, op.min(total, 0), 0), noise));
  const wanted = op.and(op.and(enough, follows), op.less(rows.index, last));
  return op.where(wanted, op.neg(rest), rows.lowest);
}

/** Summed rather than maximised, so that an empty batch has an answer: no. */
export function anyOf(condition: Value): Value {
  return op.greater(op.reduceSum(op.cast(condition, "float32")), 0);
}
