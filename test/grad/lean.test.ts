import { Graph } from "../../src/builder/graph.ts";
import {
  logSoftmax,
  loop,
  matmul,
  reduceMean,
  reduceSum,
  relu,
  softmax,
  tanh,
} from "../../src/builder/operators/index.ts";
import type { Value } from "../../src/builder/value.ts";
import { explainGradient, grad, hessianVectorProduct, jvp } from "../../src/grad/index.ts";

/** A perceptron with one hidden layer, and a loss. */
function perceptron(batch: number | string, loss: (y: Value, target: Value) => Value) {
  const g = new Graph("perceptron");
  const [x, w, b, v, target] = [[batch, 8], [8, 16], [16], [16, 4], [batch, 4]].map((shape, i) =>
    g.input(`x${i}`, "float32", shape),
  ) as [Value, Value, Value, Value, Value];
  const y = matmul(relu(matmul(x, w).add(b)), v);
  return { g, loss: loss(y, target), weights: [w, b, v] };
}

const losses = {
  "squared error": (y: Value, t: Value) => reduceMean(y.sub(t).mul(y.sub(t))),
  "cross entropy": (y: Value, t: Value) =>
    reduceMean(reduceSum(logSoftmax(y).mul(t), { axes: 1 })).neg(),
  "a weighted softmax": (y: Value, t: Value) => reduceSum(softmax(y).mul(t)),
};

function nodesOf(g: Graph, values: readonly Value[]): number {
  const outputs = Object.fromEntries(values.map((value, i) => [`y${i}`, value]));
  return Graph.fromModel(g.toModel({ outputs })).root.nodes.length;
}

/** How many nodes a loss, it and its gradient, it and its jvp, and the Hessian's product with a vector
 * take: to be changed for fewer, or for a reason. Written by hand the gradient of the squared error takes
 * 10 nodes beside the loss. */
describe.each([
  ["squared error", 8, [7, 18, 18, 31]],
  ["squared error", "n", [7, 23, 22, 36]],
  ["cross entropy", 8, [9, 23, 25, 38]],
  ["cross entropy", "n", [9, 27, 28, 44]],
  ["a weighted softmax", 8, [7, 20, 21, 41]],
  ["a weighted softmax", "n", [7, 20, 21, 41]],
] as const)("%s, batch of %s", (name, batch, most) => {
  test("takes no more nodes than it did", () => {
    const { g, loss, weights } = perceptron(batch, losses[name]);
    const directions = weights.map((w, i) => g.input(`v${i}`, "float32", w.shape as number[]));
    const sizes = [
      nodesOf(g, [loss]),
      nodesOf(g, [loss, ...grad(loss, weights)]),
      nodesOf(g, [loss, ...jvp(loss, weights, directions)]),
      nodesOf(g, hessianVectorProduct(loss, weights, directions)),
    ];
    expect(sizes.map((size, i) => Math.max(size, most[i] as number))).toEqual(most);
  });
});

test("a gradient holds no zeros and no ones that it can do without", () => {
  const { g, loss, weights } = perceptron(8, losses["squared error"]);
  const before = g.root.nodes.length;
  grad(loss, weights);
  const made = g.root.nodes.slice(before).map(({ op }) => op);
  expect(made).not.toContain("ConstantOfShape");
  expect(made.filter((op) => op === "Expand").length).toBeLessThanOrEqual(1);
});

describe("explainGradient", () => {
  test("counts nodes, and what is kept for them", () => {
    const { loss, weights } = perceptron("n", losses["squared error"]);
    const report = explainGradient(loss, weights);
    expect(report.nodes).toBe(Object.values(report.operators).reduce((a, b) => a + b));
    expect(report.operators.MatMul).toBe(3);
    // The hidden layer after its Relu, and what differs from the target.
    expect(report.saved.map(({ value }) => value.shape)).toEqual([
      ["n", 4],
      ["n", 16],
    ]);
    expect(report.savedBytes).toBe("80*n");
    expect(String(report)).toMatch(
      /^\d+ nodes: .*3 MatMul.*\n80\*n bytes kept in 2 values:\n {2}float32/,
    );
  });

  test("the states of a loop", () => {
    const g = new Graph("loop");
    const x = g.input("x", "float64", [5]);
    const [y] = loop(10, [x], (_, s) => [tanh(s as Value)]) as [Value];
    const kept = (keepEvery: number) =>
      explainGradient(reduceSum(y), [x], { keepEvery }).savedBytes;
    expect(kept(1)).toBe(10 * 5 * 8);
    const report = explainGradient(reduceSum(y), [x]);
    expect(report.operators).toMatchObject({ Loop: 1, Tanh: 1 });
  });
});
