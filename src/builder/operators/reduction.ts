import { attribute } from "../block.ts";
import type { TensorType } from "../definition.ts";
import { type Dim, type Shape, subtractDims } from "../dim.ts";
import { checkOptions, failArgument } from "../errors.ts";
import { isValue, type Operand, requireValue } from "../lift.ts";
import {
  type Flattened,
  inputOf,
  intOf,
  type NodeFacts,
  type Reduction,
  type Schema,
  type Schemas,
} from "../schema.ts";
import type { Value } from "../value.ts";
import {
  type AxisOptions,
  axesFrom0,
  axisAttribute,
  axisOf,
  givenAxes,
  lengthOf,
  listForm,
  listOf,
  requireOpset,
} from "./axes.ts";
import { checkType, emitOne, optionalInt } from "./emit.ts";
import { checkSizes, type Size, vectorOf } from "./sizes.ts";

/** Options of the reductions. */
export interface ReduceOptions {
  /** The axes to reduce, all by default; `[]` reduces none. A Value (opset 18) computes them. */
  readonly axes?: number | readonly number[] | Value;
  /** Keep the reduced axes with size 1. Default false. */
  readonly keepdims?: boolean;
}

/** Options of argMax and argMin. */
export interface ArgOptions extends AxisOptions {
  /** Keep the axis with size 1. Default false. */
  readonly keepdims?: boolean;
  /** Of equal elements, take the last. Default false: the first. */
  readonly selectLastIndex?: boolean;
}

/** The sum over the axes, all by default. */
export const reduceSum = reduction("ReduceSum", "reduceSum");

/** The mean over the axes, all by default. */
export const reduceMean = reduction("ReduceMean", "reduceMean");

/** The largest over the axes, all by default. */
export const reduceMax = reduction("ReduceMax", "reduceMax");

/** The smallest over the axes, all by default. */
export const reduceMin = reduction("ReduceMin", "reduceMin");

/** The product over the axes, all by default. */
export const reduceProd = reduction("ReduceProd", "reduceProd");

/** log(sum(exp(x))) over the axes, all by default, without overflow. */
export const reduceLogSumExp = reduction("ReduceLogSumExp", "reduceLogSumExp");

/** The sum of absolute values over the axes, all by default. */
export const reduceL1 = reduction("ReduceL1", "reduceL1");

/** The square root of the sum of squares over the axes, all by default. Its derivative at 0 is 0. */
export const reduceL2 = reduction("ReduceL2", "reduceL2");

/** log(sum(x)) over the axes, all by default. */
export const reduceLogSum = reduction("ReduceLogSum", "reduceLogSum");

/** The sum of squares over the axes, all by default. */
export const reduceSumSquare = reduction("ReduceSumSquare", "reduceSumSquare");

/** The index of the largest element along an axis (0 by default), as int64. */
export const argMax = arg("ArgMax", "argMax");

/** The index of the smallest element along an axis (0 by default), as int64. */
export const argMin = arg("ArgMin", "argMin");

/** exp(x) / sum(exp(x)) along an axis, the last by default. */
export function softmax(x: Operand, options: AxisOptions = {}): Value {
  return normalized("Softmax", "softmax", x, options);
}

/** x - log(sum(exp(x))) along an axis, the last by default. */
export function logSoftmax(x: Operand, options: AxisOptions = {}): Value {
  return normalized("LogSoftmax", "logSoftmax", x, options);
}

/** The k largest (or smallest) elements along an axis, and where they were.
 *
 * ```ts
 * const { values, indices } = topK(x, 3);
 * ```
 * @param options `axis` the last by default; `largest: false` for the smallest; `sorted: false` leaves
 * their order open */
export function topK(
  x: Operand,
  k: Size,
  options: AxisOptions & { readonly largest?: boolean; readonly sorted?: boolean } = {},
): { readonly values: Value; readonly indices: Value } {
  checkOptions("topK", options, ["axis", "largest", "sorted"]);
  const value = requireValue("topK", "x", x);
  requireOpset("topK", value.graph, 11);
  checkSizes("topK", "k", [k]);
  const { outputs } = value.graph.emit({
    op: "TopK",
    inputs: [value, vectorOf(value.graph, [k])],
    attributes: {
      ...axisAttribute("topK", options.axis ?? -1),
      ...optionalInt("largest", options.largest ?? true, 1),
      ...optionalInt("sorted", options.sorted ?? true, 1),
    },
    outputs: 2,
    operator: "topK",
  });
  return { values: outputs[0] as Value, indices: outputs[1] as Value };
}

