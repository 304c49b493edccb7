import { type Attributes, attribute } from "../block.ts";
import { type Dim, multiplyDims } from "../dim.ts";
import { checkOptions, failArgument, GraphError } from "../errors.ts";
import { type Operand, requireValue } from "../lift.ts";
import {
  type Aspect,
  choiceOf,
  constantData,
  floatOf,
  inputOf,
  intOf,
  intsOf,
  type NearestMode,
  type NodeFacts,
  type OperatorTable,
  type ResizeCoordinates,
  type ResizeMode,
  resolveAxes,
  resolveAxis,
  type Schema,
  type Schemas,
  singleOf,
} from "../schema.ts";
import type { Value } from "../value.ts";
import { requireOpset, shapeFrom } from "./axes.ts";
import { checkType, emitOne, normalOf } from "./emit.ts";
import { resized } from "./resize-body.ts";
import { checkSizes, type Size, sizeOf, vectorOf } from "./sizes.ts";

/** Options of resize; either `scales` or `sizes`. */
export interface ResizeOptions {
  /** The factor for each axis, or for each of `axes`. */
  readonly scales?: readonly number[];
  /** The size of each axis, or of each of `axes`. */
  readonly sizes?: readonly Size[];
  /** Which axes change, by default all. */
  readonly axes?: readonly number[];
  /** How entries are found between those of x. Default "nearest". */
  readonly mode?: ResizeMode;
  /** Where the entries of the result lie in x. Default "half_pixel". */
  readonly coordinates?: ResizeCoordinates;
  /** How mode "nearest" rounds. Default "round_prefer_floor". */
  readonly nearestMode?: Exclude<NearestMode, "simple">;
  /** The coefficient of mode "cubic". Default -0.75, PyTorch's. */
  readonly cubicCoefficient?: number;
  /** Give entries beside x no weight, not that of its edge. Default false. */
  readonly excludeOutside?: boolean;
  /** Stretch the kernel when it gets smaller (opset 18). Default false. */
  readonly antialias?: boolean;
  /** Whether the sizes are reached exactly, or are the most or the least with x's proportions (opset 18).
   * Default "stretch". */
  readonly policy?: Aspect;
  /** For "tf_crop_and_resize": the starts and then the ends of the part of x that is seen, from 0 to 1. */
  readonly region?: readonly number[];
  /** What is put where that part reaches beside x. Default 0. */
  readonly extrapolation?: number;
}

/** x with other sizes, its entries found between the old ones.
 *
 * ```ts
 * const twice = resize(images, { scales: [2, 2], axes: [2, 3], mode: "linear" });
 * ```
 * ONNX Runtime's CPU provider has no float64 kernel: there it is a product with a matrix of weights for each
 * axis.
 * @throws GraphError if neither or both of `scales` and `sizes` are given, or they do not fit */
export function resize(x: Operand, options: ResizeOptions): Value {
  checkOptions("resize", options, [
    "scales",
    "sizes",
    "axes",
    "mode",
    "coordinates",
    "nearestMode",
    "cubicCoefficient",
    "excludeOutside",
    "antialias",
    "policy",
    "region",
    "extrapolation",
  ]);
  const value = requireValue("resize", "x", x);
  const { graph } = value;
  requireOpset("resize", graph, 11);
  const { scales, sizes, region } = options;
  if ((scales === undefined) === (sizes === undefined)) {
    throw new GraphError("resize", "give either scales or sizes");
  }
  if (sizes !== undefined) checkSizes("resize", "sizes", sizes, 1);
  if (scales !== undefined && !(Array.isArray(scales) && scales.every((scale) => scale > 0))) {
    failArgument("resize", "scales", "an array of numbers above 0", scales);
  }
  const axes = options.axes && resolveAxes("resize", options.axes, value.rank);
  if (axes?.some((axis, i) => axis !== resolveAxis("resize", options.axes?.[i] ?? 0, value.rank))) {
    failArgument("resize", "axes", "rising axes", options.axes);
  }
  const count = axes?.length ?? value.rank;
  const given = scales ?? sizes;
  if (given?.length !== count) failArgument("resize", "scales or sizes", `${count} numbers`, given);
  const written = { ...options, ...(axes === undefined ? {} : { axes }) };
  const whole = graph.opset >= 18 ? written : ofAllAxes(value, written);
  const attributes = attributesOf(whole, graph.opset);
  const float = (numbers: readonly number[]) => graph.constant(Float32Array.from(numbers));
  const inputs = [
    value,
    region === undefined ? (graph.opset < 13 ? float([]) : undefined) : float(whole.region ?? []),
    whole.scales === undefined ? (graph.opset < 13 ? float([]) : undefined) : float(whole.scales),
    ...(whole.sizes === undefined ? [] : [vectorOf(graph, whole.sizes)]),
  ];
  if (value.dtype === "float64") {
    const normal = normalOf(resizeSchemas.Resize, "resize", inputs, attributes, graph.opset);
    return resized(value, inputs[1], inputs[2], inputs[3], normal);
  }
  return emitOne("Resize", inputs, attributes, "resize");
}

