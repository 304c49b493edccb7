import { Graph, soft, type Value } from "softonnx";
import { evaluate, Tensor } from "softonnx/node";
import { checkGradient } from "../grad/check.ts";
import { dualOf, pool } from "./pav.ts";
import { compute, computeAll, expectClose } from "./support.ts";

jest.setTimeout(120_000);

const modes = ["smooth", "c0", "c1", "c2"] as const;
type SoftMode = (typeof modes)[number];

/** The projection by pooling, of one row in any order. */
function project(z: readonly number[], w: readonly number[], softness: number, mode: SoftMode) {
  const order = z.map((_, i) => i).sort((a, b) => (z[b] as number) - (z[a] as number));
  const s = order.map((i) => (z[i] as number) / softness);
  const { y } = pool(
    s,
    [...w].sort((a, b) => b - a),
    mode,
  );
  const back = new Array<number>(z.length);
  for (const [place, i] of order.entries()) back[i] = y[place] as number;
  return back;
}

const z = [
  [0.3, -1.2, 2.5, 0.4, 0.35],
  [1, 1, 0.9, -3, 7],
];
const w = [
  [1, 5, 2, 4, 3],
  [0.5, 0.25, -1, 2, 0],
];

describe.each(modes)("projectPermutahedron, mode %s", (mode) => {
  const both = (x: Value, how = {}) =>
    soft.projectPermutahedron(x, x.graph.constant(w, [2, 5], x.dtype), { mode, ...how });

  test("is the projection, row by row", async () => {
    for (const softness of [0.01, 0.1, 1, 50]) {
      const { data, dims } = await compute((x) => both(x, { softness }), z);
      expect(dims).toEqual([2, 5]);
      const wanted = z.flatMap((row, i) => project(row, w[i] as number[], softness, mode));
      expectClose(data, wanted, 1e-12);
    }
  });

  test("one row of weights serves all, whatever is known of the sizes", async () => {
    const cube = [z, z.map((row) => row.map((x) => x * x))];
    const wanted = cube.flatMap((rows) =>
      rows.flatMap((row) => project(row, [3, 1, 2, 0, 9], 0.1, mode)),
    );
    for (const shape of [undefined, ["a", "b", 5], [null, null, null]] as const) {
      const found = await compute(
        (x) => soft.projectPermutahedron(x, [3, 1, 2, 0, 9], { mode }),
        cube,
        shape === undefined ? {} : { shape },
      );
      expect(found.dims).toEqual([2, 2, 5]);
      expectClose(found.data, wanted, 1e-12);
    }
  });

  test("goes to the weights in the order of z as softness goes to 0", async () => {
    const { data } = await compute(
      (x) => both(x, { softness: 1e-6 }),
      [
        [0.3, -1.2, 2.5, 0.4, 0.35],
        [1, 1.5, 0.9, -3, 7],
      ],
    );
    expectClose(data, [2, 1, 5, 4, 3, 0.25, 0.5, 0, -1, 2], 1e-9);
  });

  test("float32 in and out loses nothing inside", async () => {
    const { data } = await compute((x) => both(x, { softness: 0.001 }), z, { dtype: "float32" });
    const single = z.map((row) => Array.from(Float32Array.from(row)));
    const wanted = single.flatMap((row, i) => project(row, w[i] as number[], 0.001, mode));
    expectClose(data, wanted, 1e-5);
  });

  test("derivatives by z, w and softness against differences", async () => {
    const order = mode === "c0" ? 1 : 2;
    const draw = (u: number) => 2 * u + 0.5;
    await checkGradient(
      (a, b, softness) => soft.projectPermutahedron(a, b, { mode, softness }),
      [[2, 5], [2, 5], []],
      { order, draw, also: ["named"] },
    );
  });

  test("a softness that is not positive gives NaN, and so do NaN and infinities their row", async () => {
    for (const softness of [0, -1]) {
      const g = new Graph("softness");
      const [x, tau] = [g.input("x", "float64", [5]), g.input("tau", "float64", [])];
      const { y } = await evaluate(
        { y: soft.projectPermutahedron(x, [1, 2, 3, 4, 5], { mode, softness: tau }) },
        {
          x: new Tensor("float64", Float64Array.from(z[0] as number[]), [5]),
          tau: new Tensor("float64", Float64Array.of(softness), []),
        },
      );
      expect(Array.from(y?.data as Float64Array).every(Number.isNaN)).toBe(true);
    }
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const { data } = await compute((x) => both(x), [[1, 2, bad, 4, 5], z[1] as number[]]);
      expect(data.slice(0, 5).every(Number.isNaN)).toBe(true);
      expect(data.slice(5).some(Number.isNaN)).toBe(false);
    }
  });
});

test("what each mode minimises", async () => {
  // y = f(s - v) with v constant on blocks, and sums as w bounds them: at softness 50 one block.
  const found = await computeAll(
    (x) =>
      Object.fromEntries(
        modes.map((mode) => [
          mode,
          soft.projectPermutahedron(x, [1, 2, 6], { mode, softness: 50 }),
        ]),
      ),
    [0, 1, 2],
  );
  for (const mode of modes) {
    const y = found[mode]?.data as number[];
    const t = y.map((one) =>
      mode === "c1" ? Math.sqrt(one) : mode === "c2" ? Math.cbrt(one) : one,
    );
    expectClose(
      [(t[1] as number) - (t[0] as number), (t[2] as number) - (t[1] as number)],
      [0.02, 0.02],
    );
    const total = y.reduce((a, b) => a + (mode === "smooth" ? Math.exp(b) : b), 0);
    expect(total).toBeCloseTo(mode === "smooth" ? Math.E + Math.exp(2) + Math.exp(6) : 9, 9);
    expectClose(
      t.map((one) => dualOf(one, mode)),
      y,
      1e-12,
    );
  }
});

test("wrong operands and options are refused", () => {
  const g = new Graph("wrong");
  const x = g.input("x", "float64", [2, 3]);
  expect(() => soft.projectPermutahedron(x, [1, 2])).toThrow("w: expected the shape of z");
  expect(() => soft.projectPermutahedron(g.input("s", "float64", []), 1)).toThrow("z: expected");
  expect(() => soft.projectPermutahedron(x, x, { mode: "hard" as "c0" })).toThrow("mode");
  expect(() => soft.projectPermutahedron(x, x, { softness: 0 })).toThrow("softness");
});
