import * as op from "../../../src/builder/operators/index.ts";
import { type Case, on } from "./harness.ts";

const float64 = { dtype: "float64" } as const;
const image = { x: ["b", 2, "n", "m"] };

/** Operators on images: resizing, sampling, regions, pooling. */
export const imageCases: Readonly<Record<string, Case>> = {
  // resize.ts
  "resize by whole factors": on(
    image,
    ({ x }) => op.resize(x, { scales: [1, 1, 2, 3], mode: "linear" }),
    ["b", 2, "2*n", "3*m"],
  ),
  "resize of float64": on(
    image,
    ({ x }) => op.resize(x, { scales: [2, 3], axes: [2, 3], mode: "linear" }),
    ["b", 2, null, null],
    { ...float64, open: true },
  ),
  "resize to sizes": on(
    image,
    ({ x }) => op.resize(x, { sizes: [5, op.sizeOf(x, 2)], axes: [2, 3], mode: "cubic" }),
    ["b", 2, 5, "n"],
  ),
  "resize within sizes": on(
    { x: ["b", 2, 4, 6] },
    ({ x }) => op.resize(x, { sizes: [8, 9], axes: [2, 3], policy: "not_larger" }),
    ["b", 2, 6, 9],
    { since: 18 },
  ),
  "resize a region": on(
    { x: [4, "m"] },
    ({ x }) =>
      op.resize(x, {
        scales: [2, 1],
        coordinates: "tf_crop_and_resize",
        region: [0, 0, 0.5, 1],
        mode: "linear",
      }),
    [8, "m"],
  ),
};
