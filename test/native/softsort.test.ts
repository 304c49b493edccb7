import { nativeStatus, registerNative } from "../../src/runtime/native.ts";
import {
  expectClose,
  type Mode,
  matrix,
  modes,
  nativeOperator,
  normals,
  type Real,
  scalar,
} from "./operator.ts";

const native = nativeStatus().available ? describe : describe.skip;
const reals: Real[] = ["float32", "float64"];
const tolerance = { float32: 2e-6, float64: 1e-11 };

const phi = {
  smooth: (r: number) => Math.exp(r),
  c0: (r: number) => Math.max(r, 0),
  c1: (r: number) => Math.max(r, 0) ** 2,
  c2: (r: number) => Math.max(r, 0) ** 3,
};

/** Row i: how entry i of the sorted keys is made of the keys where they are. */
function dense(mode: Mode, keys: readonly number[], softness: number): number[][] {
  const sorted = [...keys].sort((a, b) => a - b);
  return sorted.map((anchor) => {
    const d = keys.map((key) => Math.abs(anchor - key) / softness);
    let low = -Math.log(keys.length) - 1;
    let high = 1;
    for (let i = 0; i < 60; i++) {
      const middle = (low + high) / 2;
      const sum = d.reduce((total, x) => total + phi[mode](middle - x), 0);
      if (sum < 1) low = middle;
      else high = middle;
    }
    return d.map((x) => phi[mode](high - x));
  });
}

function values(mode: Mode, keys: readonly number[], payload: readonly number[], tau: number) {
  return dense(mode, keys, tau).map((row) =>
    row.reduce((total, p, j) => total + p * (payload[j] as number), 0),
  );
}

/** Distinct keys only. */
function ranks(mode: Mode, keys: readonly number[], tau: number) {
  const sorted = [...keys].sort((a, b) => a - b);
  const place = keys.map((key) => sorted.indexOf(key));
  const rows = dense(mode, keys, tau);
  return keys.map((_, i) =>
    (rows[place[i] as number] as number[]).reduce(
      (total, p, j) => total + p * ((place[j] as number) + 1),
      0,
    ),
  );
}

jest.setTimeout(30_000);

native("SoftSort", () => {
  beforeAll(registerNative);

  const normal = normals(3);
  const rowsOf = (batch: number, n: number) =>
    Array.from({ length: batch }, () => Array.from({ length: n }, () => Math.fround(normal())));

  for (const mode of modes) {
    for (const type of reals) {
      test(`${mode} in ${type}: values and ranks are those of the dense matrix`, async () => {
        const run = await nativeOperator(
          `SoftSortValues_${mode}`,
          type,
          ["keys", "payload", "softness"],
          ["y"],
        );
        const rank = await nativeOperator(
          `SoftSortRanks_${mode}`,
          type,
          ["keys", "softness"],
          ["r"],
        );
        for (const n of [1, 2, 7, 31]) {
          for (const softness of [0.0625, 0.5, 8]) {
            const keys = rowsOf(2, n);
            const payload = rowsOf(2, n);
            const found = await run({
              keys: matrix(keys),
              payload: matrix(payload),
              softness: scalar(softness),
            });
            const expected = keys.flatMap((row, i) =>
              values(mode, row, payload[i] as number[], softness),
            );
            expectClose(found.y as number[], expected, tolerance[type]);
            const { r } = await rank({ keys: matrix(keys), softness: scalar(softness) });
            expectClose(
              r as number[],
              keys.flatMap((row) => ranks(mode, row, softness)),
              tolerance[type],
            );
          }
        }
      });
    }

    test(`${mode}: the gradients are the differences`, async () => {
      const value = await nativeOperator(
        `SoftSortValues_${mode}`,
        "float64",
        ["keys", "payload", "softness"],
        ["y"],
      );
      const gradient = await nativeOperator(
        `SoftSortValuesGrad_${mode}`,
        "float64",
        ["keys", "payload", "softness", "dy"],
        ["dkeys", "dpayload", "dsoftness"],
      );
      const rank = await nativeOperator(
        `SoftSortRanks_${mode}`,
        "float64",
        ["keys", "softness"],
        ["r"],
      );
      const rankGradient = await nativeOperator(
        `SoftSortRanksGrad_${mode}`,
        "float64",
        ["keys", "softness", "dr"],
        ["dkeys", "dsoftness"],
      );
      const n = 23;
      const [keys, payload, weights, a, b] = rowsOf(5, n) as number[][];
      const along = (
        x: readonly number[] | undefined,
        d: readonly number[] | undefined,
        t: number,
      ) => matrix([(x as number[]).map((v, i) => v + t * ((d as number[])[i] as number))]);
      const dot = (x: readonly number[] = [], y: readonly number[] = []) =>
        x.reduce((total, v, i) => total + v * (y[i] as number), 0);
      const tau = 0.7;
      const difference = async (f: (t: number) => Promise<number>) =>
        ((await f(1e-6)) - (await f(-1e-6))) / 2e-6;

      const g = await gradient({
        keys: matrix([keys as number[]]),
        payload: matrix([payload as number[]]),
        softness: scalar(tau),
        dy: matrix([weights as number[]]),
      });
      const slope = await difference(async (t) => {
        const { y } = await value({
          keys: along(keys, a, t),
          payload: along(payload, b, t),
          softness: scalar(tau + t),
        });
        return dot(y, weights);
      });
      const [ds] = g.dsoftness as [number];
      expectClose([dot(g.dkeys, a) + dot(g.dpayload, b) + ds], [slope], 1e-6);

      const h = await rankGradient({
        keys: matrix([keys as number[]]),
        softness: scalar(tau),
        dr: matrix([weights as number[]]),
      });
      const rankSlope = await difference(async (t) => {
        const { r } = await rank({ keys: along(keys, a, t), softness: scalar(tau + t) });
        return dot(r, weights);
      });
      expectClose([dot(h.dkeys, a) + (h.dsoftness as [number])[0]], [rankSlope], 1e-6);
    });
  }

  test("results do not depend on the number of threads", async () => {
    const feeds = {
      keys: matrix(rowsOf(300, 64)),
      payload: matrix(rowsOf(300, 64)),
      softness: scalar(0.1),
      dy: matrix(rowsOf(300, 64)),
    };
    for (const mode of modes) {
      const results = await Promise.all(
        [1, 2].map(async (threads) => {
          const run = await nativeOperator(
            `SoftSortValuesGrad_${mode}`,
            "float64",
            ["keys", "payload", "softness", "dy"],
            ["dkeys", "dpayload", "dsoftness"],
            { threads },
          );
          return run(feeds);
        }),
      );
      expect(results[0]).toEqual(results[1]);
    }
  });

  test("empty batches and rows, and wrong shapes", async () => {
    const run = await nativeOperator(
      "SoftSortValues_c0",
      "float32",
      ["keys", "payload", "softness"],
      ["y"],
    );
    const softness = scalar(1);
    for (const empty of [matrix([], 3), matrix([[], []])]) {
      expect(await run({ keys: empty, payload: empty, softness })).toEqual({ y: [] });
    }
    await expect(
      run({ keys: matrix([[1, 2]]), payload: matrix([[1, 2, 3]]), softness }),
    ).rejects.toThrow("SoftSortValues_c0_float32: payload: expected shape [1, 2], got [1, 3]");
  });
});
