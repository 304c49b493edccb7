import { nativeStatus, registerNative } from "../../src/runtime/native.ts";
import {
  expectClose,
  generator,
  type Mode,
  matrix,
  modes,
  type Numbers,
  nativeOperator,
  normals,
  scalar,
} from "./operator.ts";

const native = nativeStatus().available ? describe : describe.skip;

const phi = {
  smooth: (s: number) => Math.exp(s),
  c0: (s: number) => Math.max(s, 0),
  c1: (s: number) => Math.max(s, 0) ** 2,
  c2: (s: number) => Math.max(s, 0) ** 3,
};

const outputs = ["f", "g", "steps", "residual"];
const inputs = ["cost", "a", "b", "softness", "tolerance", "maxIterations"];
const int64 = ["maxIterations", "steps"];
const potentials = (mode: Mode, threads = 1) =>
  nativeOperator(`TransportPotentials_${mode}`, "float64", inputs, outputs, { int64, threads });

const limits = { tolerance: scalar(1e-12), maxIterations: scalar(200) };
const cube = (data: number[], n: number, m: number): Numbers => ({
  data,
  dims: [data.length / (n * m), n, m],
});

jest.setTimeout(30_000);

native("TransportPotentials", () => {
  beforeAll(registerNative);
  const normal = normals(11);
  const random = generator(13);
  const masses = (n: number) => {
    const x = Array.from({ length: n }, () => 0.2 + random());
    const total = x.reduce((sum, t) => sum + t, 0);
    return x.map((t) => t / total);
  };

  test.each(modes)(
    "%s: both marginals are kept, and the sums of f and g are equal",
    async (mode) => {
      const run = await potentials(mode);
      for (const [n, m] of [
        [1, 1],
        [5, 3],
        [3, 20],
        [40, 30],
      ] as const) {
        for (const softness of [1, 0.1, 0.01]) {
          const cost = Array.from({ length: 2 * n * m }, () => normal() ** 2);
          const a = [masses(n), masses(n)];
          const b = masses(m);
          const found = await run({
            cost: cube(cost, n, m),
            a: matrix(a),
            b: matrix([b]),
            softness: scalar(softness),
            ...limits,
          });
          const [f, g] = [found.f as number[], found.g as number[]];
          for (let k = 0; k < 2; k++) {
            const cell = (i: number, j: number) =>
              phi[mode](
                ((f[k * n + i] as number) +
                  (g[k * m + j] as number) -
                  (cost[(k * n + i) * m + j] as number)) /
                  softness,
              );
            const rows = Array.from({ length: n }, (_, i) =>
              Array.from({ length: m }, (_, j) => cell(i, j)).reduce((sum, x) => sum + x),
            );
            const columns = Array.from({ length: m }, (_, j) =>
              Array.from({ length: n }, (_, i) => cell(i, j)).reduce((sum, x) => sum + x),
            );
            expectClose(
              rows.map((x, i) => x / ((a[k] as number[])[i] as number)),
              rows.map(() => 1),
              1e-9,
            );
            expectClose(
              columns.map((x, j) => x / (b[j] as number)),
              columns.map(() => 1),
              1e-9,
            );
            const sum = (x: number[], size: number) =>
              x.slice(k * size, (k + 1) * size).reduce((total, t) => total + t, 0);
            expectClose([sum(f, n)], [sum(g, m)], 1e-11);
            expect(found.residual?.[k]).toBeLessThan(1e-9);
            expect(found.steps?.[k]).toBeGreaterThanOrEqual(0);
          }
        }
      }
    },
  );

  test.each(modes)(
    "%s: no more steps are taken than allowed, and the residual says so",
    async (mode) => {
      const run = await potentials(mode);
      const [n, m] = [12, 9];
      const cost = Array.from({ length: n * m }, () => normal() ** 2);
      for (const softness of [1, 0.05, 0.002]) {
        for (const limit of [0, 1, 2, 3, 8]) {
          const found = await run({
            cost: cube(cost, n, m),
            a: matrix([masses(n)]),
            b: matrix([masses(m)]),
            softness: scalar(softness),
            tolerance: scalar(1e-12),
            maxIterations: scalar(limit),
          });
          const [steps, residual] = [found.steps?.[0] as number, found.residual?.[0] as number];
          expect(steps).toBeLessThanOrEqual(limit);
          expect(residual).toBeLessThan(Number.POSITIVE_INFINITY);
          expect(found.f?.every(Number.isFinite)).toBe(true);
          if (steps < limit) expect(residual).toBeLessThan(1e-9);
        }
      }
    },
  );

  test("results do not depend on the number of threads", async () => {
    const [batch, n, m] = [12, 20, 15];
    const cost = Array.from({ length: batch * n * m }, () => normal() ** 2);
    const feeds = {
      cost: cube(cost, n, m),
      a: matrix([masses(n)]),
      b: matrix([masses(m)]),
      softness: scalar(0.05),
      ...limits,
    };
    for (const mode of modes) {
      const [one, two] = await Promise.all(
        [1, 2].map(async (threads) => (await potentials(mode, threads))(feeds)),
      );
      expect(one).toEqual(two);
    }
  });

  test("hostile problems give NaN for themselves, and wrong shapes an error", async () => {
    const run = await potentials("smooth");
    const found = await run({
      cost: cube([0, 1, 1, Number.NaN, 0, 1, 1, 0], 2, 2),
      a: matrix([[0.5, 0.5]]),
      b: matrix([[0.5, 0.5]]),
      softness: scalar(1),
      ...limits,
    });
    expect(found.f?.map(Number.isNaN)).toEqual([true, true, false, false]);
    await expect(
      run({
        cost: cube([0, 1, 1, 0], 2, 2),
        a: matrix([[0.5, 0.5]]),
        b: matrix([[1]]),
        softness: scalar(1),
        ...limits,
      }),
    ).rejects.toThrow(
      "TransportPotentials_smooth_float64: b: expected shape [1, 2], or one row for all, got [1, 1]",
    );
  });
});

