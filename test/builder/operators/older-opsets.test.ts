import type { Node } from "../../../src/builder/block.ts";
import type { Graph } from "../../../src/builder/graph.ts";
import * as op from "../../../src/builder/operators/index.ts";
import type { Value } from "../../../src/builder/value.ts";
import { type Built, buildCase, type Case, expectTrue, runCase } from "./harness.ts";

type Build = (x: Value, g: Graph) => readonly Value[];

const ints = (g: Graph, ...numbers: number[]) => g.constant(numbers, "int64");

/** Nodes as models of older opsets write them: opset, what is made of x float32 [4, 1, 6], and the
 * attributes in normal form. */
const nodes: Readonly<Record<string, readonly [number, Build, unknown]>> = {
  "ReduceMean with axes as an attribute": [
    11,
    (x, g) => g.node("ReduceMean", [x], { axes: [-1], keepdims: 0 }),
    { axes: [2], keepdims: false },
  ],
  "ReduceMean with axes as an input": [
    18,
    (x, g) => g.node("ReduceMean", [x, ints(g, -1, 0)]),
    { axes: [0, 2], keepdims: true },
  ],
  "ReduceSum with axes as an attribute": [
    12,
    (x, g) => g.node("ReduceSum", [x], { axes: [0] }),
    { axes: [0], keepdims: true },
  ],
  "ReduceSum over nothing": [
    13,
    (x, g) => g.node("ReduceSum", [x], { noop_with_empty_axes: 1 }),
    { axes: [], keepdims: true },
  ],
  "ReduceSum over an empty list": [
    13,
    (x, g) => g.node("ReduceSum", [x, ints(g)], { keepdims: 0 }),
    { axes: [0, 1, 2], keepdims: false },
  ],
  "ArgMax by default": [
    7,
    (x, g) => g.node("ArgMax", [x]),
    { axis: 0, keepdims: true, last: false },
  ],
  "Softmax over the last axes of which one is wide": [
    11,
    (x, g) => g.node("Softmax", [x]),
    { axis: 2, flattened: false },
  ],
  "Softmax of today": [
    13,
    (x, g) => g.node("Softmax", [x], { axis: 0 }),
    { axis: 0, flattened: false },
  ],
  "TopK with k as an attribute": [
    9,
    (x, g) => g.node("TopK", [x], { k: 3, axis: 2 }, { outputs: 2 }),
    { axis: 2, largest: true, sorted: true },
  ],
  "Squeeze with axes as an attribute": [
    11,
    (x, g) => g.node("Squeeze", [x], { axes: [-2] }),
    { axes: [1] },
  ],
  "Squeeze without axes": [7, (x, g) => g.node("Squeeze", [x]), { axes: [1] }],
  "Unsqueeze with axes as an attribute": [
    11,
    (x, g) => g.node("Unsqueeze", [x], { axes: [0, -1] }),
    { axes: [0, 4] },
  ],
  "Split with sizes as an attribute": [
    11,
    (x, g) => g.node("Split", [x], { axis: -1, split: [1, 5] }, { outputs: 2 }),
    { axis: 2, sizes: [1, 5] },
  ],
  "Split into equal parts": [
    13,
    (x, g) => g.node("Split", [x], { axis: 2 }, { outputs: 3 }),
    { axis: 2, sizes: [2, 2, 2] },
  ],
  "Split into parts": [
    18,
    (x, g) => g.node("Split", [x], { axis: 2, num_outputs: 3 }, { outputs: 3 }),
    { axis: 2, sizes: [2, 2, 2] },
  ],
  "Slice with attributes": [
    9,
    (x, g) => g.node("Slice", [x], { starts: [1, -3], ends: [100, -1], axes: [0, 2] }),
    {
      slices: [
        { axis: 0, start: 1, end: 100, step: 1 },
        { axis: 2, start: -3, end: -1, step: 1 },
      ],
    },
  ],
  "Slice with inputs": [
    10,
    (x, g) => g.node("Slice", [x, ints(g, 5), ints(g, 0), ints(g, -1), ints(g, -2)]),
    { slices: [{ axis: 2, start: 5, end: 0, step: -2 }] },
  ],
  "Pad with attributes": [
    10,
    (x, g) => g.node("Pad", [x], { pads: [1, 0, 0, 0, 0, 2], value: { float: 5 } }),
    {
      mode: "constant",
      pads: [
        [1, 0],
        [0, 0],
        [0, 2],
      ],
    },
  ],
  "Pad of chosen axes": [
    18,
    (x, g) => g.node("Pad", [x, ints(g, 1, 2), undefined, ints(g, -1)], { mode: "edge" }),
    {
      mode: "edge",
      pads: [
        [0, 0],
        [0, 0],
        [1, 2],
      ],
    },
  ],
  "MaxPool padded to the same size": [
    11,
    (x, g) => g.node("MaxPool", [x], { kernel_shape: [3], strides: [2], auto_pad: "SAME_UPPER" }),
    { window: { kernel: [3], strides: [2], dilations: [1], pads: [[0, 1]] }, ceil: false },
  ],
  "MaxPool with indices, over the end": [
    12,
    (x, g) =>
      g.node("MaxPool", [x], { kernel_shape: [3], strides: [2], ceil_mode: 1 }, { outputs: 2 }),
    { window: { kernel: [3], strides: [2], dilations: [1], pads: [[0, 0]] }, ceil: true },
  ],
  "AveragePool padded below": [
    10,
    (x, g) => g.node("AveragePool", [x], { kernel_shape: [4], auto_pad: "SAME_LOWER" }),
    {
      window: { kernel: [4], strides: [1], dilations: [1], pads: [[2, 1]] },
      ceil: false,
      countIncludePad: false,
    },
  ],
  "Conv without attributes": [
    7,
    (x, g) => g.node("Conv", [x, g.constant([[[1, 2]]])]),
    { group: 1, window: { kernel: [2], strides: [1], dilations: [1], pads: [[0, 0]] } },
  ],
  "Conv padded to the same size": [
    22,
    (x, g) => g.node("Conv", [x, g.constant([[[1, 2, 3]]])], { auto_pad: "SAME_LOWER" }),
    { group: 1, window: { kernel: [3], strides: [1], dilations: [1], pads: [[1, 1]] } },
  ],
  "Conv without padding": [
    11,
    (x, g) => g.node("Conv", [x, g.constant([[[1, 2]]])], { auto_pad: "VALID", strides: [2] }),
    { group: 1, window: { kernel: [2], strides: [2], dilations: [1], pads: [[0, 0]] } },
  ],
  "ConvTranspose to a size": [
    11,
    (x, g) =>
      g.node("ConvTranspose", [x, g.constant([[[1, 2, 3]]])], { strides: [2], output_shape: [12] }),
    {
      group: 1,
      window: { kernel: [3], strides: [2], dilations: [1], pads: [[1, 0]] },
      outputPadding: [0],
    },
  ],
  "ConvTranspose by the strides": [
    11,
    (x, g) =>
      g.node("ConvTranspose", [x, g.constant([[[1, 2, 3]]])], {
        strides: [2],
        auto_pad: "SAME_UPPER",
      }),
    {
      group: 1,
      window: { kernel: [3], strides: [2], dilations: [1], pads: [[0, 1]] },
      outputPadding: [0],
    },
  ],
  "BatchNormalization of old": [
    9,
    (x, g) => g.node("BatchNormalization", [x, ...[1, 2, 3, 4].map((n) => g.constant([n]))]),
    { epsilon: Math.fround(1e-5), momentum: Math.fround(0.9), training: false },
  ],
  "BatchNormalization in training": [
    15,
    (x, g) =>
      g.node(
        "BatchNormalization",
        [x, ...[1, 2, 3, 4].map((n) => g.constant([n]))],
        { training_mode: 1, momentum: 0.5, epsilon: 0.25 },
        { outputs: 3 },
      ),
    { epsilon: 0.25, momentum: 0.5, training: true },
  ],
  "LayerNormalization with its statistics": [
    17,
    (x, g) => g.node("LayerNormalization", [x, g.constant([1, 2, 3, 4, 5, 6])], {}, { outputs: 3 }),
    { axis: 2, epsilon: Math.fround(1e-5) },
  ],
  "Dropout of old": [
    10,
    (x, g) => g.node("Dropout", [x], { ratio: 0.25 }, { outputs: 2 }),
    { training: false },
  ],
  "Dropout at work": [
    13,
    (x, g) => g.node("Dropout", [x, g.constant(0.25), g.constant(true)], {}, { outputs: 2 }),
    { training: true },
  ],
  "LeakyRelu by default": [7, (x, g) => g.node("LeakyRelu", [x]), { alpha: Math.fround(0.01) }],
  "Selu by default": [
    7,
    (x, g) => g.node("Selu", [x]),
    { alpha: Math.fround(1.67326319), gamma: Math.fround(1.05070102) },
  ],
  "Softmax over several axes at once": [
    11,
    (x, g) => g.node("Softmax", [x], { axis: 0 }),
    { axis: 0, flattened: true },
  ],
  "Hardmax over one of size 1 and another": [
    11,
    (x, g) => g.node("Hardmax", [x]),
    { axis: 2, flattened: false },
  ],
  "GroupNormalization with a scale a group": [
    18,
    (x, g) => {
      const tall = op.transpose(x, [2, 0, 1]);
      return g.node("GroupNormalization", [tall, g.constant([1, 2]), g.constant([1, 2])], {
        num_groups: 2,
      });
    },
    { epsilon: Math.fround(1e-5), groups: 2, perGroup: true },
  ],
  "LRN by default": [
    7,
    (x, g) => g.node("LRN", [op.unsqueeze(x, 0)], { size: 3 }),
    { size: 3, alpha: Math.fround(1e-4), beta: 0.75, bias: 1 },
  ],
  "MeanVarianceNormalization by default": [
    9,
    (x, g) => g.node("MeanVarianceNormalization", [op.unsqueeze(x, 0)]),
    { axes: [0, 2, 3] },
  ],
  "Shrink by default": [9, (x, g) => g.node("Shrink", [x]), { bias: 0, threshold: 0.5 }],
  "Flatten by default": [7, (x, g) => g.node("Flatten", [x]), { axis: 1 }],
  "Transpose by default": [7, (x, g) => g.node("Transpose", [x]), { permutation: [2, 1, 0] }],
  "Reshape copying a size": [
    7,
    (x, g) => g.node("Reshape", [x, ints(g, 0, -1)]),
    { allowzero: false },
  ],
  "Shape of a range of axes": [
    15,
    (x, g) => g.node("Shape", [x], { start: -2, end: 100 }),
    { start: 1, end: 3 },
  ],
  "ScatterElements of today": [
    18,
    (x, g) =>
      g.node("ScatterElements", [x, g.constant([[[0]]], "int64"), [[[9]]]], {
        axis: -1,
        reduction: "max",
      }),
    { axis: 2, reduction: "max" },
  ],
};

