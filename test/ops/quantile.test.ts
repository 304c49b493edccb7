import { Graph, grad, soft, type Value } from "softonnx";
import { evaluate } from "softonnx/node";
import { checkGradient } from "../grad/check.ts";
import { compute, expectClose } from "./support.ts";

const sorted = Array.from({ length: 11 }, (_, i) => i * i);
const interpolations = ["linear", "lower", "higher", "nearest", "midpoint"] as const;
const levels = [0, 0.04, 0.05, 0.15, 0.29, 0.3, 0.5, 0.99, 1];

/** What NumPy's quantile gives for 0, 1, 4, …, 100. */
const expected: Readonly<Record<(typeof interpolations)[number], readonly number[]>> = {
  linear: [0, 0.4, 0.5, 2.5, 8.5, 9, 25, 98.1, 100],
  lower: [0, 0, 0, 1, 4, 9, 25, 81, 100],
  higher: [0, 1, 1, 4, 9, 9, 25, 100, 100],
  nearest: [0, 0, 0, 4, 9, 9, 25, 100, 100],
  midpoint: [0, 0.5, 0.5, 2.5, 6.5, 9, 25, 90.5, 100],
};

describe.each(interpolations)("interpolation %s", (interpolation) => {
  test.each([
    ["number", [11]],
    ["name", ["n"]],
  ] as const)("size known by %s", async (_, shape) => {
    const { data } = await compute(
      (x) => soft.quantile(x, levels, { interpolation, mode: "hard" }),
      sorted,
      { shape },
    );
    expectClose(data, expected[interpolation], 1e-12);
  });

  test("levels fed to the model", async () => {
    // Those that float32 holds exactly, or that are no place where it matters which side they are on.
    const fed = [0, 0.04, 0.15625, 0.5, 0.99, 1];
    const find = { mode: "hard", interpolation } as const;
    const hard = await compute((x) => soft.quantile(x, fed, find), sorted);
    for (const dtype of ["float32", "float64"] as const) {
      const g = new Graph("quantile");
      const x = g.input("x", dtype, ["n"]);
      const options = { interpolation, softness: 1e-4 };
      const all = soft.quantile(x, g.input("q", dtype, ["k"]), options);
      const one = soft.quantile(x, g.input("one", dtype, []), { ...options, keepdim: true });
      const typed = (numbers: readonly number[]) =>
        dtype === "float32" ? Float32Array.from(numbers) : Float64Array.from(numbers);
      const found = await evaluate({ all, one }, { x: typed(sorted), q: typed(fed), one: 0.5 });
      expectClose(Array.from(found.all.data as Float64Array, Number), hard.data, 1e-4);
      expect(found.one.dims).toEqual([1]);
      expect(Number(found.one.data[0])).toBeCloseTo(25, 4);
    }
  });
});

test("a place that is whole but for rounding counts as whole for midpoint", async () => {
  const rows = Array.from({ length: 101 }, (_, i) => i);
  const options = { interpolation: "midpoint", mode: "hard" } as const;
  // 0.29 * 100 is 28.999999999999996.
  const known = await compute((x) => soft.quantile(x, 0.29, options), rows);
  const named = await compute((x) => soft.quantile(x, 0.29, options), rows, { shape: ["n"] });
  expect([known.data, named.data]).toEqual([[29], [29]]);
});

test("a level that is fed has the slope of the line between two entries", async () => {
  await checkGradient((x, q) => soft.quantile(x, q, { softness: 0.5 }), [[5], [2]], {
    draw: [(u) => 4 * u, (u) => 0.05 + 0.85 * u],
    order: 1,
  });
  const { data } = await compute((q, g) => {
    const x = g.constant([0, 1, 4, 9, 16], "float64");
    return grad(soft.quantile(x, q, { mode: "hard" }), [q])[0] as Value;
  }, 0.6);
  expectClose(data, [4 * 5], 1e-12);
});

test("levels out of range that are fed count as 0 and 1", async () => {
  const { data } = await compute(
    (q, g) => soft.quantile(g.constant([3, 1, 2], "float64"), q, { mode: "hard" }),
    [-1, 2],
  );
  expect(data).toEqual([1, 3]);
});

test("only the rows that are needed are made", () => {
  const g = new Graph("rows");
  const x = g.input("x", "float32", [8, 1000]);
  soft.quantile(x, [0.1, 0.5, 0.9], { dim: 1, method: "softsort" });
  soft.median(x, { dim: 1, method: "softsort" });
  soft.argmax(x, { dim: 1 });
  soft.topk(x, 3, { dim: 1, method: "softsort" });
  const largest = Math.max(
    ...g.root.nodes.flatMap(({ outputs }) =>
      outputs.map(({ shape }) => (shape as number[]).reduce((a, b) => a * b, 1)),
    ),
  );
  expect(largest).toBe(8 * 6 * 1000);
});
