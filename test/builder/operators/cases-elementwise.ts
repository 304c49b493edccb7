import * as op from "../../../src/builder/operators/index.ts";
import { type Case, on } from "./harness.ts";

const nm = { x: ["n", "m"] };
const nm_m = { x: ["n", "m"], y: ["m"] };
const float64 = { dtype: "float64" } as const;

const { tan, asin, acos, atan, sinh, cosh, asinh, acosh, atanh } = op;
const curves = { tan, asin, acos, atan, sinh, cosh, asinh, acosh, atanh };
const { reduceL1, reduceL2, reduceLogSum, reduceSumSquare } = op;
const norms = { reduceL1, reduceL2, reduceLogSum, reduceSumSquare };

/** Curves, variadic sums, norms and bits. */
export const elementwiseCases: Readonly<Record<string, Case>> = {
  ...Object.fromEntries(
    Object.entries(curves).flatMap(([name, curve]) => [
      [name, on(nm, ({ x }) => curve(x), ["n", "m"])],
      [`${name} of float64`, on(nm, ({ x }) => curve(x), ["n", "m"], float64)],
    ]),
  ),
  sum: on(nm_m, ({ x, y }) => op.sum(x, y, 2), ["n", "m"]),
  mean: on(nm_m, ({ x, y }) => op.mean(x, y, 2), ["n", "m"]),
  "mean of float64": on(nm_m, ({ x, y }) => op.mean(x, y), ["n", "m"], float64),
  "mean of one": on(nm, ({ x }) => op.mean(x), ["n", "m"]),
  ...Object.fromEntries(
    Object.entries(norms).flatMap(([name, norm]) => [
      [name, on(nm, ({ x }) => norm(op.abs(x)), [])],
      [
        `${name} over the last axis`,
        on(nm, ({ x }) => norm(op.abs(x), { axes: -1, keepdims: true }), ["n", 1], float64),
      ],
    ]),
  ),
};
