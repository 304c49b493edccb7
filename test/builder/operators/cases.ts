import * as op from "../../../src/builder/operators/index.ts";
import { elementwiseCases } from "./cases-elementwise.ts";
import { imageCases } from "./cases-images.ts";
import { selectionCases } from "./cases-selection.ts";
import { type Case, on } from "./harness.ts";

const nm = { x: ["n", "m"] };
const bnm = { x: ["b", "n", "m"] };

/** Every operator with a spread of arguments, and the shape that it must infer of named sizes. */
export const cases: Readonly<Record<string, Case>> = {
  ...elementwiseCases,
  ...selectionCases,
  ...imageCases,

  // reduction.ts
  "reduceSum over all axes": on(nm, ({ x }) => op.reduceSum(x), []),
  "reduceSum keeping dims": on(nm, ({ x }) => op.reduceSum(x, { keepdims: true }), [1, 1]),
  "reduceSum over the last axis": on(bnm, ({ x }) => op.reduceSum(x, { axes: -1 }), ["b", "n"]),
  "reduceSum over no axes": on(bnm, ({ x }) => op.reduceSum(x, { axes: [] }), ["b", "n", "m"]),
  "reduceSum of a scalar": on({ x: [] }, ({ x }) => op.reduceSum(x), []),
  "reduceSum over computed axes": on(
    bnm,
    ({ x }) => op.reduceSum(x, { axes: op.sub(op.shape(op.shape(x)), 1) }),
    ["b", "n"],
  ),
  "reduceMean over two axes": on(bnm, ({ x }) => op.reduceMean(x, { axes: [2, 0] }), ["n"]),
  "reduceMax keeping dims": on(bnm, ({ x }) => op.reduceMax(x, { axes: [0, -1], keepdims: true }), [
    1,
    "n",
    1,
  ]),
  "reduceMin of float64": on(nm, ({ x }) => op.reduceMin(x, { axes: 0 }), ["m"], {
    dtype: "float64",
  }),
  "reduceProd of float64": on(nm, ({ x }) => op.reduceProd(x, { axes: 1 }), ["n"], {
    dtype: "float64",
  }),
  "reduceLogSumExp of float64": on(nm, ({ x }) => op.reduceLogSumExp(x, { axes: 1 }), ["n"], {
    dtype: "float64",
  }),
  "argMax by default": on(nm, ({ x }) => op.argMax(x), ["m"]),
  "argMin keeping dims": on(
    nm,
    ({ x }) => op.argMin(x, { axis: -1, keepdims: true, selectLastIndex: true }),
    ["n", 1],
  ),
  cumSum: on(bnm, ({ x }) => op.cumSum(x, { axis: -2 }), ["b", "n", "m"], { dtype: "float64" }),
  "cumSum backwards": on(nm, ({ x }) => op.cumSum(x, { axis: 1, exclusive: true, reverse: true }), [
    "n",
    "m",
  ]),
  "softmax by default": on(nm, ({ x }) => op.softmax(x), ["n", "m"]),
  "softmax over the first axis": on(nm, ({ x }) => op.softmax(x, { axis: 0 }), ["n", "m"], {
    dtype: "float64",
  }),
  logSoftmax: on(nm, ({ x }) => op.logSoftmax(x), ["n", "m"], { dtype: "float64" }),
  "topK of a number": on(nm, ({ x }) => Object.values(op.topK(x, 2, { axis: 0 })), [2, "m"]),
  "topK of a computed size": on(
    nm,
    ({ x }) => Object.values(op.topK(x, op.sizeOf(x, 1), { largest: false })),
    ["n", "m"],
    { dtype: "float64" },
  ),

  // linear.ts
  "matmul of matrices": on({ x: ["n", 3], y: [3, "m"] }, ({ x, y }) => op.matmul(x, y), ["n", "m"]),
  "matmul of matrix and vector": on({ x: ["n", 3], y: [3] }, ({ x, y }) => op.matmul(x, y), ["n"]),
  "matmul of vector and matrix": on({ x: [3], y: [3, "m"] }, ({ x, y }) => op.matmul(x, y), ["m"]),
  "matmul of vectors": on({ x: ["n"], y: ["n"] }, ({ x, y }) => op.matmul(x, y), []),
  "matmul of a transposed matrix and a vector": on(
    { x: ["n", "m"], y: ["n"] },
    ({ x, y }) => op.matmul(op.transpose(x, [1, 0]), y),
    ["m"],
  ),
  "matmul of transposed matrices and a vector": on(
    { x: ["b", "n", "m"], y: ["n"] },
    ({ x, y }) => op.matmul(op.transpose(x, [0, 2, 1]), y),
    ["b", "m"],
    { dtype: "float64" },
  ),
  "matmul of a computed matrix and a vector": on(
    { x: ["n", "m"], y: ["n"] },
    ({ x, y }) => op.matmul(op.add(op.mul(op.transpose(x, [1, 0]), 2), 1), y),
    ["m"],
  ),
  "matmul of a vector and a transposed matrix": on(
    { x: ["n", "m"], y: ["m"] },
    ({ x, y }) => op.matmul(y, op.transpose(x, [1, 0])),
    ["n"],
  ),
  "matmul with broadcasting": on(
    { x: ["b", 1, "n", 3], y: ["k", 3, "m"] },
    ({ x, y }) => op.matmul(x, y),
    ["b", "k", "n", "m"],
  ),
  gemm: on({ x: ["n", 3], y: [3, "m"], z: ["m"] }, ({ x, y, z }) => op.gemm(x, y, z), ["n", "m"]),
  "gemm transposed": on(
    { x: [3, "n"], y: ["m", 3] },
    ({ x, y }) => op.gemm(x, y, undefined, { transA: true, transB: true, alpha: 0.5, beta: 2 }),
    ["n", "m"],
    { dtype: "float64" },
  ),
  "einsum of a batched product": on(
    { x: ["b", "n", 3], y: ["b", 3, "m"] },
    ({ x, y }) => op.einsum("bij,bjk->bik", x, y),
    ["b", "n", "m"],
  ),
  "einsum with an implicit output": on(
    { x: ["n", "m"], y: ["m", "k"] },
    ({ x, y }) => op.einsum("ij, jk", x, y),
    ["n", "k"],
  ),
  "einsum with an ellipsis": on(
    { x: ["b", "n", "m"], y: ["k", "m"] },
    ({ x, y }) => op.einsum("...j,kj->...k", x, y),
    ["b", "n", "k"],
    { dtype: "float64" },
  ),
  "einsum of a diagonal": on({ x: ["b", "n", "n"] }, ({ x }) => op.einsum("bii->bi", x), [
    "b",
    "n",
  ]),
  "einsum of a trace": on({ x: ["n", "n"] }, ({ x }) => op.einsum("ii", x), []),

  // convolution.ts
  "conv of images": on(
    { x: ["b", 3, "n", "m"], y: [4, 3, 3, 2], z: [4] },
    ({ x, y, z }) => op.conv(x, y, z, { pads: [1, 0, 1, 1] }),
    ["b", 4, "n", "m"],
  ),
  "conv in groups with strides": on(
    { x: ["b", 4, 9], y: [6, 2, 3] },
    ({ x, y }) => op.conv(x, y, undefined, { group: 2, strides: 2, dilations: 2 }),
    ["b", 6, 3],
  ),
  "conv of float64": on(
    { x: ["b", 4, "n", 7], y: [6, 2, 3, 2], z: [6] },
    ({ x, y, z }) => op.conv(x, y, z, { group: 2, strides: [1, 2], pads: [1, 0] }),
    ["b", 6, "n", 3],
    { dtype: "float64" },
  ),
  convTranspose: on(
    { x: ["b", 4, "n", "m"], y: [4, 3, 2, 3], z: [6] },
    ({ x, y, z }) => op.convTranspose(x, y, z, { group: 2, strides: 2, outputPadding: [1, 0] }),
    ["b", 6, "2*n+1", "2*m+1"],
  ),
  "convTranspose of float64": on(
    { x: ["b", 4, "n"], y: [4, 3, 4], z: [3] },
    ({ x, y, z }) => op.convTranspose(x, y, z, { strides: 3, pads: [[1, 2]], outputPadding: 1 }),
    ["b", 3, "3*n-1"],
    { dtype: "float64" },
  ),

  // pooling.ts
  maxPool: on(
    { x: ["b", 3, "n", 6] },
    ({ x }) => op.maxPool(x, [3, 2], { strides: [1, 2], pads: [1, 0] }),
    ["b", 3, "n", 3],
  ),
  "maxPool of float64 with dilations": on(
    { x: ["b", 3, 9] },
    ({ x }) => op.maxPool(x, [3], { dilations: 2 }),
    ["b", 3, 5],
    { dtype: "float64" },
  ),
  averagePool: on(
    { x: ["b", 3, "n", 6] },
    ({ x }) => op.averagePool(x, [3, 2], { strides: [1, 2], pads: 1 }),
    ["b", 3, "n", 4],
  ),
  "averagePool of float64": on(
    { x: ["b", 3, "n"] },
    ({ x }) => op.averagePool(x, [3], { pads: 1, countIncludePad: true }),
    ["b", 3, "n"],
    { dtype: "float64" },
  ),
  globalAveragePool: on({ x: ["b", 3, "n", "m"] }, ({ x }) => op.globalAveragePool(x), [
    "b",
    3,
    1,
    1,
  ]),
  globalMaxPool: on({ x: ["b", 3, "n"] }, ({ x }) => op.globalMaxPool(x), ["b", 3, 1]),

  // normalization.ts
  batchNormalization: on(
    { x: ["b", 3, "n"], y: [3] },
    ({ x, y }) => op.batchNormalization(x, y, y, y, op.mul(y, y)),
    ["b", 3, "n"],
  ),
  batchNormalizationTraining: on(
    { x: ["b", 3, "n"], y: [3] },
    ({ x, y }) => Object.values(op.batchNormalizationTraining(x, y, y, y, op.mul(y, y))),
    ["b", 3, "n"],
  ),
  layerNormalization: on(
    { x: ["b", "n", 5], y: [5] },
    ({ x, y }) => op.layerNormalization(x, y, y),
    ["b", "n", 5],
    { since: 17 },
  ),
  "layerNormalization of float64 over two axes": on(
    { x: ["b", "n", 5], y: [5] },
    ({ x, y }) => op.layerNormalization(x, y, undefined, { axis: 1 }),
    ["b", "n", 5],
    { dtype: "float64" },
  ),

  // activation.ts
  erf: on(nm, ({ x }) => op.erf(x), ["n", "m"]),
  "erf of float64": on(nm, ({ x }) => op.erf(x), ["n", "m"], { dtype: "float64" }),
  gelu: on(nm, ({ x }) => op.gelu(x), ["n", "m"]),
  // Composed below, with other roundings.
  "gelu by tanh": on(nm, ({ x }) => op.gelu(x, { approximate: "tanh" }), ["n", "m"], { since: 20 }),
  leakyRelu: on(nm, ({ x }) => op.leakyRelu(x, { alpha: 0.2 }), ["n", "m"]),
  elu: on(nm, ({ x }) => op.elu(x), ["n", "m"]),
  selu: on(nm, ({ x }) => op.selu(x), ["n", "m"]),
  prelu: on({ x: ["n", "m"], y: ["m"] }, ({ x, y }) => op.prelu(x, y), ["n", "m"]),
  hardSigmoid: on(nm, ({ x }) => op.hardSigmoid(x), ["n", "m"], { dtype: "float64" }),
  hardSwish: on(nm, ({ x }) => op.hardSwish(x), ["n", "m"]),
  softsign: on(nm, ({ x }) => op.softsign(x), ["n", "m"]),

  // reshape.ts
  "reshape to a vector": on(bnm, ({ x }) => op.reshape(x, [-1]), ["b*m*n"]),
  "reshape leaving the rest": on(bnm, ({ x }) => op.reshape(x, [op.sizeOf(x, 0), -1]), [
    "b",
    "m*n",
  ]),
  "reshape of symbolic sizes": on(
    { x: ["b", "n", 3] },
    ({ x }) => op.reshape(x, [-1, op.sizeOf(x, 1)]),
    ["3*b", "n"],
  ),
  "reshape to sizes computed": on(
    bnm,
    ({ x }) => op.reshape(x, [op.multiplySizes(op.sizeOf(x, 0), op.sizeOf(x, 1)), op.sizeOf(x, 2)]),
    ["b*n", "m"],
  ),
  "reshape to another's shape": on(
    { x: ["n", "m"], y: ["m", "n"] },
    ({ x, y }) => op.reshape(x, op.shape(y)),
    ["m", "n"],
  ),
  "reshape to the same shape": on(bnm, ({ x }) => op.reshape(x, op.sizesOf(x)), ["b", "n", "m"]),
  "reshape to a part of a shape": on(
    bnm,
    ({ x }) =>
      op.reshape(
        x,
        op.concat([op.shape(x, { end: 1 }), op.shape(x).slice(1, 2), [-1]], { axis: 0 }),
      ),
    ["b", "n", "m"],
  ),
  flatten: on(bnm, ({ x }) => op.flatten(x), ["b", "m*n"]),
  "flatten to a row": on(bnm, ({ x }) => op.flatten(x, { axis: 0 }), [1, "b*m*n"]),
  "flatten from the end": on(bnm, ({ x }) => op.flatten(x, { axis: -1 }), ["b*n", "m"]),
  "squeeze an axis": on({ x: ["n", 1, "m"] }, ({ x }) => op.squeeze(x, 1), ["n", "m"]),
  "squeeze from the end": on({ x: ["n", 1, 1] }, ({ x }) => op.squeeze(x, [-1, -2]), ["n"]),
  "squeeze all": on({ x: [1, 3, 1] }, ({ x }) => op.squeeze(x), [3]),
  "unsqueeze both ends": on(nm, ({ x }) => op.unsqueeze(x, [0, -1]), [1, "n", "m", 1]),
  "unsqueeze a vector": on({ x: ["n"] }, ({ x }) => op.unsqueeze(x, 1), ["n", 1]),

  // movement.ts
  "transpose by default": on(bnm, ({ x }) => op.transpose(x), ["m", "n", "b"]),
  "transpose in an order": on(bnm, ({ x }) => op.transpose(x, [1, 0, 2]), ["n", "b", "m"]),
  "transpose in the same order": on(bnm, ({ x }) => op.transpose(x, [0, 1, 2]), ["b", "n", "m"]),
  concat: on({ x: ["n", "m"], y: ["k", "m"] }, ({ x, y }) => op.concat([x, y, x], { axis: 0 }), [
    "k+2*n",
    "m",
  ]),
  "concat of a literal": on({ x: ["n", 2] }, ({ x }) => op.concat([x, [[1, 2]]], { axis: -2 }), [
    "n+1",
    2,
  ]),
  "split into sizes": on({ x: ["n", 5] }, ({ x }) => op.split(x, { axis: 1, sizes: [2, 3] }), [
    "n",
    2,
  ]),
  "split into parts": on({ x: ["n", 6] }, ({ x }) => op.split(x, { axis: -1, parts: 3 }), ["n", 2]),
  "split into unequal parts": on(
    { x: ["n", 5] },
    ({ x }) => op.split(x, { axis: -1, parts: 2 }),
    ["n", 3],
    {
      open: true,
    },
  ),
  "split a named axis": on({ x: ["n"] }, ({ x }) => op.split(x, { parts: 2 }), [null], {
    open: true,
  }),
  "expand in front": on(nm, ({ x }) => op.expand(x, [3, op.sizeOf(x, 0), op.sizeOf(x, 1)]), [
    3,
    "n",
    "m",
  ]),
  "expand ones": on({ x: ["n", 1], y: ["m"] }, ({ x, y }) => op.expand(x, [1, op.sizeOf(y, 0)]), [
    "n",
    "m",
  ]),
  "expand to another's shape": on(
    { x: ["m"], y: ["n", "m"] },
    ({ x, y }) => op.expand(x, op.shape(y)),
    ["n", "m"],
  ),
  tile: on(nm, ({ x }) => op.tile(x, [2, 3]), ["2*n", "3*m"]),
  "tile by a computed number": on(nm, ({ x }) => op.tile(x, [op.sizeOf(x, 1), 1]), ["m*n", "m"]),
  "trilu lower": on({ x: ["n", "n"] }, ({ x }) => op.trilu(x), ["n", "n"], { since: 14 }),
  "trilu upper": on(
    { x: ["b", "n", "m"] },
    ({ x }) => op.trilu(x, { upper: true, k: 1 }),
    ["b", "n", "m"],
    {
      since: 14,
      dtype: "float64",
    },
  ),

  // slice.ts
  "slice within": on({ x: ["n", 7] }, ({ x }) => op.slice(x, 1, 5, { axes: 1 }), ["n", 4]),
  "slice with steps": on({ x: ["n", 7] }, ({ x }) => op.slice(x, 1, 7, { axes: -1, steps: 3 }), [
    "n",
    2,
  ]),
  "slice backwards": on(
    { x: ["n", 7] },
    ({ x }) => op.slice(x, -1, -Infinity, { axes: 1, steps: -1 }),
    ["n", 7],
  ),
  "slice backwards by two": on({ x: [7] }, ({ x }) => op.slice(x, 10, 0, { steps: -2 }), [3]),
  "slice out of range": on({ x: [7] }, ({ x }) => op.slice(x, 5, 100), [2]),
  "slice of nothing": on({ x: [7] }, ({ x }) => op.slice(x, 5, 2), [0]),
  "slice off the first": on(nm, ({ x }) => op.slice(x, 1, Infinity), ["n-1", "m"]),
  "slice off the last two": on(nm, ({ x }) => op.slice(x, [0, 0], [-2, -1]), ["n-2", "m-1"]),
  "slice the first": on(nm, ({ x }) => op.slice(x, 0, 1), [1, "m"]),
  "slice the last": on(nm, ({ x }) => op.slice(x, -1, Infinity, { axes: 1 }), ["n", 1]),
  "slice a few of a named axis": on(nm, ({ x }) => op.slice(x, 0, 3), [null, "m"], { open: true }),
  "slice backwards a named axis": on(nm, ({ x }) => op.slice(x, -1, -Infinity, { steps: -1 }), [
    "n",
    "m",
  ]),
  "slice by computed bounds": on(
    { x: ["n"], y: ["k"] },
    ({ x, y }) =>
      op.slice(
        op.concat([y, x, x], { axis: 0 }),
        op.shape(y),
        op.add(op.shape(y), op.sizeOf(x, 0)),
      ),
    ["n"],
  ),
  pad: on(
    nm,
    ({ x }) =>
      op.pad(
        x,
        [
          [1, 2],
          [0, 3],
        ],
        { value: -1 },
      ),
    ["n+3", "m+3"],
  ),
  "pad by a size": on(
    nm,
    ({ x }) =>
      op.pad(x, [
        [0, op.sizeOf(x, 1)],
        [0, 0],
      ]),
    ["m+n", "m"],
  ),
  "pad taking away": on(
    nm,
    ({ x }) =>
      op.pad(x, [
        [-1, 0],
        [0, -2],
      ]),
    ["n-1", "m-2"],
  ),
  "pad reflecting": on({ x: ["n"] }, ({ x }) => op.pad(x, [[2, 1]], { mode: "reflect" }), ["n+3"], {
    dtype: "float64",
  }),
  "pad with the edge": on({ x: ["n"] }, ({ x }) => op.pad(x, [[2, 1]], { mode: "edge" }), ["n+3"]),
  "pad wrapping": on({ x: ["n"] }, ({ x }) => op.pad(x, [[2, 1]], { mode: "wrap" }), ["n+3"], {
    since: 19,
  }),
  "pad by nothing": on(
    nm,
    ({ x }) =>
      op.pad(x, [
        [0, 0],
        [0, 0],
      ]),
    ["n", "m"],
  ),

  // creation.ts
  range: on({ x: ["n"] }, ({ x }, g) => op.range(g.constant(0, "int64"), op.sizeOf(x, 0)), ["n"]),
  "range from a size": on(
    nm,
    ({ x }, g) => {
      const [n, m] = [op.sizeVector(g, [op.sizeOf(x, 0)]), op.sizeVector(g, [op.sizeOf(x, 1)])];
      return op.range(n, op.add(n, m));
    },
    ["m"],
  ),
  "range of fractions": on({ x: [] }, (_, g) => op.range(g.constant(1), 2, 0.3), [null], {
    open: true,
  }),
  "range of floats": on({ x: [] }, (_, g) => op.range(g.constant(1), 8, 2), [4]),
  "range of integers": on({ x: [] }, (_, g) => op.range(g.constant(7, "int64"), 1, -2), [3]),
  "range of nothing": on({ x: [] }, (_, g) => op.range(g.constant(7, "int64"), 1, 2), [0]),
  constantOfShape: on(nm, ({ x }, g) => op.constantOfShape(g, [2, op.sizeOf(x, 0)], 7), [2, "n"]),
  "constantOfShape of a shape": on(
    nm,
    ({ x }, g) => op.constantOfShape(g, op.shape(x), 1, "int64"),
    ["n", "m"],
  ),
  "constantOfShape of sizes": on(nm, (_, g) => op.constantOfShape(g, [3], 5, "int64"), [3]),
  eyeLike: on(nm, ({ x }) => op.eyeLike(x), ["n", "m"], { dtype: "float64" }),
  "eyeLike of integers": on(nm, ({ x }) => op.eyeLike(x, { k: 1, dtype: "int64" }), ["n", "m"]),

  // sizes.ts
  shape: on(bnm, ({ x }) => op.shape(x), [3]),
  "shape of an axis": on(bnm, ({ x }) => op.shape(x, { start: 1, end: 2 }), [1]),
  "shape from the end": on(bnm, ({ x }) => op.shape(x, { start: -2 }), [2]),
  "shape up to the last": on(bnm, ({ x }) => op.shape(x, { end: -1 }), [2]),
  sizeVector: on(
    bnm,
    ({ x }, g) => op.sizeVector(g, [op.sizeOf(x, -1), 3, 4, op.sizeOf(x, 0)]),
    [4],
  ),
  "sizeVector of scalars": on(
    bnm,
    ({ x }, g) => op.sizeVector(g, [op.gather(op.shape(x), 1), 3]),
    [2],
  ),
  zerosLike: on(nm, ({ x }) => op.zerosLike(op.div(x, 0)), ["n", "m"]),
  onesLike: on(nm, ({ x }) => op.onesLike(x), ["n", "m"], { dtype: "int64" }),
  "fullLike of many": on({ x: [40, 50] }, ({ x }) => op.fullLike(x, 3), [40, 50], {
    dtype: "float64",
  }),
  positions: on(nm, ({ x }) => op.positions(x, -1), ["m"]),
  "moveAxis to the end": on(bnm, ({ x }) => op.moveAxis(x, 0, -1), ["n", "m", "b"]),
  "moveAxis to the front": on(bnm, ({ x }) => op.moveAxis(x, -1, 0), ["m", "b", "n"]),
  "moveAxis nowhere": on(bnm, ({ x }) => op.moveAxis(x, -1, 2), ["b", "n", "m"]),

  // indexing.ts
  "gather one": on(nm, ({ x }) => op.gather(x, -1), ["m"]),
  "gather several": on(bnm, ({ x }) => op.gather(x, [[0, 1, -1]], { axis: 1 }), ["b", 1, 3, "m"]),
  gatherElements: on(nm, ({ x }) => op.gatherElements(x, [[1], [0]], { axis: 1 }), [2, 1]),
  "gatherElements of a sort": on(
    nm,
    ({ x }) => op.gatherElements(x, op.topK(x, op.sizeOf(x, -1)).indices, { axis: -1 }),
    ["n", "m"],
    { dtype: "float64" },
  ),
  gatherND: on(
    bnm,
    ({ x }) =>
      op.gatherND(x, [
        [0, 1],
        [1, 3],
        [1, 0],
      ]),
    [3, "m"],
  ),
  "gatherND in batches": on(bnm, ({ x }) => op.gatherND(x, [[1], [0]], { batchDims: 1 }), [2, "m"]),
  scatterElements: on(nm, ({ x }) => op.scatterElements(x, [[1, 2]], [[5, 6]], { axis: 1 }), [
    "n",
    "m",
  ]),
  "scatterElements adding": on(
    nm,
    ({ x }) => op.scatterElements(x, [[1, 1]], [[5, 6]], { axis: 1, reduction: "add" }),
    ["n", "m"],
    { since: 16, dtype: "float64" },
  ),
  scatterND: on(
    nm,
    ({ x }) =>
      op.scatterND(
        x,
        [
          [0, 1],
          [3, 2],
        ],
        [5, 6],
      ),
    ["n", "m"],
  ),
  "scatterND taking the largest": on(
    nm,
    ({ x }) =>
      op.scatterND(
        x,
        [
          [0, 1],
          [0, 1],
        ],
        [5, 6],
        { reduction: "max" },
      ),
    ["n", "m"],
    { since: 18, dtype: "float64" },
  ),
  nonZero: on(nm, ({ x }) => op.nonZero(x), [2, null], { open: true }),
  "nonZero of float64": on(nm, ({ x }) => op.nonZero(x), [2, null], {
    dtype: "float64",
    open: true,
  }),

  // recurrent.ts
  rnn: on(
    { x: ["n", "b", 3], y: [1, 2, 3], z: [1, 2, 2] },
    ({ x, y, z }) => Object.values(op.rnn(x, y, z)),
    ["n", 1, "b", 2],
  ),
  "gru backwards": on(
    { x: ["n", "b", 3], y: [1, 6, 3], z: [1, 6, 2] },
    ({ x, y, z }) => Object.values(op.gru(x, y, z, undefined, { direction: "reverse" })),
    ["n", 1, "b", 2],
  ),
  "lstm both ways": on(
    { x: ["n", "b", 3], y: [2, 8, 3], z: [2, 8, 2] },
    ({ x, y, z }) => Object.values(op.lstm(x, y, z, undefined, { direction: "bidirectional" })),
    ["n", 2, "b", 2],
    { dtype: "float64" },
  ),

  // group-normalization.ts, scale-normalization.ts
  instanceNormalization: on(
    { x: ["b", 3, "n"], y: [3] },
    ({ x, y }) => op.instanceNormalization(x, y, y),
    ["b", 3, "n"],
  ),
  "groupNormalization, composed": on(
    { x: ["b", 4, "n"], y: [4] },
    ({ x, y }) => op.groupNormalization(x, y, y, 2),
    ["b", 4, "n"],
  ),
  rmsNormalization: on({ x: ["b", "n", 3], y: [3] }, ({ x, y }) => op.rmsNormalization(x, y), [
    "b",
    "n",
    3,
  ]),
  lrn: on({ x: ["b", 3, "n", "m"] }, ({ x }) => op.lrn(x, 3), ["b", 3, "n", "m"]),
  "lrn of float64": on({ x: ["b", 3, "n", "m"] }, ({ x }) => op.lrn(x, 2), ["b", 3, "n", "m"], {
    dtype: "float64",
  }),
  lpNormalization: on(nm, ({ x }) => op.lpNormalization(x, { axis: 0 }), ["n", "m"]),
  meanVarianceNormalization: on(
    { x: ["b", 3, "n", "m"] },
    ({ x }) => op.meanVarianceNormalization(x),
    ["b", 3, "n", "m"],
  ),

  // losses.ts
  negativeLogLikelihoodLoss: on(
    { x: [3, "n"] },
    ({ x }) => op.negativeLogLikelihoodLoss(x, [0, 1, 2], { reduction: "none" }),
    [3],
  ),
  softmaxCrossEntropyLoss: on(
    { x: [3, 4, "n"] },
    ({ x }, g) =>
      Object.values(
        op.softmaxCrossEntropyLoss(x, op.cast(op.reduceMax(op.sign(x), { axes: 1 }), "int64"), {
          weight: g.constant([1, 2, 3, 4]),
        }),
      ),
    [],
  ),

  // more of activation.ts
  celu: on(nm, ({ x }) => op.celu(x, { alpha: 0.5 }), ["n", "m"]),
  mish: on(nm, ({ x }) => op.mish(x), ["n", "m"]),
  swish: on(nm, ({ x }) => op.swish(x), ["n", "m"]),
  thresholdedRelu: on(nm, ({ x }) => op.thresholdedRelu(x), ["n", "m"]),
  shrink: on(nm, ({ x }) => op.shrink(x, { bias: 0.25 }), ["n", "m"]),
  hardmax: on(nm, ({ x }) => op.hardmax(x), ["n", "m"]),

  // attention.ts, rotary.ts
  attention: on(
    { x: ["b", 2, "n", 4], y: ["b", 2, "m", 4] },
    ({ x, y }) => op.attention(x, y, y, { causal: true }).y,
    ["b", 2, "n", 4],
  ),
  "attention with a past": on(
    { x: ["b", "n", 8], y: ["b", 2, "m", 4] },
    ({ x, y }) =>
      Object.values(
        op.attention(x, x, x, { queryHeads: 2, keyHeads: 2, pastKey: y, pastValue: y }),
      ).flatMap((value) => value ?? []),
    ["b", "n", 8],
  ),
  rotaryEmbedding: on(
    { x: ["b", 2, "n", 4], y: ["b", "n", 2] },
    ({ x, y }) => op.rotaryEmbedding(x, y, y),
    ["b", 2, "n", 4],
  ),

  // quantization.ts
  quantizeLinear: on(
    nm,
    ({ x }, g) => op.quantizeLinear(x, 0.5, g.constant(7, "int8")),
    ["n", "m"],
    { since: 10 },
  ),
  dequantizeLinear: on(
    { x: ["n", 3] },
    ({ x }, g) =>
      op.dequantizeLinear(op.cast(op.abs(x), "uint8"), g.constant([0.5, 0.25, 2]), undefined, {
        axis: -1,
      }),
    ["n", 3],
    { since: 13 },
  ),
};
