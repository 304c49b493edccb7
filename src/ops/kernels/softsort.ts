import type { TensorType } from "../../builder/definition.ts";
import { sameShape } from "../../builder/dim.ts";
import { GraphError } from "../../builder/errors.ts";
import * as op from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import type { SoftMode } from "../options.ts";
import { ordered } from "../ordered.ts";
import {
  applyKernel,
  KERNEL_TYPES,
  type KernelType,
  kernelFamily,
  kernelType,
  SOFT_MODES,
} from "./family.ts";
import { matrixMeans, pullBackMatrixMeans } from "./softsort-matrix.ts";
import { decayMeans, pullBackMeans } from "./softsort-means.ts";
import { middleOf } from "./softsort-scan.ts";

/** SoftSort (Prillo and Eisenschlos 2020, arXiv 2006.16038): with s the keys in ascending order and k_j the
 * keys, y_i = sum_j P_ij payload_j, where row i of P is the projection of -|s_i - k_j| / softness onto the
 * simplex (the softmax in mode smooth).
 *
 * A row with NaN or infinity, and a softness that is not positive, give NaN.
 *
 * Cost: in mode smooth O(n log n) a row, all in float64. In the others the body makes the n x n matrix, in
 * the type of the keys; the native kernel does not.
 *
 * @param keys [batch, n]
 * @param payload [batch, n]
 * @param softness scalar
 * @returns y [batch, n], ascending by keys */
export function softSortValues(
  keys: Value,
  payload: Value,
  softness: Value,
  mode: SoftMode,
): Value {
  const definition = valuesOf(mode, kernelType("softSortValues", "keys", keys));
  const inputs = [keys, payload, softness];
  return applyKernel(definition, inputs, "softSortValues", "sorted")[0] as Value;
}

/** SoftSort turned around: for every key k the mean of the places 1 to n of the sorted keys s_j, weighted by
 * the projection of -|k - s_j| / softness.
 *
 * @param keys [batch, n]
 * @param softness scalar
 * @returns [batch, n] */
export function softSortRanks(keys: Value, softness: Value, mode: SoftMode): Value {
  const definition = ranksOf(mode, kernelType("softSortRanks", "keys", keys));
  return applyKernel(definition, [keys, softness], "softSortRanks", "ranks")[0] as Value;
}

type Key = [SoftMode, KernelType];
const CHOICES = [SOFT_MODES, KERNEL_TYPES] as const;

const valuesOf = kernelFamily<Key>("SoftSortValues", CHOICES, (mode, dtype) => ({
  inputs: ["keys", "payload", "softness"],
  outputs: ["y"],
  infer: ([keys, payload]) => [rowsType("softSortValues", keys as Value, payload)],
  body: ([keys, payload, softness]) => [
    op.cast(values(keys as Value, payload as Value, softness as Value, mode), dtype),
  ],
  vjp: ({ input, dy }) => {
    const inputs = [input(0), input(1), input(2), dy];
    return applyKernel(valuesGradOf(mode, dtype), inputs, "softSortValues", "cotangents");
  },
  signature: [rowsOf(dtype), rowsOf(dtype), { dtype, shape: [] }],
}));

/** Has no rule of its own: its body is made of operators that have. */
const valuesGradOf = kernelFamily<Key>("SoftSortValuesGrad", CHOICES, (mode, dtype) => ({
  inputs: ["keys", "payload", "softness", "dy"],
  outputs: ["dkeys", "dpayload", "dsoftness"],
  infer: ([keys, payload]) => {
    const rows = rowsType("softSortValues", keys as Value, payload);
    return [rows, rows, { dtype, shape: [] }];
  },
  body: ([keys, payload, softness, dy]) =>
    valuesGradient(keys as Value, payload as Value, softness as Value, dy as Value, mode),
  signature: [rowsOf(dtype), rowsOf(dtype), { dtype, shape: [] }, rowsOf(dtype)],
}));

const ranksOf = kernelFamily<Key>("SoftSortRanks", CHOICES, (mode, dtype) => ({
  inputs: ["keys", "softness"],
  outputs: ["r"],
  infer: ([keys]) => [rowsType("softSortRanks", keys as Value)],
  body: ([keys, softness]) => [op.cast(ranks(keys as Value, softness as Value, mode), dtype)],
  vjp: ({ input, dy }) => {
    const inputs = [input(0), input(1), dy];
    return applyKernel(ranksGradOf(mode, dtype), inputs, "softSortRanks", "cotangents");
  },
  signature: [rowsOf(dtype), { dtype, shape: [] }],
}));

/** Has no rule of its own either. */
const ranksGradOf = kernelFamily<Key>("SoftSortRanksGrad", CHOICES, (mode, dtype) => ({
  inputs: ["keys", "softness", "dr"],
  outputs: ["dkeys", "dsoftness"],
  infer: ([keys]) => [rowsType("softSortRanks", keys as Value), { dtype, shape: [] }],
  body: ([keys, softness, dr]) =>
    ranksGradient(keys as Value, softness as Value, dr as Value, mode),
  signature: [rowsOf(dtype), { dtype, shape: [] }, rowsOf(dtype)],
}));

function rowsOf(dtype: KernelType): TensorType {
  return { dtype, shape: ["batch", "n"] };
}

function rowsType(operator: string, keys: Value, payload: Value = keys): TensorType {
  for (const [name, value] of Object.entries({ keys, payload })) {
    const fits = value.shape === undefined || value.shape.length === 2;
    if (!fits || value.dtype !== keys.dtype || sameShape(value.shape, keys.shape) === false) {
      throw new GraphError(operator, `${name}: expected ${keys.dtype} [batch, n], got ${value}`);
    }
  }
  return { dtype: keys.dtype, shape: keys.shape };
}

