import * as op from "../builder/operators/index.ts";
import type { Value } from "../builder/value.ts";

/** The rows of weights times x: [..., k, n] and [..., n] give [..., k]. */
export function weightedSums(weights: Value, x: Value): Value {
  return op.squeeze(op.matmul(weights, op.unsqueeze(x, -1)), -1);
}
