import { Graph } from "../../src/builder/graph.ts";
import {
  abs,
  clip,
  div,
  log,
  logSoftmax,
  max,
  min,
  passThrough,
  pow,
  reduceLogSumExp,
  reduceMax,
  reduceMin,
  reduceProd,
  relu,
  scatterElements,
  sigmoid,
  softmax,
  softplus,
  sqrt,
  stopGradient,
  topK,
  where,
} from "../../src/builder/operators/index.ts";
import type { Value } from "../../src/builder/value.ts";
import { grad, vjp } from "../../src/grad/index.ts";
import { type Build, gradientAt, type Numbers, numbers, runBoth } from "./check.ts";

const inf = Number.POSITIVE_INFINITY;

/** At a tie, a kink or a pole: the gradient is what the rule says, which is what PyTorch says. */
const cases: readonly [string, Build, readonly Numbers[], readonly (readonly number[])[]][] = [
  ["abs is flat at 0", abs, [numbers([-2, 0, 3])], [[-1, 0, 1]]],
  ["relu is flat at 0", relu, [numbers([-2, 0, 3])], [[0, 0, 1]]],
  [
    "clip passes at its bounds",
    (x) => clip(x, -1, 1),
    [numbers([-2, -1, 0, 1, 2])],
    [[0, 1, 1, 1, 0]],
  ],
  [
    "clip gives its bounds what they cut off",
    (x, low, high) => clip(x, low, high),
    [numbers([-2, -1, 0, 1, 2, 3]), numbers([-1], []), numbers([1], [])],
    [[0, 1, 1, 1, 0, 0], [1], [2]],
  ],
  [
    "clip with crossed bounds gives all to the upper one",
    (x, low, high) => clip(x, low, high),
    [numbers([-2, 0, 2]), numbers([1], []), numbers([-1], [])],
    [[0, 0, 0], [0], [3]],
  ],
  [
    "max of two equal",
    max,
    [numbers([1, 2, 3]), numbers([2, 2, 2])],
    [
      [0, 0.5, 1],
      [1, 0.5, 0],
    ],
  ],
  [
    "min of two equal",
    min,
    [numbers([1, 2, 3]), numbers([2, 2, 2])],
    [
      [1, 0.5, 0],
      [0, 0.5, 1],
    ],
  ],
  ["max with a literal", (x) => max(x, 0), [numbers([-1, 0, 1])], [[0, 0.5, 1]]],
  [
    "max of three",
    (x, y, z) => max(x, y, z),
    [numbers([1, 2, 2]), numbers([2, 2, 1]), numbers([2, 2, 0])],
    [
      [0, 1 / 3, 1],
      [0.5, 1 / 3, 0],
      [0.5, 1 / 3, 0],
    ],
  ],
  ["max of one", (x) => max(x), [numbers([3])], [[1]]],
  [
    "reduceMax",
    (x) => reduceMax(x, { axes: 1 }),
    [numbers([1, 3, 3, 2, 2, 2], [2, 3])],
    [[0, 0.5, 0.5, 1 / 3, 1 / 3, 1 / 3]],
  ],
  ["reduceMin", (x) => reduceMin(x), [numbers([1, 1, 3])], [[0.5, 0.5, 0]]],
  [
    "topK takes the first of equal ones",
    (x) => topK(x, 2).values,
    [numbers([1, 2, 2, 2])],
    [[0, 1, 1, 0]],
  ],
  [
    "scatter max: equal shares with the old element",
    (x, u) => scatterElements(x, [0, 0, 1], u, { reduction: "max" }),
    [numbers([2, 2, 2]), numbers([2, 2, 5])],
    [
      [1 / 3, 0, 1],
      [1 / 3, 1 / 3, 1],
    ],
  ],
  ["x^0 at 0", (x) => pow(x, 0), [numbers([0, 2])], [[0, 0]]],
  ["x^1 at 0", (x) => pow(x, 1), [numbers([0, 2])], [[1, 1]]],
  ["x^2 at 0 and below", (x) => pow(x, 2), [numbers([-3, 0])], [[-6, 0]]],
  ["x^3", (x) => pow(x, 3), [numbers([-2, 0])], [[12, 0]]],
  ["x^5", (x) => pow(x, 5), [numbers([-1, 0])], [[5, 0]]],
  [
    "0^e",
    pow,
    [numbers([0, 0, 0, 2]), numbers([0, 1, 2, 0])],
    [
      [0, 1, 0, 0],
      [0, 0, 0, Math.log(2)],
    ],
  ],
  ["product with a zero", (x) => reduceProd(x), [numbers([2, 0, 3])], [[0, 6, 0]]],
  ["product with two zeros", (x) => reduceProd(x), [numbers([0, 2, 0])], [[0, 0, 0]]],
  [
    "log-sum-exp with -infinity",
    (x) => reduceLogSumExp(x),
    [numbers([-inf, 0, 0])],
    [[0, 0.5, 0.5]],
  ],
  [
    "log-sum-exp of rows of -infinity and of +infinity",
    (x) => reduceLogSumExp(x, { axes: 1 }),
    [numbers([-inf, -inf, inf, 0, 1, 1], [3, 2])],
    [[0, 0, 0, 0, 0.5, 0.5]],
  ],
  [
    "softmax of a masked entry",
    (x) => softmax(x).slice(1, 2),
    [numbers([-inf, 0, 0])],
    [[0, 0.25, -0.25]],
  ],
  [
    "logSoftmax of a masked entry",
    (x) => logSoftmax(x).slice(1, 2),
    [numbers([-inf, 0, 0])],
    [[0, 0.5, -0.5]],
  ],
  ["sqrt is steep at 0", sqrt, [numbers([0, 4])], [[inf, 0.25]]],
  [
    "where keeps the slope of the branch not taken out",
    (x) => where(x.greater(0), sqrt(where(x.greater(0), x, 1)), 0),
    [numbers([0, -1, 4])],
    [[0, 0, 0.25]],
  ],
  [
    "where selects among infinite slopes",
    (x) => where(x.greater(0), x, div(1, x)),
    [numbers([2, 4])],
    [[1, 1]],
  ],
];

