import { Graph, type Value } from "softonnx";
import { evaluate, Tensor } from "softonnx/node";
import { findDefinition } from "../../src/builder/definition.ts";
import { simplexThreshold } from "../../src/ops/kernels/simplex-threshold.ts";
import { projectSimplex } from "../../src/ops/simplex.ts";
import { checkGradient } from "../grad/check.ts";
import { complaints } from "../support/silent.ts";
import { compute } from "./support.ts";

jest.setTimeout(60_000);

const modes = ["smooth", "c0", "c1", "c2"] as const;
type SoftMode = (typeof modes)[number];

const phi = (mode: SoftMode, r: number): number => {
  if (mode === "smooth") return Math.exp(r);
  return Math.max(r, 0) ** { c0: 1, c1: 2, c2: 3 }[mode];
};

/** Always the same numbers, roughly normal. */
function normal(count: number, seed = 1): number[] {
  let state = seed;
  const uniform = () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
  return Array.from({ length: count }, () => uniform() + uniform() + uniform() + uniform() - 2);
}

const graphs = new Map<string, Value>();

/** The threshold of an input with named sizes: one graph a mode and type, so that its session is kept. */
function thresholdOf(mode: SoftMode, dtype: "float32" | "float64"): Value {
  const key = `${mode} ${dtype}`;
  let t = graphs.get(key);
  if (t === undefined) {
    const graph = new Graph("threshold");
    const v = graph.input("v", dtype, ["batch", "n"]);
    t = simplexThreshold(v, graph.input("mass", dtype, ["rows", 1]), mode);
    graphs.set(key, t);
  }
  return t;
}

async function thresholds(
  mode: SoftMode,
  rows: readonly (readonly number[])[],
  mass: readonly number[] = [1],
  dtype: "float32" | "float64" = "float64",
): Promise<number[]> {
  const tensor = (numbers: readonly number[], dims: number[]) => {
    const data = dtype === "float32" ? Float32Array.from(numbers) : Float64Array.from(numbers);
    return new Tensor(dtype, data, dims);
  };
  const found = await evaluate(thresholdOf(mode, dtype), {
    v: tensor(rows.flat(), [rows.length, rows[0]?.length ?? 3]),
    mass: tensor(mass, [mass.length, 1]),
  });
  return Array.from(found.data as Float64Array, Number);
}

const rowsOfKind: Readonly<Record<string, (n: number) => number[]>> = {
  normal: (n) => normal(n),
  wide: (n) => normal(n).map((x) => 1000 * x),
  tied: (n) => normal(n).map((x) => Math.round(2 * x)),
  equal: (n) => new Array<number>(n).fill(3.7),
  "an outlier": (n) => normal(n).map((x, i) => (i === 0 ? 1e6 : x)),
  geometric: (n) => normal(n).map((_, i) => -(1.3 ** -i)),
  denormal: (n) => normal(n).map((x) => x * 1e-310),
  "far from 0": (n) => normal(n).map((x) => 1e5 + x),
};

