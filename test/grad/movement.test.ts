import {
  add,
  concat,
  expand,
  flatten,
  pad,
  range,
  reduceSum,
  reshape,
  shape,
  sizeOf,
  slice,
  split,
  squeeze,
  tile,
  transpose,
  trilu,
  unsqueeze,
} from "../../src/builder/operators/index.ts";
import type { Value } from "../../src/builder/value.ts";
import { positive } from "./check.ts";
import { testRows } from "./rows.ts";

const square = (x: Value) => x.mul(x);

describe("shapes", () => {
  testRows([
    ["reshape", (x) => square(reshape(x, [3, 2])), [[2, 3]]],
    ["reshape -1", (x) => square(reshape(x, [-1])), [[2, 3]], { also: ["named", "unranked"] }],
    ["reshape by size", (x) => square(reshape(x, [-1, sizeOf(x, 0)])), [[2, 3]]],
    ["transpose", (x) => square(transpose(x)), [[2, 3]]],
    [
      "transpose by order",
      (x) => square(transpose(x, [1, 2, 0])),
      [[2, 3, 2]],
      { also: ["unranked"] },
    ],
    ["squeeze", (x) => square(squeeze(x)), [[1, 3, 1]]],
    ["squeeze axes", (x) => square(squeeze(x, [0, -1])), [[1, 3, 1]]],
    [
      "squeeze axes of unknown rank",
      (x) => square(squeeze(x, -1)),
      [[3, 1]],
      { also: ["unranked"] },
    ],
    ["unsqueeze", (x) => square(unsqueeze(x, [0, 2])), [[2, 3]]],
    ["unsqueeze unranked", (x) => square(unsqueeze(x, [-1])), [[2, 3]], { also: ["unranked"] }],
    ["flatten", (x) => square(flatten(x)), [[2, 3, 2]], { also: ["named", "unknown", "unranked"] }],
    ["flatten 2", (x) => square(flatten(x, { axis: 2 })), [[2, 3, 2]]],
    ["flatten 0", (x) => square(flatten(x, { axis: 0 })), [[2, 3]]],
  ]);
});

describe("joining and cutting", () => {
  testRows([
    [
      "concat",
      (x, y) => square(concat([x, y], { axis: 0 })),
      [
        [2, 3],
        [1, 3],
      ],
    ],
    [
      "concat last",
      (x, y, z) => square(concat([x, y, z], { axis: -1 })),
      [
        [2, 3],
        [2, 1],
        [2, 2],
      ],
    ],
    ["concat twice the same", (x) => square(concat([x, x], { axis: 0 })), [[2, 2]]],
    [
      "concat unranked",
      (x, y) => square(concat([x, y], { axis: -1 })),
      [
        [2, 3],
        [2, 2],
      ],
      { also: ["unranked"] },
    ],
    ["split", (x) => reduceAll(split(x, { axis: 1, parts: 2 })), [[2, 4]]],
    ["split uneven", (x) => reduceAll(split(x, { sizes: [1, 3, 2] })), [[6]]],
    ["split, one part used", (x) => square(split(x, { sizes: [1, 3] })[1] as Value), [[4]]],
    ["slice", (x) => square(slice(x, 1, 3)), [[4]]],
    ["slice rest", (x) => square(slice(x, 1, Number.POSITIVE_INFINITY)), [[4, 2]]],
    ["slice most", (x) => square(slice(x, 0, -1)), [[4, 2]]],
    ["slice last", (x) => square(slice(x, -2, Number.POSITIVE_INFINITY, { axes: 1 })), [[2, 4]]],
    ["slice from the end", (x) => square(slice(x, -3, -1)), [[4]]],
    ["slice too far", (x) => square(slice(x, -9, 9)), [[4]]],
    ["slice nothing", (x) => square(slice(x, 3, 2)), [[4]]],
    ["slice axes", (x) => square(slice(x, [1, 0], [3, 1], { axes: [1, 0] })), [[2, 3]]],
    ["slice every second", (x) => square(slice(x, 0, 9, { steps: 2 })), [[5, 2]]],
    ["slice backwards", (x) => square(slice(x, 3, 0, { steps: -2 })), [[5]]],
    ["reverse", (x) => square(slice(x, -1, -9, { axes: 1, steps: -1 })), [[2, 3]]],
    [
      "reverse, all of any size",
      (x) => square(slice(x, -1, Number.NEGATIVE_INFINITY, { axes: 0, steps: -1 })),
      [[3, 2]],
    ],
    [
      "reverse one axis and cut the other",
      (x) =>
        square(slice(x, [-1, 1], [Number.NEGATIVE_INFINITY, 3], { axes: [0, 1], steps: [-1, 1] })),
      [[2, 4]],
    ],
    ["slice by sizes", (x, y) => square(slice(x, 0, sizeOf(y, 0))), [[4], [2]], { order: 1 }],
    [
      "slice unranked",
      (x) => square(slice(x, 1, 2, { axes: [1] })),
      [[2, 3]],
      { also: ["unranked"] },
    ],
  ]);
});

