import { sameDim } from "../dim.ts";
import type { DType } from "../dtype.ts";
import type { Value } from "../value.ts";
import { add, div, mul, sub } from "./arithmetic.ts";
import { matmul } from "./linear.ts";
import { and, cast, greaterOrEqual, isInf, lessOrEqual, where } from "./logic.ts";
import { sqrt, tanh } from "./math.ts";
import { transpose } from "./movement.ts";
import { reduceMax, softmax } from "./reduction.ts";
import { reshape, unsqueeze } from "./reshape.ts";
import { positions, type Size, sizeOf } from "./sizes.ts";

/** What attention works on: heads apart. */
export interface Heads {
  /** [batch, heads, queries, size] */
  readonly q: Value;
  /** [batch, heads or a divisor of them, keys, size] */
  readonly k: Value;
  /** [batch, as k, keys, size of a value] */
  readonly v: Value;
}

/** How the scores come about, and what a query may see. */
export interface DotProduct {
  /** Factor of the products of queries and keys; by default one over the root of the size of a head. */
  readonly scale: number | undefined;
  /** Bound c of the scores, by c tanh(score / c). 0 for none. */
  readonly softcap: number;
  /** Added to the scores. */
  readonly bias: Value | undefined;
  /** Whether a key may be seen; broadcasts to the scores. */
  readonly allowed: Value | undefined;
  /** Whether a query may have no key to see; it then gets zeros. */
  readonly mayBeEmpty: boolean;
  /** The type that the probabilities are computed in. */
  readonly precision?: DType | undefined;
}

/** Scaled dot-product attention (Vaswani et al. 2017, arXiv 1706.03762, section 3.2), and what comes up on
 * the way. Where there are fewer heads of keys than of queries, several share one (Ainslie et al. 2023,
 * arXiv 2305.13245). */
export function dotProductAttention(
  { q, k, v }: Heads,
  { scale, softcap, bias, allowed, mayBeEmpty, precision }: DotProduct,
) {
  const groups = groupsOf(q, k);
  const scaled = mul(q, scale ?? defaultScale(q));
  const products = byGroup(scaled, k, groups, (a, b) => matmul(a, swapped(b)));
  const capped = softcap === 0 ? products : mul(tanh(div(products, softcap)), softcap);
  const biased = bias === undefined ? capped : add(capped, bias);
  const scores = allowed === undefined ? biased : where(allowed, biased, Number.NEGATIVE_INFINITY);
  const weights = probabilities(scores, mayBeEmpty, precision);
  const y = byGroup(weights, v, groups, matmul);
  return { y, products, capped, scores, weights };
}

/** Softmax along the last axis; zeros where all scores are minus infinity, if that can be. */
function probabilities(scores: Value, mayBeEmpty: boolean, precision: DType | undefined): Value {
  const { dtype } = scores;
  const wide = precision === undefined ? scores : cast(scores, precision);
  if (!mayBeEmpty) return cast(softmax(wide), dtype);
  const lowest = isInf(reduceMax(wide, { axes: -1, keepdims: true }));
  return cast(where(lowest, 0, softmax(where(lowest, 0, wide))), dtype);
}

function defaultScale(q: Value): number | Value {
  const size = sizeOf(q, 3);
  if (typeof size === "number") return 1 / Math.sqrt(size);
  return div(1, sqrt(cast(size, q.dtype)));
}

function swapped(x: Value): Value {
  const axes = Array.from({ length: x.rank }, (_, i) => i);
  return transpose(x, [...axes.slice(0, -2), axes.length - 1, axes.length - 2]);
}

/** How many heads of queries there are for each head of keys. */
function groupsOf(q: Value, k: Value): Size {
  if (sameDim(q.shape?.[1], k.shape?.[1]) === true) return 1;
  const [of, by] = [sizeOf(q, 1), sizeOf(k, 1)];
  if (typeof of === "number") return typeof by === "number" ? of / by : div(of, by);
  return div(of, by);
}

/** A product of matrices whose heads are those of queries on the left and those of keys on the right. */
function byGroup(a: Value, b: Value, groups: Size, product: (a: Value, b: Value) => Value): Value {
  if (groups === 1) return product(a, b);
  const [batch, heads] = [sizeOf(b, 0), sizeOf(b, 1)];
  const apart = reshape(a, [batch, heads, groups, sizeOf(a, 2), sizeOf(a, 3)]);
  const y = product(apart, unsqueeze(b, 2));
  return reshape(y, [batch, sizeOf(a, 1), sizeOf(y, 3), sizeOf(y, 4)]);
}

/** [batch, length, heads size] as [batch, heads, length, size]. */
export function headsApart(x: Value, heads: number): Value {
  return transpose(reshape(x, [sizeOf(x, 0), sizeOf(x, 1), heads, -1]), [0, 2, 1, 3]);
}

/** [batch, heads, length, size] as [batch, length, heads size]. */
export function headsTogether(x: Value): Value {
  const rows = transpose(x, [0, 2, 1, 3]);
  return reshape(rows, [sizeOf(rows, 0), sizeOf(rows, 1), -1]);
}

/** Whether key j is at most `right` behind and at most `left` before the place of query i, which is i +
 * offset. undefined where there is no bound.
 *
 * @param offset a number, or a value that broadcasts to [batch, heads, queries, keys] */
export function within(
  scores: { readonly queries: Value; readonly keys: Value },
  offset: Size,
  { left, right }: { readonly left: number; readonly right: number },
): Value | undefined {
  const place = unsqueeze(positions(scores.queries, 2), 1);
  const key = unsqueeze(positions(scores.keys, 2), 0);
  const at = offset === 0 ? place : add(place, offset);
  const before = right < 0 ? undefined : lessOrEqual(key, right === 0 ? at : add(at, right));
  const after = left < 0 ? undefined : greaterOrEqual(key, left === 0 ? at : sub(at, left));
  return both(before, after);
}

/** Where both hold; undefined holds everywhere. */
export function both(a: Value | undefined, b: Value | undefined): Value | undefined {
  return a === undefined || b === undefined ? (a ?? b) : and(a, b);
}
