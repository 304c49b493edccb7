import { sameDim } from "../builder/dim.ts";
import { checkOptions, failArgument, GraphError } from "../builder/errors.ts";
import type { Operand } from "../builder/lift.ts";
import * as op from "../builder/operators/index.ts";
import type { Value } from "../builder/value.ts";
import { along, putBack } from "./axis.ts";
import { int64Vector, iota } from "./indices.ts";
import { floatingAlike, floatingAll } from "./operands.ts";
import { resolveOptions } from "./options.ts";
import { weightedSums } from "./weighted-sums.ts";

/** Options of takeAlongDim and take. */
export interface TakeOptions {
  /** The axis of x to select along; null flattens x. Default null. */
  readonly dim?: number | null;
}

/** Options of indexSelect. */
export interface IndexSelectOptions {
  /** Keep the axis, with size 1. Default true. */
  readonly keepdim?: boolean;
}

/** Options of narrow. */
export interface NarrowOptions {
  /** The axis of x to slice. Default 0. */
  readonly dim?: number;
}

export const takeDefaults: Readonly<Required<TakeOptions>> = Object.freeze({ dim: null });

export const indexSelectDefaults: Readonly<Required<IndexSelectOptions>> = Object.freeze({
  keepdim: true,
});

export const narrowDefaults: Readonly<Required<NarrowOptions>> = Object.freeze({ dim: 0 });

/** x where the condition is 1, y where it is 0, mixed in between; elementwise with broadcasting.
 *
 * Formula: x condition + y (1 - condition)
 *
 * ```ts
 * const y = soft.where(soft.greater(x, 0), x, x.mul(0.1));
 * ```
 * @param condition [...]: truth values from 0 to 1
 * @param x [...], broadcast with the condition
 * @param y [...], broadcast with both
 * @returns [...], of the broadcast shape
 *
 * Cost: O(1) an element.
 * @throws GraphError if the shapes do not broadcast */
export function where(condition: Operand, x: Operand, y: Operand): Value {
  const [c, a, b] = floatingAlike("where", { condition, x, y }) as [Value, Value, Value];
  return c.graph.operation("where", () => op.add(op.mul(a, c), op.mul(b, op.sub(1, c))));
}

/** Entries of x by soft index, one for each position along an axis.
 *
 * Formula: y[…, i, …] = sum_j softIndex[…, i, …, j] x[…, j, …]
 *
 * ```ts
 * const sorted = soft.takeAlongDim(x, soft.argsort(x, { dim: 0 }), { dim: 0 });
 * ```
 * @param x [..., n, ...]
 * @param softIndex [..., k, ..., n]: probabilities on the last axis; [k, n] for dim null
 * @returns [..., k, ...]
 *
 * Cost: O(k n) a row.
 * @throws GraphError if the ranks do not fit, or x has no such axis */
export function takeAlongDim(x: Operand, softIndex: Operand, options: TakeOptions = {}): Value {
  const { dim } = resolveOptions("takeAlongDim", options, takeDefaults);
  const [value, index] = floatingAll("takeAlongDim", { x, softIndex }) as [Value, Value];
  return value.graph.operation("takeAlongDim", () => {
    const rows = along("takeAlongDim", value, dim);
    checkRank("takeAlongDim", index, rows.last.rank + 1);
    const weights = op.moveAxis(index, rows.axis, index.rank - 2);
    checkSize("takeAlongDim", weights, rows.last);
    return putBack(rows, weightedSums(weights, rows.last));
  });
}

/** Entries of x along an axis by k soft indices, the same everywhere.
 *
 * Formula: y[…, i, …] = sum_j softIndex[i, j] x[…, j, …]
 *
 * ```ts
 * const firstTwo = soft.take(x, [[1, 0, 0], [0, 1, 0]], { dim: 1 });
 * ```
 * @param x [..., n, ...]
 * @param softIndex [k, n]: probabilities on the last axis
 * @returns [..., k, ...]
 *
 * Cost: O(k n) a row.
 * @throws GraphError if softIndex is no matrix, or x has no such axis */
