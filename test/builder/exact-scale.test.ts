import { evaluate } from "softonnx/node";
import { add, Graph, matmul, stopGradient, transpose, type Value } from "../../src/index.ts";

const A = [
  [0.1, 0.2, 0.3],
  [0.4, 0.5, 0.6],
  [0.7, 0.8, 0.9],
];

/** The ways in which a scale can stand beside a matrix product. */
const forms: Readonly<Record<string, (a: Value) => Value>> = {
  "after it": (a) => matmul(a, a).mul(0.1),
  "a quotient after it": (a) => matmul(a, a).div(3),
  "before it, left": (a) => matmul(a.mul(0.1), a),
  "before it, right": (a) => matmul(a, a.div(10)),
  "two in a row": (a) => matmul(a, a).mul(0.1).mul(0.7),
  "behind a transpose": (a) => matmul(transpose(a.mul(0.1)), a),
  "behind something that passes": (a) => stopGradient(matmul(a, a)).mul(0.1),
  "between two products": (a) => matmul(matmul(a, a).mul(1 / 3), a),
};

describe("a float64 product keeps its digits beside a constant scale", () => {
  test.each(Object.entries(forms))("%s", async (_, form) => {
    const g = new Graph();
    const a = g.input("a", "float64", [3, 3]);
    const y = form(a);
    const [plain, optimised] = await Promise.all(
      (["disabled", "all"] as const).map((graphOptimizationLevel) =>
        evaluate(y, { a: A }, { backend: "cpu", graphOptimizationLevel }),
      ),
    );
    const expected = Array.from(plain?.data as Float64Array);
    const got = Array.from(optimised?.data as Float64Array);
    got.forEach((value, i) => {
      expect(Math.abs(value / (expected[i] as number) - 1)).toBeLessThan(1e-15);
    });
  });

  test("nothing is added where no digits are at stake", () => {
    const g = new Graph();
    const a = g.input("a", "float64", [3, 3]);
    const b = g.input("b", "float32", [3, 3]);
    g.output("short", matmul(a, a).mul(0.5)).output("apart", add(a.mul(0.1), a));
    g.output("single", matmul(b, b).mul(0.1));
    const ops = Graph.fromModel(g.toModel()).root.nodes.map(({ op }) => op);
    expect(ops).not.toContain("Neg");
  });
});
