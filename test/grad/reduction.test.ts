import { evaluate } from "softonnx/node";
import { Graph } from "../../src/builder/graph.ts";
import {
  cumSum,
  equal,
  logSoftmax,
  type ReduceOptions,
  reduceL1,
  reduceL2,
  reduceLogSum,
  reduceLogSumExp,
  reduceMax,
  reduceMean,
  reduceMin,
  reduceProd,
  reduceSum,
  reduceSumSquare,
  softmax,
  topK,
  where,
} from "../../src/builder/operators/index.ts";
import type { Value } from "../../src/builder/value.ts";
import { vjp } from "../../src/grad/index.ts";
import { type Row, testRows } from "./rows.ts";

type Reduce = (x: Value, options?: ReduceOptions) => Value;

const reductions: readonly [string, Reduce][] = [
  ["reduceSum", (x, options) => reduceSum(x.mul(x), options)],
  ["reduceMean", (x, options) => reduceMean(x.mul(x), options)],
  ["reduceMax", (x, options) => reduceMax(x.mul(x), options)],
  ["reduceMin", (x, options) => reduceMin(x.mul(x), options)],
  ["reduceProd", reduceProd],
  ["reduceLogSumExp", reduceLogSumExp],
  ["reduceL1", reduceL1],
  ["reduceL2", reduceL2],
  ["reduceLogSum", (x, options) => reduceLogSum(x.mul(x), options)],
  ["reduceSumSquare", reduceSumSquare],
];

const cases: readonly [readonly number[], ReduceOptions][] = [
  [[5], {}],
  [[2, 3], {}],
  [[2, 3], { keepdims: true }],
  [[2, 3], { axes: 0 }],
  [[2, 3], { axes: -1, keepdims: true }],
  [[2, 3, 2], { axes: [0, 2] }],
  [[2, 3, 2], { axes: [-1, 1] }],
  [[2, 3, 2], { axes: [1], keepdims: true }],
  [[3, 1], { axes: [1] }],
  [[2, 2], { axes: [] }],
];

describe("reductions", () => {
  testRows(
    reductions.flatMap(([name, reduce]) =>
      cases.map(([shape, options]): Row => {
        const title = `${name} ${JSON.stringify(options)}`;
        return [title, (x) => reduce(x, options).mul(reduce(x, options)), [shape]];
      }),
    ),
  );
});

describe("reductions of a tensor of unknown rank", () => {
  testRows(
    reductions.flatMap(([name, reduce]): Row[] => [
      [name, (x) => reduce(x), [[2, 3]], { also: ["unranked"] }],
      [`${name} axis 1`, (x) => reduce(x, { axes: 1 }), [[2, 3]], { also: ["unranked"] }],
      [`${name} axis -1`, (x) => reduce(x, { axes: -1 }), [[2, 3]], { also: ["unranked"] }],
    ]),
  );
});

describe("reductions over axes that the model computes", () => {
  const axesOf = (x: Value) => {
    const axis = x.graph.constant([-1], [1], "int64");
    return axis.add(
      x.graph.node("Size", [x], {}, { types: [{ dtype: "int64", shape: [] }] })[0]?.mul(0) as Value,
    );
  };
  testRows(
    reductions.flatMap(([name, reduce]): Row[] => [
      [name, (x) => reduce(x, { axes: axesOf(x) }), [[2, 3]]],
      [`${name} kept`, (x) => reduce(x, { axes: axesOf(x), keepdims: true }), [[2, 3]]],
    ]),
  );
});

describe("along an axis", () => {
  testRows([
    ["cumSum", (x) => cumSum(x.mul(x), { axis: 0 }), [[4]]],
    ["cumSum exclusive", (x) => cumSum(x.mul(x), { axis: -1, exclusive: true }), [[2, 3]]],
    ["cumSum reverse", (x) => cumSum(x.mul(x), { axis: 0, reverse: true }), [[3, 2]]],
    [
      "cumSum both",
      (x) => cumSum(x.mul(x), { axis: 1, reverse: true, exclusive: true }),
      [[2, 3]],
      { also: ["unranked"] },
    ],
    ["softmax", (x) => softmax(x), [[2, 4]], { also: ["named", "unranked"] }],
    ["softmax axis 0", (x) => softmax(x, { axis: 0 }), [[3, 2]]],
    ["softmax axis 1 of 3", (x) => softmax(x, { axis: 1 }), [[2, 3, 2]]],
    ["logSoftmax", (x) => logSoftmax(x), [[2, 4]], { also: ["named", "unranked"] }],
    ["logSoftmax axis 0", (x) => logSoftmax(x, { axis: 0 }), [[3, 2]]],
    ["topK", (x) => topK(x.mul(x), 2).values, [[2, 4]], { also: ["named", "unranked"] }],
    [
      "topK smallest axis 0",
      (x) => topK(x.mul(x), 2, { axis: 0, largest: false }).values,
      [[4, 2]],
    ],
    ["topK all", (x) => topK(x.mul(x), 4, { sorted: false }).values, [[4]]],
  ]);
});

describe("long products", () => {
  testRows(
    [1, 2, 3, 4, 5, 6, 7, 8, 9].map(
      (n): Row => ["reduceProd", (x) => reduceProd(x, { axes: 1 }), [[1, n]]],
    ),
  );
});

test("softmax of minus infinities alone, which the model replaces, has a gradient of 0", async () => {
  const x = new Graph("hidden").input("x", "float32", [2, 2]);
  const lowest = equal(reduceMax(x, { axes: 1, keepdims: true }), Number.NEGATIVE_INFINITY);
  const y = where(lowest, 0, softmax(x));
  const [dx] = vjp(
    y,
    [x],
    [
      [1, 2],
      [3, 4],
    ],
  ) as [Value];
  const low = Number.NEGATIVE_INFINITY;
  const [found] = await evaluate([dx], {
    x: [
      [low, low],
      [0, 0],
    ],
  });
  expect(Array.from(found.data as Float32Array)).toEqual([0, 0, -0.25, 0.25]);
});
