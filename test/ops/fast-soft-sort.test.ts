import { fromBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import { Graph, grad, type Method, soft, type Value } from "softonnx";
import { evaluate, Tensor } from "softonnx/node";
import { checkGradient } from "../grad/check.ts";
import { pool } from "./pav.ts";
import { compute, computeAll, expectClose } from "./support.ts";

jest.setTimeout(120_000);

const modes = ["smooth", "c0", "c1", "c2"] as const;
type SoftMode = (typeof modes)[number];
const METHOD = "fastSoftSort";

const descending = (x: readonly number[]) => [...x].sort((a, b) => b - a);

/** The sorted row, ascending, by pooling. */
function sorted(row: readonly number[], softness: number, mode: SoftMode): number[] {
  const n = row.length;
  const s = row.map((_, i) => (n - 1 - i) / Math.max(n - 1, 1) / softness);
  return [...pool(s, descending(row), mode).y].reverse();
}

/** Ascending ranks by pooling. */
function ranked(row: readonly number[], softness: number, mode: SoftMode): number[] {
  const n = row.length;
  const most = Math.max(n - 1, 1);
  const order = row.map((_, i) => i).sort((a, b) => (row[b] as number) - (row[a] as number));
  const s = order.map((i) => (row[i] as number) / softness);
  const w = row.map((_, i) => (n - i) / most);
  const { y } = pool(s, w, mode);
  const ranks = new Array<number>(n);
  for (const [place, i] of order.entries()) ranks[i] = (y[place] as number) * most;
  return ranks;
}

function standardized(row: readonly number[]): number[] {
  const mean = row.reduce((a, b) => a + b, 0) / row.length;
  const variance = row.reduce((a, b) => a + (b - mean) ** 2, 0) / row.length;
  return row.map((x) => 1 / (1 + Math.exp((mean - x) / Math.sqrt(variance + 1e-6))));
}

function unsquashed(y: readonly number[], row: readonly number[]): number[] {
  const mean = row.reduce((a, b) => a + b, 0) / row.length;
  const variance = row.reduce((a, b) => a + (b - mean) ** 2, 0) / row.length;
  return y.map((one) => Math.log(one / (1 - one)) * Math.sqrt(variance + 1e-6) + mean);
}

function normal(count: number, seed = 1): number[] {
  let state = seed;
  const uniform = () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
  return Array.from({ length: count }, () => uniform() + uniform() + uniform() + uniform() - 2);
}

const largest = (x: readonly number[]) => x.reduce((most, one) => Math.max(most, Math.abs(one)), 1);

describe.each(modes)("fastSoftSort, mode %s", (mode) => {
  const how = { mode, method: METHOD } as const;

  test("values and ranks are projections, standardised or not", async () => {
    for (const row of [normal(7), normal(16).map((x) => Math.round(2 * x)), [0.5], [2, 1]]) {
      for (const softness of [0.01, 0.1, 1]) {
        const plain = { ...how, softness, standardize: false };
        const scaled = { ...how, softness };
        const found = await computeAll(
          (x) => ({
            plain: soft.sort(x, plain),
            scaled: soft.sort(x, { ...scaled, descending: true }),
            ranks: soft.rank(x, { ...plain, descending: false }),
            scaledRanks: soft.rank(x, scaled),
          }),
          row,
        );
        const z = standardized(row);
        const wanted = {
          plain: sorted(row, softness, mode),
          scaled: unsquashed(sorted(z, softness, mode), row).reverse(),
          ranks: ranked(row, softness, mode),
          scaledRanks: ranked(
            z.map((x) => -x),
            softness,
            mode,
          ),
        };
        for (const [name, data] of Object.entries(wanted)) {
          expectClose(found[name]?.data as number[], data, 1e-11);
        }
      }
    }
  });

  test("of any length they come to the hard ones with a small softness", async () => {
    const g = new Graph("lengths");
    const x = g.input("x", "float64", ["n"]);
    const outputs = {
      values: soft.sort(x, { ...how, softness: 1e-9 }),
      ranks: soft.rank(x, { ...how, softness: 1e-9 }),
    };
    for (const n of [1, 2, 3, 64, 65, 1000]) {
      const row = Array.from({ length: n }, (_, i) => ((i * 7919) % n) / n);
      const found = await evaluate(outputs, {
        x: new Tensor("float64", Float64Array.from(row), [n]),
      });
      const data = (name: keyof typeof outputs) => Array.from(found[name]?.data as Float64Array);
      expectClose(
        data("values"),
        [...row].sort((a, b) => a - b),
        1e-9,
      );
      expectClose(
        data("ranks"),
        row.map((one) => 1 + row.filter((other) => other > one).length),
        1e-5,
      );
    }
  });

  test("hard rows: values keep to what pooling gives", async () => {
    const g = new Graph("hard");
    const [x, tau] = [g.input("x", "float64", ["n"]), g.input("tau", "float64", [])];
    const plain = { ...how, softness: tau, standardize: false };
    const outputs = {
      values: soft.sort(x, plain),
      ranks: soft.rank(x, { ...plain, descending: false }),
    };
    for (const row of [
      [1e6, 1e-6, -1e6, 0, 3e-6, 1],
      Array.from({ length: 40 }, (_, i) => -(1.5 ** i)),
      [1e-310, -0, 0, -1e-310, 5e-324],
      new Array<number>(9).fill(3.7),
      normal(33).map((one) => Math.round(one)),
    ]) {
      for (const softness of [1e-3, 0.1, 1e3]) {
        const found = await evaluate(outputs, {
          x: new Tensor("float64", Float64Array.from(row), [row.length]),
          tau: new Tensor("float64", Float64Array.of(softness), []),
        });
        const [values, ranks] = [sorted(row, softness, mode), ranked(row, softness, mode)];
        expectClose(
          Array.from(found.values?.data as Float64Array),
          values,
          1e-12 * largest([...row, ...values]),
        );
        expectClose(
          Array.from(found.ranks?.data as Float64Array),
          ranks,
          1e-12 * largest([...row, ...ranks]),
        );
      }
    }
  });

  test("an outlier far off keeps its digits, in float32 too", async () => {
    const row = [...normal(299), 1e4];
    for (const dtype of ["float32", "float64"] as const) {
      const { data } = await compute((x) => soft.sort(x, { ...how, softness: 1e-6 }), row, {
        dtype,
      });
      expect(Math.abs((data.at(-1) as number) / 1e4 - 1)).toBeLessThan(1e-6);
    }
  });

  test("derivatives by x and softness against differences", async () => {
    const order = mode === "c0" ? 1 : 2;
    const draw = [(u: number) => 2 * u - 1, (u: number) => 0.1 + 0.4 * u];
    const options = { order, draw, also: ["named"] } as const;
    for (const standardize of [true, false]) {
      const same = { ...how, standardize };
      await checkGradient(
        (x, softness) => soft.sort(x, { ...same, softness }),
        [[2, 4], []],
        options,
      );
      await checkGradient(
        (x, softness) => soft.rank(x, { ...same, softness, dim: 1 }),
        [[2, 4], []],
        options,
      );
    }
  });

  test("NaN and infinities make their row NaN and no other", async () => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      for (const standardize of [true, false]) {
        const { values, ranks } = await computeAll(
          (x) => ({
            values: soft.sort(x, { ...how, standardize }),
            ranks: soft.rank(x, { ...how, standardize, dim: 1 }),
          }),
          [
            [1, bad, 3],
            [4, 5, 6],
          ],
        );
        for (const { data } of [values, ranks] as { readonly data: readonly number[] }[]) {
          expect(data.slice(0, 3).every(Number.isNaN)).toBe(true);
          expect(data.slice(3).some(Number.isNaN)).toBe(false);
        }
      }
    }
  });

  test("a batch of no rows", async () => {
    const x = new Graph("empty").input("x", "float64", ["batch", 5]);
    const outputs = { values: soft.sort(x, how), ranks: soft.rank(x, { ...how, dim: -1 }) };
    const found = await evaluate(outputs, {
      x: new Tensor("float64", new Float64Array(0), [0, 5]),
    });
    expect(found.values?.dims).toEqual([0, 5]);
    expect(found.ranks?.dims).toEqual([0, 5]);
  });
});

