import { grad, reduceSum, soft, type Value } from "softonnx";
import { checkGradient } from "../grad/check.ts";
import { compute, computeAll, expectClose, input } from "./support.ts";

jest.setTimeout(60_000);

const soften = ["smooth", "c0", "c1", "c2"] as const;
const piecewise = ["c0", "c1", "c2", "_c1_pnorm", "_c2_pnorm"] as const;
const all = ["smooth", ...piecewise] as const;

const line = Array.from({ length: 41 }, (_, i) => (i - 20) / 16);

describe.each(all)("mode %s", (mode) => {
  test("the step goes from 0 to 1, is 1/2 at 0 and symmetric", async () => {
    const { data } = await compute((x) => soft.sigmoidal(x, { mode, softness: 0.2 }), line);
    expect(data[20]).toBeCloseTo(0.5, 15);
    expectClose(
      data.map((y, i) => y + (data[40 - i] as number)),
      line.map(() => 1),
      2e-15,
    );
    for (let i = 1; i < data.length; i++) {
      expect(data[i]).toBeGreaterThanOrEqual((data[i - 1] as number) - 1e-16);
    }
  });

  test("the ramp is the integral of the step", async () => {
    const found = await computeAll((x) => {
      const ramp = soft.softrelu(x, { mode, softness: 0.2 });
      return {
        slope: grad(reduceSum(ramp), [x])[0] as Value,
        step: soft.sigmoidal(x, { mode, softness: 0.2 }),
      };
    }, line);
    expectClose(found.slope?.data ?? [], found.step?.data ?? [], 1e-13);
  });

  test("the gated ramp is x times the step", async () => {
    const found = await computeAll(
      (x) => ({
        gated: soft.softrelu(x, { mode, gated: true }),
        product: x.mul(soft.sigmoidal(x, { mode })),
      }),
      line,
    );
    expect(found.gated).toEqual(found.product);
  });

  test("NaN stays NaN, and a softness Value that is not positive gives NaN", async () => {
    const nan = await compute((x) => soft.softrelu(x, { mode }), [Number.NaN, 1]);
    expect(nan.data.map(Number.isNaN)).toEqual([true, false]);
    for (const bad of [0, -1, Number.NaN]) {
      const { data } = await compute(
        (x, g) => soft.sigmoidal(x, { mode, softness: g.constant(bad, "float64") }),
        [-1, 0, 1],
      );
      expect(data.every(Number.isNaN)).toBe(true);
    }
  });

  test("first derivatives against differences", async () => {
    await checkGradient((x) => soft.softrelu(x, { mode, softness: 0.3 }), [[6]], { order: 1 });
    await checkGradient((x) => soft.sigmoidal(x, { mode, softness: 0.3 }), [[6]], { order: 1 });
  });
});

test.each(piecewise)("%s: exactly hard outside five softnesses", async (mode) => {
  const x = [-7, -1.5, -1, 1, 1.5, 7];
  const step = await compute((v) => soft.sigmoidal(v, { mode, softness: 0.2 }), x);
  expectClose(step.data, [0, 0, 0, 1, 1, 1], mode === "_c2_pnorm" ? 1e-15 : 0);
  const ramp = await compute((v) => soft.softrelu(v, { mode, softness: 0.2 }), x);
  expectClose(ramp.data, [0, 0, 0, 1, 1.5, 7], 1e-15);
});

test.each(["smooth", "c1", "c2", "_c2_pnorm"] as const)("%s: second derivatives", async (mode) => {
  await checkGradient((x) => soft.softrelu(x, { mode, softness: 0.3 }), [[6]]);
});

describe.each(soften)("mode %s", (mode) => {
  test("abs is x sign(x), and sign is twice the step less 1", async () => {
    const found = await computeAll(
      (x) => ({
        abs: soft.abs(x, { mode }),
        product: x.mul(soft.sign(x, { mode })),
        sign: soft.sign(x, { mode }),
        stepped: soft.sigmoidal(x, { mode }).mul(2).sub(1),
      }),
      line,
    );
    expect(found.abs).toEqual(found.product);
    expectClose(found.sign?.data ?? [], found.stepped?.data ?? [], 2e-15);
  });

  test("sign keeps its digits around 0", async () => {
    const { data } = await compute((x) => soft.sign(x, { mode }), [1e-12, 2e-12]);
    const [a, b] = data as [number, number];
    expect(b / a).toBeCloseTo(2, 12);
  });

  test("round is the sum over neighbours, and near halves climbs by 1", async () => {
    const radius = 3;
    const x = [-2.3, -0.5, 0.49, 0.51, 3.2, 1e6 + 0.7];
    const found = await compute(
      (v) => soft.round(v, { mode, softness: 0.05, neighborRadius: radius }),
      x,
    );
    const sum = await compute((v) => {
      let total = v.mul(0);
      const base = v.graph.constant(x.map(Math.floor), "float64");
      for (let o = -radius; o <= radius; o++) {
        const n = base.add(o);
        const left = soft.sigmoidal(v.sub(n).add(0.5), { mode, softness: 0.05 });
        const right = soft.sigmoidal(v.sub(n).sub(0.5), { mode, softness: 0.05 });
        total = total.add(n.mul(left.sub(right)));
      }
      return total;
    }, x);
    expectClose(found.data, sum.data, 1e-9);
    await checkGradient((v) => soft.round(v, { mode, softness: 0.1 }), [[4]], { order: 1 });
  });

  test("clamp lies between the bounds far away and has gradients for them", async () => {
    const { data } = await compute(
      (x) => soft.clamp(x, -1, 2, { mode, softness: 0.01 }),
      [-9, 0.5, 9],
    );
    expectClose(data, [-1, 0.5, 2], 1e-12);
    await checkGradient(
      (x, a, b) => soft.clamp(x, a, b, { mode, softness: 0.2 }),
      [[2, 3], [], [3]],
      {
        order: 1,
      },
    );
  });

  test("at a small softness it is the hard operator", async () => {
    const x = [-1.25, -0.3, 0.2, 0.9];
    for (const operator of [soft.abs, soft.sign, soft.relu, soft.heaviside, soft.round]) {
      const found = await computeAll(
        (v) => ({
          soft: operator(v, { mode, softness: 1e-6 }),
          hard: operator(v, { mode: "hard" }),
        }),
        x,
      );
      expectClose(found.soft?.data ?? [], found.hard?.data ?? [], 1e-9);
    }
  });

  test("a softness that is learned has a gradient", async () => {
    await checkGradient((x, _, s) => soft.abs(x, { mode, softness: s }), [[5], [1], []], {
      order: 1,
      draw: (u) => 0.2 + u,
    });
  });
});

test("hard values at the step", async () => {
  const { data } = await compute((x) => soft.heaviside(x, { mode: "hard" }), [-2, 0, 3]);
  expect(data).toEqual([0, 0.5, 1]);
  const rounded = await compute((x) => soft.round(x, { mode: "hard" }), [0.5, 1.5, -0.5, 2.4]);
  expectClose(rounded.data, [0, 2, -0, 2]);
});

test("whole numbers become float32", () => {
  expect(soft.abs(input([3], "int64")).dtype).toBe("float32");
});

test("softrelu of a large x in float32 is x", async () => {
  const x = [100, 1e4, 3e7];
  const { data } = await compute((v) => soft.softrelu(v), x, { dtype: "float32" });
  expect(data).toEqual(x);
});
