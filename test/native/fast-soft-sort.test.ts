import { nativeStatus, registerNative } from "../../src/runtime/native.ts";
import { expectClose, matrix, modes, nativeOperator, normals, scalar } from "./operator.ts";

const native = nativeStatus().available ? describe : describe.skip;

const int64 = ["order", "blocks"];
const keptBy = (mode: string) => (mode === "c1" || mode === "c2" ? [...int64, "v"] : int64);

jest.setTimeout(30_000);

native("FastSoftSort", () => {
  beforeAll(registerNative);
  const normal = normals(4);
  const rows = Array.from({ length: 3 }, () => Array.from({ length: 9 }, normal));

  test.each(modes)(
    "%s: as the softness goes to 0 values are sorted, ranks whole numbers",
    async (mode) => {
      const feeds = { x: matrix(rows), softness: scalar(1e-9) };
      for (const scale of ["plain", "standardized"]) {
        const sort = await nativeOperator(
          `FastSoftSort_${mode}_${scale}`,
          "float64",
          ["x", "softness"],
          ["y"],
        );
        const ranks = await nativeOperator(
          `FastSoftRanks_${mode}_${scale}`,
          "float64",
          ["x", "softness"],
          ["r"],
        );
        const sorted = rows.map((row) => [...row].sort((a, b) => a - b));
        expectClose((await sort(feeds)).y as number[], sorted.flat(), 1e-12);
        const places = rows.map((row) => row.map((x) => row.filter((other) => other >= x).length));
        expectClose((await ranks(feeds)).r as number[], places.flat(), 1e-4);
      }
    },
  );

  test("a softness that is not positive gives NaN, a row of one entry is that entry", async () => {
    const run = await nativeOperator(
      "FastSoftSort_c0_standardized",
      "float64",
      ["x", "softness"],
      ["y"],
    );
    for (const softness of [0, -1, Number.NaN]) {
      const { y } = await run({ x: matrix(rows), softness: scalar(softness) });
      expect(y?.every(Number.isNaN)).toBe(true);
    }
    const { y } = await run({ x: matrix([[3], [-7]]), softness: scalar(0.1) });
    expect(y).toEqual([3, -7]);
  });

  test.each(modes)("%s: an order that is none is an error of the gradient", async (mode) => {
    const kept = keptBy(mode);
    const run = await nativeOperator(
      `FastSoftSortGrad_${mode}_standardized`,
      "float64",
      ["x", "softness", ...kept, "dy"],
      ["dx", "dsoftness"],
      { int64 },
    );
    const zeros = matrix(rows.map((row) => row.map(() => 0)));
    for (const place of [9, -1, 2 ** 40]) {
      const order = matrix(rows.map((row) => row.map((_, i) => (i === 4 ? place : i))));
      const feeds = { x: matrix(rows), softness: scalar(1), dy: zeros, order, blocks: zeros };
      const given = kept.includes("v") ? { ...feeds, v: zeros } : feeds;
      await expect(run(given)).rejects.toThrow("order: expected places from 0 to 8");
    }
  });
});
