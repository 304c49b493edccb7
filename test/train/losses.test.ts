import { Graph, losses, type Value } from "softonnx";
import { evaluate } from "softonnx/node";
import { between } from "../grad/check.ts";
import { type Row, testRows } from "../grad/rows.ts";

/** The number that a loss gives for constants, in float64. */
async function numberOf(build: (g: Graph) => Value): Promise<number> {
  const g = new Graph("loss");
  const { data } = await evaluate(build(g));
  expect(data).toHaveLength(1);
  return Number(data[0]);
}

const float64 = (g: Graph, numbers: Parameters<Graph["constant"]>[0]) =>
  g.constant(numbers, "float64");

type Rows = readonly (readonly [name: string, build: (g: Graph) => Value, wanted: number])[];

function testNumbers(rows: Rows, digits = 12): void {
  test.each(rows.map(([name, build, wanted]) => ({ name, build, wanted })))(
    "$name",
    async ({ build, wanted }) => {
      expect(await numberOf(build)).toBeCloseTo(wanted, digits);
    },
  );
}

const P = [1, -2, 3, 0.5];
const T = [0, 1, 3, -3];
const W = [1, 2, 0, 4];

describe("regression", () => {
  testNumbers([
    ["mse", (g) => losses.mse(float64(g, P), T), (1 + 9 + 0 + 12.25) / 4],
    ["mse with weights", (g) => losses.mse(float64(g, P), T, { weights: W }), (1 + 18 + 49) / 7],
    ["mse as a sum", (g) => losses.mse(float64(g, P), T, { reduction: "sum", weights: W }), 68],
    ["mae", (g) => losses.mae(float64(g, P), T), (1 + 3 + 0 + 3.5) / 4],
    ["huber", (g) => losses.huber(float64(g, P), T, { delta: 2 }), (0.5 + 4 + 0 + 5) / 4],
    [
      "pinball",
      (g) => losses.pinball(float64(g, P), T, { quantile: 0.25 }),
      (0.75 + 0.75 + 2.625) / 4,
    ],
  ]);

  test("reduction none keeps the samples apart", async () => {
    const g = new Graph("loss");
    const y = losses.mse(float64(g, P), T, { reduction: "none", weights: W });
    expect(Array.from((await evaluate(y)).data as Float64Array)).toEqual([1, 18, 0, 49]);
  });

  test("a soft pinball is the hard one as softness goes to 0", async () => {
    for (const mode of ["smooth", "c0", "c1", "c2"] as const) {
      const soft = await numberOf((g) =>
        losses.pinball(float64(g, P), T, { quantile: 0.25, mode, softness: 1e-7 }),
      );
      expect(soft).toBeCloseTo((0.75 + 0.75 + 2.625) / 4, 6);
    }
  });

  testRows([
    [
      "mse",
      (x, y) => losses.mse(x, y),
      [
        [2, 3],
        [2, 3],
      ],
    ],
    ["mae", (x, y, w) => losses.mae(x, y, { weights: w }), [[4], [4], [4]]],
    ["huber", (x, y) => losses.huber(x, y, { delta: 0.7 }), [[5], [5]]],
    ["pinball", (x, y) => losses.pinball(x, y, { quantile: 0.3 }), [[4], [4]]],
    [
      "pinball c2",
      (x, y) => losses.pinball(x, y, { quantile: 0.3, mode: "c2", softness: 1 }),
      [[4], [4]],
    ],
  ]);
});

const logSumExp = (row: readonly number[]) =>
  Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0));