describe.each(modes)("mode %s", (mode) => {
  test.each(Object.keys(rowsOfKind))("the shares of a row sum to the mass: %s", async (kind) => {
    for (const n of [1, 2, 3, 17, 64, 65, 1000]) {
      const row = rowsOfKind[kind]?.(n) as number[];
      for (const mass of [1, 0.01, 30]) {
        const [t] = (await thresholds(mode, [row], [mass])) as [number];
        const total = row.reduce((sum, v) => sum + phi(mode, v - t), 0);
        // The threshold is rounded at the size of the row, which the shares feel as much as their slope.
        const slope =
          row.reduce((sum, v) => sum + phi(mode, v + 1e-7 - t) - phi(mode, v - t), 0) / 1e-7;
        const rounding = 4e-16 * slope * Math.max(...row.map(Math.abs));
        expect(Math.abs(total - mass)).toBeLessThanOrEqual(2e-13 * mass + rounding);
      }
    }
  });

  test("rows of one batch do not mix, whenever each converges", async () => {
    const n = 40;
    const rows = ["normal", "equal", "an outlier", "geometric", "wide"].map(
      (kind) => rowsOfKind[kind]?.(n) as number[],
    );
    const masses = [1, 2, 0.5, 1e-3, 7];
    const together = await thresholds(mode, rows, masses);
    for (const [i, row] of rows.entries()) {
      const [alone] = (await thresholds(mode, [row], [masses[i] as number])) as [number];
      const size = Math.max(1, Math.abs(alone));
      expect(Math.abs((together[i] as number) - alone)).toBeLessThan(1e-13 * size);
    }
  });

  test("NaN or +infinity in a row gives NaN there, -infinity has no share", async () => {
    const inf = Number.POSITIVE_INFINITY;
    const rows = [
      [0, Number.NaN, 1],
      [0, inf, 1],
      [0, -inf, 1],
      [-inf, -inf, -inf],
      [0, 2, 1],
    ];
    const found = await thresholds(mode, rows, [1]);
    expect(found.map(Number.isNaN)).toEqual([true, true, false, true, false]);
    const [without] = await thresholds(mode, [[0, 1]]);
    expect(found[2]).toBeCloseTo(without as number, 14);
  });

  test("a mass that is not positive gives NaN", async () => {
    const found = await thresholds(
      mode,
      [
        [0, 1],
        [0, 1],
        [0, 1],
        [0, 1],
      ],
      [0, -1, Number.NaN, 1],
    );
    expect(found.map(Number.isNaN)).toEqual([true, true, true, false]);
  });

  test("a batch of no rows gives no rows", async () => {
    expect(await thresholds(mode, [])).toEqual([]);
  });

  test("float32 is right to rounding", async () => {
    for (const kind of ["normal", "tied", "equal", "geometric"]) {
      for (const n of [1, 8, 300]) {
        const row = Array.from(Float32Array.from(rowsOfKind[kind]?.(n) as number[]));
        const [t] = (await thresholds(mode, [row], [1], "float32")) as [number];
        const [exact] = (await thresholds(mode, [row], [1])) as [number];
        expect(Math.abs(t - exact)).toBeLessThan(6e-7 * Math.max(1, Math.abs(exact)));
      }
    }
  });

  test("derivatives against differences, of the threshold and of the projection", async () => {
    const order = mode === "c0" ? 1 : 2;
    const threshold = (v: Value, mass: Value) => simplexThreshold(v, mass, mode);
    const draw = [(u: number) => 2 * u - 1, (u: number) => 0.5 + u];
    await checkGradient(
      threshold,
      [
        [2, 5],
        [2, 1],
      ],
      { order, draw },
    );
    await checkGradient(
      threshold,
      [
        [3, 4],
        [1, 1],
      ],
      { order, draw, also: [] },
    );
    await checkGradient((v) => projectSimplex(v, mode), [[2, 5]], { order });
  });

  test("the projection sums to 1 along the last axis, whatever stands before", async () => {
    for (const [x, shape] of [
      [[0.3, -1, 2], ["n"]],
      [
        [
          [
            [0.3, -1, 2],
            [5, 5, 4.5],
          ],
        ],
        ["a", "b", "n"],
      ],
    ] as const) {
      const { dims, data } = await compute((v) => projectSimplex(v, mode), x, { shape });
      expect(dims.at(-1)).toBe(3);
      for (let i = 0; i < data.length; i += 3) {
        const [a, b, c] = data.slice(i, i + 3) as [number, number, number];
        expect(a + b + c).toBeCloseTo(1, 14);
      }
    }
  });

  test("it loads silently in a stock runtime, and imported models know it again", () => {
    const models: Record<string, Uint8Array> = {};
    for (const dtype of ["float32", "float64"] as const) {
      const g = new Graph("threshold");
      g.output(
        "t",
        simplexThreshold(g.input("v", dtype, ["b", "n"]), g.constant(1, [1, 1], dtype), mode),
      );
      models[dtype] = g.toModel();
      const name = `SimplexThreshold_${mode}_${dtype}`;
      expect(findDefinition("ai.softonnx", name, 1)?.name).toBe(name);
    }
    expect(complaints(models)).toEqual({ float32: "", float64: "" });
  });
});

test("operands that do not fit are errors at the call", () => {
  const g = new Graph("threshold");
  const v = g.input("v", "float64", [3, 4]);
  const one = (shape: number[]) => g.constant(1, shape, "float64");
  expect(() => simplexThreshold(v, one([2, 1]), "c1")).toThrow(
    "simplexThreshold: mass: expected one column and one row or those of v",
  );
  expect(() => simplexThreshold(v, one([3]), "c1")).toThrow(
    "simplexThreshold: mass: expected float64 [batch, 1]",
  );
  expect(() => simplexThreshold(g.input("w", "int64", [3, 4]), one([1, 1]), "c1")).toThrow(
    "v: expected float32 or float64",
  );
  expect(findDefinition("ai.softonnx", "SimplexThreshold_c3_float64", 1)).toBeUndefined();
});

test("float16 is projected in float32", () => {
  const x = new Graph("half").input("x", "float16", [2, 3]);
  expect(projectSimplex(x, "c1").dtype).toBe("float16");
});
