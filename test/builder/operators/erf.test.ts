import { evaluate, Tensor } from "softonnx/node";
import { Graph } from "../../../src/builder/graph.ts";
import { erf } from "../../../src/builder/operators/index.ts";

/** Computed with 50 digits. */
const values: readonly (readonly [x: number, y: number])[] = [
  [1e-300, 1.1283791670955126e-300],
  [1e-10, 1.1283791670955126e-10],
  [0.01, 0.011283415555849618],
  [0.25, 0.27632639016823696],
  [0.5, 0.5204998778130465],
  [0.75, 0.7111556336535151],
  [0.999, 0.8422852702064969],
  [1.0, 0.8427007929497149],
  [1.001, 0.8431154854780762],
  [1.25, 0.9229001282564583],
  [1.5, 0.9661051464753108],
  [2.0, 0.9953222650189527],
  [2.5, 0.999593047982555],
  [3.0, 0.9999779095030014],
  [3.5, 0.9999992569016276],
  [4.0, 0.9999999845827421],
  [5.0, 0.9999999999984626],
  [5.9, 0.9999999999999999],
  [6.0, 1.0],
  [30.0, 1.0],
];

test("erf in float64 is right to the last digits", async () => {
  const g = new Graph("erf");
  const x = g.input("x", "float64", ["n"]);
  const points = values.flatMap(([at]) => [at, -at]);
  const rest = [0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  const all = Float64Array.of(...points, ...rest);
  const { data } = await evaluate(erf(x), { x: new Tensor("float64", all, [all.length]) });
  const found = Array.from(data as Float64Array);
  for (const [i, [, y]] of values.entries()) {
    expect(Math.abs((found[2 * i] as number) - y)).toBeLessThanOrEqual(4e-16 * y);
    expect(found[2 * i + 1]).toBe(-(found[2 * i] as number));
  }
  expect(found.slice(points.length)).toEqual([0, Number.NaN, 1, -1]);
});
