import { sameDim } from "../dim.ts";
import { failArgument } from "../errors.ts";
import { type Operand, requireValue } from "../lift.ts";
import { inputOf, none, type Schemas } from "../schema.ts";
import type { Value } from "../value.ts";
import { abs, div, mul, neg, sub } from "./arithmetic.ts";
import { requireOpset } from "./axes.ts";
import { loop } from "./control.ts";
import { checkType, emitOne } from "./emit.ts";
import { gather } from "./indexing.ts";
import { cast, equal, greater, greaterOrEqual, where } from "./logic.ts";
import { argMax, reduceSum } from "./reduction.ts";
import { reshape, squeeze, unsqueeze } from "./reshape.ts";
import { asScalar, positions, type Size, sizeOf } from "./sizes.ts";
import { slice } from "./slice.ts";

/** Matrices up to this size are expanded by rows: products alone, which have derivatives of every order also
 * where a matrix is singular. */
const MOST_EXPANDED = 4;

/** The determinants of square matrices.
 *
 * @param x [..., n, n]
 * @returns [...]. In float64 it is composed of other operators: expanded by rows up to n = 4, by Gaussian
 * elimination with pivots beyond, whose derivatives are not numbers where a matrix is singular
 * @throws GraphError if the matrices are not square */
export function det(x: Operand): Value {
  const value = requireValue("det", "x", x);
  requireOpset("det", value.graph, 11);
  if (value.dtype !== "float64") return emitOne("Det", [value], {}, "det");
  checkSquare("det", value);
  return determinant(value);
}

/** Det in other operators. The rank is known. */
export function determinant(x: Value): Value {
  const n = x.shape?.at(-1) ?? x.shape?.at(-2);
  return typeof n === "number" && n <= MOST_EXPANDED ? expanded(x, n) : eliminated(x);
}

/** By minors of the first rows: those of k rows are made of those of k - 1. */
function expanded(x: Value, n: number): Value {
  if (n === 0) return x.graph.constant(1, x.dtype);
  const entry = (row: number, column: number) =>
    gather(gather(x, row, { axis: -2 }), column, { axis: -1 });
  // The minors of the rows from `row` on, by the set of their columns as bits.
  let minors = new Map<number, Value>(
    Array.from({ length: n }, (_, column) => [1 << column, entry(n - 1, column)]),
  );
  for (let row = n - 2; row >= 0; row--) {
    const next = new Map<number, Value>();
    for (const [columns, minor] of minors) {
      for (let column = 0; column < n; column++) {
        const bit = 1 << column;
        if ((columns & bit) !== 0) continue;
        const term = mul(entry(row, column), minor);
        const before = countBits(columns & (bit - 1));
        const known = next.get(columns | bit);
        const signed = before % 2 === 0 ? term : neg(term);
        next.set(columns | bit, known === undefined ? signed : known.add(signed));
      }
    }
    minors = next;
  }
  return minors.get((1 << n) - 1) as Value;
}

function countBits(bits: number): number {
  return bits === 0 ? 0 : (bits & 1) + countBits(bits >> 1);
}

/** By elimination with the largest pivot of each column: the product of the pivots, turned with each swap. */
function eliminated(x: Value): Value {
  const n = sizeOf(x, -1);
  const sizes = Array.from({ length: x.rank - 2 }, (_, axis) => sizeOf(x, axis));
  const matrices = reshape(x, [-1, n, n]);
  const rows = positions(x, -2);
  const start = reduceSum(mul(slice(matrices, 0, 1, { axes: [1] }), 0), { axes: [1, 2] }).add(1);
  const [, found] = loop(countOf(n, x), [matrices, start], (step, left, product) => {
    const column = squeeze(gather(left, reshape(step, [1]), { axis: 2 }), [2]);
    const size = where(greaterOrEqual(rows, step), abs(column), -1);
    const at = unsqueeze(argMax(size, { axis: 1 }), 1);
    const isPivot = cast(equal(rows, at), x.dtype);
    const isStep = cast(equal(rows, step), x.dtype);
    const row = reduceSum(mul(left, unsqueeze(isPivot, 2)), { axes: 1 });
    const replaced = reduceSum(mul(left, unsqueeze(isStep, [0, 2])), { axes: 1 });
    const pivot = reduceSum(mul(column, isPivot), { axes: 1 });
    // The row of the pivot changes places with the next one.
    const swapped = where(
      unsqueeze(equal(rows, at), 2),
      unsqueeze(replaced, 1),
      where(unsqueeze(equal(rows, step), [0, 2]), unsqueeze(row, 1), left),
    );
    const own = squeeze(gather(swapped, reshape(step, [1]), { axis: 2 }), [2]);
    const singular = equal(pivot, 0);
    const factors = div(own, unsqueeze(where(singular, 1, pivot), 1));
    const below = where(greater(rows, step), factors, 0);
    const next = sub(swapped, mul(unsqueeze(below, 2), unsqueeze(row, 1)));
    const stays = equal(squeeze(at, 1), step);
    return [next, mul(product, where(stays, pivot, neg(pivot)))];
  }) as [Value, Value];
  return reshape(found, sizes);
}

function countOf(n: Size, x: Value): Value {
  return typeof n === "number" ? x.graph.constant(n, [], "int64") : asScalar(n);
}

function checkSquare(operator: string, x: Value): void {
  const { shape } = x;
  if (shape === undefined) return;
  if (shape.length < 2 || sameDim(shape.at(-1), shape.at(-2)) === false) {
    failArgument(operator, "x", "square matrices", x);
  }
}

export const determinantSchemas: Schemas<"Det"> = {
  Det: {
    arity: 1,
    normal: none,
    infer: (node) => {
      const x = inputOf(node, 0);
      checkType(node.operator, "x", x, "float");
      checkSquare(node.operator, x);
      return [{ dtype: x.dtype, shape: x.shape?.slice(0, -2) }];
    },
  },
};
