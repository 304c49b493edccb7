import { add, zerosLike } from "../builder/operators/index.ts";
import { sequenceMap } from "../builder/operators/sequence-map.ts";
import type { Value } from "../builder/value.ts";

/** The cotangent of a sequence is a sequence of its entries' cotangents, that of an optional what it holds
 * has. */

/** The sum of two cotangents. */
export function addCotangents(a: Value, b: Value): Value {
  if (a.container === undefined) return add(a, b);
  return sequenceMap([a, b], (x, y) => [addCotangents(x as Value, y as Value)])[0] as Value;
}

/** Zeros in the shape of a value, for sequences too. */
export function zeroCotangent(value: Value): Value {
  if (value.container?.kind !== "sequence") return zerosLike(value);
  return sequenceMap([value], (x) => [zeroCotangent(x as Value)])[0] as Value;
}
