import { type Dim, Graph, soft, type Value } from "softonnx";
import { evaluate, Tensor } from "softonnx/node";
import { findDefinition } from "../../src/builder/definition.ts";
import * as op from "../../src/builder/operators/index.ts";
import { vjp } from "../../src/grad/index.ts";
import { softSortRanks, softSortValues } from "../../src/ops/kernels/softsort.ts";
import { checkGradient } from "../grad/check.ts";
import { complaints } from "../support/silent.ts";

jest.setTimeout(120_000);

type DType = "float32" | "float64";

function normal(count: number, seed = 1): number[] {
  let state = seed;
  const uniform = () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
  return Array.from({ length: count }, () => uniform() + uniform() + uniform() + uniform() - 2);
}

/** The n x n form: rows of the sorted entries, or of the entries for ranks. */
function denseValues(keys: Value, payload: Value, softness: Value): Value {
  const s = op.topK(keys, op.sizeOf(keys, -1), { largest: false }).values;
  return means(s, keys, payload, softness);
}

function denseRanks(keys: Value, softness: Value): Value {
  const n = op.sizeOf(keys, -1);
  const s = op.topK(keys, n, { largest: false }).values;
  const numbers = op.cast(
    op.add(op.range(0, typeof n === "number" ? keys.graph.constant(n, [], "int64") : n), 1),
    keys.dtype,
  );
  return means(keys, s, op.add(op.mul(s, 0), numbers), softness);
}

function means(from: Value, to: Value, payload: Value, softness: Value): Value {
  const apart = op.abs(op.sub(op.unsqueeze(from, -1), op.unsqueeze(to, -2)));
  const weights = op.softmax(op.div(op.neg(apart), softness), { axis: -1 });
  return op.squeeze(op.matmul(weights, op.unsqueeze(payload, -1)), -1);
}

interface Outputs {
  readonly y: Value;
  readonly r: Value;
  readonly [name: string]: Value;
}

const graphs = new Map<string, Outputs>();

/** Values, ranks and their gradients, by scan or dense, on named sizes. */
function outputsOf(form: "scan" | "dense", dtype: DType, gradients: boolean): Outputs {
  const key = `${form} ${dtype} ${gradients}`;
  const known = graphs.get(key);
  if (known !== undefined) return known;
  const g = new Graph("softsort");
  const rows = (name: string) => g.input(name, dtype, ["batch", "n"]);
  const [keys, payload, softness] = [rows("keys"), rows("payload"), g.input("softness", dtype, [])];
  const scan = form === "scan";
  const y = scan
    ? softSortValues(keys, payload, softness, "smooth")
    : denseValues(keys, payload, softness);
  const r = scan ? softSortRanks(keys, softness, "smooth") : denseRanks(keys, softness);
  let outputs: Outputs = { y, r };
  if (gradients) {
    const weights = rows("weights");
    const [yk, yp, ys] = vjp(y, [keys, payload, softness], weights) as [Value, Value, Value];
    const [rk, rs] = vjp(r, [keys, softness], weights) as [Value, Value];
    outputs = { ...outputs, yk, yp, ys, rk, rs };
  }
  graphs.set(key, outputs);
  return outputs;
}

interface Problem {
  readonly keys: readonly (readonly number[])[];
  readonly payload?: readonly (readonly number[])[];
  readonly softness: number;
}

async function solve(
  form: "scan" | "dense",
  { keys, payload = keys, softness }: Problem,
  dtype: DType = "float64",
  gradients = false,
): Promise<Record<string, number[]>> {
  const [batch, n] = [keys.length, keys[0]?.length ?? 3];
  const tensor = (data: readonly number[], dims: number[]) =>
    new Tensor(
      dtype,
      dtype === "float32" ? Float32Array.from(data) : Float64Array.from(data),
      dims,
    );
  const feeds: Record<string, Tensor> = {
    keys: tensor(keys.flat(), [batch, n]),
    payload: tensor(payload.flat(), [batch, n]),
    softness: tensor([softness], []),
  };
  if (gradients) feeds.weights = tensor(normal(batch * n, 11), [batch, n]);
  const found = await evaluate(outputsOf(form, dtype, gradients), feeds);
  return Object.fromEntries(
    Object.entries(found).map(([name, { data }]) => [
      name,
      Array.from(data as Float64Array, Number),
    ]),
  );
}

/** Largest difference relative to the largest expected number, or 1. */
function error(found: readonly number[] = [], expected: readonly number[] = []): number {
  const scale = Math.max(1, ...expected.map(Math.abs));
  return Math.max(0, ...found.map((x, i) => Math.abs(x - (expected[i] as number)) / scale));
}

