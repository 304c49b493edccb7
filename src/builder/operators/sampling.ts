import { attribute } from "../block.ts";
import { type Dim, sameDim } from "../dim.ts";
import { checkOptions, failArgument } from "../errors.ts";
import { graphOf, lift, type Operand, requireValue } from "../lift.ts";
import {
  choiceOf,
  inputOf,
  intOf,
  type NodeFacts,
  type OperatorTable,
  type Schemas,
} from "../schema.ts";
import type { Value } from "../value.ts";
import { add, div, mul, sub } from "./arithmetic.ts";
import { shapeFrom } from "./axes.ts";
import { range } from "./creation.ts";
import { checkType, emitOne, optionalInt } from "./emit.ts";
import { gather } from "./indexing.ts";
import { exactly, interpolated } from "./interpolation.ts";
import { cast } from "./logic.ts";
import { reshape, unsqueeze } from "./reshape.ts";
import { scalarArithmetic } from "./scalar.ts";
import { checkSizes, type Size, sizeOf, vectorOf } from "./sizes.ts";

/** Options of gridSample. */
export interface GridSampleOptions {
  /** How entries are found between those of x. Default "linear". */
  readonly mode?: "linear" | "nearest" | "cubic";
  /** What is read beside x: zeros (the default), the nearest entry of x, or its mirror image. */
  readonly padding?: "zeros" | "border" | "reflection";
  /** -1 and 1 are the middles of the outermost entries, not their edges. Default false. */
  readonly alignCorners?: boolean;
}

/** The entries of x at the places that a grid names, as spatial transformers read images (Jaderberg et al.
 * 2015, arXiv 1506.02025).
 *
 * @param x [batch, channels, d1, …, dr]
 * @param grid [batch, o1, …, or, r]; along its last axis places from -1 to 1, the last axis of x first
 * @returns [batch, channels, o1, …, or]. In float64 before opset 20, or where r is not 2, it is composed of
 * other operators. */
export function gridSample(x: Operand, grid: Operand, options: GridSampleOptions = {}): Value {
  checkOptions("gridSample", options, ["mode", "padding", "alignCorners"]);
  const graph = graphOf("gridSample", [x, grid]);
  const value = requireValue("gridSample", "x", x);
  const places = lift("gridSample", "grid", grid, value.dtype, graph);
  const { mode = "linear", padding = "zeros", alignCorners = false } = options;
  if (!["linear", "nearest", "cubic"].includes(mode)) {
    failArgument("gridSample", "mode", '"linear", "nearest" or "cubic"', mode);
  }
  if (!["zeros", "border", "reflection"].includes(padding)) {
    failArgument("gridSample", "padding", '"zeros", "border" or "reflection"', padding);
  }
  const normal = { mode, padding, alignCorners };
  if (graph.opset < 20 && (value.dtype === "float64" || value.rank !== 4 || graph.opset < 16)) {
    return sampled(value, places, normal);
  }
  const older = { linear: "bilinear", nearest: "nearest", cubic: "bicubic" }[mode];
  const attributes = {
    mode: attribute.string(graph.opset < 20 ? older : mode),
    padding_mode: attribute.string(padding),
    ...optionalInt("align_corners", alignCorners, 0),
  };
  return emitOne("GridSample", [value, places], attributes, "gridSample");
}

/** GridSample in other operators.
 * @throws GraphError if the operands do not fit */
export function sampled(x: Value, grid: Value, options: OperatorTable["GridSample"]): Value {
  sampledShape("gridSample", x, grid);
  const spatial = x.rank - 2;
  const { of, minus } = scalarArithmetic(grid.dtype === "float64" ? "float64" : "float32");
  const batch = sizeOf(x, 0);
  const at = Array.from({ length: spatial }, (_, axis) => {
    const place = reshape(gather(exactly(grid), spatial - 1 - axis, { axis: -1 }), [batch, -1]);
    const size = of(sizeOf(x, axis + 2));
    const from0 = mul(add(place, 1), 0.5);
    return options.alignCorners ? mul(from0, minus(size, 1)) : sub(mul(from0, size), 0.5);
  });
  const found = interpolated(x, at, options);
  const sizes = Array.from({ length: spatial }, (_, axis) => sizeOf(grid, axis + 1));
  return reshape(found, [batch, sizeOf(x, 1), ...sizes]);
}

/** The places that a batch of affine maps takes those of an image or a volume to, for gridSample.
 *
 * @param theta [batch, 2, 3] or [batch, 3, 4]
 * @param sizes those of the result of gridSample, [batch, channels, …]
 * @param options `alignCorners` as for gridSample
 * @returns [batch, …, 2 or 3]. Before opset 20 it is composed of other operators. */
