import { attribute } from "../block.ts";
import { type Dim, isStatic, sizeOfShape } from "../dim.ts";
import { type DType, dtypeCode } from "../dtype.ts";
import { checkOptions, failArgument, GraphError } from "../errors.ts";
import type { Graph } from "../graph.ts";
import { isValue, type Operand, requireValue } from "../lift.ts";
import { inputOf, intOf, none, resolveAxis, type Schemas } from "../schema.ts";
import { int64Data, tensorOf } from "../tensor.ts";
import type { Value } from "../value.ts";
import { add, mul, sub } from "./arithmetic.ts";
import { elementsIn } from "./axes.ts";
import { emitOne } from "./emit.ts";

/** One size: a number, or an int64 Value of one element, as `sizeOf` gives it for symbolic axes. */
export type Size = number | Value;

/** Constants up to this many elements are written out; larger ones are expanded when a model runs. */
const MOST_WRITTEN = 1024;

/** The sizes of x as an int64 vector, a constant where all of them are known.
 *
 * @param options `start` and `end` (exclusive) choose axes, as in a slice; negative ones count from the
 * end, and what is out of range is cut */
export function shape(
  x: Operand,
  options: { readonly start?: number; readonly end?: number } = {},
): Value {
  checkOptions("shape", options, ["start", "end"]);
  const value = requireValue("shape", "x", x);
  const { start = 0, end } = options;
  if (!Number.isInteger(start)) failArgument("shape", "start", "a whole number", start);
  if (end !== undefined && !Number.isInteger(end)) {
    failArgument("shape", "end", "a whole number", end);
  }
  const [from, to] = shapeRange(start, end, value.shape?.length);
  const known = value.shape?.slice(from, to);
  if (isStatic(known)) return value.graph.lifted(int64Data(known), "sizes");
  if (value.graph.opset >= 15 || (start === 0 && end === undefined)) {
    const attributes = {
      ...(start === 0 ? {} : { start: attribute.int(start) }),
      ...(end === undefined ? {} : { end: attribute.int(end) }),
    };
    return emitOne("Shape", [value], attributes, "shape");
  }
  const whole = emitOne("Shape", [value], {}, "shape");
  const bounds = [from, to ?? Number.MAX_SAFE_INTEGER, 0].map((bound) =>
    value.graph.lifted(int64Data([bound])),
  );
  return emitOne("Slice", [whole, ...bounds], {}, "shape");
}

/** The number of elements of x as an int64 scalar, a constant where it is known. */
export function size(x: Operand): Value {
  const value = requireValue("size", "x", x);
  const known = value.shape && sizeOfShape(value.shape);
  if (typeof known === "number") return value.graph.lifted(int64Data(known), "size");
  return emitOne("Size", [value], {}, "size");
}

/** The size of one axis: a number where it is known, else an int64 vector of one element.
 *
 * ```ts
 * const rows = sizeOf(x, 0);
 * const flat = reshape(y, [rows, -1]);
 * ``` */
export function sizeOf(x: Operand, axis: number): Size {
  const value = requireValue("sizeOf", "x", x);
  if (!Number.isInteger(axis)) failArgument("sizeOf", "axis", "a whole number", axis);
  if (value.shape !== undefined) {
    const at = resolveAxis("sizeOf", axis, value.shape.length);
    const dim = value.shape[at];
    return typeof dim === "number" ? dim : shape(value, { start: at, end: at + 1 });
  }
  return shape(value, axis === -1 ? { start: -1 } : { start: axis, end: axis + 1 });
}

/** The sizes of all axes. @throws GraphError if the rank is not known. */
export function sizesOf(x: Operand): readonly Size[] {
  const value = requireValue("sizesOf", "x", x);
  return Array.from({ length: value.rank }, (_, axis) => sizeOf(value, axis));
}

/** Sizes as one int64 vector: a constant where all are known. */
export function sizeVector(graph: Graph, sizes: readonly Size[]): Value {
  checkSizes("sizeVector", "sizes", sizes);
  return vectorOf(graph, sizes);
}

/** a + b. */
export function addSizes(a: Size, b: Size): Size {
  return typeof a === "number" && typeof b === "number" ? a + b : add(a, b);
}

/** a - b. */
export function subtractSizes(a: Size, b: Size): Size {
  return typeof a === "number" && typeof b === "number" ? a - b : sub(a, b);
}

/** a b. */
export function multiplySizes(a: Size, b: Size): Size {
  return typeof a === "number" && typeof b === "number" ? a * b : mul(a, b);
}

/** What is known of a size. */
export function dimOfSize(size: Size): Dim {
  return typeof size === "number" ? size : size.elements?.[0];
}

/** @throws GraphError for anything but numbers from `least` and int64 Values of one element. */
export function checkSizes(
  operator: string,
  argument: string,
  sizes: readonly Size[],
  least = 0,
): void {
  if (!Array.isArray(sizes)) failArgument(operator, argument, "an array of sizes", sizes);
  for (const size of sizes as readonly unknown[]) {
    if (isValue(size)) {
      const single =
        size.shape === undefined || (size.shape.length <= 1 && (size.shape[0] ?? 1) === 1);
      const fits = size.dtype === "int64" || size.dtype === "unknown";
      if (!single || !fits) failArgument(operator, argument, "int64 sizes of one element", size);
    } else if (!Number.isSafeInteger(size) || (size as number) < least) {
      failArgument(operator, argument, `whole numbers from ${least} or int64 Values`, size);
    }
  }
}

