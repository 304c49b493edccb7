import { attribute } from "../block.ts";
import type { TensorType } from "../definition.ts";
import {
  type Dim,
  formatShape,
  isStatic,
  type Shape,
  sameDim,
  sameShape,
  sizeOfShape,
  subtractDims,
} from "../dim.ts";
import { checkOptions, failArgument } from "../errors.ts";
import { graphOf, lift, type Operand, requireValue } from "../lift.ts";
import {
  choiceOf,
  constantInts,
  inputOf,
  intOf,
  type NodeFacts,
  none,
  type ScatterReduction,
  type Schemas,
} from "../schema.ts";
import type { Value } from "../value.ts";
import { type AxisOptions, axisAttribute, axisOf, elementsIn, requireOpset } from "./axes.ts";
import { range } from "./creation.ts";
import { checkType, emitOne, optionalInt, sameType } from "./emit.ts";
import { cast } from "./logic.ts";
import { reduceProd } from "./reduction.ts";
import { reshape } from "./reshape.ts";
import { addRows } from "./scatter-add.ts";
import { type Size, shape, sizesOf } from "./sizes.ts";

/** Options of the scatters. */
export interface ScatterOptions {
  /** What to do where an element is there already: replace it ("none", the default; then no index may
   * come twice), or combine the two. "mul" needs opset 16, "max" and "min" 18; "add" is composed below
   * opset 16. */
  readonly reduction?: ScatterReduction;
}

/** The entries of x at the indices along one axis (0 by default): that axis is replaced by the axes of
 * the indices. Negative indices count from the end.
 *
 * ```ts
 * const firstAndLast = gather(x, [0, -1], { axis: 1 });
 * ``` */
export function gather(x: Operand, indices: Operand, options: AxisOptions = {}): Value {
  checkOptions("gather", options, ["axis"]);
  const [value, at] = indexed("gather", x, indices);
  return emitOne("Gather", [value, at], axisAttribute("gather", options.axis ?? 0), "gather");
}

/** For every index, the element of x at that place along one axis (0 by default) and at the index's own
 * place along the others. The result has the shape of the indices. */
export function gatherElements(x: Operand, indices: Operand, options: AxisOptions = {}): Value {
  checkOptions("gatherElements", options, ["axis"]);
  const [value, at] = indexed("gatherElements", x, indices);
  requireOpset("gatherElements", value.graph, 11);
  const attributes = axisAttribute("gatherElements", options.axis ?? 0);
  return emitOne("GatherElements", [value, at], attributes, "gatherElements");
}

/** The slices of x that the rows of `indices` name: each row holds indices into the axes of x after the
 * first `batchDims`, which both share.
 *
 * @param options `batchDims` by default 0 */
export function gatherND(
  x: Operand,
  indices: Operand,
  options: { readonly batchDims?: number } = {},
): Value {
  checkOptions("gatherND", options, ["batchDims"]);
  const [value, at] = indexed("gatherND", x, indices);
  const { batchDims = 0 } = options;
  if (!Number.isInteger(batchDims) || batchDims < 0) {
    failArgument("gatherND", "batchDims", "a whole number from 0", batchDims);
  }
  requireOpset("gatherND", value.graph, batchDims === 0 ? 11 : 12);
  const attributes = optionalInt("batch_dims", batchDims, 0);
  return emitOne("GatherND", [value, at], attributes, "gatherND");
}

/** x with the updates put at the indices along one axis (0 by default), the inverse of gatherElements. */
export function scatterElements(
  x: Operand,
  indices: Operand,
  updates: Operand,
  options: AxisOptions & ScatterOptions = {},
): Value {
  checkOptions("scatterElements", options, ["axis", "reduction"]);
  const inputs = scattered("scatterElements", x, indices, updates);
  if (options.reduction === "add" && inputs[0].graph.opset < 16) {
    return addElements(inputs, options.axis ?? 0);
  }
  const attributes = {
    ...axisAttribute("scatterElements", options.axis ?? 0),
    ...reductionAttribute("scatterElements", inputs[0], options.reduction),
  };
  return emitOne("ScatterElements", inputs, attributes, "scatterElements");
}

/** The scatter with reduction "add" where ONNX has none. */
function addElements([x, indices, updates]: [Value, Value, Value], axis: number): Value {
  const numbers = gatherElements(elementNumbers(x), indices, { axis });
  const [flat, parts] = [x, updates].map((value) => reshape(value, [-1, 1])) as [Value, Value];
  return reshape(addRows(flat, reshape(numbers, [-1]), parts), sizes(x));
}

