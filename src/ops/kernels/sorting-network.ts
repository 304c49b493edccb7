import type { Pullback } from "../../builder/definition.ts";
import * as op from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import type { SoftMode } from "../options.ts";
import {
  applyKernel,
  KERNEL_TYPES,
  type KernelType,
  kernelFamily,
  kernelType,
  SOFT_MODES,
} from "./family.ts";
import { type Layers, layersOf } from "./sorting-network-layers.ts";
import { swapLayers } from "./sorting-network-swap.ts";
import {
  bendOf,
  mix,
  pullBackTrace,
  scalesOf,
  shareOf,
  sidesOf,
  signatureOf,
  traceNetwork,
  typeOfRows,
} from "./sorting-network-trace.ts";

/** A soft bitonic sorting network (Batcher 1968): log2 n (log2 n + 1) / 2 layers, in each of which the two
 * entries of every pair are mixed so that the smaller comes to the side where it belongs. Of a pair (a, b)
 * that is to rise the share m = sigmoidal((a - b) / softness) changes sides (Petersen et al. 2021, arXiv
 * 2105.04019, with the sigmoidals of Paulus et al. 2026, arXiv 2603.08824).
 *
 * Cost: O(n log² n) a row, as one Loop over the layers; the gradient keeps a number for each pair and layer.
 *
 * @param x [batch, n], n a power of two from 2
 * @param softness scalar
 * @returns [batch, n], ascending */
export function networkValues(x: Value, softness: Value, mode: SoftMode): Value {
  const definition = valuesOf(mode, kernelType("sortingNetwork", "x", x));
  return applyKernel(definition, [x, softness], "sortingNetwork", "sorted")[0] as Value;
}

/** The soft permutation that the network makes: row i says how much of each entry comes to place i. Rows and
 * columns sum to 1.
 *
 * Cost: O(n² log² n) a row; the gradient keeps n numbers for each pair and layer.
 *
 * @param x [batch, n], n a power of two from 2
 * @param softness scalar
 * @returns [batch, n, n] */
export function networkPermutation(x: Value, softness: Value, mode: SoftMode): Value {
  const definition = permutationOf(mode, kernelType("sortingNetwork", "x", x));
  return applyKernel(definition, [x, softness], "sortingNetwork", "permutation")[1] as Value;
}

type Key = [SoftMode, KernelType];

const valuesOf = kernelFamily<Key>(
  "SortingNetworkValues",
  [SOFT_MODES, KERNEL_TYPES],
  (mode, dtype) => ({
    inputs: ["x", "softness"],
    outputs: ["y"],
    infer: ([x]) => [typeOfRows(x as Value)],
    body: ([x, softness]) => [values(x as Value, softness as Value, mode)],
    vjp: (node) => [...applyKernel(valuesGradOf(mode, dtype), [...given(node), node.dy], ...GRAD)],
    signature: signatureOf(dtype),
  }),
);

/** Has no rule of its own: its body is made of operators that have. */
const valuesGradOf = kernelFamily<Key>(
  "SortingNetworkValuesGrad",
  [SOFT_MODES, KERNEL_TYPES],
  (mode, dtype) => ({
    inputs: ["x", "softness", "dy"],
    outputs: ["dx", "dsoftness"],
    infer: ([x]) => [typeOfRows(x as Value), { dtype, shape: [] }],
    body: ([x, softness, dy]) => valuesGradient(x as Value, softness as Value, dy as Value, mode),
    signature: [...signatureOf(dtype), { dtype, shape: ["batch", "n"] }],
  }),
);

const permutationOf = kernelFamily<Key>(
  "SortingNetworkPermutation",
  [SOFT_MODES, KERNEL_TYPES],
  (mode, dtype) => ({
    inputs: ["x", "softness"],
    outputs: ["y", "permutation"],
    infer: ([x]) => {
      const rows = typeOfRows(x as Value);
      return [rows, { dtype, shape: rows.shape && [...rows.shape, rows.shape[1]] }];
    },
    body: ([x, softness]) => permutation(x as Value, softness as Value, mode),
    vjp: (node) => {
      const [, p] = node.outputs as readonly [Value, Value];
      const inputs = [...given(node), node.dy, node.cotangent(1) ?? op.zerosLike(p)];
      return [...applyKernel(permutationGradOf(mode, dtype), inputs, ...GRAD)];
    },
    signature: signatureOf(dtype),
  }),
);

