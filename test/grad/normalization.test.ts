import { evaluate } from "softonnx/node";
import { Graph } from "../../src/builder/graph.ts";
import {
  batchNormalization,
  batchNormalizationTraining,
  layerNormalization,
} from "../../src/builder/operators/index.ts";
import type { Value } from "../../src/builder/value.ts";
import { vjp } from "../../src/grad/index.ts";
import { between, positive } from "./check.ts";
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
