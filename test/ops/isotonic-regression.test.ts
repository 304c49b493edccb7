import { Graph, type Value } from "softonnx";
import { evaluate, Tensor } from "softonnx/node";
import { findDefinition } from "../../src/builder/definition.ts";
import { isotonicRegression } from "../../src/ops/kernels/isotonic-regression.ts";
import type { SoftMode } from "../../src/ops/options.ts";
import { projectSorted } from "../../src/ops/sorted-projection.ts";
import { checkGradient, gradientAt, numbers } from "../grad/check.ts";
import { complaints } from "../support/silent.ts";
import { dualOf, pool } from "./pav.ts";
import { expectClose } from "./support.ts";

jest.setTimeout(120_000);

const modes = ["smooth", "c0", "c1", "c2"] as const;

interface Solved {
  readonly blocks: number[];
  readonly v: number[];
  readonly y: number[];
}

const graphs = new Map<string, Record<string, Value>>();

/** The kernel and the projection made of it, on named sizes. */
async function solve(
  mode: SoftMode,
  s: readonly (readonly number[])[],
  w: readonly (readonly number[])[],
  dims: readonly number[] = [s.length, s[0]?.length ?? 1],
): Promise<Solved[]> {
  let outputs = graphs.get(mode);
  if (outputs === undefined) {
    const g = new Graph("isotonic");
    const [a, b] = [
      g.input("s", "float64", ["batch", "n"]),
      g.input("w", "float64", ["batch", "n"]),
    ];
    outputs = { ...isotonicRegression(a, b, mode), y: projectSorted(a, b, mode) };
    graphs.set(mode, outputs);
  }
  const feed = (rows: readonly (readonly number[])[]) =>
    new Tensor("float64", Float64Array.from(rows.flat()), dims);
  const found = await evaluate(outputs, { s: feed(s), w: feed(w) });
  const n = dims[1] as number;
  const row = (name: string, i: number) =>
    Array.from(found[name]?.data as Float64Array, Number).slice(i * n, (i + 1) * n);
  return s.map((_, i) => ({ blocks: row("blocks", i), v: row("v", i), y: row("y", i) }));
}

