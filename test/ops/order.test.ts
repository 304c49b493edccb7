import { grad, reduceSum, soft, type Value } from "softonnx";
import { checkGradient } from "../grad/check.ts";
import { compute, computeAll, expectClose } from "./support.ts";

jest.setTimeout(120_000);

const modes = ["smooth", "c0", "c1", "c2"] as const;
const methods = ["softsort", "neuralsort"] as const;
const kinds = modes.flatMap((mode) => methods.map((method) => ({ mode, method })));

const row = [0.7, -1.2, 2.4, 0.1, 1.6];
const ascending = [...row].sort((a, b) => a - b);

describe.each(kinds)("$method in mode $mode", (kind) => {
  test("each row of a soft permutation is a distribution", async () => {
    const { dims, data } = await compute(
      (x) => soft.argsort(x, kind),
      [row, row.map((v) => v * 3)],
    );
    expect(dims).toEqual([2, 5, 5]);
    expect(Math.min(...data)).toBeGreaterThanOrEqual(0);
    for (let i = 0; i < data.length; i += 5) {
      expect(data.slice(i, i + 5).reduce((a, b) => a + b)).toBeCloseTo(1, 13);
    }
  });

  test("at a small softness it is the hard order", async () => {
    const options = { ...kind, softness: 1e-3 };
    const found = await computeAll(
      (x) => ({
        sort: soft.sort(x, options),
        rank: soft.rank(x, options),
        max: soft.max(x, options),
        min: soft.min(x, options),
        median: soft.median(x, options),
        topk: soft.topk(x, 2, options).values,
        quantile: soft.quantile(x, [0.25, 0.6], options),
      }),
      row,
    );
    expectClose(found.sort?.data ?? [], ascending, 1e-9);
    expectClose(found.rank?.data ?? [], [3, 5, 1, 4, 2], 1e-9);
    expectClose(found.max?.data ?? [], [2.4], 1e-9);
    expectClose(found.min?.data ?? [], [-1.2], 1e-9);
    expectClose(found.median?.data ?? [], [0.7], 1e-9);
    expectClose(found.topk?.data ?? [], [2.4, 1.6], 1e-9);
    expectClose(found.quantile?.data ?? [], [0.1, 0.7 + 0.4 * 0.9], 1e-9);
  });

  test("what is said twice is the same", async () => {
    const found = await computeAll((x) => {
      const order = soft.argsort(x, kind);
      const top = soft.topk(x, 2, kind);
      const back = soft.sort(x, { ...kind, descending: true });
      return {
        sort: soft.sort(x, kind).sub(soft.takeAlongDim(x, order, { dim: -1 })),
        descending: back.sub(soft.sort(x, kind).gather([4, 3, 2, 1, 0])),
        top: top.values.sub(back.slice(0, 2)),
        indices: top.indices.sub(order.gather([4, 3])),
        max: soft.max(x, kind).sub(back.gather(0)),
        argmax: soft.argmax(x, kind).sub(order.gather(4)),
        argmin: soft.argmin(x, kind).sub(soft.argmax(x.neg(), kind)),
        min: soft.min(x, kind).add(soft.max(x.neg(), kind)),
        median: soft.median(x, kind).sub(soft.sort(x, kind).gather(2)),
        argmedian: soft.argmedian(x, kind).sub(order.gather(2)),
        quantile: soft
          .quantile(x, 0.3, kind)
          .sub(
            soft.takeAlongDim(x, soft.argquantile(x, 0.3, { ...kind, keepdim: true }), { dim: 0 }),
          ),
      };
    }, row);
    for (const [name, { data }] of Object.entries(found)) {
      expect({ name, off: Math.max(...data.map(Math.abs)) < 1e-13 }).toEqual({ name, off: true });
    }
  });

  test("equal entries: values are that entry, ranks their mean, and gradients finite", async () => {
    const found = await computeAll(
      (x) => {
        const [sort, rank] = [soft.sort(x, kind), soft.rank(x, kind)];
        const [slope] = grad(
          sort
            .mul([1, 2, 3, 4])
            .sum()
            .add(rank.mul([4, 1, 2, 3]).sum()),
          [x],
        );
        return { sort, rank, slope: slope as Value };
      },
      [3, 3, 3, 3],
    );
    expectClose(found.sort?.data ?? [], [3, 3, 3, 3], 1e-14);
    expectClose(found.rank?.data ?? [], [2.5, 2.5, 2.5, 2.5], 1e-13);
    expect(found.slope?.data.every(Number.isFinite)).toBe(true);
  });

  test("one entry is itself, at rank 1", async () => {
    const found = await computeAll(
      (x) => ({
        sort: soft.sort(x, kind),
        rank: soft.rank(x, kind),
        argmax: soft.argmax(x, kind),
        quantile: soft.quantile(x, [0, 0.5, 1], kind),
      }),
      [7.25],
      { shape: ["n"] },
    );
    expect(Object.values(found).map(({ data }) => data)).toEqual([
      [7.25],
      [1],
      [1],
      [7.25, 7.25, 7.25],
    ]);
  });

  test("NaN makes its row NaN and no other", async () => {
    const found = await computeAll(
      (x) => ({
        sort: soft.sort(x, kind),
        raw: soft.sort(x, { ...kind, standardize: false }),
        rank: soft.rank(x, { ...kind, dim: -1 }),
        argmax: soft.argmax(x, { ...kind, dim: -1 }),
        median: soft.median(x, { ...kind, dim: -1 }),
      }),
      [row, [1, Number.NaN, 2, 3, 4]],
    );
    for (const [name, { data }] of Object.entries(found)) {
      const half = data.length / 2;
      expect({ name, first: data.slice(0, half).some(Number.isNaN) }).toEqual({
        name,
        first: false,
      });
      expect({ name, second: data.slice(half).every(Number.isNaN) }).toEqual({
        name,
        second: true,
      });
    }
  });

  test("any axis, with sizes known by number or by name", async () => {
    const cube = [
      [row, row.map((v) => -v)],
      [row.map((v) => v * v), row.map((v) => v + 0.3)],
      [row.map((v) => v - 2), row.map((v) => 1 / v)],
    ];
    for (const dim of [0, 1, 2]) {
      const build = (x: Value) => ({
        sort: soft.sort(x, { ...kind, dim }),
        argsort: soft.argsort(x, { ...kind, dim }),
        rank: soft.rank(x, { ...kind, dim }),
        median: soft.median(x, { ...kind, dim, keepdim: true }),
        argquantile: soft.argquantile(x, [0.2, 0.9], { ...kind, dim, keepdim: true }),
        topk: soft.topk(x, 2, { ...kind, dim }).indices,
      });
      const known = await computeAll(build, cube);
      const named = await computeAll(build, cube, { shape: ["a", "b", "c"] });
      const unknown = await computeAll(build, cube, { shape: [null, null, null] });
      const sizes = [3, 2, 5];
      const at = (size: number) => sizes.map((other, i) => (i === dim ? size : other));
      const n = sizes[dim] as number;
      expect(known.sort?.dims).toEqual(sizes);
      expect(known.argsort?.dims).toEqual([...sizes, n]);
      expect(known.rank?.dims).toEqual(sizes);
      expect(known.median?.dims).toEqual(at(1));
      expect(known.argquantile?.dims).toEqual([2, ...at(1), n]);
      expect(known.topk?.dims).toEqual([...at(2), n]);
      for (const name of Object.keys(known)) {
        const want = known[name] as { dims: readonly number[]; data: readonly number[] };
        for (const other of [named[name], unknown[name]]) {
          expect(other?.dims).toEqual(want.dims);
          expectClose(other?.data ?? [], want.data, 1e-13);
        }
      }
    }
  });

  test("derivatives against differences", async () => {
    const order = kind.mode === "c0" || kind.mode === "c1" ? 1 : 2;
    // Softer than the default, so that differences see the same piece.
    const options = { ...kind, softness: 0.4 };
    await checkGradient((x) => soft.sort(x, options), [[2, 4]], { order });
    await checkGradient((x) => soft.rank(x, { ...options, dim: 0 }), [[4]], { order: 1, also: [] });
    await checkGradient((x) => soft.topk(x, 2, options).indices, [[4]], { order: 1, also: [] });
    await checkGradient((x) => soft.quantile(x, [0.3, 0.8], { ...options, dim: 0 }), [[4, 2]], {
      order: 1,
      also: ["named"],
    });
    await checkGradient((x, s) => soft.max(x, { ...options, softness: s }), [[4], []], {
      order: 1,
      draw: (u) => 0.3 + u,
    });
  });

  test("gatedGrad false: the gradient of a value is its soft index", async () => {
    const found = await computeAll((x) => {
      const options = { ...kind, gatedGrad: false };
      const [slope] = grad(soft.max(x, options), [x]);
      const [sum] = grad(reduceSum(soft.sort(x, options)), [x]);
      return {
        max: (slope as Value).sub(soft.argmax(x, kind)),
        sort: (sum as Value).sub(soft.argsort(x, kind).sum(0)),
      };
    }, row);
    expectClose(found.max?.data ?? [], [0, 0, 0, 0, 0], 1e-15);
    expectClose(found.sort?.data ?? [], [0, 0, 0, 0, 0], 1e-15);
  });

  test("logarithms are those of the probabilities, with a floor if asked for", async () => {
    const found = await computeAll((x) => {
      const log = { ...kind, returnLogProbs: true };
      const floor = { ...log, logProbEps: 0.01 };
      return {
        sort: soft.argsort(x, log).exp().sub(soft.argsort(x, kind)),
        top: soft
          .topk(x, 2, log)
          .indices.exp()
          .sub(soft.topk(x, 2, kind).indices),
        quantile: soft
          .argquantile(x, 0.3, log)
          .exp()
          .sub(soft.argquantile(x, 0.3, kind)),
        total: soft.argmax(x, floor).exp().sum().sub(1),
        least: soft.argmax(x, floor).exp().min(0.005).sub(0.005),
        slope: grad(soft.argsort(x, log).max(-50).sum(), [x])[0] as Value,
      };
    }, row);
    for (const name of ["sort", "top", "quantile", "total", "least"]) {
      const data = found[name]?.data ?? [];
      expectClose(
        data,
        data.map(() => 0),
        1e-13,
      );
    }
    expect(found.slope?.data.every(Number.isFinite)).toBe(true);
  });

  test("a softness Value that is not positive gives NaN", async () => {
    const { data } = await compute(
      (x, g) => soft.sort(x, { ...kind, softness: g.constant(-0.1, "float64") }),
      row,
    );
    expect(data.every(Number.isNaN)).toBe(true);
  });

  test("extreme softness and scale stay finite", async () => {
    for (const softness of [1e-6, 1e3]) {
      for (const scale of [1e-12, 1e12]) {
        for (const dtype of ["float32", "float64"] as const) {
          const { sort, slope } = await computeAll(
            (x) => {
              const sorted = soft.sort(x, { ...kind, softness });
              return { sort: sorted, slope: grad(sorted.sum(), [x])[0] as Value };
            },
            row.map((v) => v * scale),
            { dtype },
          );
          expect(sort?.data.every(Number.isFinite)).toBe(true);
          expect(slope?.data.every(Number.isFinite)).toBe(true);
        }
      }
    }
  });
});

