import { attribute } from "../block.ts";
import type { Expansion, TensorType } from "../definition.ts";
import type { Dim } from "../dim.ts";
import { bitsOf, type DType, dtypeOfCode, isInteger, isUnsigned } from "../dtype.ts";
import { checkOptions, failArgument, GraphError } from "../errors.ts";
import { graphOf, lift, type Operand, requireValue } from "../lift.ts";
import {
  inputOf,
  intOf,
  type NodeFacts,
  type OperatorTable,
  resolveAxis,
  type Schema,
  type Schemas,
} from "../schema.ts";
import type { Value } from "../value.ts";
import { add, clip, div, max, min, mul, round, sub } from "./arithmetic.ts";
import { requireOpset } from "./axes.ts";
import { convolutionSchemas } from "./convolution.ts";
import { checkType, emitOne, optionalInt } from "./emit.ts";
import { linearSchemas } from "./linear.ts";
import { and, cast, greaterOrEqual, lessOrEqual, where } from "./logic.ts";
import { expand } from "./movement.ts";
import { reduceMax, reduceMin } from "./reduction.ts";
import { reshape, unsqueeze } from "./reshape.ts";
import { type Size, sizeOf, sizesOf } from "./sizes.ts";
import { slice } from "./slice.ts";

/** How scales and zero points lie along a tensor, in normal form. */
export interface Quantized {
  /** Of a scale for each entry of one axis, or for each block of entries along it. */
  readonly axis: number;
  /** Entries to a block; 0 for none. */
  readonly blockSize: number;
}

/** Options of quantizeLinear and dequantizeLinear. */
export interface QuantizeOptions {
  /** The axis that a vector of scales, or a tensor of those of blocks, goes along. Default 1. Needs opset 13. */
  readonly axis?: number;
  /** How many entries along the axis share a scale, where the scales are a tensor. Needs opset 21. */
  readonly blockSize?: number;
}

/** round(x / scale) + zeroPoint, kept within what the type of the zero point holds. Backwards the rounding
 * is passed as if it were not there, and where the bounds were hit nothing passes to x: a straight-through
 * estimator with saturation, by which the scale learns as well (Esser et al. 2020, arXiv 1902.08153).
 *
 * ```ts
 * const q = quantizeLinear(x, scale, g.constant(128, "uint8"));
 * const y = dequantizeLinear(q, scale, g.constant(128, "uint8"));    // x as eight bits have it
 * ```
 * @param x float32 of any shape
 * @param scale a scalar, a vector along an axis, or one for each block along it
 * @param zeroPoint integers of the shape of the scale; by default 0 of type uint8
 * @throws GraphError if shapes, types or options do not fit */
export function quantizeLinear(
  x: Operand,
  scale: Operand,
  zeroPoint?: Operand,
  options: QuantizeOptions = {},
): Value {
  const value = requireValue("quantizeLinear", "x", x);
  return quantizing(
    "QuantizeLinear",
    "quantizeLinear",
    value,
    value.dtype,
    scale,
    zeroPoint,
    options,
  );
}

/** (x - zeroPoint) scale.
 *
 * @param x integers, as quantizeLinear gives them
 * @param scale floats as for quantizeLinear
 * @param zeroPoint of the type of x; by default 0
 * @throws GraphError if shapes, types or options do not fit */
export function dequantizeLinear(
  x: Operand,
  scale: Operand,
  zeroPoint?: Operand,
  options: QuantizeOptions = {},
): Value {
  const value = requireValue("dequantizeLinear", "x", x);
  return quantizing(
    "DequantizeLinear",
    "dequantizeLinear",
    value,
    "float32",
    scale,
    zeroPoint,
    options,
  );
}