function uniforms(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

const descending = (x: readonly number[]) => [...x].sort((a, b) => b - a);

/** Rows of all sorts, of n entries. */
function rowsOf(n: number, seed = 1): Record<string, number[]> {
  const uniform = uniforms(seed);
  const normal = () => uniform() + uniform() + uniform() + uniform() - 2;
  const make = (draw: (i: number) => number) => Array.from({ length: n }, (_, i) => draw(i));
  return {
    normal: make(normal),
    lognormal: make(() => Math.exp(2 * normal())),
    cauchy: make(() => Math.tan(Math.PI * (uniform() - 0.5))),
    ties: make(() => Math.floor(4 * uniform())),
    pairs: make((i) => Math.floor(i / 2) * 0.37),
    equal: make(() => 0.7),
    large: make(() => 1e6 * normal()),
    mixed: make((i) => (i % 3 === 0 ? 1e6 : 1e-6 * normal())),
    geometric: make((i) => 1.3 ** -i),
    denormal: make((i) => 5e-324 * (i % 5)),
    zeros: make((i) => (i % 2 === 0 ? 0 : -0)),
  };
}

/** The two problems of one row: to sort it, and to rank it. */
function problems(row: readonly number[], softness: number) {
  const places = row.map((_, i) => (row.length - 1 - i) / Math.max(row.length - 1, 1));
  const scaled = (x: readonly number[]) => x.map((one) => one / softness);
  const sorted = descending(row);
  return [
    { s: scaled(places), w: sorted },
    { s: scaled(sorted), w: places.map((place) => place + 1 / Math.max(row.length - 1, 1)) },
  ];
}

const largest = (x: readonly number[]) => x.reduce((most, one) => Math.max(most, Math.abs(one)), 1);

function expectNear(what: string, found: number[], wanted: readonly number[], tolerance: number) {
  const size = largest(wanted);
  const worst = found.reduce(
    (most, x, i) => Math.max(most, Math.abs(x - (wanted[i] as number)) / size),
    0,
  );
  if (!(worst <= tolerance)) throw new Error(`${what}: off by ${worst}`);
}

/** Whether y is the projection, by the conditions of optimality alone: v falls from block to block and y
 * is made of it, the sums of y up to any place are at most those of w, and equal where a block ends. */
function expectOptimal(
  what: string,
  s: readonly number[],
  w: readonly number[],
  found: Solved,
  mode: SoftMode,
): void {
  const { blocks, v, y } = found;
  expect(blocks[0]).toBe(0);
  for (let i = 1; i < s.length; i++) {
    const step = (blocks[i] as number) - (blocks[i - 1] as number);
    const fall = (v[i - 1] as number) - (v[i] as number);
    const fits = step === 0 ? fall === 0 : step === 1 && fall > 0;
    if (!fits) throw new Error(`${what}: block at ${i}`);
  }
  const made = s.map((x, i) => dualOf(x - (v[i] as number), mode));
  expectNear(`${what}: y of v`, y, made, 1e-12 * largest([...s, ...v]));
  const [have, most] = [runningSums(y, mode), runningSums(w, mode)];
  for (const [i, wanted] of most.entries()) {
    const room = 1e-12 * wanted.size;
    const excess = (have[i] as Running).total - wanted.total;
    const ends = blocks[i + 1] !== blocks[i];
    if (!(ends ? Math.abs(excess) <= room : excess <= room)) {
      throw new Error(`${what}: the sum up to ${i} is ${excess} above the bound`);
    }
  }
}

interface Running {
  readonly total: number;
  /** What was added, for its rounding. */
  readonly size: number;
}

/** Sums up to each entry; in mode smooth those of exponentials, as logarithms. */
function runningSums(x: readonly number[], mode: SoftMode): Running[] {
  const first = x[0] as number;
  let [total, rest, size] = [0, 0, 1];
  return x.map((entry) => {
    const one = mode === "smooth" ? Math.exp(entry - first) : entry;
    const next = total + one;
    rest += Math.abs(total) >= Math.abs(one) ? total - next + one : one - next + total;
    total = next;
    size += Math.abs(one);
    if (mode !== "smooth") return { total: total + rest, size };
    return { total: first + Math.log(total + rest), size: Math.max(1, Math.abs(first)) };
  });
}

describe.each(modes)("isotonic regression, mode %s", (mode) => {
  test("equals pooling of adjacent violators", async () => {
    for (const n of [1, 2, 3, 16, 17, 60]) {
      for (const softness of [1e-3, 0.1, 1, 1e3]) {
        for (const [name, row] of Object.entries(rowsOf(n, n))) {
          const both = problems(row, softness);
          const found = await solve(
            mode,
            both.map(({ s }) => s),
            both.map(({ w }) => w),
          );
          for (const [i, { s, w }] of both.entries()) {
            const what = `${name}, n ${n}, softness ${softness}, problem ${i}`;
            const wanted = pool(s, w, mode);
            expectNear(`${what}: v`, found[i]?.v as number[], wanted.v, 1e-12);
            expectNear(`${what}: y`, found[i]?.y as number[], wanted.y, 2e-12);
          }
        }
      }
    }
  });

  test("meets the conditions of optimality in long rows, all in one batch", async () => {
    for (const n of [128, 129, 1000]) {
      const all = Object.entries(rowsOf(n, 3)).flatMap(([name, row]) =>
        [1e-3, 0.1, 1e3].flatMap((softness) =>
          problems(row, softness).map((problem, i) => ({
            ...problem,
            what: `${name} ${softness} ${i}`,
          })),
        ),
      );
      const found = await solve(
        mode,
        all.map(({ s }) => s),
        all.map(({ w }) => w),
      );
      for (const [i, { s, w, what }] of all.entries()) {
        expectOptimal(`${what}, n ${n}`, s, w, found[i] as Solved, mode);
      }
    }
  });

  test("rows of a batch do not touch each other, and a batch may be empty", async () => {
    const rows = Object.values(rowsOf(33, 9)).flatMap((row) => problems(row, 0.2));
    const together = await solve(
      mode,
      rows.map(({ s }) => s),
      rows.map(({ w }) => w),
    );
    for (const [i, { s, w }] of rows.entries()) {
      const [alone] = await solve(mode, [s], [w]);
      expect(together[i]?.blocks).toEqual(alone?.blocks);
      expectNear(`row ${i}`, together[i]?.y as number[], alone?.y as number[], 1e-13);
    }
    expect(await solve(mode, [], [], [0, 5])).toEqual([]);
  });

  test("NaN and infinities make their row NaN, end the loop and leave other rows alone", async () => {
    const good = problems(rowsOf(6).normal as number[], 0.1)[0] as { s: number[]; w: number[] };
    const [alone] = await solve(mode, [good.s], [good.w]);
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      for (const place of [0, 3, 5]) {
        const broken = good.s.map((x, i) => (i === place ? bad : x));
        for (const [s, w] of [
          [broken, good.w],
          [good.s, broken],
        ] as const) {
          const [first, second] = await solve(mode, [s, good.s], [w, good.w]);
          expect(first?.v.every(Number.isNaN)).toBe(true);
          expect(first?.y.every(Number.isNaN)).toBe(true);
          expectNear("the other", second?.y as number[], alone?.y as number[], 1e-14);
        }
      }
    }
  });

  test("derivatives of the levels and of the projection against differences", async () => {
    const steps = (x: Value, by: number) =>
      x.mul(0.3).add(
        x.graph.constant(
          Array.from({ length: 6 }, (_, i) => -by * i),
          [6],
          x.dtype,
        ),
      );
    const order = mode === "c0" ? 1 : 2;
    for (const by of [0.15, 0.6, 3]) {
      const options = { order, also: ["named"], draw: (u: number) => u } as const;
      const shapes = [
        [2, 6],
        [2, 6],
      ];
      const w = (x: Value) => steps(x, 0.4).add(2.1);
      await checkGradient(
        (a, b) => isotonicRegression(steps(a, by), w(b), mode).v,
        shapes,
        options,
      );
      const exact = (x: Value) => x.cast("float64");
      await checkGradient(
        (a, b) => projectSorted(exact(steps(a, by)), exact(w(b)), mode).cast(a.dtype),
        shapes,
        options,
      );
    }
  });
});

