import { Graph, reduceSum, soft, type Value } from "softonnx";
import { evaluate, Tensor } from "softonnx/node";
import { findDefinition } from "../../src/builder/definition.ts";
import { concat, identity } from "../../src/builder/operators/index.ts";
import { networkPermutation, networkValues } from "../../src/ops/kernels/sorting-network.ts";
import { checkGradient, gradientAt, numbers } from "../grad/check.ts";
import { complaints } from "../support/silent.ts";
import { type Computed, compute, expectClose } from "./support.ts";

jest.setTimeout(120_000);

const modes = ["smooth", "c0", "c1", "c2"] as const;
type SoftMode = (typeof modes)[number];
const METHOD = "sortingNetwork";

/** A soft step as its definition says. */
function step(x: number, softness: number, mode: SoftMode): number {
  if (mode === "smooth") return 1 / (1 + Math.exp(-x / softness));
  const w = Math.min(Math.max(x / (10 * softness) + 0.5, 0), 1);
  if (mode === "c0") return w;
  return mode === "c1" ? w * w * (3 - 2 * w) : w ** 3 * (10 + w * (6 * w - 15));
}

/** The network wire by wire: y sorted softly, and in `rows` what of each entry came to each place. */
function wireByWire(row: readonly number[], softness: number, mode: SoftMode) {
  const y = [...row];
  const rows = y.map((_, i) => y.map((_, j) => (i === j ? 1 : 0)));
  for (let block = 2; block <= y.length; block *= 2) {
    for (let distance = block / 2; distance >= 1; distance /= 2) {
      for (let i = 0; i < y.length; i++) {
        const j = i + distance;
        if (i & distance) continue;
        const sign = i & block ? -1 : 1;
        const share = step(sign * ((y[i] as number) - (y[j] as number)), softness, mode);
        swap(y, i, j, share);
        for (let k = 0; k < y.length; k++) {
          const column = rows.map((r) => r[k] as number);
          swap(column, i, j, share);
          (rows[i] as number[])[k] = column[i] as number;
          (rows[j] as number[])[k] = column[j] as number;
        }
      }
    }
  }
  return { y, rows };
}

function swap(y: number[], i: number, j: number, share: number): void {
  const [a, b] = [y[i] as number, y[j] as number];
  y[i] = (1 - share) * a + share * b;
  y[j] = (1 - share) * b + share * a;
}

function normal(count: number, seed = 1): number[] {
  let state = seed;
  const uniform = () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
  return Array.from({ length: count }, () => uniform() + uniform() + uniform() + uniform() - 2);
}

const graphs = new Map<string, Record<string, Value>>();

/** Both kernels on named sizes, one graph a mode and type, so that its session is kept. */
async function network(
  mode: SoftMode,
  rows: readonly (readonly number[])[],
  softness: number,
  dtype: "float32" | "float64" = "float64",
): Promise<Record<"y" | "p", Computed>> {
  const key = `${mode} ${dtype}`;
  let outputs = graphs.get(key);
  if (outputs === undefined) {
    const g = new Graph("network");
    const [x, s] = [g.input("x", dtype, ["batch", "n"]), g.input("softness", dtype, [])];
    outputs = { y: networkValues(x, s, mode), p: networkPermutation(x, s, mode) };
    graphs.set(key, outputs);
  }
  const tensor = (data: readonly number[], dims: number[]) =>
    new Tensor(
      dtype,
      dtype === "float32" ? Float32Array.from(data) : Float64Array.from(data),
      dims,
    );
  const found = await evaluate(outputs, {
    x: tensor(rows.flat(), [rows.length, rows[0]?.length ?? 8]),
    softness: tensor([softness], []),
  });
  const plain = ({ dims, data }: Tensor) => ({
    dims,
    data: Array.from(data as Float64Array, Number),
  });
  return { y: plain(found.y as Tensor), p: plain(found.p as Tensor) };
}

