import {
  add,
  centerCropPad,
  compress,
  cumProd,
  depthToSpace,
  oneHot,
  reverseSequence,
  spaceToDepth,
  tensorScatter,
  unique,
} from "../../src/builder/operators/index.ts";
import type { Value } from "../../src/builder/value.ts";
import { gradientAt, numbers } from "./check.ts";
import { testRows } from "./rows.ts";

const square = (x: Value) => x.mul(x);
const int = (x: Value, data: readonly number[]) => x.graph.constant([...data], "int64");

describe("selections", () => {
  testRows([
    ["compress", (x) => square(compress(x, [true, false, true, true])), [[2, 3]]],
    [
      "compress along an axis",
      (x) => square(compress(x, [true, false, true], { axis: -1 })),
      [[2, 3]],
      { also: ["named", "unranked"] },
    ],
    ["oneHot values", (v) => square(oneHot(int(v, [0, 2, -1, 7]), 3, v)), [[2]]],
    [
      "oneHot values along axis 0",
      (v) => square(oneHot(int(v, [0, 2, 1]), 3, v, { axis: 0 })),
      [[2]],
    ],
    ["unique", (x) => square(unique(x).values), [[2, 3]]],
    ["unique slices", (x) => square(unique(x, { axis: 1, sorted: false }).values), [[2, 3]]],
    ["reverseSequence", (x) => square(reverseSequence(x, [1, 3])), [[3, 2, 2]]],
    [
      "tensorScatter",
      (x, u) => square(tensorScatter(x, u, [1, 3], { mode: "circular" })),
      [
        [2, 4, 2],
        [2, 2, 2],
      ],
      { opsets: [24] },
    ],
    [
      "tensorScatter without places",
      (x, u) => square(tensorScatter(x, u, undefined, { axis: 1 })),
      [
        [2, 3],
        [2, 2],
      ],
      { opsets: [24] },
    ],
  ]);
});

describe("blocks", () => {
  testRows([
    ["depthToSpace", (x) => square(depthToSpace(x, 2)), [[1, 4, 1, 2]]],
    ["depthToSpace CRD", (x) => square(depthToSpace(x, 2, { mode: "CRD" })), [[1, 8, 1, 2]]],
    ["spaceToDepth", (x) => square(spaceToDepth(x, 2)), [[1, 1, 2, 4]], { also: [] }],
    ["centerCropPad", (x) => square(centerCropPad(x, [2, 5])), [[5, 2]]],
    ["centerCropPad of one axis", (x) => square(centerCropPad(x, [4], { axes: [-1] })), [[2, 3]]],
  ]);
});

describe("running products", () => {
  testRows([
    ["cumProd", (x) => cumProd(x, { axis: 0 }), [[5]], { opsets: [26] }],
    ["cumProd exclusive", (x) => cumProd(x, { axis: -1, exclusive: true }), [[2, 4]]],
    ["cumProd reverse", (x) => cumProd(x, { axis: 0, reverse: true }), [[3, 2]]],
    [
      "cumProd both",
      (x) => cumProd(x, { axis: 0, reverse: true, exclusive: true }),
      [[4]],
      { opsets: [26] },
    ],
    ["cumProd of one", (x) => square(cumProd(x, { axis: 0 })), [[1]]],
  ]);

  test("have the right slopes beside zeros", async () => {
    const x = numbers([2, 0, 3, 0]);
    const build = (value: Value) => add(cumProd(value, { axis: 0 }), 0);
    expect(await gradientAt(build, [x])).toEqual([[1, 2 + 6, 0, 0]]);
  });
});