test("mode hard is the ordinary operator; of equal entries the earlier comes first", async () => {
  const hard = { mode: "hard" } as const;
  const found = await computeAll(
    (x) => ({
      sort: soft.sort(x, hard),
      argsort: soft.argsort(x, { ...hard, descending: true }),
      rank: soft.rank(x, hard),
      argmax: soft.argmax(x, hard),
      argmin: soft.argmin(x, { ...hard, keepdim: true }),
      median: soft.median(x, hard),
      quantile: soft.quantile(x, 0.75, { ...hard, interpolation: "midpoint" }),
      argquantile: soft.argquantile(x, 0.5, hard),
    }),
    [2, 5, 2, 5],
  );
  expect(found.sort?.data).toEqual([2, 2, 5, 5]);
  expect(found.argsort?.data).toEqual([0, 1, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0]);
  expect(found.rank?.data).toEqual([3, 1, 4, 2]);
  expect(found.argmax?.data).toEqual([0, 1, 0, 0]);
  expect(found.argmin).toEqual({ dims: [1, 4], data: [1, 0, 0, 0] });
  expect(found.median?.data).toEqual([2]);
  expect(found.quantile?.data).toEqual([5]);
  expect(found.argquantile?.data).toEqual([0, 0.5, 0.5, 0]);
});

test("equal numbers far from 0 are standardised to equal ones in float32", async () => {
  const { data } = await compute((x) => soft.argmax(x), new Array<number>(1000).fill(1000000.3), {
    dtype: "float32",
  });
  expectClose(
    data,
    data.map(() => 1e-3),
    1e-9,
  );
});

test("smooth logarithms do not underflow", async () => {
  const { data } = await compute(
    (x) => soft.argmax(x, { returnLogProbs: true, standardize: false, softness: 1e-3 }),
    [0, 1, 2],
  );
  expectClose(data, [-2000, -1000, 0], 1e-9);
});

test("dim null flattens, and keepdim then keeps every axis", async () => {
  const found = await computeAll(
    (x) => ({
      max: soft.max(x),
      kept: soft.max(x, { keepdim: true }),
      argmin: soft.argmin(x, { keepdim: true }),
      rank: soft.rank(x),
      sort: soft.sort(x, { dim: null }),
    }),
    [
      [3, 1],
      [2, 4],
    ],
  );
  expect(Object.values(found).map(({ dims }) => dims)).toEqual([
    [],
    [1, 1],
    [1, 1, 4],
    [4],
    [2, 2],
  ]);
});
