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

  // sampling.ts
  gridSample: on(
    { x: ["b", 2, "n", "m"], y: ["b", 3, "k", 2] },
    ({ x, y }) => op.gridSample(x, y.mul(0.2)),
    ["b", 2, 3, "k"],
    { since: 16 },
  ),
  "gridSample of float64": on(
    { x: ["b", 2, "n", "m"], y: ["b", 3, "k", 2] },
    ({ x, y }) => op.gridSample(x, y.mul(0.2), { mode: "nearest", padding: "reflection" }),
    ["b", 2, 3, "k"],
    float64,
  ),
  affineGrid: on(
    { x: ["b", 2, 3] },
    ({ x }) => op.affineGrid(x, [op.sizeOf(x, 0), 1, 4, 8]),
    ["b", 4, 8, 2],
    { ...float64, since: 20 },
  ),

  // regions.ts and deform.ts
  roiAlign: on(
    { x: [2, 3, "n", "m"], y: [2, 4] },
    ({ x, y }) => op.roiAlign(x, op.abs(y), [0, 1], { height: 2, width: 3, halfPixel: false }),
    [2, 3, 2, 3],
    { since: 16 },
  ),
  maxRoiPool: on(
    { x: [2, 3, "n", "m"] },
    ({ x }) => op.maxRoiPool(x, [[1, 0, 0, 2, 3]], [2, 2]),
    [1, 3, 2, 2],
  ),
  "maxRoiPool of float64": on(
    { x: [2, 3, "n", "m"] },
    ({ x }) => op.maxRoiPool(x, x.graph.constant([[1, 0, 0, 2, 3]], "float64"), [2, 2]),
    [1, 3, 2, 2],
    float64,
  ),
  nonMaxSuppression: on(
    { x: ["b", "n", 4], y: ["b", 2, "n"] },
    ({ x, y }) => op.nonMaxSuppression(x, y, { most: 3, overlap: 0.5, score: 0.1 }),
    [null, 3],
    { open: true },
  ),
  deformConv: on(
    { x: ["b", 4, 5, 6], y: ["b", 8, 4, 5] },
    ({ x, y }, g) => op.deformConv(x, g.constant(0.5, [3, 4, 2, 2]), y.mul(0.1)),
    ["b", 3, 4, 5],
    { since: 19 },
  ),

  // pooling.ts
  "averagePool over the end": on(
    { x: ["b", 2, 6, 7] },
    ({ x }) => op.averagePool(x, [3, 2], { strides: 2, pads: 1, ceil: true }),
    ["b", 2, 4, 4],
  ),
  "averagePool with dilations": on(
    image,
    ({ x }) => op.averagePool(x, [2, 2], { dilations: [1, 2], countIncludePad: true, pads: 1 }),
    ["b", 2, "n+1", "m"],
    { since: 19 },
  ),
  maxPoolWithIndices: on(
    { x: ["b", 2, 5, 6] },
    ({ x }) => Object.values(op.maxPoolWithIndices(x, [2, 2], { strides: 2, ceil: true })),
    ["b", 2, 3, 3],
    float64,
  ),
  lpPool: on(image, ({ x }) => op.lpPool(x, [2, 2], { p: 1 }), ["b", 2, "n-1", "m-1"]),
  "lpPool of float64": on(
    image,
    ({ x }) => op.lpPool(x, [2, 2], { pads: 1 }),
    ["b", 2, "n+1", "m+1"],
    float64,
  ),
  globalLpPool: on(image, ({ x }) => op.globalLpPool(x, { p: 1 }), ["b", 2, 1, 1], float64),
  maxUnpool: on(
    image,
    ({ x }) => {
      const { values, indices } = op.maxPoolWithIndices(x, [2, 2], { strides: [2, 1] });
      return op.maxUnpool(values, indices, [2, 2], { strides: [2, 1] });
    },
    ["b", 2, null, "m"],
    { open: true },
  ),
  "maxUnpool of float64": on(
    { x: ["b", 2, 4, 6] },
    ({ x }) => {
      const { values, indices } = op.maxPoolWithIndices(x, [2, 2], { strides: 2 });
      return op.maxUnpool(values, indices, [2, 2], { strides: 2 });
    },
    ["b", 2, 4, 6],
    float64,
  ),

  // fold.ts and determinant.ts
  col2Im: on({ x: ["b", 8, 4] }, ({ x }) => op.col2Im(x, [3, 3], [2, 2]), ["b", 2, 3, 3], {
    since: 18,
  }),
  "col2Im of float64": on(
    { x: ["b", 6, 8] },
    ({ x }) => op.col2Im(x, [17], [3], { strides: 2 }),
    ["b", 2, 17],
    float64,
  ),
  det: on({ x: ["b", 3, 3] }, ({ x }) => op.det(x), ["b"]),
  "det of float64": on({ x: ["b", 5, 5] }, ({ x }) => op.det(x), ["b"], float64),
};
