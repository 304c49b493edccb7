import { Graph, grad, reduceSum, soft, type Value, vjp } from "softonnx";
import { evaluate, Tensor } from "softonnx/node";
import { between, checkGradient, positive } from "../grad/check.ts";
import { expectClose } from "./support.ts";
import {
  alternating,
  chunks,
  marginalError,
  modes,
  optimality,
  regularizer,
  STOCK,
  transport,
  uniform,
} from "./transport-support.ts";

jest.setTimeout(120_000);

const normalized = (masses: readonly number[]) => {
  const sum = masses.reduce((total, mass) => total + mass, 0);
  return masses.map((mass) => mass / sum);
};

/** Squared distances between points on a line. */
function costs(batch: number, n: number, m: number, seed = 1): number[][][] {
  return chunks(uniform(batch * n, seed), n).map((points) =>
    points.map((x) => Array.from({ length: m }, (_, j) => (x - j / Math.max(m - 1, 1)) ** 2)),
  );
}

describe.each(modes)("a transport plan, mode %s", (mode) => {
  test("is the one that alternating projections give", async () => {
    const cost = costs(1, 3, 4);
    const [a, b] = [normalized([3, 1, 2]), normalized([1, 2, 2, 1])];
    const { plan } = await transport(mode, { cost, a, b, softness: 1 });
    const expected = alternating(mode, cost[0] as number[][], a, b, 1);
    expectClose(plan.flat(2), expected.flat(), 1e-8);
  });

  test.each([1e-3, 0.01, 0.1, 1, 10, 1e3])("is optimal at softness %s", async (softness) => {
    for (const [n, m] of [
      [1, 1],
      [1, 4],
      [5, 1],
      [2, 2],
      [3, 7],
      [17, 16],
      [40, 30],
    ] as const) {
      const [a, b] = [
        normalized(uniform(n, 5).map((u) => u + 0.1)),
        normalized(uniform(m, 6).map((u) => u + 0.1)),
      ];
      const problems = { cost: costs(3, n, m), a, b, softness };
      const found = await transport(mode, problems);
      const off = optimality(mode, problems, found);
      expect({ n, m, off, optimal: off <= 1 }).toEqual({ n, m, off, optimal: true });
      const { plan, residual, f, g } = found;
      for (const [k, one] of plan.entries()) {
        const error = marginalError(one, a, b);
        expectClose([residual[k] as number], [error], 1e-12 / Math.min(1, softness));
      }
      for (const [k, one] of f.entries()) {
        const sums = [one, g[k] as number[]].map((p) => p.reduce((sum, x) => sum + x, 0));
        expectClose([sums[0] as number], [sums[1] as number], 1e-8);
      }
    }
  });

  test("has marginals far apart", async () => {
    // Two parts that a share of 1e-10 joins are solved to that share.
    for (const softness of [1e-3, 0.01, 0.1, 1, 10]) {
      const [a, b] = [normalized([1e-4, 1, 3, 1e-6, 2]), normalized([1, 1e-5, 1e-3, 2])];
      const { plan } = await transport(mode, { cost: costs(3, 5, 4), a, b, softness });
      const error = Math.max(...plan.map((one) => marginalError(one, a, b)));
      // In c0 masses are sums of (f + g - cost) / softness, of which 1e-6 keeps few digits.
      expect(error).toBeLessThan(1e-9 + 1e-9 / softness);
    }
  });

  test("takes masses of any sum, and zeros", async () => {
    const { plan } = await transport(mode, {
      cost: costs(1, 4, 3),
      a: [2, 0, 4, 2],
      b: [30, 10, 0],
      softness: 0.1,
    });
    const error = marginalError(plan[0] as number[][], [0.25, 0, 0.5, 0.25], [0.75, 0.25, 0]);
    expect(error).toBeLessThan(1e-9);
  });

  test("does not see what is constant along an axis of the cost", async () => {
    const [cost] = costs(1, 6, 5) as [number[][]];
    const [a, b] = [normalized(uniform(6, 2)), normalized(uniform(5, 3))];
    const shifted = cost.map((row, i) => row.map((c, j) => c + 1000 * i - 300 * j + 1e5));
    const found = await transport(mode, { cost: [cost, shifted], a, b, softness: 0.1 });
    expectClose(found.plan[1]?.flat() as number[], found.plan[0]?.flat() as number[], 1e-8);
  });

  test("of a problem is the same alone and in a batch of slower ones", async () => {
    const cost = costs(5, 8, 6);
    const steep = cost.map((one, k) => one.map((row) => row.map((c) => c * 4 ** k)));
    const [a, b] = [normalized(uniform(8, 2)), normalized(uniform(6, 3))];
    const together = await transport(mode, { cost: steep, a, b, softness: 0.1 });
    for (const [k, one] of steep.entries()) {
      const alone = await transport(mode, { cost: [one], a, b, softness: 0.1 });
      expectClose(together.plan[k]?.flat() as number[], alone.plan.flat(2), 1e-10);
      expect(together.steps[k]).toBeGreaterThanOrEqual(1);
      expect(Math.abs((together.steps[k] as number) - (alone.steps[0] as number))).toBeLessThan(3);
    }
    expect(new Set(together.steps).size).toBeGreaterThan(1);
  });

  test("of an empty batch is empty", async () => {
    const found = await transport(mode, { cost: [], a: [0.5, 0.5], b: [0.5, 0.5], softness: 1 });
    expect(found).toEqual({ plan: [], f: [], g: [], regularizedCost: [], steps: [], residual: [] });
  });

  test("is NaN for a problem with NaN or infinity, and right beside it", async () => {
    const cost = costs(1, 3, 3)[0] as number[][];
    const spoilt = (value: number) =>
      cost.map((row, i) => row.map((c, j) => (i + j === 1 ? value : c)));
    const [a, b] = [normalized([1, 2, 3]), normalized([3, 2, 2])];
    const all = [spoilt(Number.NaN), cost, spoilt(Number.POSITIVE_INFINITY), spoilt(-Infinity)];
    const found = await transport(mode, { cost: all, a, b, softness: 0.1 });
    for (const k of [0, 2, 3]) {
      expect(found.plan[k]?.flat().every(Number.isNaN)).toBe(true);
      expect(found.residual[k]).toBeNaN();
      expect(found.regularizedCost[k]).toBeNaN();
      expect(found.steps[k]).toBeLessThanOrEqual(1);
    }
    expect(marginalError(found.plan[1] as number[][], a, b)).toBeLessThan(1e-11);
  });

  test.each([0, -1, Number.NaN])("is NaN at softness %s", async (softness) => {
    const a = [0.5, 0.5];
    const found = await transport(mode, { cost: costs(2, 2, 2), a, b: a, softness });
    expect(found.plan.flat(2).every(Number.isNaN)).toBe(true);
    expect(Math.max(...found.steps)).toBeLessThanOrEqual(1);
  });

  test("is NaN for negative masses", async () => {
    const found = await transport(mode, {
      cost: costs(1, 2, 2),
      a: [1.5, -0.5],
      b: [0.5, 0.5],
      softness: 1,
    });
    expect(found.plan.flat(2).every(Number.isNaN)).toBe(true);
  });

  test("comes with the minimum of the regularised cost", async () => {
    const cost = costs(2, 4, 5);
    const [a, b] = [normalized(uniform(4, 2)), normalized(uniform(5, 3))];
    const { plan, regularizedCost } = await transport(mode, { cost, a, b, softness: 0.3 });
    const primal = plan.map((one, k) =>
      one
        .flatMap((row, i) =>
          row.map((p, j) => p * (cost[k]?.[i]?.[j] as number) + 0.3 * regularizer(mode, p)),
        )
        .reduce((sum, x) => sum + x, 0),
    );
    expectClose(regularizedCost, primal, 1e-11);
  });

  test("the gradient of the minimum is the plan", async () => {
    const graph = new Graph("envelope");
    const cost = graph.input("cost", "float64", [2, 4, 3]);
    const masses = [graph.constant([1, 2, 3, 4], "float64"), graph.constant([2, 1, 1], "float64")];
    const { plan, regularizedCost } = soft.transport(cost, ...(masses as [Value, Value]), { mode });
    const [pull] = grad(reduceSum(regularizedCost), [cost]) as [Value];
    const { p, d } = (await evaluate(
      { p: plan, d: pull },
      { cost: new Tensor("float64", Float64Array.from(uniform(24)), [2, 4, 3]) },
      STOCK,
    )) as Record<string, { data: Float64Array }>;
    expectClose(Array.from(d?.data ?? []), Array.from(p?.data ?? []));
  });

  test("is differentiable twice by the cost and both marginals", () =>
    checkGradient(
      (c, a, b) => soft.transport(c, a, b, { mode, softness: 0.5 }).plan,
      [[2, 3, 2], [3], [2, 2]],
      { draw: [between(0, 1), positive, positive] },
    ));

  test("is differentiable twice by the softness", () =>
    checkGradient(
      (c, tau) => soft.transport(c, [1, 2, 1], [1, 1, 2], { mode, softness: tau }).plan,
      [[3, 3], []],
      { draw: [between(0, 1), between(0.4, 0.6)] },
    ));

  test("its minimum is differentiable twice by everything", () =>
    checkGradient(
      (c, a, tau) => soft.transport(c, a, [1, 1, 2], { mode, softness: tau }).regularizedCost,
      [[2, 3, 3], [3], []],
      { draw: [between(0, 1), positive, between(0.4, 0.6)] },
    ));

  test("its potentials are differentiable", () =>
    checkGradient(
      (c, a, b) => {
        const { f, g } = soft.transport(c, a, b, { mode, softness: 2 });
        return f.mul(f).sum().add(g.mul(g).mul(0.3).sum());
      },
      [[3, 3], [3], [3]],
      { draw: [between(0, 1), between(0.9, 1.1), between(0.9, 1.1)] },
    ));
});