describe.each(modes)("mode %s", (mode) => {
  test("layer by layer what a network does wire by wire", async () => {
    for (const n of [2, 4, 8, 32, 64]) {
      for (const softness of [1e-3, 0.1, 1, 1e3]) {
        const rows = [normal(n, 5), normal(n, 6).map((x) => Math.round(2 * x)), normal(n, 7)];
        const { y, p } = await network(mode, rows, softness);
        const expected = rows.map((row) => wireByWire(row, softness, mode));
        expectClose(
          y.data,
          expected.flatMap((one) => one.y),
          1e-13,
        );
        expectClose(
          p.data,
          expected.flatMap((one) => one.rows.flat()),
          1e-13,
        );
      }
    }
  });

  test("rows and columns of the permutation sum to 1, in float32 too", async () => {
    for (const dtype of ["float32", "float64"] as const) {
      const { p } = await network(mode, [normal(128)], 0.1, dtype);
      const tolerance = dtype === "float32" ? 1e-6 : 1e-14;
      for (let i = 0; i < 128; i++) {
        const row = p.data.slice(128 * i, 128 * (i + 1)).reduce((a, b) => a + b, 0);
        const column = p.data.filter((_, at) => at % 128 === i).reduce((a, b) => a + b, 0);
        expect(Math.abs(row - 1)).toBeLessThan(tolerance);
        expect(Math.abs(column - 1)).toBeLessThan(10 * tolerance);
      }
    }
  });

  test("a softness that is not positive gives NaN", async () => {
    for (const softness of [0, -1, Number.NaN]) {
      const { y, p } = await network(mode, [normal(8)], softness);
      expect([...y.data, ...p.data].every(Number.isNaN)).toBe(true);
    }
  });

  test("derivatives against differences", async () => {
    const order = mode === "c0" ? 1 : 2;
    const draw = [(u: number) => 2 * u - 1, (u: number) => 0.2 + 0.2 * u];
    const also = ["named"] as const;
    for (const shape of [
      [2, 4],
      [1, 8],
    ]) {
      const shapes = [shape, []];
      const options = { order, draw, also } as const;
      await checkGradient((x, s) => networkValues(x, s, mode), shapes, options);
      await checkGradient((x, s) => networkPermutation(x, s, mode), shapes, options);
    }
  });

  test("derivatives of the operators, of lengths that are no power of two", async () => {
    const order = mode === "c0" ? 1 : 2;
    const options = { order, also: ["named"], draw: (u: number) => 2 * u - 1 } as const;
    const how = { mode, method: METHOD, softness: 0.3, dim: -1 } as const;
    await checkGradient((x) => soft.sort(x, how), [[2, 3]], options);
    // The padding is taken from the largest entry, as a constant: here it is one.
    const below3 = (x: Value) =>
      concat([x, x.graph.constant([[3], [3]], [2, 1], x.dtype)], { axis: 1 });
    const plain = { ...how, standardize: false };
    await checkGradient((x) => soft.sort(below3(x), plain), [[2, 4]], options);
    await checkGradient((x) => soft.rank(x, how), [[2, 3]], options);
  });
});

