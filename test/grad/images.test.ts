import { resize, sizeOf } from "../../src/builder/operators/index.ts";
import type { Value } from "../../src/builder/value.ts";
import { testRows } from "./rows.ts";

const square = (x: Value) => x.mul(x);

describe("resizing", () => {
  testRows([
    [
      "linear",
      (x) => square(resize(x, { scales: [2, 1.5], axes: [2, 3], mode: "linear" })),
      [[1, 1, 2, 3]],
      { opsets: [13, 19] },
    ],
    [
      "linear with aligned corners",
      (x) => {
        const options = { mode: "linear", coordinates: "align_corners" } as const;
        return square(resize(x, { sizes: [sizeOf(x, 0), 2, 4], ...options }));
      },
      [[2, 3, 2]],
    ],
    [
      "linear, antialiased",
      (x) => square(resize(x, { sizes: [2, 3], mode: "linear", antialias: true })),
      [[4, 3]],
    ],
    ["cubic", (x) => square(resize(x, { scales: [1.5, 0.75], mode: "cubic" })), [[3, 4]]],
    [
      "cubic without what lies outside",
      (x) => square(resize(x, { scales: [2, 1], mode: "cubic", excludeOutside: true })),
      [[3, 2]],
    ],
    ["nearest", (x) => square(resize(x, { scales: [1, 1, 2, 0.5] })), [[1, 2, 2, 4]]],
    [
      "a region",
      (x) =>
        square(
          resize(x, {
            // Where a size stays, ONNX Runtime 1.30 forgets the region.
            sizes: [4, 2],
            mode: "linear",
            coordinates: "tf_crop_and_resize",
            region: [0.1, 0.2, 0.8, 1.3],
          }),
        ),
      [[3, 4]],
    ],
    [
      "keeping proportions",
      (x) => square(resize(x, { sizes: [5, 4], mode: "linear", policy: "not_larger" })),
      [[3, 2]],
    ],
  ]);
});
