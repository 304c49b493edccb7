import * as op from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import { iota } from "../indices.ts";

// The systems of smoothSort: (L S L + D) u = f with L the second difference, (L x)_i = 2 x_i - x_{i-1} -
// x_{i+1}, nothing beyond the ends, and S, D diagonal and positive. They have five diagonals.

/** L x: [batch, m]. */
export function secondDifference(x: Value): Value {
  const framed = op.pad(x, [
    [0, 0],
    [1, 1],
  ]);
  const before = op.slice(framed, 0, -2, { axes: 1 });
  const after = op.slice(framed, 2, Number.POSITIVE_INFINITY, { axes: 1 });
  return op.sub(op.sub(op.mul(x, 2), before), after);
}

/** Added to the diagonal, which is scaled to 1, and the least that a pivot may be: rounding. */
const RIDGE = 1e-15;
const LEAST_PIVOT = 1e-16;

/** With the unknowns taken in twos: the diagonal blocks [b00 b01; b01 b11], those right of them [c00 c01;
 * c10 c11], and the right side; [batch, blocks] each. */
type System = [
  b00: Value,
  b01: Value,
  b11: Value,
  c00: Value,
  c01: Value,
  c10: Value,
  c11: Value,
  f0: Value,
  f1: Value,
];

type Pair = readonly [Value, Value];

/** Places along an axis, and the values that stand there. */
interface Axis {
  /** 0, 1, …; int64 vector */
  readonly index: Value;
  /** int64 [1] */
  readonly count: Value;
}

/** Solves (L S L + D) u = f by cyclic reduction of all blocks at once: each round frees every block of its
 * neighbours and leaves it with those twice as far. So log2 m rounds of O(m), where elimination from one
 * end would need m. (Symmetric, by Cholesky factors of the blocks: as stable as elimination in that order.)
 *
 * @param s, d, f float64 [batch, m], s not negative, d positive
 * @returns u [batch, m] */
export function solveSecondDifference(s: Value, d: Value, f: Value): Value {
  const { graph } = f;
  const m = op.sizeOf(f, 1);
  const entries = { index: iota(graph, m), count: asVector(f, m) };
  const half = op.div(op.add(entries.count, 1), 2);
  const blocks = { index: op.range(0, half), count: half };
  const { system, scale } = inTwos(s, d, f, entries, blocks);
  const far = graph.constant(1, [1], "int64");
  const more = (apart: Value) => op.squeeze(op.less(apart, half), 0);
  // Split does not take an empty batch apart.
  const any = op.squeeze(op.greater(asVector(f, op.sizeOf(f, 0)), 0), 0);
  const [, ...reduced] = op.loop(
    undefined,
    [far, ...system],
    (_, apart, ...current) => {
      const next = op.mul(apart as Value, 2);
      const state = [next, ...reduce(current as System, blocks, apart as Value)];
      return { state, proceed: more(next) };
    },
    { condition: op.and(any, more(far)) },
  );
  const [b00, b01, b11, , , , , f0, f1] = reduced as System;
  const factor = factorOf(b00, b01, b11);
  const [y0, y1] = lower(factor, [f0, f1]);
  const x1 = op.div(y1, factor.c);
  const x0 = op.div(op.sub(y0, op.mul(factor.b, x1)), factor.a);
  // Entry i is that of its block at i modulo 2.
  const block = op.div(entries.index, 2);
  const odd = op.equal(op.mod(entries.index, 2), 1);
  const pick = (x: Value) => op.gather(x, block, { axis: 1 });
  return op.mul(op.where(odd, pick(x1), pick(x0)), scale);
}

/** (L S L + D) u. */
export function multiplySecondDifference(s: Value, d: Value, u: Value): Value {
  return op.add(secondDifference(op.mul(s, secondDifference(u))), op.mul(d, u));
}

/** The same, and then for what is left: reduction loses digits where weights differ by many orders of
 * magnitude, of which the second time brings most back. */
export function solveRefined(s: Value, d: Value, f: Value): Value {
  const first = solveSecondDifference(s, d, f);
  const left = op.sub(f, multiplySecondDifference(s, d, first));
  return op.add(first, solveSecondDifference(s, d, left));
}

function asVector(x: Value, size: op.Size): Value {
  return typeof size === "number" ? x.graph.constant(size, [1], "int64") : size;
}

/** x_{i + apart}, 0 beyond the ends. */
function shifted(x: Value, { index, count }: Axis, apart: number | Value): Value {
  const from = op.add(index, apart);
  const inside = op.and(op.greaterOrEqual(from, 0), op.less(from, count));
  const found = op.gather(x, op.max(op.min(from, op.sub(count, 1)), 0), { axis: 1 });
  return op.where(inside, found, 0);
}