export function affineGrid(
  theta: Operand,
  sizes: readonly Size[],
  options: { readonly alignCorners?: boolean } = {},
): Value {
  checkOptions("affineGrid", options, ["alignCorners"]);
  const maps = requireValue("affineGrid", "theta", theta);
  checkSizes("affineGrid", "sizes", sizes, 1);
  if (sizes.length !== 4 && sizes.length !== 5) {
    failArgument("affineGrid", "sizes", "[batch, channels, …] of 4 or 5 axes", sizes);
  }
  const { alignCorners = false } = options;
  if (maps.graph.opset < 20) return affinePlaces(maps, sizes.slice(2), alignCorners);
  const attributes = optionalInt("align_corners", alignCorners, 0);
  const inputs = [maps, vectorOf(maps.graph, sizes)];
  return emitOne("AffineGrid", inputs, attributes, "affineGrid");
}

/** AffineGrid in other operators: each axis adds its places times a column of theta. */
export function affinePlaces(theta: Value, sizes: readonly Size[], alignCorners: boolean): Value {
  const r = sizes.length;
  const column = (i: number) =>
    unsqueeze(
      gather(theta, i, { axis: -1 }),
      Array.from({ length: r }, (_, axis) => axis + 1),
    );
  return sizes.reduce<Value>((sum, size, axis) => {
    const places = evenPlaces(theta, size, alignCorners);
    const behind = Array.from({ length: r - axis }, (_, i) => i + 1);
    return add(sum, mul(unsqueeze(places, behind), column(r - 1 - axis)));
  }, column(r));
}

/** Places from -1 to 1, as many as there are entries. */
function evenPlaces(theta: Value, size: Size, alignCorners: boolean): Value {
  const { type, of, minus, largest } = scalarArithmetic(
    theta.dtype === "float64" ? "float64" : "float32",
  );
  const count = cast(range(theta.graph.constant(0, [], "int64"), size), type);
  const places = alignCorners
    ? sub(div(mul(count, 2), largest(minus(of(size), 1), 1)), 1)
    : sub(div(add(mul(count, 2), 1), of(size)), 1);
  return cast(places, theta.dtype);
}

function sampledShape(operator: string, x: Value, grid: Value) {
  const [dims, places] = [x.shape, grid.shape];
  if (dims !== undefined && dims.length < 3) {
    failArgument(operator, "x", "[batch, channels, spatial…]", x);
  }
  if (dims === undefined || places === undefined) return dims?.map(() => undefined);
  const spatial = dims.length - 2;
  const fits = places.length === dims.length && sameDim(places.at(-1), spatial) !== false;
  if (!fits || sameDim(places[0], dims[0]) === false) {
    failArgument(operator, "grid", `[${dims[0] ?? "?"}, ${spatial} sizes, ${spatial}]`, grid);
  }
  return [dims[0], dims[1], ...places.slice(1, -1)];
}

const samplingModes = {
  bilinear: "linear",
  bicubic: "cubic",
  linear: "linear",
  cubic: "cubic",
  nearest: "nearest",
} as const;

function gridOf(node: NodeFacts): OperatorTable["GridSample"] {
  const names = Object.keys(samplingModes) as (keyof typeof samplingModes)[];
  return {
    mode: samplingModes[choiceOf(node, "mode", names, "linear")],
    padding: choiceOf(node, "padding_mode", ["zeros", "border", "reflection"], "zeros"),
    alignCorners: intOf(node, "align_corners", 0) === 1,
  };
}

export const samplingSchemas: Schemas<"GridSample" | "AffineGrid"> = {
  GridSample: {
    arity: 2,
    normal: gridOf,
    infer: (node) => {
      const [x, grid] = [inputOf(node, 0), inputOf(node, 1)];
      checkType(node.operator, "grid", grid, "float");
      return [{ dtype: x.dtype, shape: sampledShape(node.operator, x, grid) }];
    },
  },
  AffineGrid: {
    arity: 2,
    normal: (node) => ({ alignCorners: intOf(node, "align_corners", 0) === 1 }),
    infer: (node) => {
      const [theta, sizes] = [inputOf(node, 0), shapeFrom(inputOf(node, 1))];
      checkType(node.operator, "theta", theta, "float");
      const r: Dim = theta.shape?.[1];
      const shape = sizes && [
        theta.shape?.[0] ?? sizes[0],
        ...sizes.slice(2),
        r ?? sizes.length - 2,
      ];
      return [{ dtype: theta.dtype, shape }];
    },
  },
};