/** The vector of whole numbers and one-element Values, each side by side. */
export function vectorOf(graph: Graph, items: readonly Size[]): Value {
  const pieces: Value[] = [];
  let known: number[] = [];
  const flush = () => {
    if (known.length > 0) pieces.push(graph.lifted(int64Data(known), "sizes"));
    known = [];
  };
  for (const item of items) {
    const dim = dimOfSize(item);
    if (typeof dim === "number") known.push(dim);
    else {
      flush();
      pieces.push(asVector(item as Value));
    }
  }
  flush();
  const [first] = pieces;
  if (first === undefined) return graph.lifted(int64Data([]), "sizes");
  if (pieces.length === 1) return first;
  return emitOne("Concat", pieces, { axis: attribute.int(0) }, "sizes");
}

/** Zeros of the type and shape of x: also where x is infinite or NaN. */
export function zerosLike(x: Operand): Value {
  return fullLike(x, 0);
}

/** Ones of the type and shape of x. */
export function onesLike(x: Operand): Value {
  return fullLike(x, 1);
}

/** One number in the type and shape of x. A constant where the shape is known and small. */
export function fullLike(x: Operand, fill: number): Value {
  const value = requireValue("fullLike", "x", x);
  const { graph, dtype } = value;
  if (dtype === "unknown") throw new GraphError("fullLike", `the type of ${value} must be known`);
  if (isStatic(value.shape)) {
    const size = value.shape.reduce((product, dim) => product * dim, 1);
    if (size <= MOST_WRITTEN) {
      return graph.lifted(tensorOf("fullLike", "fill", fill, dtype, value.shape));
    }
  }
  // Not Expand: that ONNX Runtime tries to optimise away, with a warning where a body reads it.
  const filled = attribute.tensor(tensorOf("fullLike", "fill", fill, dtype, [1]));
  return emitOne("ConstantOfShape", [shape(value)], { value: filled }, "fullLike");
}

/** The positions 0, 1, … along one axis of x, as an int64 vector. */
export function positions(x: Operand, axis: number): Value {
  return counted(requireValue("positions", "x", x).graph, sizeOf(x, axis));
}

/** The numbers 0, 1, … below a size, as a vector. */
export function counted(graph: Graph, size: Size, dtype: DType = "int64"): Value {
  if (typeof size === "number" && size <= MOST_WRITTEN) {
    const numbers = Array.from({ length: size }, (_, i) => i);
    return graph.lifted(tensorOf("counted", "size", numbers, dtype, [size]));
  }
  const [first, step] = [0, 1].map((i) => graph.lifted(int64Data(i)));
  const limit = typeof size === "number" ? graph.lifted(int64Data(size)) : asScalar(size);
  const numbers = emitOne("Range", [first, limit, step], {}, "positions");
  return dtype === "int64"
    ? numbers
    : emitOne("Cast", [numbers], { to: attribute.int(dtypeCode(dtype)) }, "positions");
}

/** x with one axis taken out and put in at another place; x itself where that changes nothing. */
export function moveAxis(x: Operand, from: number, to: number): Value {
  const value = requireValue("moveAxis", "x", x);
  const { rank } = value;
  const source = resolveAxis("moveAxis", from, rank, "from");
  const target = resolveAxis("moveAxis", to, rank, "to");
  if (source === target) return value;
  const permutation = Array.from({ length: rank }, (_, axis) => axis);
  permutation.splice(source, 1);
  permutation.splice(target, 0, source);
  return emitOne("Transpose", [value], { perm: attribute.ints(permutation) }, "moveAxis");
}

/** A one-element Value as a scalar. Reshape has had one form in all opsets. */
export function asScalar(value: Value): Value {
  if (value.shape?.length === 0) return value;
  return emitOne("Reshape", [value, value.graph.lifted(int64Data([]))]);
}

function asVector(value: Value): Value {
  if (value.shape?.length === 1) return value;
  return emitOne("Reshape", [value, value.graph.lifted(int64Data([1]))]);
}

/** start and end of Shape, cut to the rank where it is known. */
function shapeRange(
  start: number,
  end: number | undefined,
  rank: number | undefined,
): [number, number | undefined] {
  if (rank === undefined) return [start, end];
  const cut = (at: number) => Math.min(Math.max(at < 0 ? at + rank : at, 0), rank);
  return [cut(start), cut(end ?? rank)];
}

export const sizesSchemas: Schemas<"Shape" | "Size"> = {
  Size: {
    arity: 1,
    normal: none,
    infer: (node) => {
      const { shape: dims } = inputOf(node, 0);
      return [{ dtype: "int64", shape: [], ...elementsIn([], dims && [sizeOfShape(dims)]) }];
    },
  },
  Shape: {
    arity: 1,
    normal: (node) => {
      const written = node.attributes.end === undefined ? undefined : intOf(node, "end", 0);
      const rank = inputOf(node, 0).shape?.length;
      const [start, end] = shapeRange(intOf(node, "start", 0), written, rank);
      return { start, end };
    },
    infer: (node, { start, end }) => {
      const sizes = inputOf(node, 0).shape?.slice(start, end);
      const vector = [sizes?.length];
      return [{ dtype: "int64", shape: vector, ...elementsIn(vector, sizes) }];
    },
  },
};
