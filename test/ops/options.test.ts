import { Graph, soft, type Value } from "softonnx";
import { input } from "./support.ts";

const cases: readonly (readonly [what: string, call: (x: Value) => unknown, message: string])[] = [
  [
    "an unknown option",
    (x) => soft.max(x, { axis: 0 } as object),
    'max: unknown option "axis"; did you mean "dim"?',
  ],
  [
    "a softness that is not positive",
    (x) => soft.abs(x, { softness: 0 }),
    "abs: softness: expected a positive number or a scalar Value, got 0",
  ],
  ["a softness of NaN", (x) => soft.sort(x, { softness: Number.NaN }), "sort: softness: expected"],
  [
    "a softness with an axis",
    (x) => soft.sort(x, { softness: x.graph.parameter("s", [0.1]) }),
    "sort: softness: expected a scalar Value, got float32 [1]",
  ],
  [
    "a softness of another type",
    (x) => soft.sort(x, { softness: x.graph.parameter("t", 0.1, [], "float64") }),
    'sort: softness: expected a float32 scalar as x is, got float64 [] "t"; write .cast("float32")',
  ],
  [
    "a mode that does not exist",
    (x) => soft.relu(x, { mode: "_c1_pnorm" as "c1" }),
    'relu: mode: expected "hard", "smooth", "c0", "c1", "c2", got "_c1_pnorm"',
  ],
  [
    "a method that does not exist",
    (x) => soft.sort(x, { method: "bogosort" as "ot" }),
    'sort: method: expected "softsort", "neuralsort", "ot"',
  ],
  [
    "an axis that is not there",
    (x) => soft.argmax(x, { dim: 1 }),
    "argmax: dim: expected -1 … 0, got 1",
  ],
  [
    "an axis that is no number",
    (x) => soft.all(x, { dim: 0.5 }),
    "all: dim: expected a whole number",
  ],
  [
    "a flag that is none",
    (x) => soft.sort(x, { descending: 1 as never }),
    "sort: descending: expected true or false, got 1",
  ],
  [
    "a floor without logarithms",
    (x) => soft.argsort(x, { logProbEps: 0.1 }),
    "argsort: logProbEps: expected returnLogProbs: true beside it, got 0.1",
  ],
  [
    "a floor above 1",
    (x) => soft.argsort(x, { returnLogProbs: true, logProbEps: 2 }),
    "argsort: logProbEps: expected a number above 0 and up to 1, or null, got 2",
  ],
  [
    "options that are a number",
    (x) => soft.sort(x, 0.1 as never),
    "sort: options: expected an object such as { softness: 0.1 }, got 0.1",
  ],
  ["a k above n", (x) => soft.topk(x, 6), "topk: k: expected a whole number from 1 to 5, got 6"],
  ["a k of 0", (x) => soft.topk(x, 0), "topk: k: expected a whole number from 1 to 5, got 0"],
  [
    "a quantile above 1",
    (x) => soft.quantile(x, [0.5, 1.5]),
    "quantile: q: expected numbers from 0 to 1, got 1.5",
  ],
  ["no quantile", (x) => soft.quantile(x, []), "quantile: q: expected at least one number"],
  [
    "quantiles in a matrix",
    (x) => soft.argquantile(x, x.graph.constant([[0.5]])),
    "argquantile: q: expected numbers, or a scalar or vector Value of floats",
  ],
  [
    "an interpolation that does not exist",
    (x) => soft.quantile(x, 0.5, { interpolation: "cubic" as "linear" }),
    'quantile: interpolation: expected "linear", "lower"',
  ],
  [
    "a radius that is no whole number",
    (x) => soft.round(x, { neighborRadius: 1.5 }),
    "round: neighborRadius: expected a whole number from 0, got 1.5",
  ],
  ["no Value", () => soft.sort([3, 1, 2] as never), "sort: x: expected a Value, got [3, 1, 2]"],
  ["texts", (x) => soft.abs(x.graph.input("names", "string", [2])), "abs: x: expected numbers"],
  [
    "shapes that do not go together",
    (x) => soft.clamp(x, [1, 2], 3),
    "clamp: shapes do not broadcast: [5] and [2] and [] differ at axis 0 of the result",
  ],
  ["an unknown rank", (x) => soft.sort(x.graph.input("any", "float32")), "sort: the rank of"],
];

describe("wrong calls are errors at the call", () => {
  test.each(cases)("%s", (_, call, message) => {
    expect(() => call(input([5]))).toThrow(message);
  });
});

test("an option that is undefined has its default", () => {
  const x = input([5]);
  expect(() => soft.sort(x, { mode: undefined } as object)).not.toThrow();
});

test("mode hard needs no method", () => {
  expect(() => soft.sort(input([5]), { mode: "hard", method: "ot" })).not.toThrow();
});

test("defaults cannot be changed", () => {
  expect(Object.isFrozen(soft.sortDefaults)).toBe(true);
  expect(soft.sortDefaults).toEqual({
    softness: 0.1,
    mode: "smooth",
    method: "neuralsort",
    standardize: true,
    padding: "tensor",
    dim: -1,
    descending: false,
    gatedGrad: true,
  });
});

test("operands of two graphs do not mix", () => {
  const softness = new Graph("other").parameter("softness", 0.1);
  expect(() => soft.sort(input([5]), { softness })).toThrow("graph");
});