function quantizing(
  op: string,
  operator: string,
  x: Value,
  float: DType,
  scale: Operand,
  zeroPoint: Operand | undefined,
  options: QuantizeOptions,
): Value {
  checkOptions(operator, options, ["axis", "blockSize"]);
  const graph = graphOf(operator, [x, scale, zeroPoint]);
  requireOpset(operator, graph, 10);
  const { axis = 1, blockSize = 0 } = options;
  if (axis !== 1) requireOpset(operator, graph, 13, "another axis than 1");
  if (blockSize !== 0) requireOpset(operator, graph, 21, "blockSize");
  const inputs = [x, lift(operator, "scale", scale, float, graph)];
  if (zeroPoint !== undefined) {
    const type = op === "QuantizeLinear" ? "uint8" : x.dtype;
    inputs.push(lift(operator, "zeroPoint", zeroPoint, type, graph));
  }
  const attributes = {
    ...(graph.opset >= 13 && axis !== 1 ? { axis: attribute.int(axis) } : {}),
    ...optionalInt("block_size", blockSize, 0),
  };
  return emitOne(op, inputs, attributes, operator);
}

/** A scale or zero point in a shape that broadcasts to x. */
export function alongAxis(parameter: Value, x: Value, { axis, blockSize }: Quantized): Value {
  const rank = parameter.shape?.length;
  if (rank === undefined)
    throw new GraphError("quantize", `the rank of ${parameter} must be known`);
  if (rank === 0 || (rank === 1 && parameter.shape?.[0] === 1)) return reshape(parameter, []);
  if (blockSize === 0) {
    if (rank !== 1) return parameter;
    const after = x.rank - 1 - axis;
    return after === 0
      ? parameter
      : unsqueeze(
          parameter,
          Array.from({ length: after }, (_, i) => i + 1),
        );
  }
  const wide = unsqueeze(parameter, axis + 1);
  const sizes = sizesOf(wide).map((size, i): Size => (i === axis + 1 ? blockSize : size));
  const merged = Array.from({ length: x.rank }, (_, i): Size => (i === axis ? -1 : sizeOf(x, i)));
  return slice(reshape(expand(wide, sizes), merged), 0, sizeOf(x, axis), { axes: axis });
}

