import { concat, Graph, grad, reduceSum, soft, type Value } from "softonnx";
import { evaluate } from "softonnx/node";
import { derivative, STEPS } from "./differences.ts";
import { modes, type SoftMode, STOCK } from "./transport-support.ts";

jest.setTimeout(120_000);

const elementwiseModes = [...modes, "_c1_pnorm", "_c2_pnorm"] as const;

interface Curve {
  readonly mode: (typeof elementwiseModes)[number];
  readonly softness: number;
}

/** Functions of x between -3 and 3. Those of truth values take x / 10 + 1/2. */
const STEPS_AND_RAMPS: Readonly<Record<string, (x: Value, how: Curve) => Value>> = {
  sigmoidal: (x, how) => soft.sigmoidal(x, how),
  softrelu: (x, how) => soft.softrelu(x, how),
  "gated softrelu": (x, how) => soft.softrelu(x, { ...how, gated: true }),
};

type Plain = Curve & { readonly mode: SoftMode };

const OTHERS: Readonly<Record<string, (x: Value, how: Plain) => Value>> = {
  abs: (x, how) => soft.abs(x, how),
  relu: (x, how) => soft.relu(x, how),
  "gated relu": (x, how) => soft.relu(x, { ...how, gated: true }),
  clamp: (x, how) => soft.clamp(x, -1, 1.5, how),
  sign: (x, how) => soft.sign(x, how),
  round: (x, how) => soft.round(x, { ...how, softness: how.softness / 3 }),
  heaviside: (x, how) => soft.heaviside(x, how),
  greater: (x, how) => soft.greater(x, 0.3, how),
  greaterEqual: (x, how) => soft.greaterEqual(x, 0.3, how),
  less: (x, how) => soft.less(0.3, x, how),
  lessEqual: (x, how) => soft.lessEqual(x, 0.3, how),
  eq: (x, how) => soft.eq(x, 0.3, how),
  notEqual: (x, how) => soft.notEqual(x, 0.3, how),
  isclose: (x, how) => soft.isclose(x, 0.3, how),
  logicalAnd: (x, how) => soft.logicalAnd(truth(x), soft.greater(x, 1, how)),
  logicalOr: (x, how) => soft.logicalOr(truth(x), soft.greater(x, 1, how)),
  logicalXor: (x, how) => soft.logicalXor(truth(x), soft.greater(x, 1, how)),
  logicalNot: (x, how) => soft.logicalNot(soft.greater(x, 1, how)),
  all: (x, how) => soft.all(pairs(x, how), { dim: 1 }),
  any: (x, how) => soft.any(pairs(x, how), { dim: 1, useGeometricMean: true }),
  where: (x, how) => soft.where(soft.greater(x, 1, how), x.mul(x), x),
};

const ALL = { ...STEPS_AND_RAMPS, ...OTHERS };

const truth = (x: Value): Value => x.mul(0.1).add(0.5);
const pairs = (x: Value, how: Plain): Value =>
  concat([truth(x).reshape([-1, 1]), soft.greater(x, 0.4, how).reshape([-1, 1])], { axis: 1 });

const ORDERS = 4;
const STEP = 1e-3;

const PLACES = Array.from({ length: 40 }, (_, i) => -2.93 + 0.15 * i);

/** Where pieces end, so that differences say nothing. */
const ENDS = [0, -1.5, 1.5, 0.3, -1.2, 1.8, 1, -0.5, 2.5];

const kinds = elementwiseModes.flatMap((mode) =>
  Object.entries(mode === "_c1_pnorm" || mode === "_c2_pnorm" ? STEPS_AND_RAMPS : ALL).map(
    ([name, apply]) => ({ name, mode, apply: apply as (x: Value, how: Curve) => Value }),
  ),
);

test.each(kinds)("derivatives of $name up to the fourth, mode $mode", async ({ mode, apply }) => {
  const x = new Graph("fourth").input("x", "float64", ["places"]);
  const orders = [apply(x, { mode, softness: 0.3 })];
  for (let order = 1; order <= ORDERS; order++) {
    orders.push(grad(reduceSum(orders[order - 1] as Value), [x])[0] as Value);
  }
  const places = PLACES.flatMap((place) => [0, ...STEPS].map((steps) => place + steps * STEP));
  const feed = Float64Array.from([...places, ...ENDS]);
  const found = (await evaluate(orders, { x: feed }, STOCK)).map(({ data }) =>
    Array.from(data as Float64Array),
  );
  for (let order = 1; order <= ORDERS; order++) {
    const [below, own] = [found[order - 1] as number[], found[order] as number[]];
    expect(own.filter((value) => !Number.isFinite(value))).toEqual([]);
    const size = Math.max(1, ...own.map(Math.abs));
    const wrong: unknown[] = [];
    let compared = 0;
    for (const [i, place] of PLACES.entries()) {
      const at = i * (1 + STEPS.length);
      const expected = derivative(below.slice(at + 1, at + 1 + STEPS.length), STEP, size);
      if (expected === undefined) continue;
      compared++;
      const value = own[at] as number;
      if (!(Math.abs(value - expected) <= 1e-6 * size)) wrong.push({ place, value, expected });
    }
    expect({ order, wrong }).toEqual({ order, wrong: [] });
    expect(compared).toBeGreaterThan(0.75 * PLACES.length);
  }
});