function reduction(op: string, operator: string): (x: Operand, options?: ReduceOptions) => Value {
  return (x, options = {}) => {
    checkOptions(operator, options, ["axes", "keepdims"]);
    const value = requireValue(operator, "x", x);
    const { axes, keepdims = false } = options;
    // Nothing to reduce: some runtimes read an empty list of axes as "all".
    const nothing = Array.isArray(axes) && axes.length === 0;
    if (nothing || (value.shape?.length === 0 && axes === undefined)) return value;
    const attributes = { keepdims: attribute.int(keepdims) };
    if (axes === undefined) return emitOne(op, [value], attributes, operator);
    const form = { name: "axes", attribute: "axes", since: op === "ReduceSum" ? 13 : 18 };
    const list = listForm(operator, form, resolved(operator, axes, value), value.graph);
    const inputs = [value, ...list.inputs];
    return emitOne(op, inputs, { ...list.attributes, ...attributes }, operator);
  };
}

/** Axes from 0 and rising where they are numbers and the rank is known, so that equal reductions look
 * equal. */
function resolved(
  operator: string,
  axes: number | readonly number[] | Value,
  x: Value,
): readonly number[] | Value {
  if (isValue(axes)) return axes;
  const list = listOf(axes);
  if (!Array.isArray(list)) failArgument(operator, "axes", "axes or an int64 vector", axes);
  return axesFrom0(operator, list, x.shape?.length) ?? list;
}

function arg(op: string, operator: string): (x: Operand, options?: ArgOptions) => Value {
  return (x, options = {}) => {
    checkOptions(operator, options, ["axis", "keepdims", "selectLastIndex"]);
    const value = requireValue(operator, "x", x);
    const last = options.selectLastIndex ?? false;
    if (last) requireOpset(operator, value.graph, 12, "selectLastIndex");
    const attributes = {
      ...axisAttribute(operator, options.axis ?? 0),
      keepdims: attribute.int(options.keepdims ?? false),
      ...optionalInt("select_last_index", last, 0),
    };
    return emitOne(op, [value], attributes, operator);
  };
}

function normalized(op: string, operator: string, x: Operand, options: AxisOptions): Value {
  checkOptions(operator, options, ["axis"]);
  const value = requireValue(operator, "x", x);
  const axis = options.axis ?? -1;
  const attributes = axisAttribute(operator, axis);
  const { shape } = value;
  const last = axis === -1 || axis + 1 === shape?.length;
  if (!last) requireOpset(operator, value.graph, 13);
  // Before 13 only axes from 0 could be written.
  const own = value.graph.opset < 13 && shape !== undefined ? shape.length - 1 : axis;
  return emitOne(op, [value], { ...attributes, axis: attribute.int(own) }, operator);
}

/** The normal form of a reduction at any opset. */
function reductionOf(node: NodeFacts): Reduction {
  const keepdims = intOf(node, "keepdims", 1) === 1;
  const rank = inputOf(node, 0).shape?.length;
  const given = givenAxes(node, 1);
  if (given === "computed") return { axes: undefined, keepdims };
  if (given !== "absent" && given.length > 0) {
    return { axes: axesFrom0(node.operator, given, rank), keepdims };
  }
  if (intOf(node, "noop_with_empty_axes", 0) === 1) return { axes: [], keepdims };
  return {
    axes: rank === undefined ? undefined : Array.from({ length: rank }, (_, i) => i),
    keepdims,
  };
}

function reducedShape(node: NodeFacts, { axes, keepdims }: Reduction): Shape | undefined {
  const { shape } = inputOf(node, 0);
  const given = node.inputs[1];
  if (shape === undefined)
    return given === undefined && !keepdims && axesAbsent(node) ? [] : undefined;
  if (axes !== undefined) return without(shape, axes, keepdims);
  if (keepdims) return shape.map(() => undefined);
  const count = lengthOf(given);
  if (count === undefined || count === 0) return undefined;
  return new Array<Dim>(Math.max(shape.length - count, 0)).fill(undefined);
}

function axesAbsent(node: NodeFacts): boolean {
  return node.attributes.axes === undefined && intOf(node, "noop_with_empty_axes", 0) === 0;
}