const kinds: Readonly<Record<string, (n: number) => number[]>> = {
  normal: (n) => normal(n),
  "heavily tied": (n) => normal(n).map((x) => Math.round(8 * x) / 8),
  "pairs of ties": (n) => normal(n).map((_, i, all) => all[i - (i % 2)] as number),
  equal: (n) => new Array<number>(n).fill(3.7),
  "one outlier": (n) => normal(n).map((x, i) => (i === n >> 1 ? 1e6 : x)),
  geometric: (n) => normal(n).map((_, i) => 1.3 ** -i),
  denormal: (n) => normal(n).map((x) => x * 1e-310),
  "negative zeros": (n) => normal(n).map((_, i) => (i % 2 ? -0 : 0)),
};

describe("softsort in mode smooth by a decaying scan", () => {
  test.each(Object.keys(kinds))(
    "values and ranks are those of the n x n form: %s",
    async (kind) => {
      for (const n of [1, 2, 3, 16, 17, 300]) {
        for (const softness of [1e-3, 0.1, 1, 1e3]) {
          const problem = {
            keys: [kinds[kind]?.(n) as number[], normal(n, 9)],
            payload: [normal(n, 5), normal(n, 6)],
            softness,
          };
          const [scan, dense] = [await solve("scan", problem), await solve("dense", problem)];
          for (const name of ["y", "r"]) {
            const off = error(scan[name], dense[name]);
            expect({ name, n, softness, off: off < 3e-14 ? 0 : off }).toEqual({
              name,
              n,
              softness,
              off: 0,
            });
          }
        }
      }
    },
  );

  test.each(["normal", "heavily tied", "pairs of ties", "equal", "one outlier", "geometric"])(
    "gradients are those of the n x n form: %s",
    async (kind) => {
      for (const n of [1, 2, 5, 64, 257]) {
        for (const softness of [1e-3, 1e-2, 0.1, 1, 10]) {
          const problem = { keys: [kinds[kind]?.(n) as number[], normal(n, 9)], softness };
          const [scan, dense] = [
            await solve("scan", problem, "float64", true),
            await solve("dense", problem, "float64", true),
          ];
          for (const name of ["yk", "yp", "ys", "rk", "rs"]) {
            const off = error(scan[name], dense[name]);
            expect({ name, n, softness, off: off < 1e-12 ? 0 : off }).toEqual({
              name,
              n,
              softness,
              off: 0,
            });
          }
        }
      }
    },
  );

  test("float32 is right to the rounding of its inputs and outputs", async () => {
    for (const softness of [0.01, 0.1, 1]) {
      const keys = [Array.from(Float32Array.from(normal(500)))];
      const problem = { keys, softness: Math.fround(softness) };
      const single = await solve("scan", problem, "float32", true);
      const double = await solve("scan", problem, "float64", true);
      for (const name of Object.keys(double)) {
        expect(error(single[name], double[name])).toBeLessThan(3e-7);
      }
    }
  });

  test("first and second derivatives against differences", async () => {
    const draw = [(u: number) => 2 * u - 1, (u: number) => 2 * u - 1, (u: number) => 0.3 + 0.3 * u];
    for (const n of [3, 6]) {
      const shapes = [[2, n], [2, n], []];
      const options = { draw, also: ["named"] } as const;
      await checkGradient((k, p, s) => softSortValues(k, p, s, "smooth"), shapes, options);
      await checkGradient((k, _, s) => softSortRanks(k, s, "smooth"), shapes, options);
    }
  });

  test("rows with NaN or infinity are NaN, the others are not", async () => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const { y, r } = await solve("scan", {
        keys: [
          [1, bad, 3],
          [4, 5, 6],
          [bad, bad, 1],
        ],
        softness: 0.1,
      });
      for (const found of [y, r] as number[][]) {
        expect(found.map(Number.isNaN)).toEqual([
          true,
          true,
          true,
          false,
          false,
          false,
          true,
          true,
          true,
        ]);
      }
    }
  });

  test("a softness that is not positive gives NaN", async () => {
    for (const softness of [0, -1, Number.NaN]) {
      const { y, r } = await solve("scan", { keys: [[1, 2, 3]], softness });
      expect([...(y as number[]), ...(r as number[])].every(Number.isNaN)).toBe(true);
    }
  });

  test("a batch of no rows", async () => {
    expect(await solve("scan", { keys: [], softness: 1 }, "float64", true)).toEqual({
      y: [],
      r: [],
      yk: [],
      yp: [],
      ys: [0],
      rk: [],
      rs: [0],
    });
  });

  test("it loads silently in a stock runtime, and imported models know it", () => {
    const models: Record<string, Uint8Array> = {};
    for (const dtype of ["float32", "float64"] as const) {
      const { y, yk } = outputsOf("scan", dtype, true) as Outputs & { yk: Value };
      models[dtype] = y.graph.toModel({ outputs: { y, yk } });
      for (const name of [
        "SoftSortValues",
        "SoftSortValuesGrad",
        "SoftSortRanks",
        "SoftSortRanksGrad",
      ]) {
        expect(findDefinition("ai.softonnx", `${name}_smooth_${dtype}`, 1)).toBeDefined();
      }
    }
    expect(findDefinition("ai.softonnx", "SoftSortValues_c3_float64", 1)).toBeUndefined();
    expect(complaints(models)).toEqual({ float32: "", float64: "" });
  });

  test("operands that do not fit are errors at the call", () => {
    const g = new Graph("softsort");
    const rows = (name: string, shape: readonly Dim[]) => g.input(name, "float64", shape);
    const one = g.constant(1, [], "float64");
    expect(() => softSortValues(rows("a", [2, 3]), rows("b", [2, 4]), one, "smooth")).toThrow(
      "softSortValues: payload: expected float64 [batch, n]",
    );
    expect(() => softSortRanks(rows("c", [3]), one, "c0")).toThrow("softSortRanks: keys: expected");
  });
});

