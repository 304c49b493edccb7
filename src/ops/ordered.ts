import { sizeOfShape } from "../builder/dim.ts";
import {
  cast,
  concat,
  constantOfShape,
  equal,
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
 * there certainly are some it is given one where there are none.
 *
 * @param x [..., n] */
export function ordered(x: Value, count: Size, largest: boolean): Ordered {
  const leading = x.shape?.slice(0, -1) ?? [];
  const rows = sizeOfShape(leading);
  if (typeof rows === "number" && rows > 0) return topK(x, count, { largest });
  const n = sizeOf(x, -1);
  const flat = leading.length === 1 ? x : reshape(x, [-1, n]);
  const given = sizeOf(flat, 0);
  const missing = typeof given === "number" ? 1 : cast(equal(given, 0), "int64");
  const extra = constantOfShape(x.graph, [missing, n], 0, x.dtype);
  const { values, indices } = topK(concat([flat, extra], { axis: 0 }), count, { largest });
  const back = (some: Value) => {
    const own = slice(some, 0, given, { axes: 0 });
    return reshape(own, [...sizesOf(x).slice(0, -1), sizeOf(own, -1)]);
  };
  return { values: back(values), indices: back(indices) };
}
