import * as op from "../../builder/operators/index.ts";
import { addSizes } from "../../builder/operators/sizes.ts";
import type { Value } from "../../builder/value.ts";
import {
  anyOf,
  at,
  type Cuts,
  cutAtBest,
  cutsByPrefix,
  cutsBySuffix,
  cutsOf,
  lengths,
  type Rows,
  sumOver,
  uncut,
} from "./isotonic-cuts.ts";

// Modes c0 and smooth: the level of a block has a formula, so that each round cuts at exact levels.

export interface Solved {
  readonly cuts: Cuts;
  /** [batch, n]: the level of each entry's block. */
  readonly level: Value;
}

/** Mode c0: the level is the mean of s - w. At most n rounds; log2 n are usual. */
export function solveByMeans(rows: Rows): Solved {
  const { s, w } = rows;
  const difference = op.sub(s, w);
  const levelOf = (cuts: Cuts): Value => {
    // About an entry of the block, so that a mean of large numbers keeps its digits.
    const anchor = at(difference, cuts.start);
    const sum = sumOver(rows, cuts, op.sub(difference, anchor));
    return op.add(anchor, op.div(sum, lengths(cuts)));
  };
  const cuts = cutUntilDone(uncut(rows), (current) => {
    const level = levelOf(current);
    return cutAtBest(rows, current, cutsByPrefix(rows, current, op.sub(s, level)));
  });
  return { cuts, level: levelOf(cuts) };
}

/** Rounding of a level, relative to what it is made of: cuts are made at levels this much below the
 * root, so that the sum over the block is positive for sure and small sums at its end show. */
const BELOW = 2 ** -46;

/** Largest exponent that does not overflow. Beyond it are blocks that are done. */
const LARGEST_EXPONENT = 700;

/** How far below the top of a window the exponentials in it have all their digits. */
const WINDOW = 600;

/** Mode smooth: the level is logsumexp s - logsumexp w. Blocks that cannot touch are parted beforehand,
 * or a row with a great range would give one entry a round.
 *
 * Cuts are looked for in a window of w, which goes down the row where it finds none, and back to the start of
 * the highest block that it has cut: what is far below its top is 0 there, and what is above it not told. */
export function solveByLogSums(rows: Rows): Solved {
  const { s, w, index, n, lowest } = rows;
  const levelOf = (cuts: Cuts) => {
    const [firstS, firstW] = [at(s, cuts.start), at(w, cuts.start)];
    const sum = (x: Value, first: Value) => sumOver(rows, cuts, op.exp(op.sub(x, first)));
    const ratio = op.log(op.div(sum(s, firstS), sum(w, firstW)));
    const size = op.add(op.add(op.abs(firstS), op.abs(firstW)), 1);
    return { level: op.add(op.sub(firstS, firstW), ratio), size, firstW };
  };
  const largestOf = (x: Value) => op.reduceMax(x, { axes: 1, keepdims: true });
  const following = op.gather(w, op.min(op.add(index, 1), addSizes(n, -1)), { axis: 1 });
  const first = parted(rows);
  const initial = [first.start, first.last, largestOf(w)];
  const [start, last] = op.loop(undefined, initial, (_, from, to, top) => {
    const current = { start: from as Value, last: to as Value };
    const { level, size, firstW } = levelOf(current);
    const scaled = (x: Value) => op.exp(op.min(op.sub(x, top as Value), LARGEST_EXPONENT));
    const positive = scaled(op.sub(s, op.sub(level, op.mul(size, BELOW))));
    const score = cutsBySuffix(rows, current, positive, scaled(w), {
      begins: op.lessOrEqual(firstW, top as Value),
      follows: op.lessOrEqual(following, top as Value),
    });
    const { cuts, left } = cutAtBest(rows, current, score);
    const highest = largestOf(op.where(left, firstW, lowest));
    const divisible = op.less(cuts.start, cuts.last);
    const lower = op.and(divisible, op.less(w, op.sub(top as Value, WINDOW)));
    const below = largestOf(op.where(lower, w, lowest));
    const next = op.where(op.greater(highest, Number.NEGATIVE_INFINITY), highest, below);
    const goesOn = op.greater(next, Number.NEGATIVE_INFINITY);
    return {
      state: [cuts.start, cuts.last, op.where(goesOn, next, top as Value)],
      proceed: anyOf(goesOn),
    };
  }) as [Value, Value, Value];
  const cuts = { start, last };
  return { cuts, level: levelOf(cuts).level };
}

type RoundOf = (cuts: Cuts) => { readonly cuts: Cuts; readonly any: Value };

/** Ends by itself: a round without a cut is the last, and a row of n entries has n - 1 cuts at most. */
function cutUntilDone(first: Cuts, roundOf: RoundOf): Cuts {
  const [start, last] = op.loop(undefined, [first.start, first.last], (_, from, to) => {
    const { cuts, any } = roundOf({ start: from, last: to });
    return { state: [cuts.start, cuts.last], proceed: any };
  }) as [Value, Value];
  return { start, last };
}

/** Cuts wherever all entries before have a value s - w of their own above all those after: a pooled value
 * lies between those it was pooled of. Running extremes by doubling, log2 n rounds. */
function parted(rows: Rows): Cuts {
  const { s, w, index, n } = rows;
  const own = op.sub(s, w);
  const count = typeof n === "number" ? s.graph.constant(n, [1], "int64") : n;
  const last = op.sub(count, 1);
  const step = s.graph.constant(1, [1], "int64");
  const [, least, most] = op.loop(undefined, [step, own, own], (_, apart, low, high) => {
    const before = op.max(op.sub(index, apart), 0);
    const after = op.min(op.add(index, apart), last);
    const next = op.mul(apart, 2);
    return {
      state: [
        next,
        op.min(low, op.gather(low, before, { axis: 1 })),
        op.max(high, op.gather(high, after, { axis: 1 })),
      ],
      proceed: op.squeeze(op.less(next, count), 0),
    };
  }) as [Value, Value, Value];
  const previous = op.gather(least, op.max(op.sub(index, 1), 0), { axis: 1 });
  const opens = op.and(op.greater(previous, most), op.greater(index, 0));
  return cutsOf(rows, op.cumSum(op.cast(opens, "int64"), { axis: 1 }));
}
