import { attribute } from "../block.ts";
import { type Dim, divideDims, multiplyDims } from "../dim.ts";
import { checkOptions, failArgument } from "../errors.ts";
import { type Operand, requireValue } from "../lift.ts";
import {
  choiceOf,
  inputOf,
  intOf,
  intsOf,
  type NodeFacts,
  resolveAxis,
  type Schemas,
} from "../schema.ts";
import type { Value } from "../value.ts";
import { div, max, min } from "./arithmetic.ts";
import { intVector, requireOpset, shapeFrom } from "./axes.ts";
import { emitOne } from "./emit.ts";
import { gather } from "./indexing.ts";
import { cast } from "./logic.ts";
import { transpose } from "./movement.ts";
import { reshape } from "./reshape.ts";
import { addSizes, type Size, sizeOf, subtractSizes, vectorOf } from "./sizes.ts";
import { pad, slice } from "./slice.ts";

/** The order in which depthToSpace reads the channels: blocks first ("DCR") or last ("CRD"). */
export type DepthMode = "DCR" | "CRD";

/** [batch, channels b², height, width] as [batch, channels, height b, width b]: each pixel becomes a block.
 *
 * @param options `mode` "DCR" (the default) or "CRD", as PyTorch's pixel_shuffle has it (opset 11) */
export function depthToSpace(
  x: Operand,
  blockSize: number,
  options: { readonly mode?: DepthMode } = {},
): Value {
  checkOptions("depthToSpace", options, ["mode"]);
  const value = requireValue("depthToSpace", "x", x);
  const { mode = "DCR" } = options;
  if (mode !== "DCR" && mode !== "CRD") {
    failArgument("depthToSpace", "mode", '"DCR" or "CRD"', mode);
  }
  if (mode === "CRD") requireOpset("depthToSpace", value.graph, 11, 'mode "CRD"');
  const attributes = {
    ...blockAttribute("depthToSpace", blockSize),
    ...(mode === "DCR" ? {} : { mode: attribute.string(mode) }),
  };
  return emitOne("DepthToSpace", [value], attributes, "depthToSpace");
}

/** [batch, channels, height, width] as [batch, channels b², height / b, width / b], the inverse of
 * depthToSpace in mode "DCR". */
export function spaceToDepth(x: Operand, blockSize: number): Value {
  const value = requireValue("spaceToDepth", "x", x);
  const attributes = blockAttribute("spaceToDepth", blockSize);
  return emitOne("SpaceToDepth", [value], attributes, "spaceToDepth");
}

function blockAttribute(operator: string, blockSize: number) {
  if (!Number.isInteger(blockSize) || blockSize < 1) {
    failArgument(operator, "blockSize", "a whole number from 1", blockSize);
  }
  return { blocksize: attribute.int(blockSize) };
}

/** The inverse of depthToSpace in mode "CRD". */
export function channelsOfBlocks(x: Value, blockSize: number): Value {
  const [height, width] = [sizeOf(x, 2), sizeOf(x, 3)].map((size) => part(size, blockSize));
  const [batch, channels] = [sizeOf(x, 0), sizeOf(x, 1)];
  const blocks = reshape(x, [batch, channels, height as Size, blockSize, width as Size, blockSize]);
  const moved = transpose(blocks, [0, 1, 3, 5, 2, 4]);
  return reshape(moved, [batch, -1, height as Size, width as Size]);
}

function part(size: Size, parts: number): Size {
  return typeof size === "number" ? size / parts : div(size, parts);
}

/** The middle of x, cut or surrounded by zeros to the given sizes. Needs opset 18.
 *
 * @param sizes one for each axis of x, or for each of the given axes
 * @param options `axes` by default all */
export function centerCropPad(
  x: Operand,
  sizes: readonly number[] | Value,
  options: { readonly axes?: readonly number[] } = {},
): Value {
  checkOptions("centerCropPad", options, ["axes"]);
  const value = requireValue("centerCropPad", "x", x);
  requireOpset("centerCropPad", value.graph, 18);
  const vector = intVector("centerCropPad", "sizes", sizes, value.graph);
  const { axes } = options;
  const attributes = axes === undefined ? {} : { axes: attribute.ints(axes) };
  return emitOne("CenterCropPad", [value, vector], attributes, "centerCropPad");
}

