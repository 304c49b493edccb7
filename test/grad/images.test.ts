import { AttributeProto_AttributeType, type NodeProto } from "onnx-buf";
import { Graph } from "../../src/builder/graph.ts";
import {
  affineGrid,
  col2Im,
  deformConv,
  gridSample,
  maxRoiPool,
  reduceSum,
  resize,
  roiAlign,
  sizeOf,
} from "../../src/builder/operators/index.ts";
import type { Value } from "../../src/builder/value.ts";
import { grad } from "../../src/grad/index.ts";
import { attribute, bytesOf, graph, info, node } from "../builder/messages.ts";
import { between } from "./check.ts";
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

describe("sampling", () => {
  const image = [1, 2, 3, 3];
  const grid = [1, 2, 2, 2];
  const near = { draw: [between(-2, 2), between(-0.95, 0.95)] };
  const far = { draw: [between(-2, 2), between(-1.8, 1.8)], order: 1 as const };
  testRows([
    ["linear", (x, at) => square(gridSample(x, at)), [image, grid], { ...near, opsets: [20] }],
    [
      "linear with aligned corners, mirrored",
      (x, at) => square(gridSample(x, at, { alignCorners: true, padding: "reflection" })),
      [image, grid],
      far,
    ],
    [
      "cubic at the border",
      (x, at) => square(gridSample(x, at, { mode: "cubic", padding: "border" })),
      [image, grid],
      near,
    ],
    ["nearest", (x, at) => square(gridSample(x, at, { mode: "nearest" })), [image, grid], near],
    [
      "volumes",
      (x, at) => square(gridSample(x, at)),
      [
        [1, 1, 2, 2, 3],
        [1, 1, 1, 2, 3],
      ],
      { ...near, also: ["named"] },
    ],
    ["affine maps", (m) => square(affineGrid(m, [2, 1, 2, 3])), [[2, 2, 3]], { opsets: [20] }],
    [
      "affine maps of volumes",
      (m, x) => square(affineGrid(m, [1, 1, 2, sizeOf(x, 0), 3], { alignCorners: true })),
      [[1, 3, 4], [2]],
      { opsets: [20] },
    ],
  ]);
});

describe("regions", () => {
  const boxes = [
    [0, 0, 3, 2],
    [1.3, 0.7, 2.1, 2.9],
  ];
  testRows([
    [
      "aligned",
      (x) => square(roiAlign(x, boxes, [0, 1], { height: 2, width: 2 })),
      [[2, 1, 3, 4]],
      { opsets: [22] },
    ],
    [
      "aligned, the largest",
      (x) =>
        square(roiAlign(x, boxes, [0, 0], { mode: "max", samplingRatio: 2, halfPixel: false })),
      [[1, 2, 3, 3]],
    ],
    [
      "pooled",
      (x) =>
        square(
          maxRoiPool(
            x,
            boxes.map((box) => [1, ...box]),
            [2, 1],
          ),
        ),
      [[2, 1, 3, 4]],
      { opsets: [22] },
    ],
  ]);
});

describe("deformable convolution", () => {
  const offsets = between(-0.8, 0.8);
  testRows(
    [
      [
        "of images",
        (x, w, offset) => square(deformConv(x, w, offset, {}, { pads: [[1, 0], 0] })),
        [
          [1, 2, 3, 3],
          [2, 2, 2, 2],
          [1, 8, 3, 2],
        ],
        { draw: [between(-2, 2), between(-2, 2), offsets] },
      ],
      [
        "in groups, with factors",
        (x, w, offset) => {
          const mask = square(offset.slice(0, 4, { axes: 1 }));
          const operands = { mask, bias: w.sum([1, 2, 3]) };
          const options = { group: 2, offsetGroup: 2, strides: 2, dilations: 2 };
          return square(deformConv(x, w, offset, operands, options));
        },
        [
          [2, 2, 3, 5],
          [2, 1, 1, 2],
          [2, 8, 2, 2],
        ],
        { draw: [between(-2, 2), between(-2, 2), offsets] },
      ],
    ],
    { also: [] },
  );
});

describe("windows added up", () => {
  testRows([
    [
      "col2Im",
      (x) => square(col2Im(x, [3, 4], [2, 2], { strides: [1, 2], pads: [[1, 0], 0] })),
      [[2, 4, 6]],
    ],
    ["col2Im of signals", (x) => square(col2Im(x, [5], [2], { dilations: 2 })), [[1, 4, 3]]],
  ]);
});

describe("nodes of files that their operators do not allow are read, and have no gradient", () => {
  const text = (name: string, value: string) =>
    attribute(name, {
      type: AttributeProto_AttributeType.STRING,
      s: new TextEncoder().encode(value),
    });
  const differentiate = (made: NodeProto, sizes: number[]) => {
    const g = Graph.fromModel(
      bytesOf(
        graph({
          input: [info("x", 1, sizes), info("grid", 1, [5, 2, 4, 2]), info("sizes", 7, [4])],
          node: [made],
          output: [info("y", 1, [1, 1, 8, 8])],
        }),
      ),
    );
    g.toModel();
    return grad(reduceSum(g.value("y")), [g.value("x")]);
  };

  test.each([
    ["mode", "quadratic"],
    ["nearest_mode", "nearest2"],
    ["coordinate_transformation_mode", "quarter_pixel"],
    ["keep_aspect_ratio_policy", "larger"],
  ])("Resize: %s %s", (name, value) => {
    const made = node("Resize", ["x", "", "", "sizes"], ["y"], { attribute: [text(name, value)] });
    expect(() => differentiate(made, [1, 1, 4, 4])).toThrow(/it is not what its operator allows/);
  });

  test.each([
    ["mode", "quadratic"],
    ["padding_mode", "ones"],
  ])("GridSample: %s %s", (name, value) => {
    const made = node("GridSample", ["x", "grid"], ["y"], { attribute: [text(name, value)] });
    expect(() => differentiate(made, [5, 1, 4, 4])).toThrow(/it is not what its operator allows/);
  });

  test("GridSample of an operand without spatial axes", () => {
    const made = node("GridSample", ["x", "grid"], ["y"]);
    expect(() => differentiate(made, [3, 4])).toThrow(/x: expected \[batch, channels, spatial…\]/);
  });
});
