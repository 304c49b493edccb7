import {
  abs,
  acos,
  acosh,
  add,
  asin,
  asinh,
  atan,
  atanh,
  ceil,
  clip,
  cos,
  cosh,
  div,
  exp,
  floor,
  identity,
  less,
  log,
  max,
  mean,
  min,
  mod,
  mul,
  neg,
  pow,
  reciprocal,
  relu,
  round,
  sigmoid,
  sign,
  sin,
  sinh,
  softplus,
  sqrt,
  stopGradient,
  sub,
  sum,
  tan,
  tanh,
  where,
} from "../../src/builder/operators/index.ts";
import type { Value } from "../../src/builder/value.ts";
import { between, type CheckOptions, checkGradient, positive } from "./check.ts";
import { type Row, testRows } from "./rows.ts";

const square = (x: Value) => x.mul(x);

const one: readonly (readonly [string, (x: Value) => Value, CheckOptions?])[] = [
  ["abs", abs],
  ["neg", neg],
  ["reciprocal", reciprocal, { draw: positive }],
  ["exp", exp],
  ["log", log, { draw: positive }],
  ["sqrt", sqrt, { draw: positive }],
  ["sin", sin],
  ["cos", cos],
  ["tan", tan, { draw: between(-0.7, 0.7) }],
  ["asin", (x) => asin(mul(x, 0.15))],
  ["acos", (x) => acos(mul(x, 0.15))],
  ["atan", atan],
  ["sinh", sinh],
  ["cosh", cosh],
  ["asinh", asinh],
  ["acosh", (x) => acosh(add(x, 1.5))],
  ["atanh", (x) => atanh(mul(x, 0.15))],
  ["sigmoid", sigmoid],
  ["tanh", tanh],
  ["softplus", softplus],
  ["relu", relu],
  ["identity", identity],
  ["clip", (x) => clip(x, -1, 1)],
  ["clip below only", (x) => clip(x, -0.5)],
  ["clip above only", (x) => clip(x, undefined, 0.5)],
  ["sign", sign],
  ["floor", floor],
  ["ceil", ceil],
  ["round", round],
  ["power 2", (x) => pow(x, 2)],
  ["power 3", (x) => pow(x, 3)],
  ["power 4", (x) => pow(x, 4)],
  ["power 5", (x) => pow(x, 5)],
  ["power -1.5", (x) => pow(x, -1.5), { draw: positive }],
  [
    "power of an integer type",
    (x) => x.graph.node("Pow", [x, x.graph.constant(3, "int64")])[0] as Value,
  ],
  ["max with a literal", (x) => max(x, 0.3, -0.4)],
];

describe("operators of one operand", () => {
  testRows(
    one.map(([name, op, options]): Row => {
      return [name, (x) => op(square(x).add(x)), [[2, 3]], options];
    }),
    { also: ["named", "unranked"] },
  );
});

const pairs: readonly (readonly [a: readonly number[], b: readonly number[]])[] = [
  [
    [2, 3],
    [2, 3],
  ],
  [[2, 3], [3]],
  [[3], [2, 3]],
  [
    [2, 1],
    [1, 3],
  ],
  [[], [2, 2]],
  [
    [2, 3],
    [1, 1],
  ],
  [
    [1, 1, 2],
    [3, 1, 1],
  ],
  [[1], [1]],
];

const two: readonly (readonly [string, (x: Value, y: Value) => Value, CheckOptions?])[] = [
  ["add", add],
  ["sub", sub],
  ["mul", mul],
  ["div", div, { draw: [between(-2, 2), positive] }],
  ["pow", pow, { draw: [positive, between(-2, 2)] }],
  ["mod", (x, y) => mod(x, y), { draw: [between(-5, 5), positive] }],
  ["min", (x, y) => min(x, y)],
  ["max", (x, y) => max(x, y)],
  ["sum", (x, y) => sum(x, y, x)],
  ["mean", (x, y) => mean(x, y)],
  ["where", (x, y) => where(less(mul(x, y), 0.3), mul(x, y), square(y))],
];

describe("operators of two operands", () => {
  for (const [name, op, options] of two) {
    const rows = pairs.map((shapes): Row => [name, (x, y) => square(op(x, y)), shapes, options]);
    testRows(rows.slice(0, 3), { also: ["named", "unranked"] });
    testRows(rows.slice(3), { also: ["unknown"] });
  }
});

describe("operators of three operands", () => {
  const shapes = [[2, 3], [3], [2, 1]];
  testRows([
    ["max", (x, y, z) => square(max(x, y, z)), shapes],
    ["sum", (x, y, z) => square(sum(x, y, z)), shapes],
    ["mean", (x, y, z) => square(mean(x, y, z)), shapes],
    ["min", (x, y, z) => square(min(x, y, z)), shapes],
    ["where", (x, y, z) => square(where(less(x, 0), y, z)), shapes],
  ]);
});

describe("the check itself", () => {
  /** What has the value of `value` and the derivatives of `slope`. */
  const pretend = (value: Value, slope: Value) => add(slope, stopGradient(sub(value, slope)));

  test("finds a wrong first derivative", async () => {
    const wrong = (x: Value) => pretend(sin(x), sin(x).mul(1.001));
    await expect(checkGradient(wrong, [[3]])).rejects.toThrow("first derivative");
  });

  test("finds a right first derivative with a wrong second", async () => {
    const wrong = (x: Value) =>
      mul(stopGradient(x), x)
        .add(square(x).mul(0.5))
        .sub(square(stopGradient(x)).mul(0.5));
    await expect(checkGradient(wrong, [[3]])).rejects.toThrow("second derivative");
  });
});