function without(shape: Shape, axes: readonly number[], keepdims: boolean): Shape {
  if (keepdims) return shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim));
  return shape.filter((_, axis) => !axes.includes(axis));
}

function reductionSchema(test: "numeric" | "float", boolean = false): Schema<Reduction> {
  return {
    arity: [1, 2],
    normal: reductionOf,
    infer: (node, normal) => {
      const x = inputOf(node, 0);
      if (!(boolean && x.dtype === "bool" && node.opset >= 20)) {
        checkType(node.operator, "x", x, test);
      }
      return [{ dtype: x.dtype, shape: reducedShape(node, normal) }];
    },
  };
}

const argSchema: Schemas<"ArgMax">["ArgMax"] = {
  arity: 1,
  normal: (node) => ({
    axis: axisOf(node, 0),
    keepdims: intOf(node, "keepdims", 1) === 1,
    last: intOf(node, "select_last_index", 0) === 1,
  }),
  infer: (node, { axis, keepdims }) => {
    const x = inputOf(node, 0);
    checkType(node.operator, "x", x, "numeric");
    const shape = x.shape && without(x.shape, [axis], keepdims);
    return [{ dtype: "int64", shape }];
  },
};

const softmaxSchema: Schema<Flattened> = {
  arity: 1,
  normal: flattenedAxis,
  infer: (node) => {
    const x = inputOf(node, 0);
    checkType(node.operator, "x", x, "float");
    return [{ dtype: x.dtype, shape: x.shape }];
  },
};

/** Before opset 13, Softmax went over all axes from `axis` on as if they were one. That is one axis
 * where the others have size 1. */
export function flattenedAxis(node: NodeFacts): Flattened {
  if (node.opset >= 13) return { axis: axisOf(node, -1), flattened: false };
  const axis = axisOf(node, 1);
  const { shape } = inputOf(node, 0);
  if (shape === undefined) return { axis, flattened: axis !== -1 };
  const wide = shape.flatMap((dim, i) => (i >= axis && dim !== 1 ? [i] : []));
  return wide.length <= 1 ? { axis: wide[0] ?? axis, flattened: false } : { axis, flattened: true };
}

export const reductionSchemas: Schemas<
  | "ReduceSum"
  | "ReduceMean"
  | "ReduceMax"
  | "ReduceMin"
  | "ReduceProd"
  | "ReduceLogSumExp"
  | "ReduceL1"
  | "ReduceL2"
  | "ReduceLogSum"
  | "ReduceSumSquare"
  | "ArgMax"
  | "ArgMin"
  | "Softmax"
  | "LogSoftmax"
  | "TopK"
> = {
  ReduceSum: reductionSchema("numeric"),
  ReduceMean: reductionSchema("numeric"),
  ReduceMax: reductionSchema("numeric", true),
  ReduceMin: reductionSchema("numeric", true),
  ReduceProd: reductionSchema("numeric"),
  ReduceLogSumExp: reductionSchema("numeric"),
  ReduceL1: reductionSchema("numeric"),
  ReduceL2: reductionSchema("numeric"),
  ReduceLogSum: reductionSchema("numeric"),
  ReduceSumSquare: reductionSchema("numeric"),
  ArgMax: argSchema,
  ArgMin: argSchema,
  Softmax: softmaxSchema,
  LogSoftmax: softmaxSchema,
  TopK: {
    arity: [1, 2],
    normal: (node) => ({
      axis: axisOf(node, -1),
      largest: intOf(node, "largest", 1) === 1,
      sorted: intOf(node, "sorted", 1) === 1,
    }),
    infer: (node, { axis }): TensorType[] => {
      const x = inputOf(node, 0);
      checkType(node.operator, "x", x, "numeric");
      const k = node.opset < 10 ? intOf(node, "k", 0) : inputOf(node, 1).elements?.[0];
      const size = x.shape?.[axis];
      const excess = subtractDims(k, size);
      if (typeof excess === "number" && excess > 0) {
        failArgument(node.operator, "k", `at most the ${size} elements of axis ${axis}`, k);
      }
      const shape = x.shape?.map((dim, i) => (i === axis ? k : dim));
      return [
        { dtype: x.dtype, shape },
        { dtype: "int64", shape },
      ];
    },
  },
};
