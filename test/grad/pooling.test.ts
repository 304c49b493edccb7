import {
  averagePool,
  globalLpPool,
  lpPool,
  maxPool,
  maxPoolWithIndices,
  maxUnpool,
} from "../../src/builder/operators/index.ts";
import type { Value } from "../../src/builder/value.ts";
import { gradientAt, numbers } from "./check.ts";
import { testRows } from "./rows.ts";

const square = (x: Value) => x.mul(x);

describe("windows that reach over the end", () => {
  testRows(
    [
      [
        "averagePool",
        (x) => square(averagePool(x, [2, 3], { strides: 2, ceil: true })),
        [[1, 2, 3, 4]],
      ],
      [
        "averagePool counting padding",
        (x) => {
          const options = { strides: 2, pads: 1, ceil: true, countIncludePad: true };
          return square(averagePool(x, [3, 2], options));
        },
        [[1, 1, 4, 4]],
      ],
      [
        "averagePool with dilations",
        (x) => square(averagePool(x, [2], { dilations: 2, strides: 2, ceil: true })),
        [[2, 1, 6]],
      ],
      ["maxPool", (x) => square(maxPool(x, [2], { strides: 2, ceil: true })), [[1, 2, 5]]],
      ["lpPool", (x) => square(lpPool(x, [2], { strides: 2, ceil: true, p: 3 })), [[1, 2, 5]]],
    ],
    { also: [] },
  );
});

describe("norms of windows", () => {
  testRows([
    ["lpPool", (x) => square(lpPool(x, [2, 2], { pads: 1 })), [[1, 2, 3, 2]]],
    ["lpPool of sums", (x) => square(lpPool(x, [2], { p: 1, dilations: 2 })), [[1, 2, 4]]],
    ["lpPool of cubes", (x) => lpPool(x, [2], { p: 3, strides: 2 }), [[1, 1, 4]]],
    ["globalLpPool", (x) => square(globalLpPool(x, { p: 3 })), [[2, 1, 2, 2]]],
  ]);

  test("have no slope where all is 0", async () => {
    const x = numbers([0, 0, 3, 4], [1, 1, 4]);
    const [slope] = await gradientAt((value) => lpPool(value, [2], { strides: 2 }), [x]);
    expect(slope).toEqual([0, 0, expect.closeTo(0.6, 14), expect.closeTo(0.8, 14)]);
  });
});

describe("maxUnpool", () => {
  const unpool = (x: Value) => {
    const { values, indices } = maxPoolWithIndices(x, [2, 2], { strides: 2 });
    return maxUnpool(square(values), indices, [2, 2], { strides: 2 });
  };
  testRows([["puts cotangents back", (x) => square(unpool(x)), [[1, 2, 4, 2]]]]);
});
