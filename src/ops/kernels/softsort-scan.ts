import type { Pullback } from "../../builder/definition.ts";
import * as op from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import { applyKernel, kernelFamily } from "./family.ts";
import { tieGroups } from "./softsort-ties.ts";
import { depthOf } from "./sorting-network-layers.ts";

/** Sums of numbers at points on a line that decay with the distance, each side on its own:
 *
 *     l_i = sum over s_j < s_i of exp(-(s_i - s_j) / softness) a_j
 *     r_i = sum over s_j > s_i of exp(-(s_j - s_i) / softness) b_j
 *
 * by doubling (Hillis and Steele 1986): in round k = 0, 1, … the sum over 2^k neighbours is joined to that of
 * the 2^k before them. Every exponent is a difference and not positive, so nothing overflows and the error
 * grows with log n. Equal points take no part, for |s_i - s_j| has derivative 0 there.
 *
 * Left and right are each other's transpose, so the rule is made of the operator itself, at every order.
 *
 * Cost: O(n log n) a row and channel.
 *
 * @param s float64 [batch, n], ascending
 * @param a float64 [channels, batch, n]
 * @param b as a
 * @param softness float64 scalar
 * @returns l and r, as a */
export function decaySums(
  s: Value,
  a: Value,
  b: Value,
  softness: Value,
): { readonly left: Value; readonly right: Value } {
  const inputs = [s, a, b, softness];
  const [left, right] = applyKernel(definitionOf("float64"), inputs, "decaySums", "decayed");
  return { left: left as Value, right: right as Value };
}

const definitionOf = kernelFamily<["float64"]>("DecaySums", [["float64"]], (dtype) => ({
  inputs: ["s", "a", "b", "softness"],
  outputs: ["l", "r"],
  infer: ([, a, b]) => [a as Value, b as Value].map(({ shape }) => ({ dtype, shape })),
  body: ([s, a, b, softness]) => strictSums(s as Value, a as Value, b as Value, softness as Value),
  vjp,
  signature: [
    { dtype, shape: ["batch", "n"] },
    { dtype, shape: ["channels", "batch", "n"] },
    { dtype, shape: ["channels", "batch", "n"] },
    { dtype, shape: [] },
  ],
}));

/** The same sums with j <= i on the left and j >= i on the right, by place instead of by point. */
export function inclusiveSums(s: Value, a: Value, b: Value, softness: Value): [Value, Value] {
  const { graph } = s;
  const constant = (...elements: number[]) => graph.constant(elements, [elements.length], "int64");
  const rate = op.div(-1, softness);
  const rounds = depthOf(op.shape(s, { start: 1 }));
  const [, left, right] = op.loop(rounds, [constant(1), a, b], (_, by, l, r) => {
    const [distance, fromLeft, fromRight] = [by, l, r] as [Value, Value, Value];
    const shiftRows = op.mul(constant(0, 1, 0, -1), distance);
    const shift = op.mul(constant(0, 0, 1, 0, 0, -1), distance);
    // Not negative but where zeros were shifted in, which must not make infinity of zeros.
    const gap = op.abs(op.sub(s, op.pad(s, shiftRows)));
    const decay = op.exp(op.mul(gap, rate));
    const before = op.mul(op.pad(fromLeft, shift), decay);
    const after = op.pad(op.mul(fromRight, decay), op.neg(shift));
    return [op.mul(distance, 2), op.add(fromLeft, before), op.add(fromRight, after)];
  });
  return [left as Value, right as Value];
}

/** From the sums by place: those of the last point before the own group of equal points, and of the first
 * after it, brought over the gap. */
function strictSums(s: Value, a: Value, b: Value, softness: Value): Value[] {
  const [left, right] = inclusiveSums(s, a, b, softness);
  const { first, next } = tieGroups(s);
  const last = op.sub(op.shape(s, { start: 1 }), 1);
  const bring = (sums: Value, from: Value, exists: Value) => {
    const safe = op.max(op.min(from, last), 0);
    const gap = op.abs(op.sub(s, op.gatherElements(s, safe, { axis: 1 })));
    const decay = op.where(exists, op.exp(op.div(op.neg(gap), softness)), 0);
    const places = op.expand(safe, op.shape(sums));
    const brought = op.gatherElements(sums, places, { axis: 2 });
    return op.mul(brought, decay);
  };
  return [
    bring(left, op.sub(first, 1), op.greater(first, 0)),
    bring(right, next, op.lessOrEqual(next, last)),
  ];
}

/** abar = the right sums of lbar, bbar = the left sums of rbar, and with these
 * sbar = sum over channels of (a abar - b bbar - lbar l + rbar r) / softness. Since the sums depend on
 * s / softness, softnessbar = -sum s sbar / softness; sbar sums to 0 in a row, so that s may be taken from
 * its middle. */
function vjp(node: Pullback): Value[] {
  const [s, a, b, softness] = [0, 1, 2, 3].map(node.input) as [Value, Value, Value, Value];
  const [l, r] = node.outputs as readonly [Value, Value];
  const [dl, dr] = [node.dy, node.cotangent(1) ?? op.zerosLike(r)];
  const { left: db, right: da } = decaySums(s, dr, dl, softness);
  const inner = op.sub(op.mul(a, da), op.mul(b, db));
  const outer = op.sub(op.mul(dr, r), op.mul(dl, l));
  const ds = op.div(op.reduceSum(op.add(inner, outer), { axes: 0 }), softness);
  return [ds, da, db, softnessCotangent(s, ds, softness)];
}

/** For what depends on s / softness alone.
 * @param ds the cotangent of s */
export function softnessCotangent(s: Value, ds: Value, softness: Value): Value {
  const around = op.sub(s, op.stopGradient(middleOf(s)));
  return op.neg(op.div(op.reduceSum(op.mul(around, ds)), softness));
}

/** [batch, 1]: the entry at place floor(n / 2). */
export function middleOf(x: Value): Value {
  const at = op.div(op.shape(x, { start: 1 }), 2);
  return op.slice(x, at, op.add(at, 1), { axes: 1 });
}
