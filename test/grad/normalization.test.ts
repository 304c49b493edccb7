import { evaluate } from "softonnx/node";
import { Graph } from "../../src/builder/graph.ts";
import {
  batchNormalization,
  batchNormalizationTraining,
  groupNormalization,
  instanceNormalization,
  layerNormalization,
  lpNormalization,
  lrn,
  meanVarianceNormalization,
  rmsNormalization,
} from "../../src/builder/operators/index.ts";
import type { Value } from "../../src/builder/value.ts";
import { vjp } from "../../src/grad/index.ts";
import { between, expectClose, positive } from "./check.ts";
import { testRows } from "./rows.ts";

const square = (x: Value) => x.mul(x);
const draw = [between(-2, 2), between(-1, 1), positive];

describe("batchNormalization", () => {
  testRows([
    [
      "in x, scale and variance",
      (x, scale, variance) => square(batchNormalization(x, scale, scale, scale, variance)),
      [[3, 2, 2], [2], [2]],
      { draw },
    ],
    [
      "in bias and mean of a matrix",
      (x, bias, mean) => square(batchNormalization(x, mean, bias, mean, square(mean))),
      [[3, 2], [2], [2]],
      { draw },
    ],
    [
      "of images",
      (x, scale) => batchNormalization(square(x), scale, scale, scale, square(scale).add(1)),
      [[2, 2, 2, 2], [2]],
      { opsets: [13, 14, 15, 22] },
    ],
  ]);
});

describe("batchNormalizationTraining", () => {
  testRows([
    [
      "in x, scale and bias",
      (x, scale, bias) => square(batchNormalizationTraining(x, scale, bias, bias, scale).y),
      [[3, 2, 2], [2], [2]],
    ],
    [
      "of the running statistics",
      (x, running, variance) => {
        const { mean, variance: next } = batchNormalizationTraining(
          x,
          running,
          running,
          running,
          variance,
        );
        return square(mean).add(square(next));
      },
      [[3, 2, 2], [2], [2]],
    ],
    [
      "of all at once",
      (x, scale, running) => {
        const options = { momentum: 0.25, epsilon: 0.5 };
        const { y, mean, variance } = batchNormalizationTraining(
          x,
          scale,
          scale,
          running,
          running,
          options,
        );
        return y.mul(y).sum([0, 2]).mul(mean).mul(variance);
      },
      [[3, 2, 2], [2], [2]],
      { opsets: [13, 15, 22] },
    ],
  ]);
});

/** As a model from elsewhere has it. ONNX Runtime's kernel overwrites the statistics that it is given, so
 * they are computed ones that nobody else reads. */
describe("a BatchNormalization node in training mode", () => {
  const trained = (x: Value, scale: Value, running: Value) =>
    x.graph.node(
      "BatchNormalization",
      [x, scale, scale, running.mul(2), square(running).add(1)],
      { training_mode: 1, momentum: 0.25, epsilon: 0.5 },
      { outputs: 3 },
    ) as [Value, Value, Value];
  testRows(
    [
      ["in x and scale", (x, scale) => square(trained(x, scale, scale)[0]), [[3, 2, 2], [2]]],
      [
        "with its running statistics",
        (x, scale, running) => {
          const [y, mean, variance] = trained(x, scale, running);
          return y.mul(y).sum([0, 2]).mul(mean).mul(variance);
        },
        [[3, 2, 2], [2], [2]],
      ],
    ],
    { opsets: [15, 22] },
  );
});

describe("layerNormalization", () => {
  testRows([
    ["in x, scale and bias", (x, s, b) => square(layerNormalization(x, s, b)), [[2, 4], [4], [4]]],
    [
      "over two axes",
      (x, s) => square(layerNormalization(x, s, undefined, { axis: -2, epsilon: 0.1 })),
      [
        [2, 3, 2],
        [3, 2],
      ],
      { opsets: [13, 17, 20] },
    ],
  ]);
});

describe("instanceNormalization", () => {
  testRows([
    [
      "in x, scale and bias",
      (x, s, b) => square(instanceNormalization(x, s, b)),
      [[2, 2, 3], [2], [2]],
      { opsets: [13, 22] },
    ],
    [
      "of images",
      (x, s) => square(instanceNormalization(x, s, s, { epsilon: 0.1 })),
      [[1, 2, 2, 2], [2]],
    ],
  ]);
});

