import { InferenceSession, Tensor } from "onnxruntime-node";
import { nativeStatus, registerNative } from "../../src/runtime/native.ts";
import { model, port, threshold } from "./models.ts";

const native = nativeStatus().available ? describe : describe.skip;

const phi = {
  smooth: (r: number) => Math.exp(r),
  c0: (r: number) => Math.max(r, 0),
  c1: (r: number) => Math.max(r, 0) ** 2,
  c2: (r: number) => Math.max(r, 0) ** 3,
};
type Mode = keyof typeof phi;
type Real = "float32" | "float64";
/** mass^(1 / alpha): the size of the gap between t and the largest entry. */
const gap = { smooth: () => 1, c0: (mass: number) => mass, c1: Math.sqrt, c2: Math.cbrt };
const modes = Object.keys(phi) as Mode[];
const reals: Real[] = ["float32", "float64"];

/** The root by bisection in units of the root's own scale, down to the last bit. */
function bisect(mode: Mode, row: readonly number[], mass: number): number {
  const largest = Math.max(...row);
  if (row.some(Number.isNaN) || !Number.isFinite(largest) || !(mass > 0)) return Number.NaN;
  const scale = gap[mode](mass);
  const target = mode === "smooth" ? mass : 1;
  // s = (t - largest) / scale
  const total = (s: number) =>
    row.reduce((sum, v) => sum + phi[mode]((v - largest) / scale - s), 0);
  const reach = mode === "smooth" ? Math.log(row.length) + 1 : 1;
  let low = (mode === "smooth" ? -Math.log(mass) : -1) - reach * 1e-12 - 1e-12;
  let high = mode === "smooth" ? low + reach + 1 : 0;
  for (let i = 0; i < 200; i++) {
    const middle = (low + high) / 2;
    if (total(middle) > target) low = middle;
    else high = middle;
  }
  return largest + scale * low;
}

/** How far t may be off: roundings of what it is made of, and of the type that it comes in. */
function tolerance(mode: Mode, type: Real, row: readonly number[], mass: number, t: number) {
  const scale = mode === "smooth" ? 1 + Math.abs(Math.log(mass)) : gap[mode](mass);
  const size = Math.max(Math.abs(Math.max(...row)), scale, Math.abs(t));
  return size * (type === "float32" ? 6e-8 : 1e-15);
}

jest.setTimeout(30_000);

