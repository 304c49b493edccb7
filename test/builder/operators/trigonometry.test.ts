import { evaluate, Tensor } from "softonnx/node";
import { Graph } from "../../../src/builder/graph.ts";
import * as op from "../../../src/builder/operators/index.ts";

const wide = [1e-300, 1e-12, 1e-3, 0.1, 0.3, 0.4142, 0.5, 0.7, 0.99, 1, 1.01, 1.7, 2.5, 6, 30];
const inner = wide.filter((x) => x <= 1).concat(0.999999, 1 - 2 ** -53);
const far = [1e5, 1e9, 1e200, Number.POSITIVE_INFINITY];
const signed = (points: readonly number[]) => [0, ...points, ...points.map((x) => -x), Number.NaN];

/** Each operator, where it is tried, and what it is in JavaScript. */
const rows = [
  ["tan", op.tan, signed(wide), Math.tan],
  ["asin", op.asin, [...signed(inner), 1.1, -1.1], Math.asin],
  ["acos", op.acos, [...signed(inner), 1.1, -1.1], Math.acos],
  ["atan", op.atan, signed([...wide, ...far]), Math.atan],
  ["sinh", op.sinh, signed([...wide, 710, ...far]), Math.sinh],
  ["cosh", op.cosh, signed([...wide, 710, ...far]), Math.cosh],
  ["asinh", op.asinh, signed([...wide, ...far]), Math.asinh],
  ["acosh", op.acosh, [1, 1 + 1e-10, 1.1, 2, 30, ...far, 0.9, 0, -0.9, -3], Math.acosh],
  ["atanh", op.atanh, [...signed(inner), 1.1, -1.1], Math.atanh],
] as const;

test.each(rows)("%s in float64 is right to the last digits", async (_, apply, points, exact) => {
  const g = new Graph("curve");
  const x = g.input("x", "float64", ["n"]);
  const fed = new Tensor("float64", Float64Array.from(points), [points.length]);
  const { data } = await evaluate(apply(x), { x: fed });
  for (const [i, at] of points.entries()) {
    const [found, wanted] = [Number(data[i]), exact(at)];
    const close = Math.abs(found - wanted) <= 1e-15 * Math.abs(wanted);
    expect({ at, found, close: close || Object.is(found, wanted) || found === wanted }).toEqual({
      at,
      found,
      close: true,
    });
  }
});
