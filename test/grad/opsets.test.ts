import {
  clip,
  concat,
  cumSum,
  flatten,
  gather,
  gatherElements,
  logSoftmax,
  matmul,
  maxPool,
  pad,
  reduceLogSumExp,
  reduceMax,
  reduceMean,
  reduceProd,
  reduceSum,
  relu,
  sigmoid,
  slice,
  softmax,
  softplus,
  split,
  squeeze,
  tile,
  topK,
  trilu,
  unsqueeze,
} from "../../src/builder/operators/index.ts";
import type { Value } from "../../src/builder/value.ts";
import { testRows } from "./rows.ts";

const square = (x: Value) => x.mul(x);
const none = (x: Value) => x.graph.constant([], [0], "int64");
/** The elements of x, and those of an empty tensor, so that a gradient goes through both. */
const withNothing = (x: Value, nothing: Value) => square(x).add(reduceSum(square(nothing)));

/** The rules speak the model's opset: what they make is the same in every one. */
describe("opsets from 13", () => {
  testRows(
    [
      ["broadcasting", (x, y) => x.mul(y).div(square(y).add(1)), [[2, 3], [3]]],
      [
        "reductions",
        (x) => reduceMax(x, { axes: 1 }).mul(reduceMean(square(x), { axes: 1 })),
        [[2, 3]],
      ],
      ["all axes", (x) => reduceSum(square(x)).mul(reduceLogSumExp(x)), [[2, 3]]],
      ["products", (x) => reduceProd(x, { axes: 1, keepdims: true }), [[2, 3]]],
      [
        "rows",
        (x) =>
          softmax(x)
            .mul(logSoftmax(x))
            .mul(cumSum(x, { axis: -1 })),
        [[2, 3]],
      ],
      [
        "curves",
        (x) =>
          sigmoid(x)
            .mul(softplus(x))
            .add(relu(x))
            .mul(clip(x, -1, 1)),
        [[2, 2]],
      ],
      ["parts", (x) => concat(split(square(x), { axis: 1, parts: 2 }), { axis: 0 }), [[2, 4]]],
      [
        "cuts",
        (x) =>
          pad(square(slice(x, 1, 3)), [
            [1, 1],
            [0, 2],
          ]),
        [[4, 2]],
      ],
      ["axes", (x) => unsqueeze(squeeze(square(x), 1), [0]), [[2, 1, 3]]],
      [
        "sizes",
        (x, y) => flatten(square(tile(x, [2, 1]))).mul(y),
        [
          [1, 3],
          [2, 3],
        ],
      ],
      ["products of matrices", (a, v) => matmul(a, v).mul(matmul(v, a)), [[3, 3], [3]]],
      ["one entry", (x) => square(gather(x, 1)), [[3, 2]]],
      ["the largest", (x) => topK(square(x), 2).values, [[4]]],
    ],
    { also: [], opsets: [13, 15, 17, 21, 23] },
  );
  testRows(
    [
      [
        "entries by index",
        (x) =>
          gatherElements(square(x), [
            [0, 0],
            [1, 0],
          ]),
        [[2, 2]],
      ],
      ["rows by index", (x) => square(gather(x, [1, 0, 1])), [[2, 2]]],
      ["rows by many indices", (x) => square(gather(x, [4, 0, 0, -1, 0, 4, 2, 0, 0])), [[5, 2]]],
      [
        "columns by index",
        (x) =>
          square(
            gather(
              x,
              [
                [1, 0],
                [1, 1],
              ],
              { axis: 1 },
            ),
          ),
        [[2, 2]],
      ],
      ["no rows by index", (x) => withNothing(x, gather(x, none(x))), [[2, 2]]],
      ["no columns by index", (x) => withNothing(x, gather(x, none(x), { axis: 1 })), [[2, 2]]],
      [
        "no entries by index",
        (x) => withNothing(x, gatherElements(x, x.graph.constant([], [0, 2], "int64"))),
        [[2, 2]],
      ],
      ["the largest of windows", (x) => square(maxPool(x, [3], { strides: 1 })), [[1, 1, 6]]],
      ["strides", (x) => square(slice(x, 0, 9, { steps: 2 })), [[5]]],
    ],
    { also: ["named"], opsets: [13, 15, 16, 20, 23] },
  );
  testRows([["triangles", (x) => square(trilu(x)), [[3, 3]]]], { also: [], opsets: [16, 20, 23] });
});
