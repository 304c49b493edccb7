import { attribute } from "../block.ts";
import {
  addDims,
  broadcastShapes,
  type Dim,
  divideDims,
  formatShape,
  multiplyDims,
  type Shape,
  sameDim,
  sameShape,
} from "../dim.ts";
import { checkOptions, failArgument, GraphError } from "../errors.ts";
import { isValue, liftAll, type Operand, requireValue } from "../lift.ts";
import {
  inputOf,
  intOf,
  intsOf,
  knownShape,
  type NodeFacts,
  none,
  resolveAxis,
  type Schemas,
} from "../schema.ts";
import { int64Data } from "../tensor.ts";
import type { Value } from "../value.ts";
import {
  type AxisOptions,
  axisAttribute,
  axisOf,
  elementsIn,
  intVector,
  lengthOf,
  listForm,
  mergeDims,
  requireOpset,
  shapeFrom,
} from "./axes.ts";
import { emitOne, sameType } from "./emit.ts";
import { asScalar, checkSizes, dimOfSize, type Size, vectorOf } from "./sizes.ts";

/** Options of split; either `sizes` or `parts`. */
export interface SplitOptions extends AxisOptions {
  /** The size of each part. */
  readonly sizes?: readonly number[] | Value;
  /** Into this many parts of equal size; where that cannot be, the last one is smaller. */
  readonly parts?: number;
}

/** x with its axes in another order: axis i of the result is axis `permutation[i]` of x. Reversed by
 * default. */
export function transpose(x: Operand, permutation?: readonly number[]): Value {
  const value = requireValue("transpose", "x", x);
  if (permutation !== undefined && !Array.isArray(permutation)) {
    failArgument("transpose", "permutation", "an array of axes", permutation);
  }
  const rank = value.shape?.length ?? permutation?.length ?? value.rank;
  const order = permutationOf("transpose", permutation, rank);
  // Identity transposes are not only waste: ONNX Runtime has fused them wrongly.
  if (order.every((from, axis) => from === axis)) return value;
  return emitOne("Transpose", [value], { perm: attribute.ints(order) }, "transpose");
}

/** The values one after the other along an axis; their other axes are equal.
 *
 * @param options `axis`, counted from the end where it is negative */
export function concat(values: readonly Operand[], options: { readonly axis: number }): Value {
  checkOptions("concat", options, ["axis"]);
  if (!Array.isArray(values) || values.length === 0) {
    failArgument("concat", "values", "one or more Values", values);
  }
  const named = Object.fromEntries(values.map((value, i) => [`value ${i}`, value]));
  const lifted = liftAll("concat", named);
  const attributes = axisAttribute("concat", options.axis);
  const [first] = lifted as [Value];
  if (lifted.length > 1) return emitOne("Concat", lifted, attributes, "concat");
  if (first.shape !== undefined) resolveAxis("concat", options.axis, first.shape.length);
  return first;
}

/** x cut along an axis (0 by default).
 *
 * ```ts
 * const [head, tail] = split(x, { sizes: [1, 4] });
 * const halves = split(x, { axis: -1, parts: 2 });
 * ```
 * @throws GraphError if the sizes do not add up, or neither or both of `sizes` and `parts` are given */
export function split(x: Operand, options: SplitOptions): Value[] {
  checkOptions("split", options, ["axis", "sizes", "parts"]);
  const value = requireValue("split", "x", x);
  const { graph } = value;
  const { axis = 0, sizes, parts } = options;
  if ((sizes === undefined) === (parts === undefined)) {
    throw new GraphError("split", "give either sizes or parts");
  }
  if (parts !== undefined && !(Number.isInteger(parts) && parts > 0)) {
    failArgument("split", "parts", "a whole number from 1", parts);
  }
  const at = value.shape && resolveAxis("split", axis, value.shape.length);
  const dim = at === undefined ? undefined : value.shape?.[at];
  const list =
    sizes ?? (typeof dim === "number" ? equalParts("split", dim, parts as number) : undefined);
  const count = parts ?? (isValue(list) ? lengthOf(list) : list?.length);
  if (count === undefined) failArgument("split", "sizes", "a vector of known length", sizes);
  if (count === 1 && parts === 1) return [value];
  const form = { name: "sizes", attribute: "split", since: 13 };
  const given =
    list === undefined ? { inputs: [], attributes: {} } : listForm("split", form, list, graph);
  // From opset 18 on the number of parts is an attribute; before, the number of outputs says it.
  const equal = list === undefined && graph.opset >= 18;
  const attributes = {
    ...axisAttribute("split", axis),
    ...given.attributes,
    ...(equal ? { num_outputs: attribute.int(count) } : {}),
  };
  const inputs = [value, ...given.inputs];
  const emission = { op: "Split", inputs, attributes, outputs: count, operator: "split" };
  return [...graph.emit(emission).outputs];
}

/** x repeated along axes of size 1 (and new axes in front) to fill a shape.
 *
 * @throws GraphError if the shapes do not broadcast */
