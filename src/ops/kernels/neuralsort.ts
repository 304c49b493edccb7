import type { Pullback, TensorType } from "../../builder/definition.ts";
import { sameShape } from "../../builder/dim.ts";
import { GraphError } from "../../builder/errors.ts";
import * as op from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import type { SoftMode } from "../options.ts";
import { weightedSums } from "../weighted-sums.ts";
import {
  applyKernel,
  KERNEL_TYPES,
  type KernelType,
  kernelFamily,
  kernelType,
  SOFT_MODES,
} from "./family.ts";
import { permutationOf, pullBackRanks, pullBackValues, ranksOf } from "./neuralsort-matrix.ts";

/** NeuralSort (Grover et al. 2019, arXiv 1903.08850, equation 5, with the soft absolute value and the
 * projections of Paulus et al. 2026, arXiv 2603.08824): y_i = sum_j P_ij payload_j, row i of P from 0 being the
 * projection of ((2i - (n - 1)) k_j - A_j) / softness over j, A_j = sum_m |k_j - k_m|, soft.
 *
 * A row with NaN or infinity, and a softness that is not positive, give NaN.
 *
 * Cost: O(n²) a row. The kernel takes O(n) memory where nothing reads the permutation, the body O(n²).
 *
 * @param keys [..., n]
 * @param payload [..., n]
 * @param softness scalar
 * @returns y [..., n], ascending by keys, and the soft permutation P [..., n, n] */
export function neuralSort(
  keys: Value,
  payload: Value,
  softness: Value,
  mode: SoftMode,
): { readonly y: Value; readonly permutation: Value } {
  const definition = sortOf(mode, kernelType("neuralSort", "keys", keys));
  const outputs = applyKernel(definition, [keys, payload, softness], "neuralSort", "sorted");
  const [y, permutation] = outputs as readonly [Value, Value];
  return { y, permutation };
}

/** The mean position from 1 of each key under its column of NeuralSort's permutation.
 *
 * @param keys [..., n]
 * @param softness scalar
 * @returns [..., n] */
export function neuralSortRanks(keys: Value, softness: Value, mode: SoftMode): Value {
  const definition = rankOf(mode, kernelType("neuralSortRanks", "keys", keys));
  return applyKernel(definition, [keys, softness], "neuralSortRanks", "ranks")[0] as Value;
}

type Key = [SoftMode, KernelType];
const CHOICES = [SOFT_MODES, KERNEL_TYPES] as const;

const sortOf = kernelFamily<Key>("NeuralSort", CHOICES, (mode, dtype) => ({
  inputs: ["keys", "payload", "softness"],
  outputs: ["y", "permutation"],
  optionalFrom: 1,
  infer: ([keys, payload]) => {
    const rows = rowsType("neuralSort", keys as Value, payload);
    return [rows, { dtype, shape: rows.shape && [...rows.shape, rows.shape.at(-1)] }];
  },
  body: ([keys, payload, softness]) =>
    sort(keys as Value, payload as Value, softness as Value, mode),
  vjp: (node) => pullBackSort(node, mode, dtype),
  signature: [anyRows(dtype), anyRows(dtype), { dtype, shape: [] }],
}));

/** Has no rule of its own: its body is made of operators that have. */
const sortGradOf = kernelFamily<Key>("NeuralSortGrad", CHOICES, (mode, dtype) => ({
  inputs: ["keys", "payload", "softness", "dy"],
  outputs: ["dkeys", "dpayload", "dsoftness"],
  infer: ([keys, payload]) => {
    const rows = rowsType("neuralSort", keys as Value, payload);
    return [rows, rows, { dtype, shape: [] }];
  },
  body: ([keys, payload, softness, dy]) =>
    sortGradient(keys as Value, payload as Value, softness as Value, { dy }, mode) as Value[],
  signature: [anyRows(dtype), anyRows(dtype), { dtype, shape: [] }, anyRows(dtype)],
}));

