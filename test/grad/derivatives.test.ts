import { sameShape } from "../../src/builder/dim.ts";
import { Graph } from "../../src/builder/graph.ts";
import {
  customGradient,
  gather,
  loop,
  matmul,
  reduceLogSumExp,
  reduceMax,
  reduceSum,
  relu,
  reshape,
  sin,
  sizeOf,
  softmax,
  tanh,
} from "../../src/builder/operators/index.ts";
import type { Value } from "../../src/builder/value.ts";
import {
  grad,
  hessian,
  hessianVectorProduct,
  jacobian,
  jvp,
  perExampleGrads,
  vjp,
} from "../../src/grad/index.ts";
import { type Build, expectClose, numbers, runBoth } from "./check.ts";

type Sizes = "static" | "named" | "unknown";

function inputsOf(
  shapes: readonly (readonly number[])[],
  sizes: Sizes,
  dtype = "float64" as const,
) {
  const g = new Graph("derivatives");
  const xs = shapes.map((dims, i) =>
    g.input(
      `x${i}`,
      dtype,
      dims.map((dim) => (sizes === "static" ? dim : sizes === "named" ? `n${dim}` : null)),
    ),
  );
  return { g, xs: xs as [Value, Value, Value] };
}

function pointsOf(shapes: readonly (readonly number[])[]) {
  return shapes.map((dims, i) => {
    const size = dims.reduce((product, dim) => product * dim, 1);
    return numbers(
      Array.from({ length: size }, (_, j) => Math.sin(5 * i + 1.3 * j + 1)),
      dims,
    );
  });
}

const builds: readonly (readonly [name: string, Build, (readonly number[])[]])[] = [
  ["elementwise", (x, y) => sin(x.mul(y)).div(y.mul(y).add(1)), [[2, 3], [3]]],
  ["a layer", (x, w, b) => tanh(matmul(x, w).add(b)), [[2, 3], [3, 2], [2]]],
  ["softmax", (x) => softmax(x).mul(x), [[2, 3]]],
  ["kinks and picks", (x, y) => relu(x).add(reduceMax(y, { axes: 0 })), [[3], [2, 3]]],
  ["few outputs", (x) => reduceLogSumExp(x, { axes: 1 }), [[2, 3]]],
  ["one output", (x) => reduceSum(x.mul(x).mul(x)), [[2, 2]]],
  [
    "a loop",
    (x, w) => loop(3, [w], (i, s) => [tanh((s as Value).mul(gather(x, i)))])[0] as Value,
    [[3, 2], [2]],
  ],
  [
    "a rule of one's own",
    customGradient(
      (x) => x.mul(x),
      ([x], dy) => [dy.mul((x as Value).mul(3))],
    ) as Build,
    [[3]],
  ],
];

describe.each(builds)("%s", (_, build, shapes) => {
  const points = pointsOf(shapes);

  test.each(["static", "named", "unknown"] as const)("%s sizes", async (sizes) => {
    const { g, xs } = inputsOf(shapes, sizes);
    const y = build(...xs);
    const steps = xs.map((x, i) => sin(x.mul(2).add(i)));
    const weights = sin(y.mul(3).add(1));
    const [forward] = jvp(y, xs, steps) as [Value];
    const backward = vjp(y, xs, weights);
    // The same number by either mode.
    const left = reduceSum(forward.mul(weights));
    const right = backward
      .map((dx, i) => reduceSum(dx.mul(steps[i] as Value)))
      .reduce((a, b) => a.add(b));
    const matrices = jacobian(y, xs);
    const byMatrix = matrices
      .map((J, i) => {
        const x = xs[i] as Value;
        const flat = reshape(J, [-1, xs[i]?.rank === 0 ? 1 : sizesProduct(x)]);
        return matmul(flat, reshape(steps[i] as Value, [-1, 1]));
      })
      .reduce((a, b) => a.add(b));
    const named = {
      left,
      right,
      forward: reshape(forward, [-1]),
      byMatrix: reshape(byMatrix, [-1]),
      ...Object.fromEntries(matrices.map((J, i) => [`J${i}`, J])),
    };
    expect(sameShape(forward.shape, y.shape)).not.toBe(false);
    const found = await runBoth(g, named, points);
    expectClose(
      "both modes",
      [found.left?.data as number[]],
      [found.right?.data as number[]],
      1e-11,
    );
    expectClose(
      "matrix",
      [found.byMatrix?.data as number[]],
      [found.forward?.data as number[]],
      1e-11,
    );
    const sizesOfY = await runBoth(g, { y }, points);
    for (const [i, dims] of shapes.entries()) {
      expect(found[`J${i}`]?.dims).toEqual([...(sizesOfY.y?.dims ?? []), ...dims]);
    }
  });
});

