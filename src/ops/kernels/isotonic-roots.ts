import * as op from "../../builder/operators/index.ts";
import { addSizes, multiplySizes } from "../../builder/operators/sizes.ts";
import type { Value } from "../../builder/value.ts";
import {
  anyOf,
  type Cuts,
  cutAtBest,
  cutsByPrefix,
  lengths,
  type Rows,
  sumOver,
  uncut,
} from "./isotonic-cuts.ts";
import type { Solved } from "./isotonic-levels.ts";

// Modes c1 and c2: the level of a block is a root. One flat loop: each round cuts at the current levels,
// which need not be roots, and then takes one Newton step in every segment.

type Powers = "c1" | "c2";

const EPSILON = 2 ** -52;

/** Newton steps below this, relative to the segment's size, have the next one below rounding. */
const SMALL = 1e-8;
const NEGLIGIBLE = 1e-14;

/** t |t| or t^3. */
export function power(t: Value, mode: Powers): Value {
  return mode === "c1" ? op.mul(t, op.abs(t)) : op.mul(op.mul(t, t), t);
}

/** Half the derivative of t |t|, or a third of that of t^3. */
export function slope(t: Value, mode: Powers): Value {
  return mode === "c1" ? op.abs(t) : op.mul(t, t);
}

/** The inverse of `power`. */
export function rootOf(x: Value, mode: Powers): Value {
  const size = op.abs(x);
  return op.mul(op.sign(x), mode === "c1" ? op.sqrt(size) : op.pow(size, 1 / 3));
}

/** The state of a round, per entry, the same in all entries of a segment but for the cuts. */
interface State {
  readonly cuts: Cuts;
  readonly level: Value;
  /** The root lies between these. */
  readonly low: Value;
  readonly high: Value;
}

export function solveByRoots(rows: Rows, mode: Powers): Solved {
  const first = initial(rows, mode);
  const { graph } = rows.s;
  const init = [...flat(first), graph.constant(false, [], "bool")];
  const most = addSizes(multiplySizes(rows.n, 4), 200);
  const [start, last, level] = op.loop(most, init, (_, ...values) => {
    const [from, to, theta, low, high, settledBefore] = values as Value[] as [
      Value,
      Value,
      Value,
      Value,
      Value,
      Value,
    ];
    const state = { cuts: { start: from, last: to }, level: theta, low, high };
    const { next, any } = cutAtLevels(rows, state, mode);
    const { level: moved, open, rough } = newtonStep(rows, next, mode);
    const settled = op.not(op.or(any, open));
    // Cuts were looked for before the step: after one that matters, once more.
    const finished = op.and(op.not(any), op.or(op.not(rough), op.and(settled, settledBefore)));
    return {
      state: [...flat({ ...next, level: moved }), settled],
      proceed: op.not(finished),
    };
  }) as [Value, Value, Value];
  return { cuts: { start, last }, level };
}

function flat({ cuts, level, low, high }: State): Value[] {
  return [cuts.start, cuts.last, level, low, high];
}

/** One segment. Its root lies between those of its entries alone. */
function initial(rows: Rows, mode: Powers): State {
  const { s, w, zeros } = rows;
  const along = { axes: 1, keepdims: true };
  const own = op.sub(s, rootOf(w, mode));
  const low = op.add(zeros, op.reduceMin(own, along));
  const high = op.add(zeros, op.reduceMax(own, along));
  const guess = op.sub(op.reduceMean(s, along), rootOf(op.reduceMean(w, along), mode));
  const level = op.min(op.max(op.add(zeros, guess), low), high);
  return { cuts: uncut(rows), level, low, high };
}

/** Entries before a cut have values above the level, those after it below. A segment that is not cut
 * learns on which side its root is. */
function cutAtLevels(rows: Rows, state: State, mode: Powers): { next: State; any: Value } {
  const { cuts, level, low, high } = state;
  const a = power(op.sub(rows.s, level), mode);
  const size = op.add(op.abs(a), op.abs(rows.w));
  const { score, total } = cutsByPrefix(rows, cuts, op.sub(a, rows.w), size);
  const round = cutAtBest(rows, cuts, score);
  const whole = op.not(op.or(round.left, round.right));
  const above = op.or(round.left, op.and(whole, op.greater(total, 0)));
  const below = op.or(round.right, op.and(whole, op.less(total, 0)));
  const next = {
    cuts: round.cuts,
    level,
    low: op.where(above, op.max(low, level), low),
    high: op.where(below, op.min(high, level), high),
  };
  return { next, any: round.any };
}

/** Newton on the signed root of sum (s - theta)^2 (or ^3), which is a norm, where all s - theta have
 * nearly one sign; on the sum itself elsewhere; bisection where that leaves the bracket. */
function newtonStep(rows: Rows, { cuts, level, low, high }: State, mode: Powers) {
  const t = op.sub(rows.s, level);
  const a = power(t, mode);
  const sum = (x: Value) => sumOver(rows, cuts, x);
  const [total, sizes, wanted, slopes] = [sum(a), sum(op.abs(a)), sum(rows.w), sum(slope(t, mode))];
  const off = op.sub(total, wanted);
  const safe = op.where(op.greater(slopes, 0), slopes, 1);
  const plain = op.div(op.div(off, safe), mode === "c1" ? 2 : 3);
  const norm = rootOf(total, mode);
  const byNorm = op.div(op.mul(op.sub(norm, rootOf(wanted, mode)), slope(norm, mode)), safe);
  const oneSided = op.greaterOrEqual(op.abs(total), op.mul(sizes, 0.5));
  const target = op.add(level, op.where(oneSided, byNorm, plain));
  const noise = op.mul(op.add(sizes, sum(op.abs(rows.w))), 4 * EPSILON);
  const slack = op.mul(op.max(op.abs(low), op.abs(high)), 64 * EPSILON);
  const inside = op.and(
    op.greaterOrEqual(target, op.sub(low, slack)),
    op.lessOrEqual(target, op.add(high, slack)),
  );
  const bisect = op.and(op.not(inside), op.greater(op.abs(off), noise));
  const middle = op.mul(op.add(low, high), 0.5);
  const moved = op.where(bisect, middle, op.min(op.max(target, low), high));
  const length = lengths(cuts);
  const mean = op.div(slopes, length);
  const typical = mode === "c1" ? mean : op.sqrt(mean);
  const step = op.abs(op.sub(moved, level));
  const seen = op.where(op.greater(step, op.mul(op.abs(level), 4 * EPSILON)), step, 0);
  return {
    level: moved,
    open: anyOf(op.greater(seen, op.mul(typical, SMALL))),
    rough: anyOf(op.greater(seen, op.mul(typical, NEGLIGIBLE))),
  };
}