/** Has no rule of its own either. */
const permutationGradOf = kernelFamily<Key>(
  "SortingNetworkPermutationGrad",
  [SOFT_MODES, KERNEL_TYPES],
  (mode, dtype) => ({
    inputs: ["x", "softness", "dy", "dpermutation"],
    outputs: ["dx", "dsoftness"],
    infer: ([x]) => [typeOfRows(x as Value), { dtype, shape: [] }],
    body: ([x, softness, dy, dp]) =>
      permutationGradient(x as Value, softness as Value, dy as Value, dp as Value, mode),
    signature: [
      ...signatureOf(dtype),
      { dtype, shape: ["batch", "n"] },
      { dtype, shape: ["batch", "n", "n"] },
    ],
  }),
);

const GRAD = ["sortingNetwork", "cotangents"] as const;

function given(node: Pullback): Value[] {
  return [node.input(0), node.input(1)];
}

function values(x: Value, softness: Value, mode: SoftMode): Value {
  const layers = layersOf(op.shape(x), x.dtype as KernelType);
  const scales = scalesOf(layers, softness);
  const [y] = op.loop(layers.count, [x], (round, state) => {
    const sides = sidesOf(state as Value, layers, round);
    const share = shareOf(op.sub(sides.a, sides.b), scales, layers, round, mode);
    return [mix(sides, share, layers)];
  });
  return y as Value;
}

function valuesGradient(x: Value, softness: Value, dy: Value, mode: SoftMode): Value[] {
  const { differences } = traceNetwork(x, softness, mode);
  const bend = bendOf(x, softness, differences, mode);
  const { dx, dsoftness } = pullBackTrace(softness, differences, bend, dy, undefined);
  return [dx, dsoftness];
}

function permutation(x: Value, softness: Value, mode: SoftMode): Value[] {
  const layers = layersOf(op.shape(x), x.dtype as KernelType);
  const scales = scalesOf(layers, softness);
  const square = squared(layers);
  return op.loop(layers.count, [x, identities(x)], (round, state, rows) => {
    const sides = sidesOf(state as Value, layers, round);
    const share = shareOf(op.sub(sides.a, sides.b), scales, layers, round, mode);
    const rowSides = sidesOf(rows as Value, square, round);
    return [mix(sides, share, layers), mix(rowSides, op.unsqueeze(share, -1), square)];
  });
}

/** The layers of a network over rows of n numbers each instead of one. */
function squared(layers: Layers): Layers {
  const n = op.slice(layers.whole, 1, 2);
  const column = op.unsqueeze(op.expand(n, op.shape(layers.phases)), 1);
  return {
    ...layers,
    pairs: op.concat([layers.pairs, column], { axis: 1 }),
    whole: op.concat([layers.whole, n], { axis: 0 }),
  };
}

/** [batch, n, n]; NaN for rows that hold NaN or infinity, since curves may lose a NaN on the way. */
function identities(x: Value): Value {
  const places = op.range(0, op.shape(x, { start: 1 }));
  const one = op.cast(op.equal(op.unsqueeze(places, 1), places), x.dtype);
  const nothing = op.reduceSum(op.mul(op.stopGradient(x), 0), { axes: 1, keepdims: true });
  return op.add(one, op.unsqueeze(nothing, -1));
}

/** The permutation mixes as the entries do, so that backwards each share gets -sum p r of the differences p
 * that the identity had on the way there, and r that the cotangent had on the way back. */
function permutationGradient(
  x: Value,
  softness: Value,
  dy: Value,
  dp: Value,
  mode: SoftMode,
): Value[] {
  const { differences } = traceNetwork(x, softness, mode);
  const bend = bendOf(x, softness, differences, mode);
  const there = swapLayers("Forward", identities(x), bend.share, undefined);
  const back = swapLayers("Backward", dp, bend.share, undefined);
  const dshare = op.neg(op.reduceSum(op.mul(there.p, back.p), { axes: -1 }));
  const du = op.mul(dshare, bend.slope);
  const found = pullBackTrace(softness, differences, bend, dy, du);
  const felt = op.div(op.reduceSum(op.mul(du, differences)), softness);
  return [found.dx, op.sub(found.dsoftness, felt)];
}