const rankOf = kernelFamily<Key>("NeuralSortRanks", CHOICES, (mode, dtype) => ({
  inputs: ["keys", "softness"],
  outputs: ["r"],
  infer: ([keys]) => [rowsType("neuralSortRanks", keys as Value)],
  body: ([keys, softness]) => {
    const ranks = ranksOf(asRows(keys as Value), positive(softness as Value), mode);
    return [shapedLike(ranks, keys as Value)];
  },
  vjp: ({ input, dy }) =>
    applyKernel(rankGradOf(mode, dtype), [input(0), input(1), dy], ...RANK_GRAD),
  signature: [anyRows(dtype), { dtype, shape: [] }],
}));

/** Has no rule of its own either. */
const rankGradOf = kernelFamily<Key>("NeuralSortRanksGrad", CHOICES, (mode, dtype) => ({
  inputs: ["keys", "softness", "dr"],
  outputs: ["dkeys", "dsoftness"],
  infer: ([keys]) => [rowsType("neuralSortRanks", keys as Value), { dtype, shape: [] }],
  body: ([keys, softness, dr]) => {
    const rows = asRows(keys as Value);
    const found = pullBackRanks(rows, positive(softness as Value), asRows(dr as Value), mode);
    return [shapedLike(found.dkeys, keys as Value), found.dsoftness];
  },
  signature: [anyRows(dtype), { dtype, shape: [] }, anyRows(dtype)],
}));

const RANK_GRAD = ["neuralSortRanks", "cotangents"] as const;

function anyRows(dtype: KernelType): TensorType {
  return { dtype, shape: undefined };
}

function rowsType(operator: string, keys: Value, payload: Value = keys): TensorType {
  for (const [name, value] of Object.entries({ keys, payload })) {
    const fits = value.shape === undefined || value.shape.length > 0;
    if (!fits || value.dtype !== keys.dtype || sameShape(value.shape, keys.shape) === false) {
      throw new GraphError(operator, `${name}: expected ${keys.dtype} [..., n], got ${value}`);
    }
  }
  return { dtype: keys.dtype, shape: keys.shape };
}

function sort(keys: Value, payload: Value, softness: Value, mode: SoftMode): Value[] {
  const p = permutationOf(asRows(keys), positive(softness), mode);
  const y = weightedSums(p, asRows(payload));
  const sizes = op.concat([op.shape(keys), op.unsqueeze(lengthOf(keys), 0)], { axis: 0 });
  return [shapedLike(y, keys), isRows(keys) ? p : op.reshape(p, sizes)];
}

/** Without the matrix, unless that itself is differentiated: its cotangent is one too, and then the rule
 * stands in the open. */
function pullBackSort({ input, dy, cotangent }: Pullback, mode: SoftMode, dtype: KernelType) {
  const [keys, payload, softness] = [input(0), input(1), input(2)];
  const dp = cotangent(1);
  if (dp === undefined) {
    const inputs = [keys, payload, softness, dy];
    return applyKernel(sortGradOf(mode, dtype), inputs, "neuralSort", "cotangents");
  }
  return sortGradient(keys, payload, softness, { dy: cotangent(0), dp }, mode);
}

function sortGradient(
  keys: Value,
  payload: Value,
  softness: Value,
  { dy, dp }: { readonly dy?: Value | undefined; readonly dp?: Value | undefined },
  mode: SoftMode,
): (Value | undefined)[] {
  const rows = asRows(keys);
  const n = lengthOf(keys);
  const cotangents = { dy: dy && asRows(dy), dp: dp && op.reshape(dp, [-1, n, n]) };
  const found = pullBackValues(rows, asRows(payload), positive(softness), cotangents, mode);
  return [
    shapedLike(found.dkeys, keys),
    found.dpayload && shapedLike(found.dpayload, keys),
    found.dsoftness,
  ];
}

function isRows(x: Value): boolean {
  return x.shape?.length === 2;
}

function asRows(x: Value): Value {
  return isRows(x) ? x : op.reshape(x, [-1, lengthOf(x)]);
}

/** n, also where the rank is not known. */
function lengthOf(x: Value): Value {
  return op.gather(op.shape(x), -1);
}

function shapedLike(rows: Value, keys: Value): Value {
  return isRows(keys) ? rows : op.reshape(rows, op.shape(keys));
}

function positive(softness: Value): Value {
  return op.where(op.greater(softness, 0), softness, Number.NaN);
}