test("mode smooth over many times the range of exponentials equals pooling", async () => {
  const sorted: number[][] = [];
  const spaced: number[][] = [];
  for (const scale of [1, 300, 1e4, 1e6]) {
    for (const softness of [0.05, 0.1, 0.2, 1]) {
      const { normal } = rowsOf(40, Math.round(scale + 100 * softness));
      sorted.push(descending((normal as number[]).map((x) => scale * x)));
      spaced.push(Array.from({ length: 40 }, (_, i) => ((39 - i) / 39 / softness) * scale));
    }
  }
  const found = await solve("smooth", [...spaced, ...sorted], [...sorted, ...spaced]);
  for (const [i, { v, y }] of found.entries()) {
    const k = i % sorted.length;
    const rows = [sorted[k], spaced[k]] as [number[], number[]];
    const [w, s] = i < sorted.length ? rows : [rows[1], rows[0]];
    const wanted = pool(s, w, "smooth");
    expectNear(`v of row ${i}`, v, wanted.v, 1e-13);
    expectNear(`y of row ${i}`, y, wanted.y, 1e-13);
  }
});

describe.each(["c1", "c2"] as const)("mode %s at t = 0", (mode) => {
  test("a weight of 0 alone in its block has derivative 1, of any order finite", async () => {
    const build = (s: Value, w: Value) => projectSorted(s, w, mode);
    const [ds, dw] = await gradientAt(build, [
      numbers([3, 0, -3], [1, 3]),
      numbers([0.1, 0, -0.1], [1, 3]),
    ]);
    expectClose(ds as number[], [0, 0, 0]);
    expectClose(dw as number[], [1, 1, 1]);
  });

  test("a block of which all t are 0 shares equally", async () => {
    const build = (s: Value, w: Value) => projectSorted(s, w, mode);
    const point = [numbers([1, 1, 1], [1, 3]), numbers([0, 0, 0], [1, 3])];
    const [, dw] = await gradientAt(build, point, "static", [1, 2, 6]);
    expectClose(dw as number[], [3, 3, 3]);
  });
});

test("in one file they load silently in a stock runtime, and imported models know them", () => {
  const models: Record<string, Uint8Array> = {};
  for (const dtype of ["float32", "float64"] as const) {
    const g = new Graph("isotonic");
    const [s, w] = [g.input("s", dtype, ["b", "n"]), g.input("w", dtype, ["b", "n"])];
    for (const mode of modes) g.output(mode, isotonicRegression(s, w, mode).v);
    models[dtype] = g.toModel();
  }
  expect(complaints(models)).toEqual({ float32: "", float64: "" });
  expect(findDefinition("ai.softonnx", "IsotonicRegression_c2_float32", 1)?.outputs).toEqual([
    "blocks",
    "v",
  ]);
  expect(findDefinition("ai.softonnx", "IsotonicRegression_c3_float32", 1)).toBeUndefined();
});

test("float32 in and out is solved in float64", async () => {
  const g = new Graph("single");
  const [s, w] = [g.input("s", "float32", [1, 4]), g.input("w", "float32", [1, 4])];
  const rows = { s: [3, 2.75, 2.5, -1], w: [2, 0.5, 0.25, 0] };
  const feed = (x: number[]) => new Tensor("float32", Float32Array.from(x), [1, 4]);
  for (const mode of modes) {
    const { v } = await evaluate(
      { v: isotonicRegression(s, w, mode).v },
      { s: feed(rows.s), w: feed(rows.w) },
    );
    const wanted = pool(rows.s, rows.w, mode).v;
    expectClose(Array.from(v?.data as Float32Array), wanted, 3e-7);
  }
});

test("rows of other types or shapes are refused", () => {
  const g = new Graph("wrong");
  const x = g.input("x", "float64", [2, 3]);
  expect(() => isotonicRegression(g.input("h", "float16", [2, 3]), x, "c0")).toThrow(
    "float32 or float64",
  );
  expect(() => isotonicRegression(x, g.input("y", "float32", [2, 3]), "c0")).toThrow(
    "w: expected float64",
  );
  expect(() => isotonicRegression(x, g.input("z", "float64", [2, 4]), "c0")).toThrow(
    "shapes differ",
  );
});