function sizesProduct(x: Value) {
  return x.shape
    ?.map((_, axis) => sizeOf(x, axis))
    .reduce((a, b) =>
      typeof a === "number" && typeof b === "number"
        ? a * b
        : typeof a === "number"
          ? (b as Value).mul(a)
          : a.mul(b),
    ) as number;
}

describe("jvp", () => {
  test("against central differences, and along a line to second order", async () => {
    const { g, xs } = inputsOf([[3], [3]], "static");
    const [x, v] = xs;
    const f = (at: Value) => sin(at.mul(at)).mul(reduceSum(at));
    const [first] = jvp(f(x), [x], [v]) as [Value];
    const [second] = jvp(first, [x], [v]) as [Value];
    const h = 1e-4;
    const near = [h, -h].map((step) => f(x.add(v.mul(step)))) as [Value, Value];
    const slope = near[0].sub(near[1]).div(2 * h);
    const bend = near[0]
      .add(near[1])
      .sub(f(x).mul(2))
      .div(h * h);
    const found = await runBoth(g, { first, second, slope, bend }, pointsOf([[3], [3]]));
    const rows = (name: string) => [found[name]?.data as number[]];
    expectClose("first", rows("first"), rows("slope"), 1e-7);
    expectClose("second", rows("second"), rows("bend"), 1e-5);
  });

  test("several ys, numbers as tangents, and a y that depends on nothing", async () => {
    const { g, xs } = inputsOf([[2], [2]], "static");
    const [x, other] = xs;
    const [a, b, c] = jvp([x.mul(x), x.mul(3), other], [x], [1]) as [Value, Value, Value];
    const found = await runBoth(g, { a, b, c }, [numbers([2, 3]), numbers([5, 7])]);
    expect([found.a?.data, found.b?.data, found.c?.data]).toEqual([
      [4, 6],
      [3, 3],
      [0, 0],
    ]);
  });

  test("float32", async () => {
    const g = new Graph("single");
    const x = g.input("x0", "float32", [2]);
    const [dy] = jvp(x.mul(x), [x], [[1, 0.5]]) as [Value];
    expect(dy.dtype).toBe("float32");
    expect((await runBoth(g, { dy }, [numbers([2, 3])])).dy?.data).toEqual([4, 3]);
  });

  test("leaves nothing of the way back in the model", () => {
    const { g, xs } = inputsOf([[4], [4]], "named");
    const [x, v] = xs;
    const y = tanh(sin(x).mul(x));
    const [dy] = jvp(y, [x], [v]) as [Value];
    // Forward: sin, mul, tanh. By hand: cos, two products, a sum, 1 - y², its product.
    const nodes = Graph.fromModel(g.toModel({ outputs: { y, dy } })).root.nodes;
    expect(nodes.length).toBeLessThanOrEqual(3 + 8);
    const loops = loop(5, [x], (_, s) => [tanh((s as Value).mul(v))]) as [Value];
    const [forward] = jvp(loops[0], [x], [v]) as [Value];
    const written = Graph.fromModel(g.toModel({ outputs: { forward } })).root.nodes;
    expect(written.filter(({ op }) => op === "Loop").length).toBeLessThanOrEqual(2);
  });

  test("tangents that do not fit", () => {
    const { xs } = inputsOf([[2], [3]], "static");
    const [x, v] = xs;
    expect(() => jvp(x, [x], [v])).toThrow(
      'jvp: tangents[0]: expected the type and shape of float64 [2] "x0", got float64 [3] "x1"',
    );
    expect(() => jvp(x, [x], [])).toThrow(/^jvp: tangents: expected 1, one for each x/);
    expect(() => jvp(x, x as never, [v])).toThrow(/^jvp: xs: expected a list of Values/);
  });
});

describe("hessian and its product with a vector", () => {
  test.each(["static", "named", "unknown"] as const)("%s sizes", async (sizes) => {
    const { g, xs } = inputsOf([[3], [3]], sizes);
    const [x, v] = xs;
    const y = reduceSum(sin(x.mul(x)).mul(reduceSum(x)));
    const H = hessian(y, x);
    const [product] = hessianVectorProduct(y, [x], [v]) as [Value];
    const byMatrix = matmul(v, H);
    const h = 1e-5;
    const near = [h, -h].map((step) => {
      const at = x.add(v.mul(step));
      return grad(reduceSum(sin(at.mul(at)).mul(reduceSum(at))), [at])[0] as Value;
    }) as [Value, Value];
    const slope = near[0].sub(near[1]).div(2 * h);
    const found = await runBoth(g, { H, product, byMatrix, slope }, pointsOf([[3], [3]]));
    const rows = (name: string) => [found[name]?.data as number[]];
    expect(found.H?.dims).toEqual([3, 3]);
    expectClose("matrix", rows("byMatrix"), rows("product"), 1e-11);
    expectClose("differences", rows("product"), rows("slope"), 1e-6);
  });

  test("a matrix gives four axes; the Hessian of something linear is zero", async () => {
    const { g, xs } = inputsOf([[2, 3]], "named");
    const [x] = xs;
    const H = hessian(reduceSum(x.mul(x)), x);
    const none = hessian(reduceSum(x), x);
    const found = await runBoth(g, { H, none }, pointsOf([[2, 3]]));
    expect(found.H?.dims).toEqual([2, 3, 2, 3]);
    const eye = Array.from({ length: 36 }, (_, i) => (i % 7 === 0 ? 2 : 0));
    expect(found.H?.data).toEqual(eye);
    expect(found.none?.data).toEqual(new Array(36).fill(0));
  });
});