test("the same operator whatever is known of the sizes, along any axis", async () => {
  const rows = [normal(6, 3), normal(6, 4)];
  for (const method of [METHOD, "smoothSort"] satisfies Method[]) {
    for (const build of [
      (x: Value) => soft.sort(x, { method, descending: true, dim: 0 }),
      (x: Value) => soft.topk(x, 2, { method }).values,
      (x: Value) => soft.min(x, { method, dim: 1, keepdim: true }),
      (x: Value) => soft.max(x, { method }),
      (x: Value) => soft.median(x, { method, dim: 1 }),
      (x: Value) => soft.quantile(x, [0.1, 0.5], { method, dim: 0 }),
      (x: Value) => soft.rank(x, { method, dim: 0 }),
    ]) {
      const known = await compute(build, rows);
      const named = await compute(build, rows, { shape: ["batch", "n"] });
      const open = await compute(build, rows, { shape: [null, null] });
      expect(named.dims).toEqual(known.dims);
      expectClose(named.data, known.data, 1e-13);
      expectClose(open.data, known.data, 1e-13);
    }
  }
});

test("a median along an axis is the entry in the middle of each sorted row", async () => {
  const rows = [normal(5, 3), normal(5, 4)];
  const { sorted, median } = await computeAll(
    (x) => ({
      sorted: soft.sort(x, { method: METHOD }),
      median: soft.median(x, { method: METHOD, dim: 1 }),
    }),
    rows,
  );
  expectClose(median?.data as number[], [sorted?.data[2] as number, sorted?.data[7] as number]);
});

