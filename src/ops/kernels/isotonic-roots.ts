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

/** The state of a round, per entry, the same in all entries of a segment. */
interface State {
  readonly cuts: Cuts;
  readonly level: Value;
  /** The root of the segment lies between these. */
  readonly low: Value;
  readonly high: Value;
  /** The values of all its entries do, and hence the roots of all its parts. */
  readonly floor: Value;
  readonly ceiling: Value;
}

export function solveByRoots(rows: Rows, mode: Powers): Solved {
  const { graph } = rows.s;
  const init = [...flat(initial(rows, mode)), graph.constant(false, [], "bool")];
  const most = addSizes(multiplySizes(rows.n, 4), 200);
  const [start, last, level] = op.loop(most, init, (round, ...values) => {
    const settledBefore = values.at(-1) as Value;
    const { next, any } = cutAtLevels(rows, unflat(values), mode);
    const { moved, open, rough } = newtonStep(rows, next, mode, round);
    const settled = op.not(op.or(any, open));
    // Cuts were looked for before the step: after one that matters, once more.
    const finished = op.and(op.not(any), op.or(op.not(rough), op.and(settled, settledBefore)));
    return {
      state: [...flat(moved), settled],
      proceed: op.not(finished),
    };
  }) as [Value, Value, Value];
  return { cuts: { start, last }, level };
}

function flat({ cuts, level, low, high, floor, ceiling }: State): Value[] {
  return [cuts.start, cuts.last, level, low, high, floor, ceiling];
}

function unflat(values: readonly Value[]): State {
  const [start, last, level, low, high, floor, ceiling] = values as [
    Value,
    Value,
    Value,
    Value,
    Value,
    Value,
    Value,
  ];
  return { cuts: { start, last }, level, low, high, floor, ceiling };
}

/** One segment. Its root lies between those of its entries alone. */
function initial(rows: Rows, mode: Powers): State {
  const { s, w, zeros } = rows;
  const along = { axes: 1, keepdims: true };
  const own = op.sub(s, rootOf(w, mode));
  const floor = op.add(zeros, op.reduceMin(own, along));
  const ceiling = op.add(zeros, op.reduceMax(own, along));
  const guess = op.sub(op.reduceMean(s, along), rootOf(op.reduceMean(w, along), mode));
  const level = op.min(op.max(op.add(zeros, guess), floor), ceiling);
  return { cuts: uncut(rows), level, low: floor, high: ceiling, floor, ceiling };
}

/** Entries before a cut have values above the level, those after it below, and nothing is known yet of the
 * roots of the two. */
function cutAtLevels(rows: Rows, state: State, mode: Powers): { next: State; any: Value } {
  const { cuts, level, low, high } = state;
  const a = power(op.sub(rows.s, level), mode);
  const { left, right, ...round } = cutAtBest(rows, cuts, cutsByPrefix(rows, cuts, a));
  const floor = op.where(left, op.max(state.floor, level), state.floor);
  const ceiling = op.where(right, op.min(state.ceiling, level), state.ceiling);
  const isCut = op.or(left, right);
  const next = {
    cuts: round.cuts,
    level,
    low: op.where(isCut, floor, low),
    high: op.where(isCut, ceiling, high),
    floor,
    ceiling,
  };
  return { next, any: round.any };
}

/** Newton on the signed root of sum (s - theta)^2 (or ^3), which is a norm, where all s - theta have
 * nearly one sign; on the sum itself elsewhere. Bisection where that leaves the bracket, and in every third
 * round where it crosses half of it: between two entries far apart Newton can go to and fro for ever. */
function newtonStep(rows: Rows, { cuts, level, ...state }: State, mode: Powers, round: Value) {
  const t = op.sub(rows.s, level);
  const a = power(t, mode);
  const sum = (x: Value) => sumOver(rows, cuts, x);
  const [total, sizes, wanted, slopes] = [sum(a), sum(op.abs(a)), sum(rows.w), sum(slope(t, mode))];
  const off = op.sub(total, wanted);
  const low = op.where(op.greater(off, 0), op.max(state.low, level), state.low);
  const high = op.where(op.less(off, 0), op.min(state.high, level), state.high);
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
  const wide = op.greater(op.abs(op.sub(target, level)), op.mul(op.sub(high, low), 0.5));
  const third = op.equal(op.mod(round, 3), 2);
  const astray = op.or(op.not(inside), op.and(third, wide));
  const bisect = op.and(astray, op.greater(op.abs(off), noise));
  const middle = op.mul(op.add(low, high), 0.5);
  const moved = op.where(bisect, middle, op.min(op.max(target, low), high));
  const length = lengths(cuts);
  const mean = op.div(slopes, length);
  const typical = mode === "c1" ? mean : op.sqrt(mean);
  const step = op.abs(op.sub(moved, level));
  const seen = op.where(op.greater(step, op.mul(op.abs(level), 4 * EPSILON)), step, 0);
  return {
    moved: { cuts, ...state, level: moved, low, high },
    open: anyOf(op.greater(seen, op.mul(typical, SMALL))),
    rough: anyOf(op.greater(seen, op.mul(typical, NEGLIGIBLE))),
  };
}