/** The diagonals, scaled to 1 on the main one, of unknowns taken in twos. */
function inTwos(s: Value, d: Value, f: Value, entries: Axis, blocks: Axis) {
  const next = shifted(s, entries, 1);
  const main = op.add(op.add(op.mul(s, 4), d), op.add(next, shifted(s, entries, -1)));
  const before = (places: number) => op.less(entries.index, op.sub(entries.count, places));
  const first = op.mul(op.where(before(1), op.add(s, next), 0), -2);
  const second = op.where(before(2), next, 0);
  const scale = op.div(1, op.sqrt(main));
  const one = op.mul(op.mul(first, scale), shifted(scale, entries, 1));
  const two = op.mul(op.mul(second, scale), shifted(scale, entries, 2));
  const right = op.mul(f, scale);
  const places = op.mul(blocks.index, 2);
  const even = (x: Value) => op.gather(x, places, { axis: 1 });
  const odd = (x: Value) => {
    const after = op.add(places, 1);
    const found = op.gather(x, op.min(after, op.sub(entries.count, 1)), { axis: 1 });
    return op.where(op.less(after, entries.count), found, 0);
  };
  const diagonal = op.fullLike(even(f), 1 + RIDGE);
  const system: System = [
    diagonal,
    even(one),
    diagonal,
    even(two),
    op.zerosLike(diagonal),
    odd(one),
    odd(two),
    even(right),
    odd(right),
  ];
  return { system, scale };
}

/** One round: with B the diagonal blocks and C those to the right,
 *
 *     B'_i = B_i - C_{i-k}' B_{i-k}^-1 C_{i-k} - C_i B_{i+k}^-1 C_i'
 *     C'_i = - C_i B_{i+k}^-1 C_{i+k}
 *     f'_i = f_i - C_{i-k}' B_{i-k}^-1 f_{i-k} - C_i B_{i+k}^-1 f_{i+k}
 *
 * in the factors U = R^-1 C_i, V = R^-1 C_{i-k}', g = R^-1 f of B = R R'. */
function reduce(system: System, blocks: Axis, apart: Value): System {
  const [b00, b01, b11, c00, c01, c10, c11, f0, f1] = system;
  const factor = factorOf(b00, b01, b11);
  const back = op.neg(apart);
  const [m00, m01, m10, m11] = shiftAll([c00, c01, c10, c11], blocks, back);
  const [u0, u1] = [lower(factor, [c00, c10]), lower(factor, [c01, c11])];
  const [v0, v1] = [lower(factor, [m00, m01] as Pair), lower(factor, [m10, m11] as Pair)];
  const g = lower(factor, [f0, f1]);
  const left = [dot(u0, u0), dot(u0, u1), dot(u1, u1), dot(u0, g), dot(u1, g)];
  const right = [dot(v0, v0), dot(v0, v1), dot(v1, v1), dot(v0, g), dot(v1, g)];
  const across = [dot(v0, u0), dot(v0, u1), dot(v1, u0), dot(v1, u1)];
  const before = shiftAll(left, blocks, back);
  const after = shiftAll([...right, ...across], blocks, apart);
  const less = [b00, b01, b11, f0, f1].map((x, i) =>
    op.sub(op.sub(x, before[i] as Value), after[i] as Value),
  );
  const [n00, n01, n11, g0, g1] = less as [Value, Value, Value, Value, Value];
  const [d00, d01, d10, d11] = after.slice(5).map(op.neg) as [Value, Value, Value, Value];
  return [n00, n01, n11, d00, d01, d10, d11, g0, g1];
}

/** Several at once, which is one gather. */
function shiftAll(values: readonly Value[], blocks: Axis, apart: Value): Value[] {
  const moved = shifted(op.concat(values, { axis: 0 }), blocks, apart);
  return op.split(moved, { axis: 0, parts: values.length });
}

/** The Cholesky factor [a 0; b c]. */
interface Factor {
  readonly a: Value;
  readonly b: Value;
  readonly c: Value;
}

function factorOf(b00: Value, b01: Value, b11: Value): Factor {
  const a = op.sqrt(op.max(b00, LEAST_PIVOT));
  const b = op.div(b01, a);
  return { a, b, c: op.sqrt(op.max(op.sub(b11, op.mul(b, b)), LEAST_PIVOT)) };
}

/** R^-1 (x, y). */
function lower({ a, b, c }: Factor, [x, y]: Pair): Pair {
  const first = op.div(x, a);
  return [first, op.div(op.sub(y, op.mul(b, first)), c)];
}

function dot([x0, x1]: Pair, [y0, y1]: Pair): Value {
  return op.add(op.mul(x0, y0), op.mul(x1, y1));
}