describe.each(modes)("soft operators, mode %s", (mode) => {
  const how = { mode, method: METHOD } as const;

  test("of any length they come to the hard ones with a small softness", async () => {
    for (const n of [1, 2, 3, 8, 9, 1000, 1024, 1025]) {
      const row = Array.from({ length: n }, (_, i) => ((i * 7919) % n) / n);
      const options = { ...how, softness: 1e-3 / n, standardize: false };
      const sorted = await compute((x) => soft.sort(x, options), row, { shape: ["n"] });
      expectClose(
        sorted.data,
        [...row].sort((a, b) => a - b),
        1e-12,
      );
      if (n > 9) continue;
      const ranks = await compute((x) => soft.rank(x, options), row, { shape: ["n"] });
      expectClose(
        ranks.data,
        row.map((x) => 1 + row.filter((other) => other > x).length),
        1e-12,
      );
    }
  });

  test("values stay between the entries, however unlike these are", async () => {
    for (const row of [
      [1e6, 1e-6, -1e6, 0, 3e-6, 1],
      Array.from({ length: 40 }, (_, i) => -(1.5 ** i)),
      [1e-310, -0, 0, -1e-310, 5e-324],
      new Array<number>(7).fill(3.7),
      normal(33).map((x) => Math.round(x)),
    ]) {
      for (const softness of [1e-3, 0.1, 1e3]) {
        for (const standardize of [true, false]) {
          const options = { ...how, softness, standardize };
          const { data } = await compute((x) => soft.sort(x, options), row, { shape: ["n"] });
          const slack = 1e-9 * Math.max(1, ...row.map(Math.abs));
          const most = standardize ? Number.POSITIVE_INFINITY : Math.max(...row) + 1;
          for (const y of data) {
            expect(y).toBeGreaterThanOrEqual(Math.min(...row) - slack);
            expect(y).toBeLessThanOrEqual(most);
          }
        }
      }
    }
  });

  test("the soft indices sum to 1, and turn the entries into the values", async () => {
    const row = normal(11);
    const options = { ...how, standardize: false, softness: 0.2 };
    const found = await compute((x) => soft.argsort(x, options), row);
    expect(found.dims).toEqual([11, 11]);
    const sums = await compute((x) => reduceSum(soft.argsort(x, options), { axes: -1 }), row);
    expectClose(sums.data, new Array(11).fill(1), 1e-14);
    const whole = normal(16);
    const taken = await compute(
      (x) => soft.takeAlongDim(x, soft.argsort(x, options), { dim: -1 }),
      whole,
    );
    const sorted = await compute((x) => soft.sort(x, options), whole);
    expectClose(taken.data, sorted.data, 1e-13);
  });

  test("what is not a number in a row makes the row NaN, and no other with padding by row", async () => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const options = { ...how, standardize: false, padding: "row" } as const;
      const rows = [
        [1, bad, 3],
        [4, 5, 6],
      ];
      for (const build of [soft.sort, soft.argsort]) {
        const { data } = await compute((x) => build(x, options), rows);
        const half = data.length / 2;
        expect(data.slice(0, half).every(Number.isNaN)).toBe(true);
        expect(data.slice(half).some(Number.isNaN)).toBe(false);
      }
    }
  });

  test("a batch of no rows", async () => {
    for (const standardize of [true, false]) {
      const g = new Graph("empty");
      const x = g.input("x", "float64", ["batch", 5]);
      const options = { ...how, standardize };
      const found = await evaluate(
        { sorted: soft.sort(x, options), order: soft.argsort(x, options) },
        { x: new Tensor("float64", new Float64Array(0), [0, 5]) },
      );
      expect(found.sorted?.dims).toEqual([0, 5]);
      expect(found.order?.dims).toEqual([0, 5, 5]);
    }
  });
});

test("padding by the tensor makes rows depend on each other, padding by row does not", async () => {
  const rows = (last: number) => [
    [0.1, 0.9, 0.4],
    [0.2, 0.3, last],
  ];
  const first = async (padding: "tensor" | "row", last: number) => {
    const options = { method: METHOD, standardize: false, softness: 0.5, padding } as const;
    return (await compute((x) => soft.sort(x, options), rows(last))).data.slice(0, 3);
  };
  expect(await first("tensor", 1)).not.toEqual(await first("tensor", 3));
  expect(await first("row", 1)).toEqual(await first("row", 3));
  // The default is the tensor's, and the entry it is taken from has no gradient of it.
  expect(await first("tensor", 0.5)).toEqual(
    (
      await compute(
        (x) => soft.sort(x, { method: METHOD, standardize: false, softness: 0.5 }),
        rows(0.5),
      )
    ).data.slice(0, 3),
  );
  const [dx] = await gradientAt(
    (x) => soft.sort(x, { method: METHOD, standardize: false, softness: 0.5 }),
    [numbers(rows(3).flat(), [2, 3])],
    "named",
    [1, 2, 3, 0, 0, 0],
  );
  expect(dx?.slice(3)).toEqual([0, 0, 0]);
});