export function expand(x: Operand, shape: readonly Size[] | Value): Value {
  const value = requireValue("expand", "x", x);
  if (!isValue(shape)) checkSizes("expand", "shape", shape);
  const wanted = isValue(shape) ? shapeFrom(shape) : shape.map(dimOfSize);
  const result = wanted && expandedShape("expand", value, wanted);
  if (result !== undefined && sameShape(result, value.shape) === true) return value;
  const vector = isValue(shape)
    ? intVector("expand", "shape", shape, value.graph)
    : vectorOf(value.graph, shape);
  return emitOne("Expand", [value, vector], {}, "expand");
}

/** x repeated as a whole, `repeats[i]` times along axis i. */
export function tile(x: Operand, repeats: readonly Size[] | Value): Value {
  const value = requireValue("tile", "x", x);
  if (isValue(repeats)) {
    const vector = intVector("tile", "repeats", repeats, value.graph);
    return emitOne("Tile", [value, vector], {}, "tile");
  }
  checkSizes("tile", "repeats", repeats);
  const once = repeats.every((size) => size === 1) && repeats.length === value.shape?.length;
  if (once) return value;
  return emitOne("Tile", [value, vectorOf(value.graph, repeats)], {}, "tile");
}

/** The lower triangle of the last two axes, zeros elsewhere (NaN and infinity included).
 *
 * @param options `upper: true` for the upper triangle; `k` moves the diagonal that bounds it up */
export function trilu(
  x: Operand,
  options: { readonly upper?: boolean; readonly k?: Size } = {},
): Value {
  checkOptions("trilu", options, ["upper", "k"]);
  const value = requireValue("trilu", "x", x);
  requireOpset("trilu", value.graph, 14);
  const { upper = false, k = 0 } = options;
  const attributes = { upper: attribute.int(upper) };
  if (k === 0) return emitOne("Trilu", [value], attributes, "trilu");
  if (!isValue(k) && !Number.isInteger(k)) failArgument("trilu", "k", "a whole number", k);
  const diagonal = isValue(k) ? asScalar(k) : value.graph.lifted(int64Data(k));
  return emitOne("Trilu", [value, diagonal], attributes, "trilu");
}

function permutationOf(
  operator: string,
  permutation: readonly number[] | undefined,
  rank: number,
): number[] {
  if (permutation === undefined) return Array.from({ length: rank }, (_, i) => rank - 1 - i);
  const order = permutation.map((axis) => (axis < 0 ? axis + rank : axis));
  const axes = new Set(order.filter((axis) => Number.isInteger(axis) && axis >= 0 && axis < rank));
  if (order.length !== rank || axes.size !== rank) {
    const expected = rank === 0 ? "[]" : `an order of the axes 0 … ${rank - 1}`;
    failArgument(operator, "permutation", expected, permutation);
  }
  return order;
}

/** Sizes of as equal parts as there can be, the last one smaller. */
function equalParts(operator: string, size: number, parts: number): number[] {
  const chunk = Math.ceil(size / parts);
  const last = size - chunk * (parts - 1);
  // An empty last part passes no runtime.
  const empty = last < 0 || (last === 0 && size > 0);
  if (empty) failArgument(operator, "parts", `a number that ${size} elements fill`, parts);
  return Array.from({ length: parts }, (_, i) => (i < parts - 1 ? chunk : last));
}

function expandedShape(operator: string, x: Value, wanted: Shape): Shape | undefined {
  const negative = wanted.find((dim) => typeof dim === "number" && dim < 0);
  if (negative !== undefined) failArgument(operator, "shape", "sizes from 0", wanted);
  const result = broadcastShapes(x.shape, wanted);
  if ("shape" in result) return result.shape;
  throw new GraphError(
    operator,
    `shape: expected one that ${formatShape(x.shape)} broadcasts to, got ${formatShape(wanted)}`,
  );
}

function concatenated(node: NodeFacts, values: readonly Value[], axis: number): Shape | undefined {
  let shape: Dim[] | undefined;
  for (const [i, value] of values.entries()) {
    if (value.shape === undefined) return undefined;
    if (shape === undefined) {
      shape = [...value.shape];
      continue;
    }
    const merged: (Dim | "clash")[] = shape.map((dim, j) =>
      j === axis ? addDims(dim, value.shape?.[j]) : mergeDims(dim, value.shape?.[j]),
    );
    if (value.shape.length !== shape.length || merged.includes("clash")) {
      const beside = shape.map((dim, j) => (j === axis ? undefined : dim));
      failArgument(node.operator, `value ${i}`, `shape ${formatShape(beside)}`, value);
    }
    shape = merged;
  }
  return shape;
}

/** The part sizes of a Split of any opset, as far as they are known. */
function splitSizes(node: NodeFacts, axis: number): readonly Dim[] | undefined {
  const written = intsOf(node, "split") ?? node.inputs[1]?.elements;
  if (written !== undefined) return written;
  const dim = inputOf(node, 0).shape?.[axis];
  if (node.inputs[1] !== undefined || dim === undefined) return undefined;
  if (typeof dim === "number") return equalParts(node.operator, dim, node.outputCount);
  const part = divideDims(dim, node.outputCount);
  return part === undefined ? undefined : new Array<Dim>(node.outputCount).fill(part);
}