describe("padding", () => {
  testRows([
    ["pad", (x) => square(pad(x, [[1, 2]])), [[3]]],
    [
      "pad axes",
      (x) =>
        square(
          pad(
            x,
            [
              [0, 1],
              [2, 0],
            ],
            { value: 0.5 },
          ),
        ),
      [[2, 3]],
    ],
    [
      "pad with a value",
      (x, v) =>
        square(
          pad(
            x,
            [
              [0, 1],
              [2, 0],
            ],
            { value: v },
          ),
        ),
      [[2, 3], []],
    ],
    [
      "pad less",
      (x) =>
        square(
          pad(x, [
            [-1, 1],
            [0, -1],
          ]),
        ),
      [[3, 3]],
    ],
    ["pad less with a value", (x, v) => square(pad(x, [[-1, 2]], { value: v })), [[3], []]],
    ["pad by sizes", (x, y) => square(pad(x, [[sizeOf(y, 0), 1]])), [[3], [2]]],
    ["pad reflect", (x) => square(pad(x, [[2, 1]], { mode: "reflect" })), [[4]]],
    [
      "pad edge",
      (x) =>
        square(
          pad(
            x,
            [
              [0, 2],
              [1, 0],
            ],
            { mode: "edge" },
          ),
        ),
      [[2, 3]],
    ],
  ]);
});

describe("repeating", () => {
  testRows([
    ["expand", (x) => square(expand(x, [2, 3])), [[1, 3]]],
    ["expand scalar", (x) => square(expand(x, [2, 2])), [[]]],
    ["expand to less", (x) => square(expand(x, [3])), [[2, 1]]],
    ["expand nothing", (x) => square(expand(x, [1])), [[2, 3]]],
    [
      "expand like",
      (x, y) => square(expand(x, shape(y))).mul(y),
      [
        [2, 1],
        [2, 3],
      ],
      { also: ["named", "unknown", "unranked"] },
    ],
    ["tile", (x) => square(tile(x, [2, 3])), [[2, 2]], { also: ["named", "unknown", "unranked"] }],
    ["tile one axis", (x) => square(tile(x, [1, 3])), [[2, 2]]],
    ["tile by sizes", (x, y) => square(tile(x, [1, sizeOf(y, 0)])), [[2, 2], [3]]],
    ["tile none", (x) => square(tile(x, [1, 1])), [[2, 2]]],
    ["trilu", (x) => square(trilu(x)), [[3, 3]]],
    ["trilu upper", (x) => square(trilu(x, { upper: true, k: 1 })), [[2, 3, 3]]],
    ["trilu below", (x) => square(trilu(x, { k: -1 })), [[3, 2]]],
    [
      "range",
      (start, delta) => square(range(start, add(start, delta.mul(3.5)), delta)),
      [[], []],
      { draw: positive },
    ],
  ]);
});

function reduceAll(parts: readonly Value[]): Value {
  return parts.map((part, i) => reduceSum(square(part)).mul(i + 1)).reduce((a, b) => add(a, b));
}