native("SimplexThreshold", () => {
  const sessions = new Map<string, InferenceSession>();

  beforeAll(async () => {
    registerNative();
    for (const mode of modes) {
      for (const type of reals) {
        const bytes = model(
          [threshold(mode, type)],
          [port("v", type, ["batch", "n"]), port("mass", type, ["masses", 1])],
          [port("t", type)],
        );
        const session = await InferenceSession.create(bytes, {
          executionProviders: ["softonnx"],
          intraOpNumThreads: 2,
          // An error that a test expects need not be logged.
          logSeverityLevel: 4,
        });
        sessions.set(mode + type, session);
      }
    }
  });

  async function solve(mode: Mode, type: Real, rows: number[][], masses: number[], n?: number) {
    const session = sessions.get(mode + type);
    const columns = n ?? rows[0]?.length ?? 0;
    const make = (data: number[], dims: number[]) =>
      type === "float32"
        ? new Tensor("float32", Float32Array.from(data), dims)
        : new Tensor("float64", Float64Array.from(data), dims);
    const results = await session?.run({
      v: make(rows.flat(), [rows.length, columns]),
      mass: make(masses, [masses.length, 1]),
    });
    expect(results?.t?.dims).toEqual([rows.length, 1]);
    return Array.from(results?.t?.data as Float64Array);
  }

  async function check(mode: Mode, type: Real, rows: number[][], masses: number[]) {
    const round = (x: number) => (type === "float32" ? Math.fround(x) : x);
    const found = await solve(mode, type, rows, masses);
    rows.forEach((row, i) => {
      const rounded = row.map(round);
      const mass = round(masses[i % masses.length] as number);
      const expected = bisect(mode, rounded, mass);
      const actual = found[i] as number;
      if (Number.isNaN(expected)) expect(actual).toBeNaN();
      else {
        const within =
          Math.abs(actual - expected) <= tolerance(mode, type, rounded, mass, expected);
        expect({ row, mass, actual, expected, within }).toMatchObject({ within: true });
      }
    });
  }

  const random = generator(1);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const rowOf = (n: number, spread: number) => Array.from({ length: n }, () => spread * normal());

  for (const mode of modes) {
    for (const type of reals) {
      test(`${mode} in ${type} solves random rows`, async () => {
        for (const n of [1, 2, 3, 7, 15, 16, 17, 33, 100, 257]) {
          for (const spread of [1e-3, 1, 30]) {
            const rows = Array.from({ length: 4 }, () => rowOf(n, spread));
            await check(mode, type, rows, [1]);
            await check(mode, type, rows, [0.01, 0.5, 3, 40]);
          }
        }
      });

      test(`${mode} in ${type} stands ties, gaps and sizes far from 1`, async () => {
        const large = type === "float32" ? 1e37 : 1e300;
        const rows = [
          [0, 0, 0, 0],
          [5, 5, 5, -1000],
          [large, -large, 0, large / 2],
          [1 / large, 0, -1 / large, 2 / large],
          [-1e6, -1e6 - 1e-3, -1e6 + 1e-3, 0],
        ];
        for (const mass of [1e-30, 1e-6, 1, 1e6, 1e30]) await check(mode, type, rows, [mass]);
      });

      test(`${mode} in ${type} keeps its contract at the edges`, async () => {
        const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
        // -inf carries no mass.
        await check(mode, type, [[1, -inf, 0, -inf]], [1]);
        await check(mode, type, [[-inf, -inf, -2, -inf]], [0.5]);
        const hostile = [
          [nan, 1, 2],
          [1, 2, nan],
          [inf, 0, 0],
          [-inf, -inf, -inf],
          [inf, -inf, nan],
        ];
        expect(await solve(mode, type, hostile, [1])).toEqual(hostile.map(() => nan));
        const row = [3, 1, 2];
        const masses = [0, -1, nan, -inf];
        expect(
          await solve(
            mode,
            type,
            masses.map(() => row),
            masses,
          ),
        ).toEqual(masses.map(() => nan));
        expect(await solve(mode, type, [row], [inf])).toEqual([-inf]);
        expect(await solve(mode, type, [[], []], [1])).toEqual([nan, nan]);
        expect(await solve(mode, type, [], [1], 3)).toEqual([]);
      });
    }

    test(`${mode}: a row's result does not depend on its neighbours or on threads`, async () => {
      const rows = Array.from({ length: 600 }, () => rowOf(301, 4));
      const together = await solve(mode, "float64", rows, [1]);
      for (const i of [0, 1, 299, 599]) {
        expect(await solve(mode, "float64", [rows[i] as number[]], [1])).toEqual([together[i]]);
      }
    });
  }

  test("a mass of the wrong shape is an error that names both shapes", async () => {
    await expect(
      solve(
        "c0",
        "float64",
        [
          [1, 2],
          [3, 4],
        ],
        [1, 1, 1],
      ),
    ).rejects.toThrow(
      "SimplexThreshold_c0_float64: mass: expected shape [2, 1] or [1, 1], got [3, 1]",
    );
  });

  test("the output shape is known before the run", () => {
    const [t] = sessions.get("c1float64")?.outputMetadata ?? [];
    expect(t).toEqual({ name: "t", isTensor: true, type: "float64", shape: ["batch", 1] });
  });
});

/** Park and Miller's minimal standard generator, in [0, 1). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return (state - 1) / 2147483646;
  };
}
