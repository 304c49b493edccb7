import * as op from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import { first } from "../first.ts";
import type { Positions } from "./method.ts";

/** The values at the wanted positions of a sorted row.
 *
 * @param sorted [..., n] in the order that was asked for
 * @returns [...] for the top, else [..., k] */
export function valuesAt(sorted: Value, positions: Positions): Value {
  switch (positions.kind) {
    case "top":
      return op.squeeze(op.slice(sorted, 0, 1, { axes: -1 }), -1);
    case "first":
      return first(sorted, positions.count, -1);
    case "at":
      return op.gather(sorted, positions.places, { axis: -1 });
    case "all":
      return sorted;
  }
}

/** The last axis turned around. */
export function reversed(x: Value): Value {
  return op.slice(x, -1, Number.NEGATIVE_INFINITY, { axes: -1, steps: -1 });
}
