import {
  abs,
  add,
  ceil,
  clip,
  cos,
  div,
  exp,
  floor,
  identity,
  less,
  log,
  max,
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
  softplus,
  sqrt,
  sub,
  tanh,
  where,
} from "../../src/builder/operators/index.ts";
import type { Value } from "../../src/builder/value.ts";
import { type Build, between, type CheckOptions, checkGradient, positive } from "./check.ts";

type Row = [name: string, build: Build, shapes: number[][], options?: CheckOptions];

const square = (x: Value) => x.mul(x);
const one: [string, (x: Value) => Value, CheckOptions?][] = [
  ["abs", abs],
  ["neg", neg],
  ["reciprocal", reciprocal, { draw: positive }],
  ["exp", exp],
  ["log", log, { draw: positive }],
  ["sqrt", sqrt, { draw: positive }],
  ["sin", sin],
  ["cos", cos],
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
];

describe("operators of one operand", () => {
  for (const [name, op, options] of one) {
    test(name, () =>
      checkGradient((x) => op(square(x).add(x)), [[2, 3]], {
        also: ["named", "unranked"],
        ...options,
      }),
    );
  }
});

const pairs: [number[], number[]][] = [
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
const two: [string, (x: Value, y: Value) => Value, CheckOptions?][] = [
  ["add", add],
  ["sub", sub],
  ["mul", mul],
  ["div", div, { draw: [between(-2, 2), positive] }],
  ["pow", pow, { draw: [positive, between(-2, 2)] }],
  ["mod", (x, y) => mod(x, y), { draw: [between(-5, 5), positive] }],
  ["min", min],
  ["max", max],
  ["where", (x, y) => where(less(x.mul(y), 0.3), x.mul(y), y.mul(y))],
];

describe("operators of two operands", () => {
  const rows = two.flatMap(([name, op, options]) =>
    pairs.map(
      ([a, b]): Row => [
        `${name} ${JSON.stringify(a)} ${JSON.stringify(b)}`,
        (x, y) => op(x as Value, y as Value).mul(op(x as Value, y as Value)),
        [a, b],
        { also: ["named", "unknown", "unranked"], ...options },
      ],
    ),
  );
  for (const [name, build, shapes, options] of rows) {
    test(name, () => checkGradient(build, shapes, options));
  }
});
