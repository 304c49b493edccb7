import type { Application, Pullback } from "../../builder/definition.ts";
import {
  cast,
  div,
  equal,
  exp,
  isInf,
  mul,
  neg,
  reduceProd,
  reduceSum,
  scatterElements,
  shape,
  sign,
  sizeOf,
  sizeVector,
  sub,
  where,
} from "../../builder/operators/index.ts";
import type { Flattened, Reduction } from "../../builder/schema.ts";
import type { Value } from "../../builder/value.ts";
import { expandLike, sizesFor, sumTo } from "../broadcast.ts";
import { zeros } from "../by-index.ts";
import { productRule } from "./product.ts";
import { restore } from "./restore.ts";
import { type Cotangents, type Missing, missing, type Rules, zero } from "./rule.ts";

const INDEX = zero("its result is an index");

/** How many elements go into one of the result, in the type of the operand. */
function countOf(node: Application<Reduction>): Value {
  const { graph, y } = node;
  const x = node.input(0);
  const { axes } = node.attributes;
  if (axes === undefined || x.shape === undefined) {
    // Divided as floats: an integer divided by 0, which an empty result gives, ends the process.
    const [all, left] = [x, y].map((value) => cast(reduceProd(shape(value)), x.dtype));
    return div(all as Value, left as Value);
  }
  const sizes = axes.map((axis) => sizeOf(x, axis));
  const known = sizes.reduce<number>((a, b) => a * (typeof b === "number" ? b : Number.NaN), 1);
  if (!Number.isNaN(known)) return graph.constant(known, x.dtype);
  return cast(reduceProd(sizeVector(graph, sizes)), x.dtype);
}

/** ReduceMax and ReduceMin: equal shares for all that attain the extremum. */
function extremum(node: Pullback<Reduction>): Cotangents {
  const x = node.input(0);
  const attained = equal(x, restore(node, node.y));
  const dy = restore(node, node.dy);
  const count = sumTo(cast(attained, x.dtype), dy);
  return [where(attained, div(dy, count), 0)];
}

/** dy exp(x - y), and 0 in rows whose result is infinite: there x - y is no number. */
function logSumExp(node: Pullback<Reduction>): Cotangents {
  const y = restore(node, node.y);
  const infinite = isInf(y);
  const weights = exp(where(infinite, 0, sub(node.input(0), y)));
  return [where(infinite, 0, mul(restore(node, node.dy), weights))];
}

/** Softmax of minus infinities alone is NaN, which a model may replace by zeros. Then their cotangent is zero,
 * and NaN is kept out of the gradient as well. */
function whereRead(y: Value, dy: Value): Value {
  let at = dy.producer;
  while (at?.op === "Cast" && at.domain === "") at = at.inputs[0]?.producer;
  if (at?.op !== "Where" || at.domain !== "") return y;
  const [condition, a, b] = at.inputs as readonly Value[] as [Value, Value, Value];
  if (isZero(a)) return where(condition, 0, y);
  return isZero(b) ? where(condition, y, 0) : y;
}

function isZero({ data }: Value): boolean {
  return data !== undefined && data.size === 1 && data.toNumbers()[0] === 0;
}

function softmax(node: Pullback<Flattened>): Cotangents | Missing {
  const { dy } = node;
  const y = whereRead(node.y, dy);
  const axes = axesOf(node);
  if (axes === undefined) return missing("the rank of its operand is not known");
  return [mul(y, sub(dy, reduceSum(mul(dy, y), { axes, keepdims: true })))];
}

/** Those that the probabilities of a Softmax sum to 1 over. */
function axesOf({ y, attributes }: Pullback<Flattened>): number | readonly number[] | undefined {
  const { axis, flattened } = attributes;
  if (!flattened) return axis;
  return y.shape?.flatMap((_, i) => (i >= axis ? [i] : []));
}

function logSoftmax(node: Pullback<Flattened>): Cotangents | Missing {
  const { y, dy } = node;
  const axes = axesOf(node);
  if (axes === undefined) return missing("the rank of its operand is not known");
  return [sub(dy, mul(exp(y), reduceSum(dy, { axes, keepdims: true })))];
}

export const reductionRules: Rules<
  | "ReduceSum"
  | "ReduceMean"
  | "ReduceMax"
  | "ReduceMin"
  | "ReduceProd"
  | "ReduceLogSumExp"
  | "ReduceL1"
  | "ReduceL2"
  | "ReduceLogSum"
  | "ReduceSumSquare"
  | "ArgMax"
  | "ArgMin"
  | "Softmax"
  | "LogSoftmax"
  | "TopK"
> = {
  ReduceSum: (node) => [expandLike(restore(node, node.dy), node.input(0))],
  ReduceMean: (node) => [expandLike(restore(node, div(node.dy, countOf(node))), node.input(0))],
  ReduceMax: extremum,
  ReduceMin: extremum,
  ReduceProd: productRule,
  ReduceLogSumExp: logSumExp,
  ReduceL1: (node) => [mul(restore(node, node.dy), sign(node.input(0)))],
  // x / y, and 0 where all of x is 0.
  ReduceL2: (node) => {
    const y = restore(node, node.y);
    const vanishes = equal(y, 0);
    const share = div(restore(node, node.dy), where(vanishes, 1, y));
    return [mul(where(vanishes, 0, share), node.input(0))];
  },
  ReduceLogSum: (node) => {
    const x = node.input(0);
    return [expandLike(restore(node, mul(node.dy, exp(neg(node.y)))), x)];
  },
  ReduceSumSquare: (node) => [mul(restore(node, node.dy), mul(node.input(0), 2))],
  ArgMax: INDEX,
  ArgMin: INDEX,
  Softmax: softmax,
  LogSoftmax: logSoftmax,
  // Each index comes once in its row, so nothing has to be added.
  TopK: (node) => {
    const x = node.input(0);
    const indices = node.outputs[1] as Value;
    return [
      scatterElements(zeros(x, sizesFor(x)), indices, node.dy, { axis: node.attributes.axis }),
    ];
  },
};