/** The options of an opset that has no axes. */
function ofAllAxes(x: Value, options: ResizeOptions): ResizeOptions {
  const { axes, antialias = false, policy = "stretch" } = options;
  if (antialias) requireOpset("resize", x.graph, 18, "antialias");
  if (policy !== "stretch") requireOpset("resize", x.graph, 18, "policy");
  if (axes === undefined) return options;
  const spread = <T>(list: readonly T[], other: (axis: number) => T) =>
    Array.from({ length: x.rank }, (_, axis) =>
      axes.includes(axis) ? (list[axes.indexOf(axis)] as T) : other(axis),
    );
  const { scales, sizes, region, axes: _, ...rest } = options;
  return {
    ...rest,
    ...(scales && { scales: spread(scales, () => 1) }),
    ...(sizes && { sizes: spread(sizes, (axis) => sizeOf(x, axis)) }),
    ...(region && {
      region: [
        ...spread(region.slice(0, axes.length), () => 0),
        ...spread(region.slice(axes.length), () => 1),
      ],
    }),
  };
}

function attributesOf(options: ResizeOptions, opset: number): Attributes {
  const { mode = "nearest", coordinates = "half_pixel", nearestMode, axes, policy } = options;
  if (coordinates === "half_pixel_symmetric" && opset < 19) {
    failArgument(
      "resize",
      "coordinates",
      "another than half_pixel_symmetric before opset 19",
      coordinates,
    );
  }
  return {
    mode: attribute.string(mode),
    coordinate_transformation_mode: attribute.string(coordinates),
    ...(nearestMode === undefined ? {} : { nearest_mode: attribute.string(nearestMode) }),
    ...(options.cubicCoefficient === undefined
      ? {}
      : { cubic_coeff_a: attribute.float(options.cubicCoefficient) }),
    ...(options.excludeOutside ? { exclude_outside: attribute.int(1) } : {}),
    ...(options.antialias ? { antialias: attribute.int(1) } : {}),
    ...(policy === undefined || policy === "stretch"
      ? {}
      : { keep_aspect_ratio_policy: attribute.string(policy) }),
    ...(axes === undefined ? {} : { axes: attribute.ints(axes) }),
    ...(options.extrapolation === undefined
      ? {}
      : { extrapolation_value: attribute.float(options.extrapolation) }),
  };
}

const modes = ["nearest", "linear", "cubic"] as const;
const coordinates = [
  "half_pixel",
  "half_pixel_symmetric",
  "pytorch_half_pixel",
  "align_corners",
  "asymmetric",
  "tf_half_pixel_for_nn",
  "tf_crop_and_resize",
] as const;
const nearestModes = ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"] as const;
const policies = ["stretch", "not_larger", "not_smaller"] as const;

function modeOf(node: NodeFacts): ResizeMode {
  // As Upsample had linear once.
  const mode = choiceOf(node, "mode", [...modes, "bilinear"], "nearest");
  return mode === "bilinear" ? "linear" : mode;
}

/** The numbers of an input of floats, as files hold them. */
function numbersIn(value: Value | undefined): readonly number[] | undefined {
  const data = constantData(value);
  if (data === undefined || data.external || data.size === 0 || data.size > 64) return undefined;
  return data.toNumbers();
}