describe("classification", () => {
  const logits = [
    [1, 2, -1],
    [0.5, 0, 3],
  ];
  const [a, b] = logits.map(logSumExp) as [number, number];
  const softplus = (x: number) => Math.log1p(Math.exp(x));
  testNumbers([
    [
      "crossEntropy of class numbers",
      (g) => losses.crossEntropy(float64(g, logits), [0, 2]),
      (a - 1 + b - 3) / 2,
    ],
    [
      "crossEntropy of probabilities",
      (g) =>
        losses.crossEntropy(float64(g, logits), [
          [0.5, 0.5, 0],
          [0, 0.25, 0.75],
        ]),
      (a - 1.5 + b - 2.25) / 2,
    ],
    [
      "crossEntropy along the first axis",
      (g) =>
        losses.crossEntropy(
          float64(g, [
            [1, 0.5],
            [2, 0],
            [-1, 3],
          ]),
          [0, 2],
          { axis: 0, weights: [3, 1] },
        ),
      (3 * (a - 1) + b - 3) / 4,
    ],
    [
      "crossEntropy with smoothed labels",
      (g) => losses.crossEntropy(float64(g, logits), [0, 2], { labelSmoothing: 0.3 }),
      (0.7 * (a - 1 + b - 3) + 0.3 * (a - 2 / 3 + b - 3.5 / 3)) / 2,
    ],
    [
      "binaryCrossEntropy",
      (g) => losses.binaryCrossEntropy(float64(g, [2, -1, 0]), [1, 0, 0.5]),
      (softplus(-2) + softplus(-1) + Math.LN2) / 3,
    ],
    [
      "binaryCrossEntropy far out",
      (g) => losses.binaryCrossEntropy(float64(g, [1000, -1000]), [0, 0]),
      500,
    ],
    ["hinge", (g) => losses.hinge(float64(g, [2, 0.5, -1]), [1, 1, -1]), 0.5 / 3],
    [
      "hinge with a margin",
      (g) => losses.hinge(float64(g, [2, 0.5]), [-1, 1], { margin: 2 }),
      5.5 / 2,
    ],
  ]);

  testRows([
    ["crossEntropy", (x) => losses.crossEntropy(x, [1, 0, 2]), [[3, 4]]],
    [
      "crossEntropy of probabilities",
      (x, p) => losses.crossEntropy(x, p, { labelSmoothing: 0.1 }),
      [
        [2, 3],
        [2, 3],
      ],
    ],
    ["binaryCrossEntropy", (x, y) => losses.binaryCrossEntropy(x, y), [[4], [4]]],
    ["hinge", (x, y) => losses.hinge(x, y), [[4], [4]]],
  ]);
});

const hard = { mode: "hard" } as const;

describe("in mode hard they are the measures they are named after", () => {
  testNumbers(
    [
      [
        "softSpearman",
        (g) => losses.softSpearman(float64(g, [1, 5, 3, 4]), [10, 40, 20, 30], hard),
        0,
      ],
      [
        "softSpearman of opposites",
        (g) => losses.softSpearman(float64(g, [4, 3, 2]), [1, 2, 3], hard),
        2,
      ],
      // Ranks 1 2 3 4 beside 1 2.5 2.5 4.
      [
        "softSpearman with ties",
        (g) => losses.softSpearman(float64(g, [1, 2, 3, 4]), [0, 7, 7, 9], hard),
        1 - 4.5 / Math.sqrt(5 * 4.5),
      ],
      [
        "softSpearman without a sample",
        (g) =>
          losses.softSpearman(float64(g, [1, 2, 3]), [1, 2, 3], { ...hard, weights: [1, 1, 0] }),
        0,
      ],
      [
        "softNdcg",
        (g) => losses.softNdcg(float64(g, [3, 2, 1]), [1, 0, 2], hard),
        1 - (1 + 3 / 2) / (3 + 1 / Math.log2(3)),
      ],
      [
        "softNdcg in the right order",
        (g) => losses.softNdcg(float64(g, [3, 9, 1]), [1, 2, 0], hard),
        0,
      ],
      ["softNdcg without gains", (g) => losses.softNdcg(float64(g, [3, 9, 1]), [0, 0, 0], hard), 1],
      [
        "softAuc",
        (g) => losses.softAuc(float64(g, [0.1, 0.4, 0.35, 0.8]), [0, 0, 1, 1], hard),
        0.25,
      ],
      [
        "softAuc with weights",
        (g) =>
          losses.softAuc(float64(g, [0.1, 0.4, 0.35, 0.8]), [0, 0, 1, 1], {
            ...hard,
            weights: [1, 3, 1, 1],
          }),
        3 / 8,
      ],
      [
        "softPrecisionAtK",
        (g) => losses.softPrecisionAtK(float64(g, [5, 1, 4, 3]), [1, 1, 0, 0], 2, hard),
        0.5,
      ],
      [
        "softRecallAtK",
        (g) => losses.softRecallAtK(float64(g, [5, 1, 4, 3]), [1, 1, 1, 0], 2, hard),
        1 / 3,
      ],
      [
        "trimmedLeastSquares",
        (g) => losses.trimmedLeastSquares(float64(g, [1, 2, 3, 100]), [1, 1, 1, 1], 3, hard),
        5 / 3,
      ],
      [
        "trimmedLeastSquares with weights",
        (g) =>
          losses.trimmedLeastSquares(float64(g, [1, 2, 3, 100]), [1, 1, 1, 1], 3, {
            ...hard,
            weights: [0, 3, 1, 1],
          }),
        7 / 4,
      ],
      [
        "topkCrossEntropy of one that is first",
        (g) => losses.topkCrossEntropy(float64(g, [[1, 5, 2]]), [1], [1], hard),
        0,
      ],
      [
        "topkCrossEntropy of one that is second",
        (g) => losses.topkCrossEntropy(float64(g, [[1, 5, 2]]), [2], [0.25, 0.75], hard),
        -Math.log(0.75),
      ],
    ],
    9,
  );
});

