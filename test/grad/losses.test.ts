import { evaluate } from "softonnx/node";
import { Graph } from "../../src/builder/graph.ts";
import {
  negativeLogLikelihoodLoss,
  softmaxCrossEntropyLoss,
  type TargetLossOptions,
} from "../../src/builder/operators/index.ts";
import type { Value } from "../../src/builder/value.ts";
import { grad, vjp } from "../../src/grad/index.ts";
import { expectClose } from "./check.ts";
import { testRows } from "./rows.ts";

const target = [2, 0, 1];
const images = [
  [0, 2],
  [1, 1],
];
const both = (
  x: Value,
  labels: Parameters<typeof softmaxCrossEntropyLoss>[1],
  options?: TargetLossOptions,
) => {
  const { loss, logProb } = softmaxCrossEntropyLoss(x, labels, options);
  return loss.mul(logProb.mul(logProb).sum());
};

describe("negativeLogLikelihoodLoss", () => {
  testRows([
    ["mean", (x) => negativeLogLikelihoodLoss(x, target), [[3, 4]], { opsets: [13] }],
    [
      "sum with weights",
      (x, weight) => negativeLogLikelihoodLoss(x, target, { weight, reduction: "sum" }),
      [[3, 4], [4]],
    ],
    [
      "mean of images with weights, but for a class",
      (x, weight) =>
        negativeLogLikelihoodLoss(x, images, { weight: weight.mul(weight), ignoreIndex: 1 }),
      [[2, 3, 2], [3]],
      { opsets: [13] },
    ],
  ]);
});

describe("softmaxCrossEntropyLoss", () => {
  testRows([
    ["mean", (x) => softmaxCrossEntropyLoss(x, target).loss, [[3, 4]], { opsets: [13] }],
    ["and its log-probabilities", (x) => both(x, images), [[2, 3, 2]]],
    ["one an entry", (x) => both(x, target, { reduction: "none" }), [[3, 4]]],
  ]);

  test("a class that does not count may be out of range, and infinite scores of it do no harm", async () => {
    const g = new Graph("ignored");
    const x = g.input("x", "float32", [2, 2]);
    const { loss } = softmaxCrossEntropyLoss(x, [-100, 1], { ignoreIndex: -100 });
    const [dx] = grad(loss, [x]) as [Value];
    const [found] = await evaluate([dx], {
      x: [
        [3, 4],
        [Number.NEGATIVE_INFINITY, 0],
      ],
    });
    expect(Array.from(found.data as Float32Array, Math.abs)).toEqual([0, 0, 0, 0]);
  });

  test("as a node has the gradient of the function", async () => {
    const g = new Graph("node");
    const x = g.input("x", "float32", ["batch", 3, 2]);
    const labels = g.constant(images, "int64");
    const weight = g.constant([1, 2, 0.5]);
    const [loss, logs] = g.node(
      "SoftmaxCrossEntropyLoss",
      [x, labels, weight],
      { ignore_index: 0 },
      { outputs: 2 },
    ) as [Value, Value];
    const made = softmaxCrossEntropyLoss(x, labels, { weight, ignoreIndex: 0 });
    const ys = [loss, logs, made.loss, made.logProb];
    const [a, b] = [ys.slice(0, 2), ys.slice(2)].map((pair) => vjp(pair, [x, weight], [2, 3]));
    const found = await evaluate([...(a as Value[]), ...(b as Value[]), loss, made.loss], {
      x: [
        [
          [1, 2],
          [0, -1],
          [3, 1],
        ],
        [
          [0, 1],
          [2, 2],
          [-1, 0],
        ],
      ],
    });
    const rows = found.map(({ data }) => Array.from(data as Float32Array));
    expectClose("gradients", rows.slice(0, 2), rows.slice(2, 4), 1e-5);
    expectClose("losses", [rows[4] as number[]], [rows[5] as number[]], 1e-6);
  });
});
