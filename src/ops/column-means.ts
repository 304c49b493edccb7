import { sizeOfShape } from "../builder/dim.ts";
import {
  clip,
  div,
  expand,
  matmul,
  onesLike,
  sizeOf,
  sizesOf,
  squeeze,
} from "../builder/operators/index.ts";
import type { Value } from "../builder/value.ts";

/** The mean of some numbers under each column of weights, which is brought to sum 1.
 *
 * By products, because ONNX Runtime's sum over rows is up to 50 times slower. They do not broadcast where
 * there may be no matrix at all: ONNX Runtime (1.30) refuses to.
 *
 * @param numbers [n]
 * @param weights [..., n, m]
 * @returns [..., m] */
export function columnMeans(numbers: Value, weights: Value): Value {
  const matrices = sizeOfShape(weights.shape?.slice(0, -2) ?? []);
  const certain = typeof matrices === "number" && matrices > 0;
  const shape = certain ? [] : [...sizesOf(weights).slice(0, -2), 1, sizeOf(numbers, 0)];
  const through = (row: Value) =>
    certain ? matmul(row, weights) : squeeze(matmul(expand(row, shape), weights), -2);
  return div(through(numbers), clip(through(onesLike(numbers)), 1e-10));
}