test("the same operator whatever is known of the sizes", async () => {
  const row = [normal(6, 3), normal(6, 4)];
  for (const build of [
    (x: Value) => soft.sort(x, { method: METHOD, descending: true }),
    (x: Value) => soft.topk(x, 2, { method: METHOD }).values,
    (x: Value) => soft.min(x, { method: METHOD, dim: 1 }),
    (x: Value) => soft.argmin(x, { method: METHOD, dim: 0 }),
    (x: Value) => soft.median(x, { method: METHOD, dim: 1 }),
    (x: Value) => soft.argquantile(x, 0.3, { method: METHOD, dim: 1 }),
    (x: Value) => soft.rank(x, { method: METHOD, dim: 1, descending: false }),
  ]) {
    const known = await compute(build, row);
    const named = await compute(build, row, { shape: ["batch", "n"] });
    const open = await compute(build, row, { shape: [null, null] });
    expect(named.dims).toEqual(known.dims);
    expectClose(named.data, known.data, 1e-13);
    expectClose(open.data, known.data, 1e-13);
  }
});

test("the minimum is the maximum of -x turned around, padding included", async () => {
  const row = normal(5);
  for (const standardize of [true, false]) {
    const options = { method: METHOD, standardize, softness: 0.4 } as const;
    const least = await compute((x) => soft.min(x, options), row);
    const most = await compute((x) => soft.max(x.neg(), options).neg(), row);
    expectClose(least.data, most.data, 1e-13);
  }
});

test("float16 goes through float32", () => {
  const x = new Graph("half").input("x", "float16", [2, 3]);
  expect(soft.sort(x, { method: METHOD }).dtype).toBe("float16");
  expect(soft.argsort(x, { method: METHOD }).dtype).toBe("float16");
});

test("in one file they load silently in a stock runtime, and imported models know them", () => {
  const models: Record<string, Uint8Array> = {};
  for (const dtype of ["float32", "float64"] as const) {
    const g = new Graph("network");
    const [x, s] = [g.input("x", dtype, ["b", "n"]), g.input("s", dtype, [])];
    g.output("y", networkValues(x, s, "c1")).output("p", networkPermutation(x, s, "c1"));
    models[dtype] = g.toModel();
  }
  expect(complaints(models)).toEqual({ float32: "", float64: "" });
  for (const name of [
    "SortingNetworkValues_smooth_float32",
    "SortingNetworkValuesGrad_c0_float64",
    "SortingNetworkPermutation_c2_float64",
    "SortingNetworkPermutationGrad_c1_float32",
    "SortingNetworkTrace_c1_float64",
    "SwapLayers_Backward_Added_float32",
  ]) {
    expect(findDefinition("ai.softonnx", name, 1)?.name).toBe(name);
  }
  expect(findDefinition("ai.softonnx", "SortingNetworkValues_c3_float64", 1)).toBeUndefined();
  expect(findDefinition("ai.softonnx", "SortingNetworkValues_c1", 1)).toBeUndefined();
});

test("a model does not grow with the length", () => {
  const size = (n: number) => {
    const g = new Graph("network");
    g.output("y", soft.sort(g.input("x", "float32", [n]), { method: METHOD, standardize: false }));
    return g.toModel().length;
  };
  expect(size(4096)).toBeLessThan(size(8) + 100);
  expect(size(4096)).toBeLessThan(8000);
});

test("operands that do not fit are errors at the call", () => {
  const g = new Graph("network");
  const softness = g.constant(1, [], "float64");
  expect(() => networkValues(g.input("x", "float64", [2, 6]), softness, "c1")).toThrow(
    "sortingNetwork: x: expected [batch, n] with n = 2, 4, 8, …, got 6",
  );
  expect(() => networkValues(identity(g.input("i", "int64", [2, 4])), softness, "c1")).toThrow(
    "x: expected float32 or float64",
  );
  const wrong = { method: METHOD, padding: "rows" } as unknown as { padding: "row" };
  expect(() => soft.sort(g.input("z", "float64", [2, 6]), wrong)).toThrow("padding");
});
