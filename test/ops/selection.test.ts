import { soft } from "softonnx";
import { checkGradient } from "../grad/check.ts";
import { compute, expectClose, input } from "./support.ts";

jest.setTimeout(60_000);

const table = [
  [1, 2, 3, 4],
  [5, 6, 7, 8],
  [9, 10, 11, 12],
];

test("takeAlongDim by one-hot rows picks entries, along any axis", async () => {
  const pick = await compute(
    (x, g) =>
      soft.takeAlongDim(
        x,
        g.constant([[[0, 1, 0, 0]], [[1, 0, 0, 0]], [[0, 0, 0, 1]]], "float64"),
        { dim: 1 },
      ),
    table,
  );
  expect(pick).toEqual({ dims: [3, 1], data: [2, 5, 12] });
  const flat = await compute(
    (x, g) => soft.takeAlongDim(x, g.constant([[1, ...new Array<number>(11).fill(0)]], "float64")),
    table,
  );
  expect(flat).toEqual({ dims: [1], data: [1] });
});

test("take uses the same rows everywhere", async () => {
  const { dims, data } = await compute(
    (x) =>
      soft.take(
        x,
        [
          [0, 0, 1],
          [0.5, 0.5, 0],
        ],
        { dim: 0 },
      ),
    table,
  );
  expect({ dims, data }).toEqual({ dims: [2, 4], data: [9, 10, 11, 12, 3, 4, 5, 6] });
});

test("indexSelect keeps the axis unless told not to", async () => {
  const kept = await compute((x) => soft.indexSelect(x, [0, 1, 0], 0), table);
  expect(kept).toEqual({ dims: [1, 4], data: [5, 6, 7, 8] });
  const dropped = await compute(
    (x) => soft.indexSelect(x, [0, 0, 0, 1], -1, { keepdim: false }),
    table,
  );
  expect(dropped).toEqual({ dims: [3], data: [4, 8, 12] });
});

test.each([
  ["static", undefined],
  ["symbolic", ["a", "b"]],
] as const)("narrow slices from a soft start, and wraps around: %s", async (_, shape) => {
  const options = shape === undefined ? {} : { shape };
  const { dims, data } = await compute(
    (x) => soft.narrow(x, [0, 0, 0.5, 0.5], 3, { dim: 1 }),
    table,
    options,
  );
  expect(dims).toEqual([3, 3]);
  expectClose(data, [3.5, 2.5, 1.5, 7.5, 6.5, 5.5, 11.5, 10.5, 9.5], 1e-14);
});

test("where mixes", async () => {
  const { data } = await compute((x) => soft.where(x, 10, 20), [0, 0.25, 1]);
  expect(data).toEqual([20, 17.5, 10]);
});

test("derivatives against differences, by operand and soft index", async () => {
  await checkGradient(
    (x, p) => soft.takeAlongDim(x, p, { dim: 1 }),
    [
      [2, 3],
      [2, 2, 3],
    ],
  );
  await checkGradient(
    (x, p) => soft.take(x, p, { dim: 0 }),
    [
      [3, 2],
      [2, 3],
    ],
  );
  await checkGradient((x, p) => soft.indexSelect(x, p, 0), [[3, 2], [3]]);
  await checkGradient((x, p) => soft.narrow(x, p, 2), [[3, 2], [3]]);
  await checkGradient((c, x, y) => soft.where(c, x, y), [[3], [2, 3], [1]]);
});

test("soft indices that do not fit are errors at the call", () => {
  const x = input([3, 4]);
  expect(() => soft.takeAlongDim(x, input([2, 4]), { dim: 1 })).toThrow("graphs");
  const g = x.graph;
  const index = (shape: number[]) => g.input(`p${shape.join("x")}`, "float32", shape);
  expect(() => soft.takeAlongDim(x, index([2, 4]), { dim: 1 })).toThrow(
    "takeAlongDim: the soft index must have 3 axes",
  );
  expect(() => soft.take(x, index([2, 3]), { dim: 1 })).toThrow(
    "must end in the size of the axis of x, 4",
  );
  expect(() => soft.indexSelect(x, index([3]), 1)).toThrow(
    "must end in the size of the axis of x, 4",
  );
  expect(() => soft.narrow(x, index([4]), 5, { dim: 1 })).toThrow(
    "narrow: length: expected 1 … 4, got 5",
  );
});