/** x with the updates put as the slices that the rows of `indices` name, the inverse of gatherND.
 *
 * With a reduction it is composed of ScatterElements: ONNX Runtime (1.30) divides ScatterND among threads
 * and loses updates where two of them meet. */
export function scatterND(
  x: Operand,
  indices: Operand,
  updates: Operand,
  options: ScatterOptions = {},
): Value {
  checkOptions("scatterND", options, ["reduction"]);
  const { reduction = "none" } = options;
  const inputs = scattered("scatterND", x, indices, updates);
  if (reduction === "none") return emitOne("ScatterND", inputs, {}, "scatterND");
  if (reduction !== "add") reductionAttribute("scatterND", inputs[0], reduction);
  const [value, at, added] = inputs;
  const numbers = gatherND(elementNumbers(value), at);
  if (sameShape(numbers.shape, added.shape) === false) {
    failArgument("scatterND", "updates", `shape ${formatShape(numbers.shape)}`, added);
  }
  const [flat, places, parts] = [value, numbers, added].map((one) => reshape(one, [-1]));
  const sum = scatterElements(flat as Value, places as Value, parts as Value, { reduction });
  return reshape(sum, sizes(value));
}

/** 0, 1, 2, … in the shape of x: what an operator that only moves elements makes of them says where each
 * came from. */
export function elementNumbers(x: Value): Value {
  const count = isStatic(x.shape) ? (sizeOfShape(x.shape) as number) : reduceProd(shape(x));
  const first = x.graph.constant(0, [], "int64");
  return reshape(range(first, count), sizes(x));
}

function sizes(x: Value): readonly Size[] | Value {
  return x.shape === undefined ? shape(x) : sizesOf(x);
}

/** Where x is not zero: an int64 matrix of one row for each axis of x and one column for each such
 * element. */
export function nonZero(x: Operand): Value {
  const value = requireValue("nonZero", "x", x);
  requireOpset("nonZero", value.graph, 9);
  // ONNX Runtime's CPU provider has no kernel for float64. NaN is true.
  const plain = value.dtype === "float64" ? cast(value, "bool") : value;
  return emitOne("NonZero", [plain], {}, "nonZero");
}

function indexed(operator: string, x: Operand, indices: Operand): [Value, Value] {
  const graph = graphOf(operator, [x, indices]);
  return [
    lift(operator, "x", x, undefined, graph),
    lift(operator, "indices", indices, "int64", graph),
  ];
}

function scattered(
  operator: string,
  x: Operand,
  indices: Operand,
  updates: Operand,
): [Value, Value, Value] {
  const value = requireValue(operator, "x", x);
  const { graph, dtype } = value;
  requireOpset(operator, graph, 11);
  return [
    value,
    lift(operator, "indices", indices, "int64", graph),
    lift(operator, "updates", updates, dtype, graph),
  ];
}

const reductionSince: Readonly<Record<ScatterReduction, number>> = {
  none: 11,
  add: 16,
  mul: 16,
  max: 18,
  min: 18,
};

function reductionAttribute(operator: string, x: Value, reduction: ScatterReduction = "none") {
  if (!Object.hasOwn(reductionSince, reduction)) {
    failArgument(operator, "reduction", '"none", "add", "mul", "max" or "min"', reduction);
  }
  requireOpset(operator, x.graph, reductionSince[reduction], `reduction "${reduction}"`);
  return reduction === "none" ? {} : { reduction: attribute.string(reduction) };
}

function reductionOf(node: NodeFacts): ScatterReduction {
  const names = Object.keys(reductionSince) as ScatterReduction[];
  return choiceOf(node, "reduction", names, "none");
}

/** @throws GraphError for a constant index out of range along an axis of known size. */
function checkRange(node: NodeFacts, indices: Value, dim: Dim): void {
  if (typeof dim !== "number") return;
  const wrong = constantInts(indices)?.find((index) => index < -dim || index >= dim);
  if (wrong === undefined) return;
  failArgument(
    node.operator,
    "indices",
    dim === 0 ? "none (the axis is empty)" : `${-dim} … ${dim - 1}`,
    wrong,
  );
}

/** @throws GraphError unless the indices have the rank of x and lie within it beside the axis. */
function checkBeside(node: NodeFacts, x: Value, indices: Value, axis: number): void {
  if (x.shape === undefined || indices.shape === undefined) return;
  if (x.shape.length !== indices.shape.length) {
    failArgument(
      node.operator,
      "indices",
      `${x.shape.length} dimensions, as x ${formatShape(x.shape)}`,
      indices,
    );
  }
  for (const [i, dim] of indices.shape.entries()) {
    const excess = subtractDims(dim, x.shape[i]);
    if (i !== axis && typeof excess === "number" && excess > 0) {
      const most = `at most ${x.shape[i]} along axis ${i}, as x ${formatShape(x.shape)}`;
      failArgument(node.operator, "indices", most, indices);
    }
  }
}

