import { type Operand, soft, st, type Value } from "softonnx";
import { checkGradient } from "../grad/check.ts";
import { compute, computeAll, expectClose, input } from "./support.ts";

const soften = ["smooth", "c0", "c1", "c2"] as const;
const x = [-1, -0.2, 0, 0.1, 0.2, 3];

const orders = ["greater", "greaterEqual", "less", "lessEqual"] as const;

jest.setTimeout(60_000);

describe.each(soften)("comparisons in mode %s", (mode) => {
  test("each and its opposite sum to 1", async () => {
    const found = await computeAll(
      (v) => ({
        less: soft.less(v, 0.1, { mode }).add(soft.greaterEqual(v, 0.1, { mode })),
        greater: soft.greater(v, 0.1, { mode }).add(soft.lessEqual(v, 0.1, { mode })),
        equal: soft.eq(v, 0.1, { mode }).add(soft.notEqual(v, 0.1, { mode })),
      }),
      x,
    );
    for (const { data } of Object.values(found))
      expectClose(
        data,
        x.map(() => 1),
        2e-9,
      );
  });

  test("at a small softness they are the hard ones", async () => {
    for (const name of [...orders, "eq", "notEqual", "isclose"] as const) {
      const found = await computeAll(
        (v) => ({
          soft: soft[name](v, 0.15, { mode, softness: 1e-6 }),
          hard: soft[name](v, 0.15, { mode: "hard" }),
        }),
        x,
      );
      expectClose(found.soft?.data ?? [], found.hard?.data ?? [], 1e-9);
    }
  });

  test("epsilon decides a tie once softness is below it", async () => {
    for (const name of orders) {
      const { data } = await compute((v) => soft[name](v, v, { mode, softness: 1e-12 }), x);
      const tie = name === "greaterEqual" || name === "lessEqual" ? 1 : 0;
      expectClose(
        data,
        x.map(() => tie),
        1e-9,
      );
    }
  });

  test("first derivatives against differences, with broadcasting", async () => {
    const names = ["greater", "lessEqual", "eq", "notEqual"] as const;
    for (const name of names) {
      await checkGradient((a, b) => soft[name](a, b, { mode, softness: 0.4 }), [[2, 3], [3]], {
        order: 1,
      });
    }
    await checkGradient((a, b) => soft.isclose(a, b, { mode, rtol: 0.1, atol: 0.2 }), [[4], [4]], {
      order: 1,
    });
  });
});

test("hard isclose: infinities are close to themselves, NaN to nothing", async () => {
  const inf = Number.POSITIVE_INFINITY;
  const left = [inf, inf, -inf, Number.NaN, 1, 1];
  const right = [inf, -inf, 1, Number.NaN, 1 + 1e-6, 1.1];
  const { data } = await compute(
    (v, g) => soft.isclose(v, g.constant(Float64Array.from(right)), { mode: "hard" }),
    left,
  );
  expect(data).toEqual([1, 0, 0, 0, 1, 0]);
});

test("either side may be a literal", () => {
  const v = input([3]);
  expect(soft.greater(1, v).shape).toEqual([3]);
  expect(soft.less(v, [[1], [2]]).shape).toEqual([2, 3]);
});

describe("logic", () => {
  const truths = [0, 0.25, 0.5, 1];

  test("on exact truth values it is Boolean", async () => {
    const pairs: readonly [number, number][] = [
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ];
    const run = (build: (a: Value, b: Operand) => Value) =>
      compute(
        (a, g) => build(a, g.constant(Float64Array.from(pairs.map(([, b]) => b)))),
        pairs.map(([a]) => a),
      );
    expect((await run(soft.logicalAnd)).data).toEqual([0, 0, 0, 1]);
    expect((await run(soft.logicalOr)).data).toEqual([0, 1, 1, 1]);
    expect((await run(soft.logicalXor)).data).toEqual([0, 1, 1, 0]);
  });

  test("all and any over a row, over everything, and by geometric mean", async () => {
    const rows = [truths, [1, 1, 1, 0.5]];
    const found = await computeAll(
      (v) => ({
        all: soft.all(v),
        any: soft.any(v, { dim: 0 }),
        whole: soft.all(v, { dim: null }),
        mean: soft.all(v, { useGeometricMean: true, epsilon: 1e-4 }),
      }),
      rows,
    );
    expect(found.all?.data).toEqual([0, 0.5]);
    expect(found.any?.data).toEqual([1, 1, 1, 1]);
    expect(found.whole).toEqual({ dims: [], data: [0] });
    expectClose(found.mean?.data ?? [], [(1e-4 * 0.125) ** 0.25, 0.5 ** 0.25], 1e-14);
  });

  test("gradients are finite at exact truth values", async () => {
    const { dims, data } = await compute((v) => {
      const y = soft.all(v).add(soft.any(v)).sum();
      return soft.logicalXor(v, v, { useGeometricMean: true }).sum().add(y);
    }, truths);
    expect(dims).toEqual([]);
    expect(data.every(Number.isFinite)).toBe(true);
    for (const useGeometricMean of [false, true]) {
      await checkGradient((a) => soft.all(a, { useGeometricMean }), [[2, 3]], {
        draw: (u) => 0.1 + 0.8 * u,
      });
      await checkGradient((a, b) => soft.logicalXor(a, b, { useGeometricMean }), [[3], [3]], {
        draw: (u) => 0.1 + 0.8 * u,
      });
    }
  });

  test("a product with two zeros has a zero gradient, not NaN", async () => {
    await checkGradient((a) => soft.all(a.mul(soft.heaviside(a, { mode: "hard" }))), [[5]], {
      order: 1,
    });
  });
});

test("st comparisons are exactly 0 and 1", async () => {
  const { data } = await compute((v) => st.greaterEqual(v, 0.1), x);
  expect(data).toEqual([0, 0, 0, 1, 1, 1]);
});