function isGiven(value: Value | undefined): value is Value {
  return value !== undefined && value.shape?.[0] !== 0;
}

function resizeOf(node: NodeFacts): OperatorTable["Resize"] {
  const { shape } = inputOf(node, 0);
  const axes = intsOf(node, "axes");
  const old = node.opset < 11;
  const scales = node.inputs[old ? 1 : 2];
  const sizes = old ? undefined : node.inputs[3];
  return {
    mode: modeOf(node),
    coordinates: choiceOf(
      node,
      "coordinate_transformation_mode",
      coordinates,
      old ? "asymmetric" : "half_pixel",
    ),
    nearest: old ? "simple" : choiceOf(node, "nearest_mode", nearestModes, "round_prefer_floor"),
    cubic: floatOf(node, "cubic_coeff_a", -0.75),
    excludeOutside: intOf(node, "exclude_outside", 0) === 1,
    antialias: intOf(node, "antialias", 0) === 1,
    policy: choiceOf(node, "keep_aspect_ratio_policy", policies, "stretch"),
    extrapolation: singleOf(node, "extrapolation_value", 0),
    axes: axes?.map((axis) =>
      shape === undefined ? axis : resolveAxis(node.operator, axis, shape.length, "axes"),
    ),
    scales: numbersIn(scales),
    sizes: isGiven(sizes) ? shapeFrom(sizes) : undefined,
  };
}

/** What is known of the sizes of the result. */
function resizedShape(node: NodeFacts, resize: OperatorTable["Resize"]) {
  const { shape } = inputOf(node, 0);
  if (shape === undefined) return undefined;
  const axes = resize.axes ?? shape.map((_, axis) => axis);
  const common = resize.policy === "stretch" ? undefined : commonFactor(shape, axes, resize);
  return shape.map((dim, axis): Dim => {
    const i = axes.indexOf(axis);
    if (i < 0) return dim;
    if (isGiven(node.inputs[3]) && node.opset >= 11) {
      if (resize.policy === "stretch") return resize.sizes?.[i];
      const known = typeof dim === "number" && common !== undefined;
      return known ? Math.floor(common * dim + 0.5) : undefined;
    }
    const scale = resize.scales?.[i];
    if (scale === undefined) return undefined;
    // A region does not change the sizes, whatever the specification says: ONNX Runtime's do not.
    if (typeof dim === "number") return Math.floor(Math.fround(dim * scale));
    return Number.isInteger(scale) ? multiplyDims(dim, scale) : undefined;
  });
}

function commonFactor(
  shape: readonly Dim[],
  axes: readonly number[],
  { sizes, policy }: OperatorTable["Resize"],
): number | undefined {
  const ratios = axes.map((axis, i) => {
    const [to, from] = [sizes?.[i], shape[axis]];
    return typeof to === "number" && typeof from === "number" ? to / from : undefined;
  });
  if (!ratios.every((ratio) => ratio !== undefined)) return undefined;
  const known = ratios as number[];
  return policy === "not_larger" ? Math.min(...known) : Math.max(...known);
}

const upsampleSchema: Schema<OperatorTable["Upsample"]> = {
  arity: [1, 2],
  normal: (node) => {
    const written = node.attributes.scales;
    const scales = written?.type === "floats" ? written.value : numbersIn(node.inputs[1]);
    return { ...resizeOf({ ...node, opset: 10 }), nearest: "floor", scales };
  },
  infer: (node, normal) => {
    const shape = resizedShape({ ...node, opset: 10 }, normal);
    return [{ dtype: inputOf(node, 0).dtype, shape }];
  },
};

export const resizeSchemas: Schemas<"Resize" | "Upsample"> = {
  Resize: {
    arity: [2, 4],
    normal: resizeOf,
    infer: (node, normal) => {
      const x = inputOf(node, 0);
      checkType(node.operator, "x", x, "numeric");
      const count = normal.axes?.length ?? x.shape?.length;
      const given = normal.scales ?? normal.sizes;
      if (count !== undefined && given !== undefined && given.length !== count) {
        failArgument(node.operator, "scales or sizes", `${count} numbers`, given);
      }
      return [{ dtype: x.dtype, shape: resizedShape(node, normal) }];
    },
  },
  Upsample: upsampleSchema,
};