/** The shape of what the rows of the indices name in x; undefined where a rank is not known. */
function namedShape(
  node: NodeFacts,
  x: Value,
  indices: Value,
  batchDims: number,
): Shape | undefined {
  const [data, rows] = [x.shape, indices.shape];
  if (rows?.length === 0) failArgument(node.operator, "indices", "one dimension or more", indices);
  const width = rows?.at(-1);
  if (data === undefined || rows === undefined || typeof width !== "number") return undefined;
  const depth = batchDims + width;
  if (depth > data.length || batchDims >= rows.length) {
    const most = `rows of at most ${Math.max(data.length - batchDims, 0)} indices into ${formatShape(data)}`;
    failArgument(node.operator, "indices", most, indices);
  }
  for (let axis = 0; axis < batchDims; axis++) {
    if (sameDim(data[axis], rows[axis]) === false) {
      const expected = `${data[axis]} along the shared axis ${axis}`;
      failArgument(node.operator, "indices", expected, indices);
    }
  }
  return [...rows.slice(0, -1), ...data.slice(depth)];
}

/** The type of a scatter: that of x, whatever is put in. */
function scatterType(node: NodeFacts, expected: Shape | undefined): TensorType[] {
  const [x, indices, updates] = [inputOf(node, 0), inputOf(node, 1), inputOf(node, 2)];
  checkType(node.operator, "indices", indices, "integer");
  const dtype = sameType(node, [x, updates]);
  if (sameShape(updates.shape, expected) === false) {
    failArgument(node.operator, "updates", `shape ${formatShape(expected)}`, updates);
  }
  return [{ dtype, shape: x.shape }];
}

const scatterElementsSchema: Schemas<"ScatterElements">["ScatterElements"] = {
  arity: 3,
  normal: (node) => ({ axis: axisOf(node, 0), reduction: reductionOf(node) }),
  infer: (node, { axis }) => {
    const [x, indices] = [inputOf(node, 0), inputOf(node, 1)];
    checkBeside(node, x, indices, axis);
    checkRange(node, indices, x.shape?.[axis]);
    return scatterType(node, indices.shape);
  },
};

export const indexingSchemas: Schemas<
  "Gather" | "GatherElements" | "GatherND" | "ScatterElements" | "ScatterND" | "Scatter" | "NonZero"
> = {
  Gather: {
    arity: 2,
    normal: (node) => ({ axis: axisOf(node, 0) }),
    infer: (node, { axis }) => {
      const [x, indices] = [inputOf(node, 0), inputOf(node, 1)];
      checkType(node.operator, "indices", indices, "integer");
      checkRange(node, indices, x.shape?.[axis]);
      const shape =
        x.shape && indices.shape
          ? [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)]
          : undefined;
      const at = x.shape?.length === 1 ? constantInts(indices) : undefined;
      const elements = x.elements && at?.map((index) => x.elements?.at(index));
      return [{ dtype: x.dtype, shape, ...elementsIn(shape, elements) }];
    },
  },
  GatherElements: {
    arity: 2,
    normal: (node) => ({ axis: axisOf(node, 0) }),
    infer: (node, { axis }) => {
      const [x, indices] = [inputOf(node, 0), inputOf(node, 1)];
      checkType(node.operator, "indices", indices, "integer");
      checkBeside(node, x, indices, axis);
      checkRange(node, indices, x.shape?.[axis]);
      return [{ dtype: x.dtype, shape: indices.shape }];
    },
  },
  GatherND: {
    arity: 2,
    normal: (node) => ({ batchDims: intOf(node, "batch_dims", 0) }),
    infer: (node, { batchDims }) => {
      const [x, indices] = [inputOf(node, 0), inputOf(node, 1)];
      checkType(node.operator, "indices", indices, "integer");
      return [{ dtype: x.dtype, shape: namedShape(node, x, indices, batchDims) }];
    },
  },
  ScatterElements: scatterElementsSchema,
  // Its name before opset 11.
  Scatter: scatterElementsSchema,
  ScatterND: {
    arity: 3,
    normal: (node) => ({ reduction: reductionOf(node) }),
    infer: (node) => scatterType(node, namedShape(node, inputOf(node, 0), inputOf(node, 1), 0)),
  },
  NonZero: {
    arity: 1,
    normal: none,
    infer: (node) => {
      const { shape } = inputOf(node, 0);
      return [
        { dtype: "int64", shape: [shape === undefined ? undefined : shape.length, undefined] },
      ];
    },
  },
};
