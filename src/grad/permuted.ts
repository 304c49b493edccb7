import { transpose } from "../builder/operators/index.ts";
import type { OperatorTable } from "../builder/schema.ts";
import type { Value } from "../builder/value.ts";

/** The axes of x in another order; of what x was made by reordering, if it was. A rule applied to what
 * another one gave would reorder and order back. */
export function permuted(x: Value, order: readonly number[]): Value {
  const { producer } = x;
  const source = producer?.inputs[0];
  const normal = producer?.normal as OperatorTable["Transpose"] | undefined;
  if (producer?.op === "Transpose" && producer.domain === "" && source && normal) {
    return permuted(
      source,
      order.map((axis) => normal.permutation[axis] as number),
    );
  }
  return order.every((axis, i) => axis === i) ? x : transpose(x, order);
}
