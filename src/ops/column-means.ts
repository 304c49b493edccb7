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

/** The sum of some numbers times each column of weights.
 *
 * By products, because ONNX Runtime's sum over rows is up to 50 times slower. They do not broadcast where
 * there may be no matrix at all: ONNX Runtime (1.30) refuses to.
 *
 * @param numbers [n]
 * @param weights [..., n, m]
 * @returns [..., m] */
export function columnSums(numbers: Value, weights: Value): Value {
  const matrices = sizeOfShape(weights.shape?.slice(0, -2) ?? []);
  if (typeof matrices === "number" && matrices > 0) return matmul(numbers, weights);
  const shape = [...sizesOf(weights).slice(0, -2), 1, sizeOf(numbers, 0)];
  return squeeze(matmul(expand(numbers, shape), weights), -2);
}

/** The mean of some numbers under each column of weights, which is brought to sum 1.
 *
 * @param numbers [n]
 * @param weights [..., n, m]
 * @returns [..., m] */
export function columnMeans(numbers: Value, weights: Value): Value {
  const total = columnSums(onesLike(numbers), weights);
  return div(columnSums(numbers, weights), clip(total, 1e-10));
}
