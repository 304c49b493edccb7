import { Graph, type Value } from "softonnx";
import { evaluate, Tensor } from "softonnx/node";
import { transportSolve } from "../../../src/ops/kernels/transport-solve.ts";
import { checkGradient, positive } from "../../grad/check.ts";
import { expectClose } from "../support.ts";
import { chunks, STOCK, uniform } from "../transport-support.ts";

jest.setTimeout(60_000);

let outputs: { readonly u: Value; readonly v: Value } | undefined;

async function solve(w: number[][], r: number[], s: number[]) {
  if (outputs === undefined) {
    const graph = new Graph("solve");
    outputs = transportSolve(
      graph.input("w", "float64", ["batch", "n", "m"]),
      graph.input("r", "float64", ["batch", "n"]),
      graph.input("s", "float64", ["batch", "m"]),
    );
  }
  const tensor = (data: number[], dims: number[]) =>
    new Tensor("float64", Float64Array.from(data), dims);
  const found = await evaluate(
    { ...outputs },
    {
      w: tensor(w.flat(), [1, r.length, s.length]),
      r: tensor(r, [1, r.length]),
      s: tensor(s, [1, s.length]),
    },
    STOCK,
  );
  return {
    u: Array.from(found.u.data as Float64Array),
    v: Array.from(found.v.data as Float64Array),
  };
}

/** A cell this small among others near 1 connects nothing. */
const TIE = 1e-20;

/** The component of each row and column of the support. */
function componentsOf(w: number[][]) {
  const rows = w.map((_, i) => i);
  const columns = (w[0] as number[]).map((_, j) => w.length + j);
  for (let changed = true; changed; ) {
    changed = false;
    for (const [i, row] of w.entries()) {
      for (const [j, cell] of row.entries()) {
        const least = Math.min(rows[i] as number, columns[j] as number);
        if (cell > TIE && rows[i] !== columns[j]) {
          rows[i] = least;
          columns[j] = least;
          changed = true;
        }
      }
    }
  }
  return { rows, columns };
}

/** (r, s) without what is along (1, -1) on each component. */
function projected(w: number[][], r: number[], s: number[]) {
  const { rows, columns } = componentsOf(w);
  const part = (component: number) => {
    const [inR, inS] = [rows, columns].map((ids) =>
      ids.flatMap((id, k) => (id === component ? [k] : [])),
    ) as [number[], number[]];
    const surplus =
      inR.reduce((sum, i) => sum + (r[i] as number), 0) -
      inS.reduce((sum, j) => sum + (s[j] as number), 0);
    return surplus / (inR.length + inS.length);
  };
  return {
    r: r.map((x, i) => x - part(rows[i] as number)),
    s: s.map((x, j) => x + part(columns[j] as number)),
  };
}

function product(w: number[][], u: number[], v: number[]) {
  return {
    r: w.map((row, i) =>
      row.reduce((sum, cell, j) => sum + cell * ((u[i] as number) + (v[j] as number)), 0),
    ),
    s: v.map((x, j) =>
      w.reduce((sum, row, i) => sum + (row[j] as number) * ((u[i] as number) + x), 0),
    ),
  };
}

const full = (n: number, m: number) => chunks(uniform(n * m, 3), m);

const cases: Readonly<Record<string, number[][]>> = {
  "one cell": [[2]],
  square: full(5, 5),
  "more rows": full(9, 4),
  "more columns": full(4, 9),
  "by conjugate gradients": full(40, 30),
  "a chain": Array.from({ length: 12 }, (_, i) =>
    Array.from({ length: 12 }, (__, j) => (j === i || j === i + 1 ? 1 + i / 7 : 0)),
  ),
  "a long chain": Array.from({ length: 40 }, (_, i) =>
    Array.from({ length: 40 }, (__, j) => (j === i || j === i + 1 ? 1 : 0)),
  ),
  "two components": [
    [1, 2, 0, 0],
    [3, 1, 0, 0],
    [0, 0, 1, 4],
  ],
  "many components": Array.from({ length: 30 }, (_, i) =>
    Array.from({ length: 30 }, (__, j) => (Math.floor(i / 3) === Math.floor(j / 3) ? 1 + j : 0)),
  ),
  "two components that rounding connects": [
    [1, 2, 1e-40, 0],
    [3, 1, 1e-80, 1e-300],
    [1e-30, 0, 1, 4],
    [0, 1e-25, 2, 1],
  ],
  "many components that rounding connects": Array.from({ length: 30 }, (_, i) =>
    Array.from({ length: 30 }, (__, j) =>
      Math.floor(i / 3) === Math.floor(j / 3) ? 1 + ((i * j) % 7) : 1e-25 * (i + j),
    ),
  ),
  "an empty row and column": [
    [1, 2, 0],
    [0, 0, 0],
    [2, 1, 0],
    [5, 1, 0],
  ],
  nothing: [
    [0, 0],
    [0, 0],
  ],
};

describe("transportSolve is the pseudo-inverse", () => {
  test.each(Object.keys(cases))("for %s", async (name) => {
    const w = cases[name] as number[][];
    const n = w.length;
    const m = (w[0] as number[]).length;
    const [r, s] = [uniform(n, 11).map((x) => x - 0.3), uniform(m, 12)];
    const { u, v } = await solve(w, r, s);
    const image = product(w, u, v);
    const wanted = projected(w, r, s);
    expectClose([...image.r, ...image.s], [...wanted.r, ...wanted.s], 1e-9);
    const shortest = projected(w, u, v);
    expectClose([...u, ...v], [...shortest.r, ...shortest.s], 1e-9);
  });

  test("scales with W", async () => {
    const w = full(6, 5);
    const [r, s] = [uniform(6, 1), uniform(5, 2)];
    const once = await solve(w, r, s);
    const scaled = await solve(
      w.map((row) => row.map((x) => x * 1e-12)),
      r,
      s,
    );
    expectClose(
      scaled.u.map((x) => x * 1e-12),
      once.u,
      1e-11,
    );
  });

  test("gives NaN for NaN", async () => {
    const { u } = await solve([[Number.NaN, 1]], [1], [1, 1]);
    expect(u.every(Number.isNaN)).toBe(true);
  });

  test("is differentiable twice by W and both sides", () =>
    checkGradient(
      (...inputs) => {
        const [w, r, s] = inputs.map((x) => x.cast("float64")) as [Value, Value, Value];
        const { u, v } = transportSolve(w, r, s);
        return u.mul(u).sum().add(v.mul(v).mul(0.7).sum());
      },
      [
        [2, 3, 2],
        [2, 3],
        [2, 2],
      ],
      { draw: [positive, (x) => x, (x) => x - 0.4] },
    ));

  test("refuses what does not fit", () => {
    const graph = new Graph("errors");
    const w = graph.input("w", "float64", [1, 2, 3]);
    const r = graph.input("r", "float64", [1, 2]);
    expect(() => transportSolve(w, r, r)).toThrow(/transportSolve: s: expected/);
    expect(() => transportSolve(w.cast("float32"), r, r)).toThrow(/transportSolve: w: expected/);
  });
});