describe("jacobian", () => {
  test("by columns where they are fewer, and of a scalar", async () => {
    const g = new Graph("columns");
    const t = g.input("x0", "float64", []);
    const x = g.input("x1", "float64", ["n"]);
    const [column] = jacobian(sin(x.mul(t)), [t]) as [Value];
    expect(column.shape).toEqual(["n"]);
    expect(g.root.nodes.some(({ op }) => op === "Loop")).toBe(false);
    const [row] = jacobian(reduceSum(x.mul(t)), [x]) as [Value];
    const found = await runBoth(g, { column, row }, [numbers([2], []), numbers([1, 2, 3])]);
    expectClose(
      "column",
      [found.column?.data as number[]],
      [[1, 2, 3].map((v) => v * Math.cos(2 * v))],
      1e-12,
    );
    expect(found.row?.data).toEqual([2, 2, 2]);
  });

  test("nests, and has a gradient", async () => {
    const { g, xs } = inputsOf([[6]], "static");
    const [x] = xs;
    const [J] = jacobian(x.mul(x).mul(x), [x]) as [Value];
    const [JJ] = jacobian(J, [x]) as [Value];
    const [dx] = grad(reduceSum(J), [x]) as [Value];
    const found = await runBoth(g, { JJ, dx }, [numbers([1, 2, 3, 4, 5, 6])]);
    expect(found.JJ?.dims).toEqual([6, 6, 6]);
    expect(found.JJ?.data.filter((v) => v !== 0)).toEqual([6, 12, 18, 24, 30, 36]);
    expect(found.dx?.data).toEqual([6, 12, 18, 24, 30, 36]);
  });

  test("of no elements at all", async () => {
    const { g, xs } = inputsOf([[0], [3]], "unknown");
    const [J] = jacobian(xs[0].mul(reduceSum(xs[1])), [xs[1]]) as [Value];
    const found = await runBoth(g, { J }, [numbers([], [0]), numbers([1, 2, 3])]);
    expect(found.J?.dims).toEqual([0, 3]);
  });

  test("what does not depend on the row is computed once", () => {
    const { xs } = inputsOf([[9]], "static");
    const [x] = xs;
    const [J] = jacobian(softmax(sin(x)), [x]) as [Value];
    const looped = J.graph.root.nodes.find(({ op }) => op === "Loop");
    const body = looped?.attributes.body;
    const ops = body?.type === "graph" ? body.value.nodes.map(({ op }) => op) : [];
    expect(ops).not.toContain("Cos");
  });

  test("ranks that are not known", () => {
    const g = new Graph("unranked");
    const x = g.input("x", "float64");
    expect(() => jacobian(x, [x])).toThrow(/^jacobian: y: the rank of .* must be known/);
    expect(() => hessian(reduceSum(x), x)).toThrow(/^hessian: x: the rank of .* must be known/);
  });
});

describe("perExampleGrads", () => {
  test.each(["static", "named", "unknown"] as const)("%s sizes", async (sizes) => {
    const shapes = [[5, 2], [5], [2]];
    const { g, xs } = inputsOf(shapes, sizes);
    const [X, t, w] = xs;
    const square = (x: Value) => x.mul(x);
    const [each] = perExampleGrads(
      [X, t],
      ([x, y]) => square(matmul(x as Value, w).sub(y as Value)),
      [w],
    ) as [Value];
    const [whole] = jacobian(square(matmul(X, w).sub(t)), [w]) as [Value];
    const [sum] = grad(reduceSum(square(matmul(X, w).sub(t))), [w]) as [Value];
    const found = await runBoth(
      g,
      { each, whole, sum, added: reduceSum(each, { axes: 0 }) },
      pointsOf(shapes),
    );
    expect(found.each?.dims).toEqual([5, 2]);
    expectClose("rows", [found.each?.data as number[]], [found.whole?.data as number[]], 1e-12);
    expectClose("sum", [found.added?.data as number[]], [found.sum?.data as number[]], 1e-12);
  });

  test("what is no batch", () => {
    const { xs } = inputsOf([[3], []], "static");
    expect(() => perExampleGrads([], () => xs[0], [xs[0]])).toThrow(
      /examples: expected at least one/,
    );
    expect(() => perExampleGrads([xs[1]], ([x]) => x as Value, [xs[0]])).toThrow(
      /examples\[0\]: expected a value with a first axis/,
    );
  });
});
