import { attribute } from "../../builder/block.ts";
import type { Pullback } from "../../builder/definition.ts";
import { type Dim, divideDims, isStatic, type Shape, sizeOfShape } from "../../builder/dim.ts";
import type { Graph } from "../../builder/graph.ts";
import {
  concat,
  div,
  equal,
  mul,
  onesLike,
  pad,
  positions,
  reduceProd,
  reshape,
  sizesOf,
  sizeVector,
  slice,
  split,
  transpose,
  unsqueeze,
  where,
} from "../../builder/operators/index.ts";
import type { Size } from "../../builder/operators/sizes.ts";
import type { Reduction } from "../../builder/schema.ts";
import type { Value } from "../../builder/value.ts";
import { expandLike, reshapeLike } from "../broadcast.ts";
import { restore } from "./restore.ts";
import type { Cotangents } from "./rule.ts";

/** ReduceProd: the slope by one factor is the product of all the others, made of products alone. The
 * quotient y / x would be wrong wherever a factor is 0, and its derivatives near there. */
export function productRule(node: Pullback<Reduction>): Cotangents {
  const x = node.input(0);
  const { axes } = node.attributes;
  if (axes === undefined || x.shape === undefined)
    return [mul(restore(node, node.dy), quotients(node))];
  const dy = restore(node, node.dy);
  const count = sizeOfShape(axes.map((axis) => x.shape?.[axis]));
  if (count === 0 || count === 1) return [expandLike(dy, x)];
  const order = [...x.shape.keys()].filter((axis) => !axes.includes(axis)).concat(axes);
  const last = isIdentity(order) ? x : transpose(x, order);
  const rows = asRows(last, axes.length, count);
  const products =
    typeof count === "number" ? productOfOthers(rows, count) : productOfMaskedRows(rows);
  const others = reshapeLike(products, last);
  const back = order.map((_, axis) => order.indexOf(axis));
  return [mul(dy, isIdentity(order) ? others : transpose(others, back))];
}

/** The product of the others where the model computes the axes: that of the factors other than 0 without
 * the own one, or 0 where another factor is 0. At a factor that is 0 its own derivatives are lost. */
function quotients(node: Pullback<Reduction>): Value {
  const x = node.input(0);
  const { op, inputs, attributes } = node.node;
  const kept = { ...attributes, keepdims: attribute.int(1) };
  const over = (values: Value) =>
    node.graph.emit({ op, inputs: [values, ...inputs.slice(1)], attributes: kept })
      .outputs[0] as Value;
  const vanishes = equal(x, 0);
  const factors = where(vanishes, 1, x);
  // Counted by a product as well: 2 to the number of zeros.
  const own = where(vanishes, 2, onesLike(x));
  const zeros = over(own);
  return where(equal(zeros, own), div(over(factors), factors), 0);
}

/** A matrix whose rows are the last axes of x. */
function asRows(x: Value, axes: number, count: Dim): Value {
  const dims = x.shape as Shape;
  if (typeof count === "number") {
    const rows = divideDims(sizeOfShape(dims), count);
    return reshape(x, [typeof rows === "number" ? rows : -1, count]);
  }
  const kept = dims.slice(0, dims.length - axes);
  if (isStatic(kept)) return reshape(x, [sizeOfShape(kept) as number, -1]);
  const sizes = sizesOf(x).slice(kept.length);
  return reshape(x, [-1, sizes.length === 1 ? (sizes[0] as Size) : productOf(x.graph, sizes)]);
}

function productOf(graph: Graph, sizes: readonly Size[]): Value {
  return reduceProd(sizeVector(graph, sizes), { keepdims: true });
}

/** For each entry of a row the product of the n - 1 others: multiply the halves of the row, find the
 * products of others there, and give each half the other half's entry times that. O(n) work. */
function productOfOthers(rows: Value, n: number): Value {
  const odd = n % 2 === 1;
  const even = odd
    ? pad(
        rows,
        [
          [0, 0],
          [0, 1],
        ],
        { value: 1 },
      )
    : rows;
  const [left, right] = split(even, { axis: 1, parts: 2 }) as [Value, Value];
  const half = (n + 1) / 2;
  const outer = n <= 2 ? undefined : productOfOthers(mul(left, right), Math.floor(half));
  const parts = outer === undefined ? [right, left] : [mul(right, outer), mul(left, outer)];
  const others = concat(parts, { axis: 1 });
  return odd ? slice(others, 0, n, { axes: 1 }) : others;
}

/** The same for rows whose length only a run tells: all n products at once, n x n numbers a row. */
function productOfMaskedRows(rows: Value): Value {
  const places = positions(rows, 1);
  const own = equal(unsqueeze(places, [1]), unsqueeze(places, [0]));
  return reduceProd(where(own, 1, unsqueeze(rows, [1])), { axes: 2 });
}

function isIdentity(order: readonly number[]): boolean {
  return order.every((axis, i) => axis === i);
}