describe("soft.sort and soft.rank by softsort", () => {
  const uses = (build: (x: Value) => Value, shape: readonly Dim[], opset = 18) => {
    const g = new Graph("softsort", { opset });
    g.output("y", build(g.input("x", "float32", shape)));
    return g.root.nodes.map(({ op: name }) => name).filter((name) => name.startsWith("SoftSort"));
  };
  const sort = (x: Value) => soft.sort(x, { method: "softsort" });
  const rank = (x: Value) => soft.rank(x, { method: "softsort", dim: -1 });

  test("take the kernel operator for long rows and for rows of unknown length", () => {
    for (const shape of [[3, 65], [4096], ["batch", "n"], [2, 5, 300]]) {
      expect(uses(sort, shape)).toEqual(["SoftSortValues_smooth_float32"]);
      expect(uses(rank, shape)).toEqual(["SoftSortRanks_smooth_float32"]);
    }
    for (const shape of [
      [3, 64],
      ["batch", 20],
    ]) {
      expect([...uses(sort, shape), ...uses(rank, shape)]).toEqual([]);
    }
    expect(uses((x) => soft.sort(x, { method: "softsort", mode: "c1" }), [4096])).toEqual([
      "SoftSortValues_c1_float32",
    ]);
    expect(uses((x) => soft.topk(x, 3, { method: "softsort" }).values, [4096])).toEqual([]);
    expect(uses(sort, [4096], 15)).toEqual([]);
  });

  test.each([
    ["", {}],
    ["descending", { descending: true }],
    ["as they are", { standardize: false }],
    ["with the soft index held fixed", { gatedGrad: false }],
  ])("are the same by scan and by matrix, values and gradients: %s", async (_, how) => {
    const rows = [normal(12, 3), normal(12, 4).map((x) => Math.round(3 * x))];
    const found = await Promise.all(
      [
        [2, 12],
        ["batch", "n"],
      ].map(async (shape) => {
        const g = new Graph("softsort");
        const x = g.input("x", "float64", shape);
        const s = g.input("s", "float64", []);
        const { gatedGrad, ...rest } = { gatedGrad: true, ...how };
        const y = soft.sort(x, { ...rest, gatedGrad, method: "softsort", softness: s });
        const r = soft.rank(x, { ...rest, method: "softsort", softness: s, dim: -1 });
        const weights = g.constant(Float64Array.from(normal(24, 8)), [2, 12], "float64");
        const [yx, ys] = vjp(y, [x, s], weights) as [Value, Value];
        const [rx, rs] = vjp(r, [x, s], weights) as [Value, Value];
        const results = await evaluate(
          { y, r, yx, ys, rx, rs },
          {
            x: new Tensor("float64", Float64Array.from(rows.flat()), [2, 12]),
            s: new Tensor("float64", Float64Array.of(0.2), []),
          },
        );
        return Object.values(results).map(({ data }) => Array.from(data as Float64Array));
      }),
    );
    const [matrix, scan] = found as [number[][], number[][]];
    for (const [i, expected] of matrix.entries()) {
      expect(error(scan[i], expected)).toBeLessThan(1e-12);
    }
  });

  test("the gradient of a long sort is right at second order too", async () => {
    const g = new Graph("softsort");
    const x = g.input("x", "float64", ["n"]);
    const form = (y: Value) => {
      const [dx] = vjp(y, [x], op.cos(op.mul(x, 3))) as [Value];
      return vjp(dx, [x], op.sin(op.mul(x, 5)))[0] as Value;
    };
    const softness = g.constant(0.1, [], "float64");
    const row = op.reshape(x, [1, -1]);
    const dense = form(op.squeeze(denseValues(row, row, softness), 0));
    const scan = form(soft.sort(x, { method: "softsort", standardize: false }));
    const data = Float64Array.from(normal(400));
    const found = await evaluate({ dense, scan }, { x: new Tensor("float64", data, [400]) });
    const [a, b] = [found.scan, found.dense].map((one) => Array.from(one?.data as Float64Array));
    expect(error(a, b)).toBeLessThan(1e-11);
  });
});