native("TransportSolve", () => {
  beforeAll(registerNative);
  const normal = normals(17);

  test("solves its equations, with sum u = sum v", async () => {
    const run = await nativeOperator("TransportSolve", "float64", ["w", "r", "s"], ["u", "v"]);
    for (const [n, m] of [
      [1, 1],
      [4, 3],
      [3, 9],
      [20, 33],
    ] as const) {
      const w = Array.from({ length: n * m }, () => normal() ** 2 + 0.01);
      const r = Array.from({ length: n }, normal);
      const s = Array.from({ length: m }, normal);
      const total = (x: number[]) => x.reduce((sum, t) => sum + t, 0);
      s[0] = (s[0] as number) + total(r) - total(s);
      const found = await run({ w: cube(w, n, m), r: matrix([r]), s: matrix([s]) });
      const [u, v] = [found.u as number[], found.v as number[]];
      const term = (i: number, j: number) =>
        (w[i * m + j] as number) * ((u[i] as number) + (v[j] as number));
      expectClose(
        u.map((_, i) => total(v.map((_, j) => term(i, j)))),
        r,
        1e-10,
      );
      expectClose(
        v.map((_, j) => total(u.map((_, i) => term(i, j)))),
        s,
        1e-10,
      );
      expectClose([total(u)], [total(v)], 1e-10);
    }
  });

  test("parts that rounding connects are solved each for itself", async () => {
    const run = await nativeOperator("TransportSolve", "float64", ["w", "r", "s"], ["u", "v"]);
    const [r, s] = [
      [1, -2, 0.5, 3],
      [0.3, -1, 2, 0.7],
    ];
    const apart = [2, 1, 0, 0, 1, 3, 0, 0, 0, 0, 1, 2, 0, 0, 2, 1];
    const solve = (cell: number) =>
      run({
        w: cube(
          apart.map((x, i) => (x === 0 ? cell / (1 + i) : x)),
          4,
          4,
        ),
        r: matrix([r]),
        s: matrix([s]),
      });
    const [alone, joined] = await Promise.all([solve(0), solve(1e-30)]);
    expectClose(joined.u as number[], alone.u as number[], 1e-12);
    expectClose(joined.v as number[], alone.v as number[], 1e-12);
  });
});
