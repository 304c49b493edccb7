import { attribute } from "../block.ts";
import { sameDim } from "../dim.ts";
import { checkOptions, failArgument } from "../errors.ts";
import { graphOf, lift, type Operand, requireValue } from "../lift.ts";
import {
  choiceOf,
  countOf,
  floatOf,
  inputOf,
  intsOf,
  type NodeFacts,
  none,
  type OperatorTable,
  type Schemas,
} from "../schema.ts";
import type { Value } from "../value.ts";
import { requireOpset } from "./axes.ts";
import { checkType, emitOne, normalOf, optionalInt } from "./emit.ts";
import { regionsAligned, regionsPooled } from "./regions-body.ts";

/** Options of roiAlign. */
export interface RoiAlignOptions {
  /** The height of the result. Default 1. */
  readonly height?: number;
  /** The width of the result. Default 1. */
  readonly width?: number;
  /** The mean of the samples in each cell, or the largest of their weighted neighbours. Default "avg". */
  readonly mode?: "avg" | "max";
  /** Samples along each side of a cell; 0 (the default) takes as many as the cell has pixels. */
  readonly samplingRatio?: number;
  /** The factor from the regions' coordinates to those of x. Default 1. */
  readonly spatialScale?: number;
  /** Pixels lie at the middle of their square, not at its corner (opset 16). Default true. */
  readonly halfPixel?: boolean;
}

/** Regions of images, each resampled to the same size (He et al. 2017, arXiv 1703.06870).
 *
 * @param x [batch, channels, height, width]
 * @param regions [regions, 4]: x1, y1, x2, y2. No gradient goes to them, as in PyTorch
 * @param images int64 [regions]: the entry of the batch that each is of
 * @returns [regions, channels, height, width]. In mode "max", and from opset 22 on, for which ONNX Runtime
 * 1.30 has no kernel, it is composed of other operators. */
export function roiAlign(
  x: Operand,
  regions: Operand,
  images: Operand,
  options: RoiAlignOptions = {},
): Value {
  checkOptions("roiAlign", options, [
    "height",
    "width",
    "mode",
    "samplingRatio",
    "spatialScale",
    "halfPixel",
  ]);
  const graph = graphOf("roiAlign", [x, regions, images]);
  const value = requireValue("roiAlign", "x", x);
  requireOpset("roiAlign", graph, 10);
  const { height = 1, width = 1, mode = "avg", samplingRatio = 0, spatialScale = 1 } = options;
  const { halfPixel = graph.opset >= 16 } = options;
  if (halfPixel) requireOpset("roiAlign", graph, 16, "halfPixel");
  if (mode !== "avg" && mode !== "max") failArgument("roiAlign", "mode", '"avg" or "max"', mode);
  const inputs = [
    value,
    lift("roiAlign", "regions", regions, value.dtype, graph),
    lift("roiAlign", "images", images, "int64", graph),
  ];
  const attributes = {
    mode: attribute.string(mode),
    output_height: attribute.int(height),
    output_width: attribute.int(width),
    sampling_ratio: attribute.int(samplingRatio),
    spatial_scale: attribute.float(spatialScale),
    ...(graph.opset < 16
      ? {}
      : {
          coordinate_transformation_mode: attribute.string(
            halfPixel ? "half_pixel" : "output_half_pixel",
          ),
        }),
  };
  // For "max" ONNX Runtime's kernel warns that its numbers will change.
  if (graph.opset < 22 && mode === "avg") {
    return emitOne("RoiAlign", inputs, attributes, "roiAlign");
  }
  const normal = normalOf(regionsSchemas.RoiAlign, "roiAlign", inputs, attributes, graph.opset);
  return regionsAligned(value, inputs[1] as Value, inputs[2] as Value, normal);
}

/** The largest entries of regions of images, cell by cell (Girshick 2015, arXiv 1504.08083). Of equal ones
 * each gets an equal share of the gradient.
 *
 * @param x [batch, channels, height, width]
 * @param regions [regions, 5]: the entry of the batch, x1, y1, x2, y2
 * @param cells the sizes of the result
 * @param options `spatialScale`: the factor from the regions' coordinates to those of x, by default 1
 * @returns [regions, channels, …cells]. In float64, and from opset 22 on, it is composed of other operators */
