import type { Pullback } from "../../builder/definition.ts";
import { addDims } from "../../builder/dim.ts";
import * as op from "../../builder/operators/index.ts";
import { addSizes } from "../../builder/operators/sizes.ts";
import type { Value } from "../../builder/value.ts";
import { iota } from "../indices.ts";
import { applyKernel, kernelFamily } from "./family.ts";

/** Stands for log 0: finite, so that differences of two are not NaN. */
const NOTHING = -1e30;

const ROWS = { dtype: "float64", shape: ["batch", "n"] } as const;
const SUMS = { dtype: "float64", shape: ["batch", "n + 1"] } as const;

/** Logarithms of the elementary symmetric polynomials of exp x: log of the sum of exp(sum x_S) over all
 * sets S of k entries, for k = 0 … n: a smooth bound of the sum of the k largest.
 *
 * A row with NaN or infinity gives NaN. Method: the recurrence over entries, e_k <- e_k + e_{k-1} exp x_j, in
 * logarithms. Cost: O(n^2) a row, n rounds.
 *
 * @param x float64 [batch, n]
 * @returns [batch, n + 1] */
export function logSymmetric(x: Value): Value {
  return applyKernel(logSymmetricOf("float64"), [x], "logSymmetric", "bounds")[0] as Value;
}

const logSymmetricOf = kernelFamily<["float64"]>("LogSymmetric", [["float64"]], () => ({
  inputs: ["x"],
  outputs: ["e"],
  infer: ([x]) => {
    const [batch, n] = (x as Value).shape ?? [];
    return [{ dtype: "float64", shape: [batch, addDims(n, 1)] } as const];
  },
  body: ([x]) => {
    const columns = op.transpose(x as Value, [1, 0]);
    const [last] = op.loop(op.sizeOf(x as Value, 1), [empty(x as Value)], (j, e) => [
      added(e as Value, columnOf(columns, j as Value)).after,
    ]);
    return [op.add(last as Value, nothingOrNaN(x as Value))];
  },
  vjp: ({ input, dy }) => [pulledBack(input(0), dy)],
  signature: [ROWS],
}));

/** The gradient of logSymmetric: sum_k ebar_k pi_kj, with pi_kj the share of the sets of k entries that
 * hold j. Back through the recurrence, whose rounds it keeps: O(n^2) memory a row. */
function pulledBack(x: Value, ebar: Value): Value {
  return applyKernel(gradOf("float64"), [x, ebar], "logSymmetric", "shares")[0] as Value;
}

const gradOf = kernelFamily<["float64"]>("LogSymmetricGrad", [["float64"]], () => ({
  inputs: ["x", "ebar"],
  outputs: ["xbar"],
  infer: ([x]) => [{ dtype: "float64", shape: (x as Value).shape } as const],
  body: ([x, ebar]) => [gradBody(x as Value, ebar as Value)],
  vjp: gradVjp,
  signature: [ROWS, SUMS],
}));

/** [batch, 1]: 0, or NaN for a row that holds NaN or infinity. */
function nothingOrNaN(x: Value): Value {
  return op.reduceSum(op.mul(op.stopGradient(x), 0), { axes: 1, keepdims: true });
}

/** Of no entries: e_0 = 1 and nothing else. */
function empty(x: Value): Value {
  const places = iota(x.graph, addSizes(op.sizeOf(x, 1), 1));
  const nothing = op.mul(op.reduceMin(op.zerosLike(x), { axes: 1, keepdims: true }), 0);
  return op.add(
    nothing,
    op.where(op.equal(places, 0), op.cast(op.mul(places, 0), "float64"), NOTHING),
  );
}

/** x_j of all rows: [batch, 1]. */
function columnOf(columns: Value, j: Value): Value {
  return op.unsqueeze(op.gather(columns, j), 1);
}

