import type { Pullback } from "../../builder/definition.ts";
import {
  gemm,
  matmul,
  mul,
  reshape,
  sizeOf,
  squeeze,
  unsqueeze,
} from "../../builder/operators/index.ts";
import type { OperatorTable } from "../../builder/schema.ts";
import type { Value } from "../../builder/value.ts";
import { sumTo } from "../broadcast.ts";
import { permuted } from "../permuted.ts";
import { type Cotangents, type Missing, missing, type Rules, wanted } from "./rule.ts";

/** Every pair of ranks has its own form: a vector is a row on the left and a column on the right, and
 * what is summed away last is never made large first. */
function matMul(node: Pullback): Cotangents | Missing {
  const { dy } = node;
  const [a, b] = [node.input(0), node.input(1)];
  if (a.shape === undefined || b.shape === undefined) {
    return missing("the ranks of its operands are not known when the graph is built");
  }
  if (a.rank === 1 && b.rank === 1) {
    return wanted(
      node,
      () => mul(dy, b),
      () => mul(dy, a),
    );
  }
  if (b.rank === 1) {
    return wanted(
      node,
      () => mul(unsqueeze(dy, -1), b),
      () => matmul(reshape(dy, [-1]), asMatrix(a)),
    );
  }
  if (a.rank === 1) {
    return wanted(
      node,
      () =>
        b.rank === 2 ? matmul(dy, swapped(b)) : sumTo(squeeze(matmul(b, unsqueeze(dy, -1)), -1), a),
      () => mul(unsqueeze(a, -1), unsqueeze(dy, -2)),
    );
  }
  return wanted(
    node,
    () => sumTo(matmul(dy, swapped(b)), a),
    () =>
      b.rank === 2 ? matmul(swapped(asMatrix(a)), asMatrix(dy)) : sumTo(matmul(swapped(a), dy), b),
  );
}

/** All axes but the last as one. */
function asMatrix(x: Value): Value {
  return x.rank === 2 ? x : reshape(x, [-1, sizeOf(x, -1)]);
}

/** The last two axes swapped. */
function swapped(x: Value): Value {
  const order = Array.from({ length: x.rank }, (_, axis) => axis);
  return permuted(x, [...order.slice(0, -2), x.rank - 1, x.rank - 2]);
}

function gemmRule(node: Pullback<OperatorTable["Gemm"]>): Cotangents {
  const { dy } = node;
  const { alpha, beta, transA, transB } = node.attributes;
  const [a, b] = [node.input(0), node.input(1)];
  const product = (x: Value, y: Value, transX: boolean, transY: boolean) =>
    gemm(x, y, undefined, { alpha, transA: transX, transB: transY });
  return wanted(
    node,
    () => (transA ? product(b, dy, transB, true) : product(dy, b, false, !transB)),
    () => (transB ? product(dy, a, true, transA) : product(a, dy, !transA, false)),
    () => sumTo(beta === 1 ? dy : mul(dy, beta), node.input(2), node.y),
  );
}

export const linearRules: Rules<"MatMul" | "Gemm"> = {
  MatMul: matMul,
  Gemm: gemmRule,
};
