import { GraphError } from "../builder/errors.ts";
import { moveAxis, reshape, type Size, sizeOf, unsqueeze } from "../builder/operators/index.ts";
import { resolveAxis } from "../builder/schema.ts";
import type { Value } from "../builder/value.ts";

/** A tensor with the axis that an operator works along moved to the end, and the way back. */
export interface Along {
  /** [..., n] */
  readonly last: Value;
  readonly size: Size;
  /** Where the axis was; 0 where all axes were flattened into one. */
  readonly axis: number;
  /** How many axes were flattened into one; undefined where one was chosen. */
  readonly flattened: number | undefined;
}

/** Moves the axis `dim` to the end, or flattens x for null.
 * @throws GraphError if x has no such axis, or its rank is not known */
export function along(operator: string, x: Value, dim: number | null): Along {
  if (x.shape === undefined) {
    throw new GraphError(operator, `the rank of ${x} must be known`);
  }
  const rank = x.shape.length;
  if (dim === null) {
    const last = rank === 1 ? x : reshape(x, [-1]);
    return { last, size: sizeOf(last, -1), axis: 0, flattened: rank };
  }
  const axis = resolveAxis(operator, dim, rank, "dim");
  const last = moveAxis(x, axis, rank - 1);
  return { last, size: sizeOf(last, -1), axis, flattened: undefined };
}

/** Moves an axis of a result to where the operator's axis was.
 * @param from where it is in `value`, counted from the end */
export function putBack(to: Along, value: Value, from: -1 | -2 = -1): Value {
  return moveAxis(value, value.rank + from, to.axis);
}

/** Puts an axis of size 1 where the operator's axis was, or one for each that was flattened.
 * @param leading axes that stand before those of the operand */
export function keepReduced(to: Along, value: Value, leading = 0): Value {
  const count = to.flattened ?? 1;
  if (count === 0) return value;
  const first = leading + to.axis;
  return unsqueeze(
    value,
    Array.from({ length: count }, (_, i) => first + i),
  );
}