/** One entry more: log(exp e_k + exp(e_{k-1} + x_j)), and the sums with it alone. */
function added(e: Value, x: Value): { after: Value; withIt: Value } {
  const withIt = op.add(moved(e, 1, NOTHING), x);
  const least = op.exp(op.neg(op.abs(op.sub(e, withIt))));
  return { after: op.add(op.max(e, withIt), op.log(op.add(least, 1))), withIt };
}

/** Moves the entries of each row one place to the right, or to the left. */
function moved(e: Value, by: 1 | -1, fill: number): Value {
  const pads = by === 1 ? ([1, -1] as const) : ([-1, 1] as const);
  return op.pad(e, [[0, 0], pads], { value: fill });
}

function gradBody(x: Value, ebar: Value): Value {
  const columns = op.transpose(x, [1, 0]);
  const n = op.sizeOf(x, 1);
  const [, before] = op.loop(n, [empty(x)], (j, e) => ({
    state: [added(e as Value, columnOf(columns, j as Value)).after],
    collect: [op.identity(e as Value)],
  })) as [Value, Value];
  const last = op.sub(n, 1);
  const [, shares] = op.loop(n, [ebar], (i, abar) => {
    const j = op.sub(typeof last === "number" ? last : op.squeeze(last, 0), i as Value);
    const e = op.gather(before, j);
    const { after, withIt } = added(e, columnOf(columns, j));
    const within = op.mul(abar as Value, op.exp(op.sub(withIt, after)));
    const without = op.mul(abar as Value, op.exp(op.sub(e, after)));
    return {
      state: [op.add(without, moved(within, -1, 0))],
      collect: [op.reduceSum(within, { axes: 1 })],
    };
  }) as [Value, Value];
  const inOrder = op.slice(shares, -1, Number.NEGATIVE_INFINITY, { axes: 0, steps: -1 });
  const xbar = op.transpose(inOrder, [1, 0]);
  return op.add(xbar, op.add(nothingOrNaN(x), nothingOrNaN(ebar)));
}

/** Written with the two operators on the rows that lack one entry each, so O(n^3): with g the gradient,
 * pi^(j) the shares without j, and ebarbar_k = sum_j a_j pi_kj for the cotangent a of g,
 *
 *     xbar_i = a_i g_i + sum_jk a_j ebar_k pi_kj pi^(j)_{k-1,i} - sum_k ebar_k ebarbar_k pi_ki */
function gradVjp({ input, y: gradient, dy: a }: Pullback): Value[] {
  const [x, ebar] = [input(0), input(1)];
  const n = op.sizeOf(x, 1);
  const place = iota(x.graph, n);
  const own = op.equal(op.unsqueeze(place, 1), place);
  const lacking = op.where(own, NOTHING, op.unsqueeze(x, 1));
  const rows = op.reshape(lacking, [-1, n]);
  const wide = addSizes(n, 1);
  // Sets of k - 1 of the others; there is none of n.
  const others = op.reshape(logSymmetric(rows), [-1, n, wide]);
  const fewer = op.slice(others, 0, -1, { axes: 2 });
  const sums = op.slice(logSymmetric(x), 1, Number.POSITIVE_INFINITY, { axes: 1 });
  const logShares = op.sub(op.add(op.unsqueeze(x, 2), fewer), op.unsqueeze(sums, 1));
  const weighted = op.mul(op.exp(logShares), op.unsqueeze(a, 2));
  const back = op.pad(op.reduceSum(weighted, { axes: 1 }), [
    [0, 0],
    [1, 0],
  ]);
  const inner = op.mul(
    weighted,
    op.unsqueeze(op.slice(ebar, 1, Number.POSITIVE_INFINITY, { axes: 1 }), 1),
  );
  const padded = op.pad(inner, [
    [0, 0],
    [0, 0],
    [0, 1],
  ]);
  const crossed = op.reshape(pulledBack(rows, op.reshape(padded, [-1, wide])), [-1, n, n]);
  const [first, second] = [op.mul(a, gradient), op.reduceSum(crossed, { axes: 1 })];
  return [op.sub(op.add(first, second), pulledBack(x, op.mul(ebar, back))), back];
}
