import { nativeStatus, registerNative } from "../../src/runtime/native.ts";
import { expectClose, type Mode, matrix, modes, nativeOperator, normals } from "./operator.ts";

const native = nativeStatus().available ? describe : describe.skip;

const psi = {
  c0: (t: number) => t,
  c1: (t: number) => t * Math.abs(t),
  c2: (t: number) => t ** 3,
};

function level(mode: Mode, s: readonly number[], w: readonly number[]): number {
  const add = (a: number, b: number) => a + b;
  if (mode === "smooth") {
    const total = (x: readonly number[]) => Math.log(x.map(Math.exp).reduce(add));
    return total(s) - total(w);
  }
  let [low, high] = [Math.min(...s) - 1e3, Math.max(...s) + 1e3];
  for (let i = 0; i < 80; i++) {
    const middle = (low + high) / 2;
    const sum = s.map((x) => psi[mode](x - middle)).reduce(add);
    if (sum > w.reduce(add)) low = middle;
    else high = middle;
  }
  return low;
}

/** Every entry of the solution is a min-max over the blocks that it may lie in. */
function minMax(mode: Mode, s: readonly number[], w: readonly number[]): number[] {
  return s.map((_, i) => {
    let most = Number.POSITIVE_INFINITY;
    for (let first = 0; first <= i; first++) {
      let least = Number.NEGATIVE_INFINITY;
      for (let last = i; last < s.length; last++) {
        least = Math.max(least, level(mode, s.slice(first, last + 1), w.slice(first, last + 1)));
      }
      most = Math.min(most, least);
    }
    return most;
  });
}

jest.setTimeout(30_000);

native("IsotonicRegression", () => {
  beforeAll(registerNative);
  const normal = normals(9);

  test.each(modes)("%s is the min-max of the levels", async (mode) => {
    for (const type of ["float32", "float64"] as const) {
      const run = await nativeOperator(
        `IsotonicRegression_${mode}`,
        type,
        ["s", "w"],
        ["blocks", "v"],
        { int64: ["blocks"] },
      );
      for (const scale of [0.5, 3, 12]) {
        const n = 7;
        const s = Array.from({ length: 3 }, () =>
          Array.from({ length: n }, () => Math.fround(scale * normal())).sort((a, b) => b - a),
        );
        const w = s.map((row) => row.map((_, i) => n - i));
        const { blocks, v } = await run({ s: matrix(s), w: matrix(w) });
        const expected = s.flatMap((row, i) => minMax(mode, row, w[i] as number[]));
        expectClose(v as number[], expected, type === "float32" ? 1e-6 : 1e-12);
        (blocks as number[]).forEach((block, i) => {
          const before = i % n === 0 ? 0 : (blocks as number[])[i - 1];
          const same = i % n === 0 || v?.[i] === v?.[i - 1];
          expect(block).toBe(i % n === 0 ? 0 : (before as number) + (same ? 0 : 1));
        });
      }
    }
  });

  test("a row that is not finite is NaN, and its neighbours are not", async () => {
    const run = await nativeOperator(
      "IsotonicRegression_c2",
      "float64",
      ["s", "w"],
      ["blocks", "v"],
      { int64: ["blocks"] },
    );
    const w = matrix([
      [2, 1],
      [2, 1],
    ]);
    const s = matrix([
      [Number.NaN, 1],
      [9, 1],
    ]);
    const found = await run({ s, w });
    expect(found.blocks).toEqual([0, 0, 0, 1]);
    expect(found.v?.map(Number.isNaN)).toEqual([true, true, false, false]);
  });
});
