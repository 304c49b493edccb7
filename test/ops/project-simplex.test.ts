import { evaluate } from "softonnx/node";
import { Graph, grad, reduceSum, soft } from "../../src/index.ts";
import type { SoftMode } from "../../src/ops/options.ts";

const ROWS = [
  [0.3, -0.2, 0.9, 0.1],
  [5, 5, 5, 5],
  [1e6, 0, -1e6, 3],
];

/** Entries less their threshold, recovered from the projection. */
const root: Readonly<Record<SoftMode, (y: number) => number>> = {
  smooth: Math.log,
  c0: (y) => y,
  c1: Math.sqrt,
  c2: Math.cbrt,
};

describe.each(["smooth", "c0", "c1", "c2"] as const)("projectSimplex, %s", (mode) => {
  test("sums to 1, and all entries share one threshold, below which they are 0", async () => {
    const g = new Graph();
    const x = g.input("x", "float64", ["rows", "n"]);
    const y = soft.projectSimplex(x, { softness: 0.5, mode });
    const { data } = await evaluate(y, { x: ROWS }, { backend: "cpu" });
    ROWS.forEach((row, i) => {
      const projected = Array.from(data.slice(4 * i, 4 * i + 4) as Float64Array);
      expect(projected.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 12);
      const kept = projected.flatMap((p, j) =>
        p > 0 ? [(row[j] as number) / 0.5 - root[mode](p)] : [],
      );
      const threshold = kept[0] as number;
      for (const t of kept) expect(t).toBeCloseTo(threshold, 8);
      // Entropy has no zeros but those that underflow, 750 below.
      const least = mode === "smooth" ? threshold - 700 : threshold + 1e-9;
      projected.forEach((p, j) => {
        expect(p).toBeGreaterThanOrEqual(0);
        if (p === 0) expect((row[j] as number) / 0.5).toBeLessThanOrEqual(least);
      });
    });
  });

  test("goes along any axis, with a softness that is learned", async () => {
    const g = new Graph();
    const x = g.input("x", "float64", [2, 3]);
    const softness = g.parameter("softness", 0.4, "float64");
    const y = soft.projectSimplex(x, { dim: 0, softness, mode });
    expect(y.shape).toEqual([2, 3]);
    const [slope] = grad(
      reduceSum(
        y.mul([
          [1, 2, 3],
          [0, 0, 0],
        ]),
      ),
      [softness],
    );
    const feeds = {
      x: [
        [0.1, 0.2, 0.3],
        [0.3, 0.1, 0.2],
      ],
    };
    const at = async (s: number) =>
      Number(
        (
          await evaluate(
            reduceSum(
              y.mul([
                [1, 2, 3],
                [0, 0, 0],
              ]),
            ),
            { ...feeds, softness: s },
            { backend: "cpu" },
          )
        ).data[0],
      );
    const difference = ((await at(0.4 + 1e-5)) - (await at(0.4 - 1e-5))) / 2e-5;
    const { data } = await evaluate(slope as NonNullable<typeof slope>, feeds, { backend: "cpu" });
    expect(Number(data[0])).toBeCloseTo(difference, 6);
  });
});

test("refuses a mode that does not project", () => {
  const x = new Graph().input("x", "float32", [3]);
  expect(() => soft.projectSimplex(x, { mode: "hard" as never })).toThrow(
    'projectSimplex: mode: expected "smooth", "c0", "c1", "c2", got "hard"',
  );
});