test("the minimum is the maximum of -x turned around", async () => {
  const found = await computeAll(
    (x) => ({
      least: soft.min(x, { method: METHOD }),
      most: soft.max(x.neg(), { method: METHOD }).neg(),
    }),
    normal(6),
  );
  expectClose(found.least?.data as number[], found.most?.data as number[], 1e-14);
});

test("there are no soft indices; topk says so in its type", () => {
  const x = new Graph("values").input("x", "float64", [5]);
  const { indices } = soft.topk(x, 2, { method: METHOD });
  const none: undefined = indices;
  expect(none).toBeUndefined();
  expect(() => soft.argsort(x, { method: METHOD as "softsort" })).toThrow("has no soft indices");
});

test("float16 and integers go through float64", () => {
  const g = new Graph("types");
  expect(soft.sort(g.input("h", "float16", [3]), { method: METHOD }).dtype).toBe("float16");
  expect(soft.sort(g.input("i", "int64", [3]), { method: METHOD }).dtype).toBe("float32");
});

test("one kernel operator from the entries to the result, and one back, which neither sorts nor solves", () => {
  for (const operation of ["sort", "rank"] as const) {
    const g = new Graph("whole");
    const x = g.input("x", "float32", ["batch", "n"]);
    const y = soft[operation](x, { method: METHOD, mode: "c1", dim: 1 });
    const [dx] = grad(y.sum(), [x]) as [Value];
    const { functions, graph } = fromBinary(ModelProtoSchema, g.toModel({ outputs: { y, dx } }));
    const kernel = operation === "sort" ? "FastSoftSort" : "FastSoftRanks";
    const ours = graph?.node.filter(({ domain }) => domain === "ai.softonnx");
    expect(ours?.map(({ opType }) => opType)).toEqual([
      `${kernel}_c1_standardized_float32`,
      `${kernel}Grad_c1_standardized_float32`,
    ]);
    const standard = graph?.node.filter(({ domain }) => domain === "").map(({ opType }) => opType);
    for (const costly of ["TopK", "Cast", "GatherElements", "ScatterElements"]) {
      expect(standard).not.toContain(costly);
    }
    const backward = functions.find(({ name }) => name.startsWith(`${kernel}Grad`));
    const used = backward?.node.map(({ opType }) => opType) ?? [];
    expect(used).toContain("GatherElements");
    for (const solver of ["TopK", "Loop", "IsotonicRegression_c1_float64"]) {
      expect(used).not.toContain(solver);
    }
  }
});
