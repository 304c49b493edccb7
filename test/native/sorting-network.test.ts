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

function sigmoidal(mode: Mode, z: number): number {
  if (mode === "smooth") return 1 / (1 + Math.exp(-z));
  const w = Math.min(Math.max(z / 10 + 0.5, 0), 1);
  if (mode === "c0") return w;
  return mode === "c1" ? w * w * (3 - 2 * w) : w ** 3 * (10 - 15 * w + 6 * w * w);
}

/** Layer by layer, as Batcher has it. */
function network(mode: Mode, row: readonly number[], softness: number): number[] {
  const x = [...row];
  for (let block = 2; block <= x.length; block *= 2) {
    for (let d = block / 2; d >= 1; d /= 2) {
      for (let i = 0; i < x.length; i++) {
        if ((i & d) !== 0) continue;
        const [a, b] = [x[i] as number, x[i + d] as number];
        const sign = (i & block) === 0 ? 1 : -1;
        const m = sigmoidal(mode, (sign * (a - b)) / softness);
        x[i] = a + m * (b - a);
        x[i + d] = b + m * (a - b);
      }
    }
  }
  return x;
}

jest.setTimeout(30_000);

native("SortingNetworkValues", () => {
  beforeAll(registerNative);
  const normal = normals(5);
  const rowOf = (n: number) => Array.from({ length: n }, () => Math.fround(normal()));

  for (const mode of modes) {
    for (const type of reals) {
      test(`${mode} in ${type} is the network`, async () => {
        const run = await nativeOperator(
          `SortingNetworkValues_${mode}`,
          type,
          ["x", "softness"],
          ["y"],
        );
        for (const n of [2, 4, 8, 32, 128]) {
          for (const softness of [0.0625, 0.5, 4]) {
            const rows = Array.from({ length: 7 }, () => rowOf(n));
            const { y } = await run({ x: matrix(rows), softness: scalar(softness) });
            const expected = rows.flatMap((row) => network(mode, row, softness));
            expectClose(y as number[], expected, type === "float32" ? 5e-6 : 1e-13);
          }
        }
      });
    }

    test(`${mode}: the gradient is the difference`, async () => {
      const names = [`SortingNetworkValues_${mode}`, `SortingNetworkValuesGrad_${mode}`] as const;
      const run = await nativeOperator(names[0], "float64", ["x", "softness"], ["y"]);
      const gradient = await nativeOperator(
        names[1],
        "float64",
        ["x", "softness", "dy"],
        ["dx", "dsoftness"],
      );
      const [x, along, weights] = [rowOf(16), rowOf(16), rowOf(16)];
      const dot = (a: readonly number[], b: readonly number[]) =>
        a.reduce((total, v, i) => total + v * (b[i] as number), 0);
      const value = async (t: number) => {
        const moved = x.map((v, i) => v + t * (along[i] as number));
        const { y } = await run({ x: matrix([moved]), softness: scalar(0.4 + t) });
        return dot(y as number[], weights);
      };
      const slope = ((await value(1e-6)) - (await value(-1e-6))) / 2e-6;
      const found = await gradient({
        x: matrix([x]),
        softness: scalar(0.4),
        dy: matrix([weights]),
      });
      const sum = dot(found.dx as number[], along) + (found.dsoftness as [number])[0];
      expectClose([sum], [slope], 1e-6);
    });
  }

  test.each(modes)(
    "%s: the permutation makes the values, and its gradient the difference",
    async (mode) => {
      const name = `SortingNetworkPermutation_${mode}`;
      const run = await nativeOperator(name, "float64", ["x", "softness"], ["y", "permutation"]);
      const gradient = await nativeOperator(
        `SortingNetworkPermutationGrad_${mode}`,
        "float64",
        ["x", "softness", "dy", "dpermutation"],
        ["dx", "dsoftness"],
      );
      const n = 8;
      const [x, along, dy, dp] = [rowOf(n), rowOf(n), rowOf(n), rowOf(n * n)];
      const dot = (a: readonly number[], b: readonly number[]) =>
        a.reduce((total, v, i) => total + v * (b[i] as number), 0);
      const value = async (t: number) => {
        const moved = x.map((v, i) => v + t * (along[i] as number));
        const found = await run({ x: matrix([moved]), softness: scalar(0.4 + t) });
        const [y, p] = [found.y as number[], found.permutation as number[]];
        const made = y.map((_, i) => dot(p.slice(i * n, (i + 1) * n), moved));
        expectClose(made, y, 1e-12);
        return dot(y, dy) + dot(p, dp);
      };
      const slope = ((await value(1e-6)) - (await value(-1e-6))) / 2e-6;
      const found = await gradient({
        x: matrix([x]),
        softness: scalar(0.4),
        dy: matrix([dy]),
        dpermutation: { data: dp, dims: [1, n, n] },
      });
      const sum = dot(found.dx as number[], along) + (found.dsoftness as [number])[0];
      expectClose([sum], [slope], 1e-6);
    },
  );

  test("rows that are no power of two are refused", async () => {
    const run = await nativeOperator(
      "SortingNetworkValues_c0",
      "float32",
      ["x", "softness"],
      ["y"],
    );
    await expect(run({ x: matrix([[1, 2, 3]]), softness: scalar(1) })).rejects.toThrow(
      "SortingNetworkValues_c0_float32: x: expected rows of a power of two, got 3",
    );
  });
});