/** The least and the largest whole number that a type holds. */
function boundsOf(dtype: DType): readonly [number, number] {
  const bits = bitsOf(dtype);
  return isUnsigned(dtype) ? [0, 2 ** bits - 1] : [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
}

/** As if quantised numbers were not rounded: what the gradient goes through. */
export const quantizeExpansion: (dtype: DType) => Expansion<OperatorTable["QuantizeLinear"]> =
  (dtype) => (inputs, normal) => {
    const [x, scale, zeroPoint] = inputs as [Value, Value, Value | undefined];
    const parts = div(x, cast(alongAxis(scale, x, normal), x.dtype));
    const shift = zeroPoint && cast(alongAxis(zeroPoint, x, normal), x.dtype);
    const moved = (value: Value) => (shift === undefined ? value : add(value, shift));
    if (!isInteger(dtype)) return [moved(parts)];
    const [least, most] = boundsOf(dtype);
    const rounded = moved(round(parts));
    const inside = and(greaterOrEqual(rounded, least), lessOrEqual(rounded, most));
    return [where(inside, moved(parts), clip(rounded, least, most))];
  };

/** The same with the scale that the range of x gives. */
export const dynamicExpansion: Expansion<OperatorTable["DynamicQuantizeLinear"]> = ([given]) => {
  const x = given as Value;
  const scale = div(sub(max(reduceMax(x), 0), min(reduceMin(x), 0)), 255);
  return [div(x, scale), scale, undefined];
};

/** What DequantizeLinear computes, of numbers that are floats already. */
export function dequantized(
  x: Value,
  scale: Value,
  zeroPoint: Value | undefined,
  normal: Quantized,
): Value {
  const wide = alongAxis(scale, x, normal);
  const numbers = cast(x, scale.dtype);
  if (zeroPoint === undefined) return mul(numbers, wide);
  return mul(sub(numbers, cast(alongAxis(zeroPoint, x, normal), scale.dtype)), wide);
}

function quantizedOf(node: NodeFacts): Quantized {
  const [x, scale] = [inputOf(node, 0), inputOf(node, 1)];
  const axis = intOf(node, "axis", 1);
  const rank = x.shape?.length;
  const blockSize = intOf(node, "block_size", 0);
  // Of one scale for all the axis says nothing.
  if (rank === undefined || scale.shape?.length === 0) return { axis, blockSize };
  if (axis >= rank && scale.shape?.length === 1) return { axis: rank - 1, blockSize };
  return { axis: resolveAxis(node.operator, axis, rank), blockSize };
}

function writtenType(node: NodeFacts): DType | undefined {
  const code = intOf(node, "output_dtype", 0);
  return code === 0 ? undefined : dtypeOfCode(code);
}

/** Integers in and out, with scales and zero points between: of the type of the last one. */
function quantizedProduct(
  shapeOf: (node: NodeFacts) => readonly TensorType[],
  places: readonly [first: number, second: number, zero: number],
) {
  return (node: NodeFacts): readonly TensorType[] => {
    const [first, second, zero] = places;
    // Inference reads the type of a value alone, and these products have operands of two.
    const operands = [first, second].map((i) =>
      Object.create(inputOf(node, i), { dtype: { value: "float32" } }),
    );
    const [type] = shapeOf({ ...node, inputs: operands });
    return [{ dtype: zero < 0 ? "int32" : inputOf(node, zero).dtype, shape: type?.shape }];
  };
}

const convolved = (node: NodeFacts) => {
  const schema = convolutionSchemas.Conv;
  return schema.infer(node, schema.normal(node));
};
const multiplied = (node: NodeFacts) => linearSchemas.MatMul.infer(node, {});

const product = (
  arity: Schema<Readonly<Record<never, never>>>["arity"],
  infer: Schema<unknown>["infer"],
): Schema<Readonly<Record<never, never>>> => ({
  arity,
  normal: () => ({}),
  infer: (node) => infer(node, {}),
});

export const quantizationSchemas: Schemas<
  | "QuantizeLinear"
  | "DequantizeLinear"
  | "DynamicQuantizeLinear"
  | "QLinearConv"
  | "QLinearMatMul"
  | "MatMulInteger"
  | "ConvInteger"
> = {
  QuantizeLinear: {
    arity: [2, 3],
    normal: quantizedOf,
    infer: (node) => {
      const [x, zeroPoint] = [inputOf(node, 0), node.inputs[2]];
      checkType(node.operator, "x", x, "numeric");
      return [{ dtype: writtenType(node) ?? zeroPoint?.dtype ?? "uint8", shape: x.shape }];
    },
  },
  DequantizeLinear: {
    arity: [2, 3],
    normal: quantizedOf,
    infer: (node) => {
      const [x, scale] = [inputOf(node, 0), inputOf(node, 1)];
      return [{ dtype: writtenType(node) ?? scale.dtype, shape: x.shape }];
    },
  },
  DynamicQuantizeLinear: {
    arity: 1,
    normal: () => ({}),
    infer: (node) => {
      const x = inputOf(node, 0);
      if (x.dtype !== "float32" && x.dtype !== "unknown") {
        failArgument(node.operator, "x", "float32", x);
      }
      const scalar: readonly Dim[] = [];
      const types: readonly TensorType[] = [
        { dtype: "uint8", shape: x.shape },
        { dtype: "float32", shape: scalar },
        { dtype: "uint8", shape: scalar },
      ];
      return types.slice(0, Math.max(node.outputCount, 1));
    },
  },
  QLinearConv: product([8, 9], quantizedProduct(convolved, [0, 3, 7])),
  QLinearMatMul: product(8, quantizedProduct(multiplied, [0, 3, 7])),
  MatMulInteger: product([2, 4], quantizedProduct(multiplied, [0, 1, -1])),
  ConvInteger: product([2, 4], quantizedProduct(convolved, [0, 1, -1])),
};