/** CenterCropPad in other operators. */
export function centered(x: Value, sizes: Value, axes: readonly number[]): Value {
  const wanted = cast(sizes, "int64");
  const zero: readonly [Size, Size] = [0, 0];
  const pads = Array.from({ length: x.rank }, () => zero);
  const [starts, ends]: [Size[], Size[]] = [[], []];
  for (const [i, axis] of axes.entries()) {
    const known = wanted.elements?.[i];
    const size: Size = typeof known === "number" ? known : gather(wanted, [i]);
    const own = sizeOf(x, axis);
    const [lacking, excess] = [
      positive(subtractSizes(size, own)),
      positive(subtractSizes(own, size)),
    ];
    const before = half(lacking);
    pads[axis] = [before, subtractSizes(lacking, before)];
    const start = half(excess);
    starts.push(start);
    ends.push(addSizes(start, least(size, own)));
  }
  const [first, last] = [starts, ends].map((bounds) => vectorOf(x.graph, bounds)) as [Value, Value];
  return pad(slice(x, first, last, { axes }), pads);
}

function positive(size: Size): Size {
  return typeof size === "number" ? Math.max(size, 0) : max(size, 0);
}

function half(size: Size): Size {
  return typeof size === "number" ? Math.floor(size / 2) : div(size, 2);
}

function least(a: Size, b: Size): Size {
  if (typeof a === "number") return typeof b === "number" ? Math.min(a, b) : min(b, a);
  return min(a, b);
}

function blocksOf(node: NodeFacts): { readonly blockSize: number } {
  return { blockSize: intOf(node, "blocksize", 1) };
}

export const blocksSchemas: Schemas<"DepthToSpace" | "SpaceToDepth" | "CenterCropPad"> = {
  DepthToSpace: {
    arity: 1,
    normal: (node) => ({
      ...blocksOf(node),
      columnsFirst: choiceOf(node, "mode", ["DCR", "CRD"], "DCR") === "CRD",
    }),
    infer: (node, { blockSize }) => {
      const x = imageOf(node);
      const [batch, channels, height, width] = x.shape ?? [];
      const grown = (dim: Dim) => multiplyDims(dim, blockSize);
      const fewer = exact(node, channels, blockSize * blockSize, "channels");
      return [{ dtype: x.dtype, shape: [batch, fewer, grown(height), grown(width)] }];
    },
  },
  SpaceToDepth: {
    arity: 1,
    normal: blocksOf,
    infer: (node, { blockSize }) => {
      const x = imageOf(node);
      const [batch, channels, height, width] = x.shape ?? [];
      const cut = (dim: Dim) => exact(node, dim, blockSize, "rows and columns");
      const more = multiplyDims(channels, blockSize * blockSize);
      return [{ dtype: x.dtype, shape: [batch, more, cut(height), cut(width)] }];
    },
  },
  CenterCropPad: {
    arity: 2,
    normal: (node) => {
      const rank = inputOf(node, 0).shape?.length;
      const given = intsOf(node, "axes");
      if (rank === undefined) return { axes: undefined };
      const all = Array.from({ length: rank }, (_, axis) => axis);
      return { axes: given?.map((axis) => resolveAxis(node.operator, axis, rank, "axes")) ?? all };
    },
    infer: (node, { axes }) => {
      const x = inputOf(node, 0);
      const sizes = shapeFrom(inputOf(node, 1));
      if (axes !== undefined && sizes !== undefined && sizes.length !== axes.length) {
        failArgument(node.operator, "sizes", `${axes.length} as there are axes`, sizes);
      }
      const shape = x.shape?.map((dim, axis) => {
        const at = axes?.indexOf(axis) ?? -1;
        return at < 0 ? dim : sizes?.[at];
      });
      return [{ dtype: x.dtype, shape }];
    },
  },
};

/** @throws GraphError unless it may be [batch, channels, height, width] */
function imageOf(node: NodeFacts): Value {
  const x = inputOf(node, 0);
  if (x.shape !== undefined && x.shape.length !== 4) {
    failArgument(node.operator, "x", "[batch, channels, height, width]", x);
  }
  return x;
}

function exact(node: NodeFacts, dim: Dim, parts: number, what: string): Dim {
  if (typeof dim === "number" && dim % parts !== 0) {
    failArgument(node.operator, "x", `a multiple of ${parts} ${what}`, dim);
  }
  return divideDims(dim, parts);
}