export function take(x: Operand, softIndex: Operand, options: TakeOptions = {}): Value {
  const { dim } = resolveOptions("take", options, takeDefaults);
  const [value, index] = floatingAll("take", { x, softIndex }) as [Value, Value];
  checkRank("take", index, 2);
  return value.graph.operation("take", () => {
    const rows = along("take", value, dim);
    checkSize("take", index, rows.last);
    return putBack(rows, weightedSums(index, rows.last));
  });
}

/** One entry of x along an axis by soft index.
 *
 * Formula: y[…, 0, …] = sum_j softIndex[j] x[…, j, …]
 *
 * ```ts
 * const row = soft.indexSelect(table, soft.argmax(scores), 0);
 * ```
 * @param x [..., n, ...]
 * @param softIndex [n]: probabilities
 * @param dim the axis of x
 * @returns [..., 1, ...], or without the axis for `keepdim: false`
 *
 * Cost: O(1) an element.
 * @throws GraphError if softIndex is no vector as long as the axis */
export function indexSelect(
  x: Operand,
  softIndex: Operand,
  dim: number,
  options: IndexSelectOptions = {},
): Value {
  const { keepdim } = resolveOptions("indexSelect", options, indexSelectDefaults);
  if (!Number.isInteger(dim)) failArgument("indexSelect", "dim", "a whole number", dim);
  const [value, index] = floatingAll("indexSelect", { x, softIndex }) as [Value, Value];
  checkRank("indexSelect", index, 1);
  return value.graph.operation("indexSelect", () => {
    const { last, axis } = along("indexSelect", value, dim);
    checkSize("indexSelect", index, last);
    const behind = value.rank - 1 - axis;
    const weights =
      behind === 0
        ? index
        : op.unsqueeze(
            index,
            Array.from({ length: behind }, (_, i) => i + 1),
          );
    return op.reduceSum(op.mul(value, weights), { axes: axis, keepdims: keepdim });
  });
}

/** `length` entries of x along an axis from a soft start.
 *
 * Formula: y[…, i, …] = sum_j softStart[j] x[…, (j + i) mod n, …]
 *
 * ```ts
 * const window = soft.narrow(signal, soft.argmax(score), 16);
 * ```
 * @param x [..., n, ...]
 * @param softStart [n]: probabilities
 * @param length how many entries, at most n
 * @returns [..., length, ...]
 *
 * Cost: O(length n) a row.
 * @throws GraphError if softStart is no vector as long as the axis, or length does not fit */
export function narrow(
  x: Operand,
  softStart: Operand,
  length: number,
  options: NarrowOptions = {},
): Value {
  checkOptions("narrow", options, Object.keys(narrowDefaults));
  const dim = options.dim ?? narrowDefaults.dim;
  if (!Number.isInteger(dim)) failArgument("narrow", "dim", "a whole number", dim);
  const [value, start] = floatingAll("narrow", { x, softStart }) as [Value, Value];
  checkRank("narrow", start, 1);
  return value.graph.operation("narrow", () => {
    const rows = along("narrow", value, dim);
    checkSize("narrow", start, rows.last);
    const { size } = rows;
    const fits =
      Number.isInteger(length) && length > 0 && !(typeof size === "number" && length > size);
    if (!fits) {
      const most = typeof size === "number" ? `1 … ${size}` : "a positive whole number";
      failArgument("narrow", "length", most, length);
    }
    const shifts = op.unsqueeze(iota(value.graph, length), -1);
    const places = op.mod(op.sub(iota(value.graph, size), shifts), modulus(value, size));
    return putBack(rows, weightedSums(op.gather(start, places), rows.last));
  });
}

function modulus(x: Value, size: op.Size): Value {
  return typeof size === "number" ? int64Vector(x.graph, [size]) : size;
}

function checkRank(operator: string, index: Value, rank: number): void {
  if (index.shape?.length === rank) return;
  throw new GraphError(operator, `the soft index must have ${rank} axes, got ${index}`);
}

function checkSize(operator: string, weights: Value, x: Value): void {
  if (sameDim(weights.shape?.at(-1), x.shape?.at(-1)) !== false) return;
  throw new GraphError(
    operator,
    `the soft index ${weights} must end in the size of the axis of x, ${x.shape?.at(-1)}`,
  );
}