function checkSplit(node: NodeFacts, sizes: readonly Dim[], dim: Dim): void {
  if (sizes.length !== node.outputCount) {
    failArgument(node.operator, "sizes", `${node.outputCount} sizes`, sizes);
  }
  const total = sizes.reduce<Dim>(addDims, 0);
  if (sameDim(total, dim) === false || sizes.some((size) => typeof size === "number" && size < 0)) {
    failArgument(node.operator, "sizes", `sizes that add up to ${dim}`, sizes);
  }
}

export const movementSchemas: Schemas<
  "Transpose" | "Concat" | "Split" | "Expand" | "Tile" | "Trilu"
> = {
  Transpose: {
    arity: 1,
    normal: (node) => {
      const permutation = intsOf(node, "perm");
      const { shape } = inputOf(node, 0);
      const rank = shape?.length ?? permutation?.length ?? knownShape(node, 0).length;
      return { permutation: permutationOf(node.operator, permutation, rank) };
    },
    infer: (node, { permutation }) => {
      const x = inputOf(node, 0);
      return [{ dtype: x.dtype, shape: permutation.map((axis) => x.shape?.[axis]) }];
    },
  },
  Concat: {
    arity: [1, Number.POSITIVE_INFINITY],
    normal: (node) => {
      const axis = intOf(node, "axis", 1);
      const ranked = node.inputs.find((input) => input?.shape !== undefined)?.shape;
      return {
        axis: ranked === undefined ? axis : resolveAxis(node.operator, axis, ranked.length),
      };
    },
    infer: (node, { axis }) => {
      const values = node.inputs.map((_, i) => inputOf(node, i));
      const shape = concatenated(node, values, axis);
      const parts = values.map((value) => value.elements ?? vectorElements(value));
      const elements = parts.every((part) => part !== undefined) ? parts.flat() : undefined;
      return [{ dtype: sameType(node, values), shape, ...elementsIn(shape, elements) }];
    },
  },
  Split: {
    arity: [1, 2],
    normal: (node) => {
      const axis = axisOf(node, 0);
      return { axis, sizes: splitSizes(node, axis) };
    },
    infer: (node, { axis, sizes }) => {
      const x = inputOf(node, 0);
      if (sizes !== undefined) checkSplit(node, sizes, x.shape?.[axis]);
      let from = 0;
      return Array.from({ length: node.outputCount }, (_, i) => {
        const size = sizes?.[i];
        const shape = x.shape?.map((dim, j) => (j === axis ? size : dim));
        const first = from;
        from += typeof size === "number" ? size : Number.NaN;
        const elements = Number.isNaN(from) ? undefined : x.elements?.slice(first, from);
        return { dtype: x.dtype, shape, ...elementsIn(shape, elements) };
      });
    },
  },
  Expand: {
    arity: 2,
    normal: none,
    infer: (node) => {
      const x = inputOf(node, 0);
      const wanted = shapeFrom(inputOf(node, 1));
      const shape = wanted && expandedShape(node.operator, x, wanted);
      const length = shape?.length === 1 ? shape[0] : undefined;
      const repeated =
        x.elements?.length === 1 && typeof length === "number" && length <= 64
          ? new Array<Dim>(length).fill(x.elements[0])
          : undefined;
      return [{ dtype: x.dtype, shape, ...elementsIn(shape, repeated) }];
    },
  },
  Tile: {
    arity: 2,
    normal: (node) => ({ repeats: inputOf(node, 1).elements }),
    infer: (node, { repeats }) => {
      const x = inputOf(node, 0);
      if (repeats !== undefined && x.shape !== undefined && repeats.length !== x.shape.length) {
        failArgument(node.operator, "repeats", `${x.shape.length} numbers`, repeats);
      }
      const count = lengthOf(inputOf(node, 1));
      const shape =
        x.shape?.map((dim, axis) => multiplyDims(dim, repeats?.[axis])) ??
        (count === undefined ? undefined : new Array<Dim>(count).fill(undefined));
      return [{ dtype: x.dtype, shape }];
    },
  },
  Trilu: {
    arity: [1, 2],
    normal: (node) => ({ upper: intOf(node, "upper", 1) === 1 }),
    infer: (node) => {
      const x = inputOf(node, 0);
      if (x.shape !== undefined && x.shape.length < 2) {
        failArgument(node.operator, "x", "two dimensions or more", x);
      }
      return [{ dtype: x.dtype, shape: x.shape }];
    },
  },
};

/** A vector of sizes of which only the length is known, so that what stands beside it stays known. */
function vectorElements(value: Value): readonly Dim[] | undefined {
  const length = lengthOf(value);
  if (value.dtype !== "int64" || value.shape?.length !== 1 || length === undefined)
    return undefined;
  return length > 64 ? undefined : new Array<Dim>(length).fill(undefined);
}