export function maxRoiPool(
  x: Operand,
  regions: Operand,
  cells: readonly [height: number, width: number],
  options: { readonly spatialScale?: number } = {},
): Value {
  checkOptions("maxRoiPool", options, ["spatialScale"]);
  const value = requireValue("maxRoiPool", "x", x);
  const { graph, dtype } = value;
  const boxes = lift("maxRoiPool", "regions", regions, dtype, graph);
  if (
    !Array.isArray(cells) ||
    cells.length !== 2 ||
    !cells.every((n) => Number.isInteger(n) && n > 0)
  ) {
    failArgument("maxRoiPool", "cells", "two sizes", cells);
  }
  const { spatialScale = 1 } = options;
  if (dtype === "float64" || graph.opset >= 22) {
    return regionsPooled(value, boxes, { cells, scale: Math.fround(spatialScale) });
  }
  const attributes = {
    pooled_shape: attribute.ints(cells),
    spatial_scale: attribute.float(spatialScale),
  };
  return emitOne("MaxRoiPool", [value, boxes], attributes, "maxRoiPool");
}

/** Options of nonMaxSuppression. */
export interface NonMaxSuppressionOptions {
  /** How many boxes to keep of each class, at most. Default 0, which keeps none. */
  readonly most?: number;
  /** Boxes that share more with a better one, as a part of their union, are dropped. Default 0. */
  readonly overlap?: number;
  /** Boxes of a lower score are dropped. By default none. */
  readonly score?: number;
  /** Boxes are [x, y, width, height] about their centre, not corners [y1, x1, y2, x2]. Default false. */
  readonly centered?: boolean;
}

/** The best boxes of each class that do not overlap too much. Needs opset 10; float32 only.
 *
 * @param boxes [batch, boxes, 4]
 * @param scores [batch, classes, boxes]
 * @returns int64 [kept, 3]: entry of the batch, class, box */
export function nonMaxSuppression(
  boxes: Operand,
  scores: Operand,
  options: NonMaxSuppressionOptions = {},
): Value {
  checkOptions("nonMaxSuppression", options, ["most", "overlap", "score", "centered"]);
  const graph = graphOf("nonMaxSuppression", [boxes, scores]);
  requireOpset("nonMaxSuppression", graph, 10);
  const { most = 0, overlap = 0, score, centered = false } = options;
  const inputs = [
    lift("nonMaxSuppression", "boxes", boxes, "float32", graph),
    lift("nonMaxSuppression", "scores", scores, "float32", graph),
    graph.constant(most, [1], "int64"),
    graph.constant(overlap, [1], "float32"),
    ...(score === undefined ? [] : [graph.constant(score, [1], "float32")]),
  ];
  const attributes = optionalInt("center_point_box", centered, 0);
  return emitOne("NonMaxSuppression", inputs, attributes, "nonMaxSuppression");
}

function alignOf(node: NodeFacts): OperatorTable["RoiAlign"] {
  const pixels = ["half_pixel", "output_half_pixel"] as const;
  const older = node.opset < 16 ? "output_half_pixel" : "half_pixel";
  return {
    height: countOf(node, "output_height", 1),
    width: countOf(node, "output_width", 1),
    max: choiceOf(node, "mode", ["avg", "max"], "avg") === "max",
    samples: countOf(node, "sampling_ratio", 0, 0),
    scale: floatOf(node, "spatial_scale", 1),
    halfPixel: choiceOf(node, "coordinate_transformation_mode", pixels, older) === "half_pixel",
  };
}

function checkRegions(node: NodeFacts, width: number): Value {
  const regions = inputOf(node, 1);
  const { shape } = regions;
  if (shape !== undefined && (shape.length !== 2 || sameDim(shape[1], width) === false)) {
    failArgument(node.operator, "regions", `[regions, ${width}]`, regions);
  }
  return regions;
}

export const regionsSchemas: Schemas<"RoiAlign" | "MaxRoiPool" | "NonMaxSuppression"> = {
  RoiAlign: {
    arity: 3,
    normal: alignOf,
    infer: (node, { height, width }) => {
      const x = inputOf(node, 0);
      checkType(node.operator, "x", x, "float");
      const regions = checkRegions(node, 4);
      const count = regions.shape?.[0] ?? inputOf(node, 2).shape?.[0];
      return [{ dtype: x.dtype, shape: [count, x.shape?.[1], height, width] }];
    },
  },
  MaxRoiPool: {
    arity: 2,
    normal: (node) => {
      const cells = intsOf(node, "pooled_shape") ?? [];
      const [height, width] = cells;
      if (!height || !width || !cells.every((n) => Number.isSafeInteger(n) && n > 0)) {
        failArgument(node.operator, "pooled_shape", "two whole numbers from 1", cells);
      }
      return { cells: [height, width], scale: floatOf(node, "spatial_scale", 1) };
    },
    infer: (node, { cells }) => {
      const x = inputOf(node, 0);
      const regions = checkRegions(node, 5);
      return [{ dtype: x.dtype, shape: [regions.shape?.[0], x.shape?.[1], ...cells] }];
    },
  },
  NonMaxSuppression: {
    arity: [2, 5],
    normal: none,
    infer: () => [{ dtype: "int64", shape: [undefined, 3] }],
  },
};