test("topkCrossEntropy of k = 1 is the cross-entropy", async () => {
  // softsort without standardisation: softmax of -|max - x| / softness.
  const x = [1, 5, 2];
  const found = await numberOf((g) => losses.topkCrossEntropy(float64(g, [x]), [2], [1]));
  expect(found).toBeCloseTo(logSumExp(x) - 2, 9);
});

describe("soft losses come down along their gradients", () => {
  const draw = between(-1, 1);
  const rows: readonly Row[] = [
    ["softSpearman", (x) => losses.softSpearman(x, [3, 1, 2, 2], { softness: 0.3 }), [[4]]],
    [
      "softSpearman with weights",
      (x, w) =>
        losses.softSpearman(
          x,
          [
            [3, 1, 2],
            [1, 2, 3],
          ],
          { weights: w.mul(w).add(1), method: "softsort" },
        ),
      [[2, 3], [3]],
    ],
    ["softNdcg", (x) => losses.softNdcg(x, [2, 0, 1], { softness: 0.3 }), [[3]]],
    ["softAuc", (x) => losses.softAuc(x, [1, 0, 1, 0], { softness: 0.5 }), [[4]]],
    [
      "softPrecisionAtK",
      (x) => losses.softPrecisionAtK(x, [1, 0, 1, 0], 2, { softness: 0.5 }),
      [[4]],
    ],
    [
      "softRecallAtK",
      (x) => losses.softRecallAtK(x, [1, 0, 1, 0], 3, { weights: [1, 2, 3, 4], mode: "smooth" }),
      [[4]],
    ],
    [
      "topkCrossEntropy",
      (x) => losses.topkCrossEntropy(x, [0, 2], [0.5, 0, 0.5], { softness: 0.5, weights: [1, 2] }),
      [[2, 3]],
    ],
    [
      "trimmedLeastSquares",
      (x) =>
        losses.trimmedLeastSquares(x, [1, -1, 0, 5], 3, { softness: 0.5, weights: [1, 2, 1, 1] }),
      [[4]],
    ],
  ];
  testRows(rows, { draw, order: 1, also: ["named"] });
});

describe("errors", () => {
  const g = new Graph("errors");
  const x = g.input("x", "float32", ["n", 3]);

  test.each<[string, () => unknown, RegExp]>([
    [
      "shapes that differ",
      () => losses.mse(x, g.input("y", "float32", ["n", 1])),
      /mse: shapes differ/,
    ],
    [
      "an unknown reduction",
      () => losses.mae(x, x, { reduction: "max" as never }),
      /reduction: expected "mean"/,
    ],
    [
      "an unknown option",
      () => losses.huber(x, x, { beta: 1 } as never),
      /huber: unknown option "beta"/,
    ],
    [
      "weights of more axes",
      () => losses.mse(x, x, { weights: [[[1]]] }),
      /weights: expected float32/,
    ],
    ["a quantile of 1", () => losses.pinball(x, x, { quantile: 1 }), /between 0 and 1, got 1/],
    [
      "class numbers of a wrong rank",
      () => losses.crossEntropy(x, g.input("t", "int64", ["n", 3])),
      /class numbers with 1 axes/,
    ],
    [
      "integers as predictions",
      () => losses.mse(g.input("i", "int64", [3]), [1, 2, 3]),
      /prediction: expected floats/,
    ],
    ["a distribution that is none", () => losses.topkCrossEntropy(x, [0], [0.5]), /with sum 1/],
    ["k beyond n", () => losses.softRecallAtK(x, x, 4), /k: expected a whole number from 1 to 3/],
  ])("%s", (_, build, message) => {
    expect(build).toThrow(message);
  });
});