function values(keys: Value, payload: Value, softness: Value, mode: SoftMode): Value {
  const poison = op.add(nothingOrNaN(keys), nothingOrNaN(payload));
  if (mode !== "smooth") {
    const { values: s } = ordered(keys, op.sizeOf(keys, 1), false);
    const y = matrixMeans(s, keys, payload, positive(softness), mode);
    return op.add(op.cast(y, "float64"), poison);
  }
  const { s, places } = sorted(keys);
  const x = op.gatherElements(op.cast(payload, "float64"), places, { axis: 1 });
  const middle = middleOf(x);
  const y = decayMeans(s, op.sub(x, middle), exact(softness));
  return op.add(op.add(y, middle), poison);
}

function valuesGradient(
  keys: Value,
  payload: Value,
  softness: Value,
  dy: Value,
  mode: SoftMode,
): Value[] {
  const poison = poisonOf(keys, payload, dy);
  if (mode !== "smooth") {
    const { values: s, indices } = ordered(keys, op.sizeOf(keys, 1), false);
    const tau = positive(softness);
    const found = pullBackMatrixMeans(s, keys, payload, tau, dy, mode);
    return [
      op.add(op.add(putBack(found.dfrom, indices), found.dto), poison),
      op.add(found.dpayload, poison),
      op.add(found.dsoftness, op.reduceSum(poison)),
    ];
  }
  const { s, places } = sorted(keys);
  const x = op.gatherElements(op.cast(payload, "float64"), places, { axis: 1 });
  const centered = op.sub(x, middleOf(x));
  const found = pullBackMeans(s, centered, exact(softness), op.cast(dy, "float64"));
  return [
    op.add(op.cast(putBack(found.ds, places), keys.dtype), poison),
    op.add(op.cast(putBack(found.dx, places), keys.dtype), poison),
    op.add(op.cast(found.dsoftness, keys.dtype), op.reduceSum(poison)),
  ];
}

function ranks(keys: Value, softness: Value, mode: SoftMode): Value {
  const poison = nothingOrNaN(keys);
  if (mode !== "smooth") {
    const { values: s } = ordered(keys, op.sizeOf(keys, 1), false);
    const { numbers, middle } = numbersFor(s);
    const r = matrixMeans(keys, s, numbers, positive(softness), mode);
    return op.add(op.cast(op.add(r, middle), "float64"), poison);
  }
  const { s, places } = sorted(keys);
  const { numbers, middle } = numbersFor(s);
  const r = op.add(decayMeans(s, numbers, exact(softness)), middle);
  return op.add(putBack(r, places), poison);
}

function ranksGradient(keys: Value, softness: Value, dr: Value, mode: SoftMode): Value[] {
  const poison = poisonOf(keys, dr);
  if (mode !== "smooth") {
    const { values: s, indices } = ordered(keys, op.sizeOf(keys, 1), false);
    const { numbers } = numbersFor(s);
    const found = pullBackMatrixMeans(keys, s, numbers, positive(softness), dr, mode);
    return [
      op.add(op.add(found.dfrom, putBack(found.dto, indices)), poison),
      op.add(found.dsoftness, op.reduceSum(poison)),
    ];
  }
  const { s, places } = sorted(keys);
  const { numbers } = numbersFor(s);
  const dy = op.gatherElements(op.cast(dr, "float64"), places, { axis: 1 });
  const found = pullBackMeans(s, numbers, exact(softness), dy);
  return [
    op.add(op.cast(putBack(found.ds, places), keys.dtype), poison),
    op.add(op.cast(found.dsoftness, keys.dtype), op.reduceSum(poison)),
  ];
}

/** In ascending order, of equal keys the earlier first. */
function sorted(keys: Value): { readonly s: Value; readonly places: Value } {
  const { values: s, indices } = ordered(op.cast(keys, "float64"), op.sizeOf(keys, 1), false);
  return { s, places: indices };
}

/** Sorted numbers at the places of the entries they came from. */
function putBack(x: Value, places: Value): Value {
  return op.scatterElements(op.mul(op.cast(places, x.dtype), 0), places, x, { axis: 1 });
}

/** 1 to n less their middle, for every row, and the middle. */
function numbersFor(s: Value): { readonly numbers: Value; readonly middle: Value } {
  const n = op.shape(s, { start: 1 });
  const middle = op.mul(op.cast(op.add(n, 1), s.dtype), 0.5);
  const numbers = op.sub(op.cast(op.add(op.range(0, n), 1), s.dtype), middle);
  return { numbers: op.expand(numbers, op.shape(s)), middle };
}

/** The softness, or NaN where it is not positive. */
function positive(softness: Value): Value {
  return op.where(op.greater(softness, 0), softness, Number.NaN);
}

function exact(softness: Value): Value {
  return op.cast(positive(softness), "float64");
}

/** [batch, 1]: NaN for a row in which one of the operands holds NaN or infinity. */
function poisonOf(...operands: readonly Value[]): Value {
  const [first, ...others] = operands.map(nothingOrNaN) as [Value, ...Value[]];
  const all = others.reduce((sum, other) => op.add(sum, other), first);
  return op.stopGradient(op.cast(all, (operands[0] as Value).dtype));
}

/** [batch, 1]: 0, or NaN for a row that holds NaN or infinity. */
function nothingOrNaN(x: Value): Value {
  return op.cast(op.reduceSum(op.mul(x, 0), { axes: 1, keepdims: true }), "float64");
}
