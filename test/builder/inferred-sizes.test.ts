import { evaluate, Tensor } from "softonnx/node";
import { Graph, grad, mul, reduceSum, resize, type Value } from "../../src/index.ts";

/** Sizes of which float32 and float64 think differently when they are multiplied: ten times 0.7, five times 1.4. */
const cases = [
  { factor: 0.7, size: 10, resized: 7 },
  { factor: 1.4, size: 5, resized: 7 },
] as const;

describe.each(cases)("$size entries resized by $factor", ({ factor, size, resized }) => {
  test.each(["nearest", "linear"] as const)(
    "are %s ones of the size that ONNX Runtime makes",
    async (mode) => {
      const g = new Graph();
      const x = g.input("x", "float32", ["n", 1, size, 2]);
      const y = resize(x, { scales: [factor], axes: [2], mode, coordinates: "asymmetric" });
      expect(y.shape).toEqual(["n", 1, resized, 2]);
      const rows = Float32Array.from({ length: 2 * size * 2 }, (_, i) => Math.sin(i));
      const known = g.constant(new Float32Array(resized * 2).fill(1), [resized, 2]);
      const [dx] = grad(reduceSum(mul(y, known)), [x]) as [Value];
      for (const graphOptimizationLevel of ["disabled", "all"] as const) {
        const feeds = { x: new Tensor("float32", rows, [2, 1, size, 2]) };
        const found = await evaluate({ y, dx }, feeds, { backend: "cpu", graphOptimizationLevel });
        expect(found.y.dims).toEqual([2, 1, resized, 2]);
        // Weights sum to one for each entry made.
        const total = (found.dx.data as Float32Array).reduce((sum, slope) => sum + slope, 0);
        expect(total).toBeCloseTo(2 * resized * 2, 4);
      }
    },
  );
});

test("nothing is added where both agree, or where the model only was read", () => {
  const g = new Graph();
  const x = g.input("x", "float32", [1, 1, 10, 10]);
  g.output("y", resize(x, { scales: [1, 1, 0.5, 1.7] }));
  const bytes = g.toModel();
  const ops = (graph: Graph) => graph.root.nodes.map(({ op }) => op);
  expect(ops(Graph.fromModel(bytes))).toEqual(["Resize"]);

  const other = new Graph();
  const z = other.input("x", "float32", [1, 1, 10, 10]);
  other.output("y", resize(z, { scales: [1, 1, 0.7, 1.7] }));
  const written = other.toModel();
  expect(ops(Graph.fromModel(written))).toEqual(["Resize", "Constant", "Reshape"]);
  expect(Graph.fromModel(written).toModel()).toEqual(written);
});
