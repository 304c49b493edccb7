import { sizeOfShape } from "../builder/dim.ts";
import {
  concat,
  constantOfShape,
  reshape,
  type Size,
  sizeOf,
  sizesOf,
  slice,
  topK,
} from "../builder/operators/index.ts";
import type { Value } from "../builder/value.ts";

export interface Ordered {
  /** [..., count] */
  readonly values: Value;
  /** Where they were, int64 [..., count]. */
  readonly indices: Value;
}

/** The first `count` entries along the last axis, from the largest or the smallest; of equal ones the earlier
 * first.
 *
 * ONNX Runtime (1.30) ends the process with a floating-point exception where TopK is given no rows. Unless
 * there certainly are some it is given one more.
 *
 * @param x [..., n] */
export function ordered(x: Value, count: Size, largest: boolean): Ordered {
  const leading = x.shape?.slice(0, -1) ?? [];
  const rows = sizeOfShape(leading);
  if (typeof rows === "number" && rows > 0) return topK(x, count, { largest });
  const n = sizeOf(x, -1);
  const flat = leading.length === 1 ? x : reshape(x, [-1, n]);
  const extra = constantOfShape(x.graph, [1, n], 0, x.dtype);
  const { values, indices } = topK(concat([flat, extra], { axis: 0 }), count, { largest });
  const back = (some: Value) => {
    const given = slice(some, 0, -1, { axes: 0 });
    if (leading.length === 1) return given;
    return reshape(given, [...sizesOf(x).slice(0, -1), sizeOf(given, -1)]);
  };
  return { values: back(values), indices: back(indices) };
}