describe("first derivatives at ties and poles", () => {
  for (const [name, build, inputs, wanted] of cases) {
    test(name, async () => {
      for (const knowledge of ["static", "named", "unknown"] as const) {
        const found = await gradientAt(build, inputs, knowledge);
        found.forEach((row, i) => {
          row.forEach((x, j) => {
            const y = wanted[i]?.[j] as number;
            if (!Object.is(x, y)) expect(x).toBeCloseTo(y, 12);
          });
          expect(row.length).toBe(wanted[i]?.length);
        });
      }
    });
  }
});

/** grad of sum(grad of sum(build)) times weights. */
async function curvature(
  build: (x: Value) => Value,
  x: Numbers,
  weights: number[],
): Promise<number[]> {
  const g = new Graph();
  const input = g.input("x0", "float64", x.dims as number[]);
  const [first] = vjp(build(input), [input]) as [Value];
  const [second] = vjp(first, [input], g.constant(weights, x.dims, "float64")) as [Value];
  return (await runBoth(g, { second }, [x])).second?.data as number[];
}

describe("second derivatives where a factor is 0", () => {
  test("a product with two zeros: only the pair of them counts", async () => {
    const second = await curvature((x) => reduceProd(x), numbers([0, 2, 0, 3]), [1, 0, 0, 0]);
    expect(second).toEqual([0, 0, 6, 0]);
  });

  test("small whole powers at 0", async () => {
    expect(await curvature((x) => pow(x, 2), numbers([0]), [1])).toEqual([2]);
    expect(await curvature((x) => pow(x, 3), numbers([0]), [1])).toEqual([0]);
    expect(await curvature((x) => pow(x, 1), numbers([0]), [1])).toEqual([0]);
  });

  test("softplus at 0 and in its tails", async () => {
    const second = await curvature(softplus, numbers([0, 40, -40, 800, -800]), [1, 1, 1, 1, 1]);
    const tail = Math.exp(-40);
    expect(second[0]).toBeCloseTo(0.25, 14);
    expect((second[1] as number) / tail).toBeCloseTo(1, 10);
    expect((second[2] as number) / tail).toBeCloseTo(1, 10);
    expect(second.slice(3)).toEqual([0, 0]);
  });

  test("sigmoid at 0, to the third order", async () => {
    const slope = (x: Value) => vjp(sigmoid(x), [x])[0] as Value;
    expect(await curvature(sigmoid, numbers([0]), [1])).toEqual([0]);
    expect(await curvature(slope, numbers([0]), [1])).toEqual([-0.125]);
  });

  test("log-sum-exp of a masked row", async () => {
    const build = (x: Value) => reduceLogSumExp(x, { axes: 1 });
    const x = numbers([-inf, -inf, -inf, 0], [2, 2]);
    expect(await curvature(build, x, [1, 1, 1, 1])).toEqual([0, 0, 0, 0]);
  });
});

test("the slope of sigmoid is right where the value rounds to 0 or 1", async () => {
  const [dx] = await gradientAt(sigmoid, [numbers([40, -40])]);
  expect((dx?.[0] as number) / Math.exp(-40)).toBeCloseTo(1, 10);
  expect((dx?.[1] as number) / Math.exp(-40)).toBeCloseTo(1, 10);
});

describe("operators that only the gradient pass reads", () => {
  test("stopGradient lets nothing through", async () => {
    const [dx] = await gradientAt((x) => x.mul(stopGradient(x)), [numbers([2, 3])]);
    expect(dx).toEqual([2, 3]);
  });

  test("straight-through: exactly the hard value forward, the soft slope backward", async () => {
    const g = new Graph();
    const x = g.input("x0", "float64", [3]);
    const y = passThrough(log(x), x.mul(3));
    const [dx] = grad(y.sum(), [x]) as [Value];
    const found = await runBoth(g, { y, dx }, [numbers([0, 1, 2])]);
    expect(found.y?.data).toEqual([-inf, 0, Math.log(2)]);
    expect(found.dx?.data).toEqual([3, 3, 3]);
  });
});