describe("groupNormalization", () => {
  testRows([
    [
      "in x, scale and bias",
      (x, s, b) => square(groupNormalization(x, s, b, 2)),
      [[2, 4, 2], [4], [4]],
      { opsets: [13, 18, 21] },
    ],
  ]);

  test("of a node with one scale a group is that with the scale repeated", async () => {
    const g = new Graph("groups", { opset: 18 });
    const x = g.input("x", "float32", [2, 4, "n"]);
    const [scale, bias] = [g.constant([2, -1]), g.constant([0.5, 3])];
    const [y] = g.node("GroupNormalization", [x, scale, bias], { num_groups: 2 }) as [Value];
    const each = (vector: Value) => vector.gather([0, 0, 1, 1]);
    const other = groupNormalization(x, each(scale), each(bias), 2);
    const xs = [x, scale, bias];
    const found = await evaluate([...vjp(square(y), xs), ...vjp(square(other), xs)], {
      x: [0, 1].map((i) =>
        [0, 1, 2, 3].map((j) => [0, 1, 2].map((k) => Math.sin(i + 3 * j + k * k))),
      ),
    });
    const rows = found.map(({ data }) => Array.from(data as Float32Array));
    expectClose("gradients", rows.slice(0, 3), rows.slice(3), 1e-4);
  });
});

describe("rmsNormalization", () => {
  testRows([
    [
      "in x and scale",
      (x, s) => square(rmsNormalization(x, s)),
      [[2, 4], [4]],
      { opsets: [13, 23] },
    ],
    [
      "over two axes",
      (x, s) => square(rmsNormalization(x, s, { axis: 1, epsilon: 0.1 })),
      [
        [2, 2, 2],
        [2, 2],
      ],
    ],
  ]);
});

describe("lrn, lpNormalization and meanVarianceNormalization", () => {
  const sizes = { alpha: 0.5, beta: 0.75, bias: 2 };
  testRows([
    ["lrn over an odd number of channels", (x) => lrn(x, 3, sizes), [[2, 4, 2]], { opsets: [13] }],
    ["lrn over an even number of channels", (x) => lrn(x, 2, sizes), [[1, 3, 2, 2]]],
    ["lpNormalization by squares", (x) => lpNormalization(x), [[2, 3]], { opsets: [13, 22] }],
    ["lpNormalization by amounts", (x) => lpNormalization(x, { axis: 0, p: 1 }), [[2, 3]]],
    [
      "meanVarianceNormalization of images",
      (x) => square(meanVarianceNormalization(x)),
      [[2, 2, 2, 2]],
      { opsets: [13] },
    ],
    [
      "meanVarianceNormalization of rows",
      (x) => square(meanVarianceNormalization(x, { axes: [-1] })),
      [[2, 3]],
    ],
  ]);

  test("lpNormalization has a gradient of 0 where the norm is 0", async () => {
    const x = new Graph("zeros").input("x", "float32", [2, 2]);
    const [dx] = vjp(
      lpNormalization(x),
      [x],
      [
        [1, 2],
        [3, 4],
      ],
    ) as [Value];
    const [found] = await evaluate([dx], {
      x: [
        [0, 0],
        [0, 2],
      ],
    });
    expect(Array.from(found.data as Float32Array, Number.isNaN)).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });
});

describe("a LayerNormalization node", () => {
  test("has a gradient of its mean and of one over its deviation", async () => {
    const g = new Graph("statistics");
    const x = g.input("x", "float32", [2, 3]);
    const [, mean, inverse] = g.node(
      "LayerNormalization",
      [x, g.constant([1, 1, 1])],
      {},
      { outputs: 3 },
    ) as Value[];
    const own = x.mean(1, { keepdims: true });
    const spread = square(x.sub(own)).mean(1, { keepdims: true });
    const seeds = [
      [[2], [3]],
      [[-1], [4]],
    ];
    const [dx] = vjp([mean as Value, inverse as Value], [x], seeds) as [Value];
    const [other] = vjp([own, spread.add(1e-5).sqrt().reciprocal()], [x], seeds) as [Value];
    const [a, b] = await evaluate([dx, other], {
      x: [
        [1, 3, -2],
        [0, 0.5, 4],
      ],
    });
    expectClose(
      "gradient",
      [Array.from(a.data as Float32Array)],
      [Array.from(b.data as Float32Array)],
      1e-5,
    );
  });
});

describe("a Dropout node", () => {
  const dropped = (x: Value, training: boolean, outputs: number) =>
    x.graph.node(
      "Dropout",
      [x, x.graph.constant(0.25), x.graph.constant(training)],
      {},
      { outputs },
    );

  test("has the mask of the forward pass in its gradient", async () => {
    const x = new Graph("dropout").input("x", "float32", [100]);
    const [y] = dropped(x, true, 2) as [Value];
    const [dx] = vjp(y, [x]) as [Value];
    const [forward, backward] = await evaluate([y, dx], { x: new Float32Array(100).fill(1) });
    expect(backward.data).toEqual(forward.data);
    expect(new Set(forward.data as Float32Array)).toEqual(new Set([0, Math.fround(4 / 3)]));
  });

  test("passes all on when it is not training, and needs its mask when it is", () => {
    const x = new Graph("dropout").input("x", "float32", [3]);
    const seed = x.mul(2);
    expect(vjp(dropped(x, false, 1)[0] as Value, [x], seed)[0]).toBe(seed);
    expect(() => vjp(dropped(x, true, 1)[0] as Value, [x])).toThrow(/which entries it kept/);
  });
});