describe("transport", () => {
  test("takes any leading axes, static or named, in float32 as well", async () => {
    const numbers = uniform(2 * 3 * 4 * 5);
    const expected = await transport("c1", {
      cost: chunks(chunks(numbers, 5), 4),
      a: normalized([1, 2, 3, 4]),
      b: normalized([1, 1, 1, 1, 2]),
      softness: 0.1,
    });
    for (const dtype of ["float64", "float32"] as const) {
      for (const sizes of [
        [2, 3, 4, 5],
        ["p", "q", "n", "m"],
      ]) {
        const graph = new Graph("leading");
        const cost = graph.input("cost", dtype, sizes);
        const a = graph.constant([[[1, 2, 3, 4]]], dtype);
        const found = soft.transport(cost, a, [1, 1, 1, 1, 2], { mode: "c1" });
        expect(found.plan.dtype).toBe(dtype);
        const data = dtype === "float32" ? Float32Array.from(numbers) : Float64Array.from(numbers);
        const { plan, g, steps } = (await evaluate(
          { plan: found.plan, g: found.g, steps: found.steps },
          { cost: new Tensor(dtype, data, [2, 3, 4, 5]) },
          STOCK,
        )) as unknown as Record<string, { dims: number[]; data: Float64Array }>;
        expect([plan?.dims, g?.dims, steps?.dims]).toEqual([
          [2, 3, 4, 5],
          [2, 3, 5],
          [2, 3],
        ]);
        const tolerance = dtype === "float32" ? 2e-6 : 1e-12;
        expectClose(Array.from(plan?.data ?? []), expected.plan.flat(2), tolerance);
      }
    }
  });

  test("stops at maxIterations and at the tolerance, and says how far it came", async () => {
    const graph = new Graph("limits");
    const cost = graph.constant(costs(1, 12, 12)[0] as number[][], "float64");
    const ones = new Array<number>(12).fill(1);
    const run = async (options: soft.TransportOptions) => {
      const { steps, residual } = soft.transport(cost, ones, ones, { softness: 0.01, ...options });
      const found = (await evaluate({ steps, residual }, {}, STOCK)) as Record<
        string,
        { data: ArrayLike<number | bigint> }
      >;
      return [Number(found.steps?.data[0]), Number(found.residual?.data[0])] as const;
    };
    const full = await run({});
    const loose = await run({ tolerance: 1e-3 });
    const cut = await run({ maxIterations: 2 });
    expect(full[1]).toBeLessThan(1e-11);
    expect(loose[0]).toBeLessThan(full[0]);
    expect(loose[1]).toBeLessThan(1e-3);
    expect(cut[0]).toBe(2);
    expect(cut[1]).toBeGreaterThan(1e-3);
  });

  test("in a sparse plan that falls apart has finite gradients, of least norm by the marginals", async () => {
    const graph = new Graph("apart");
    const cost = graph.input("cost", "float64", [4, 4]);
    const a = graph.input("a", "float64", [4]);
    const { plan, f, g } = soft.transport(cost, a, [1, 1, 1, 1], { mode: "c0", softness: 0.001 });
    const outputs = Object.fromEntries(
      [plan, f, g].flatMap((y, k) => vjp(y, [cost, a]).map((dx, i) => [`d${k}${i}`, dx] as const)),
    );
    const found = await evaluate(
      outputs,
      {
        cost: new Tensor("float64", Float64Array.from(costs(1, 4, 4).flat(2)), [4, 4]),
        a: new Tensor("float64", Float64Array.of(1, 1, 1, 1), [4]),
      },
      STOCK,
    );
    for (const tensor of Object.values(found)) {
      const numbers = Array.from(tensor.data as Float64Array);
      expect(Math.max(...numbers.map(Math.abs))).toBeLessThan(1e4);
    }
  });

  test("refuses what does not fit", () => {
    const graph = new Graph("errors");
    const cost = graph.input("cost", "float64", [2, 3]);
    const [a, b] = [graph.input("a", "float64", [2]), graph.input("b", "float64", [3])];
    expect(() => soft.transport(a, a, b)).toThrow(/transport: cost: expected a tensor of rank 2/);
    expect(() => soft.transport(cost, graph.input("s", "float64", []), b)).toThrow(/a: expected/);
    expect(() => soft.transport(cost, b, a)).toThrow(/differ|expected/);
    expect(() => soft.transport(cost, a, b, { mode: "hard" as "c0" })).toThrow(/mode/);
    expect(() => soft.transport(cost, a, b, { tolerance: 0 })).toThrow(/tolerance/);
    expect(() => soft.transport(cost, a, b, { maxIterations: 0 })).toThrow(/maxIterations/);
    expect(() => soft.transport(cost, a, b, { softness: -1 })).toThrow(/softness/);
  });
});