describe("A node of any opset is read into the one normal form, and its shape inferred", () => {
  test.each(Object.entries(nodes))("%s", async (_, [opset, build, normal]) => {
    const one: Case = {
      inputs: { x: [4, 1, 6] },
      build: ({ x }, g) => build(x as Value, g),
      shape: [],
    };
    const built = buildCase(one, "static", opset) as Built;
    const [value] = built.values as [Value];
    expect((value.producer as Node).normal).toEqual(normal);
    expect(value.shape).toBeDefined();
    for (const level of ["disabled", "all"] as const) {
      const actual = await runCase(built, one, level);
      built.values.forEach((y, i) => {
        expectTrue(y, actual[i] as never);
      });
    }
  });
});

describe("What functions write in opsets before 13", () => {
  const calls: Readonly<Record<string, readonly [least: number, Case["build"]]>> = {
    reduceSum: [7, ({ x }) => op.reduceSum(x as Value, { axes: -1 })],
    reduceMean: [7, ({ x }) => op.reduceMean(x as Value, { axes: [0, 1], keepdims: true })],
    softmax: [7, ({ x }) => op.softmax(x as Value)],
    squeeze: [7, ({ x }) => op.squeeze(x as Value, 1)],
    unsqueeze: [7, ({ x }) => op.unsqueeze(x as Value, -1)],
    split: [7, ({ x }) => op.split(x as Value, { axis: 2, sizes: [2, 4] })],
    "split in parts": [7, ({ x }) => op.split(x as Value, { axis: 2, parts: 3 })],
    reshape: [7, ({ x }) => op.reshape(x as Value, [-1, 3])],
    concat: [7, ({ x }) => op.concat([x as Value, x as Value], { axis: -1 + 3 })],
    gather: [7, ({ x }) => op.gather(x as Value, [0, 1], { axis: 2 })],
    matmul: [7, ({ x }) => op.matmul(op.abs(x as Value), [1, 2, 3, 4, 5, 6])],
    gemm: [
      7,
      ({ x }, g) =>
        op.gemm(op.flatten(x as Value), op.flatten(x as Value), g.constant(1), { transB: true }),
    ],
    expand: [8, ({ x }) => op.expand(x as Value, [4, 2, 6])],
    slice: [10, ({ x }) => op.slice(x as Value, 1, 3)],
    topK: [11, ({ x }) => Object.values(op.topK(x as Value, 2))],
    cumSum: [11, ({ x }) => op.cumSum(x as Value, { axis: 2 })],
    pad: [
      11,
      ({ x }) =>
        op.pad(x as Value, [
          [0, 1],
          [0, 0],
          [2, 0],
        ]),
    ],
  };

  test.each(Object.entries(calls))("%s", async (_, [least, build]) => {
    const one: Case = { inputs: { x: [4, 1, 6] }, build, shape: undefined };
    const results = [];
    for (const opset of [18, 7, 8, 9, 10, 11, 12].filter((version) => version >= least)) {
      const built = buildCase(one, "static", opset) as Built;
      const actual = await runCase(built, one, "all");
      built.values.forEach((value, i) => {
        expectTrue(value, actual[i] as never);
      });
      results.push(actual.map(({ data, dims }) => ({ data, dims })));
    }
    for (const result of results) expect(result).toEqual(results[0]);
  });
});
