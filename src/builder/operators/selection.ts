import { attribute } from "../block.ts";
import { type Dim, sameDim, sizeOfShape } from "../dim.ts";
import { checkOptions, failArgument } from "../errors.ts";
import { graphOf, lift, type Operand, requireValue } from "../lift.ts";
import { choiceOf, inputOf, intOf, type NodeFacts, resolveAxis, type Schemas } from "../schema.ts";
import type { Value } from "../value.ts";
import { add, mod } from "./arithmetic.ts";
import { type AxisOptions, axisAttribute, axisOf, requireOpset } from "./axes.ts";
import { range } from "./creation.ts";
import { checkType, emitOne, optionalInt, sameType } from "./emit.ts";
import { gather, nonZero, scatterElements } from "./indexing.ts";
import { cast, equal, less, where } from "./logic.ts";
import { expand } from "./movement.ts";
import { reshape, unsqueeze } from "./reshape.ts";
import { asScalar, checkSizes, positions, type Size, shape, sizeOf, vectorOf } from "./sizes.ts";

/** The entries of x at which a condition holds, along an axis; of all elements in a row where no axis is
 * given.
 *
 * @param condition a vector of booleans; entries behind its end are left out
 * @param options `axis`, counted from the end where it is negative */
export function compress(x: Operand, condition: Operand, options: AxisOptions = {}): Value {
  checkOptions("compress", options, ["axis"]);
  const value = requireValue("compress", "x", x);
  requireOpset("compress", value.graph, 9);
  const test = lift("compress", "condition", condition, "bool", value.graph);
  const { axis } = options;
  const attributes = axis === undefined ? {} : axisAttribute("compress", axis);
  return emitOne("Compress", [value, test], attributes, "compress");
}

/** Compress in other operators. */
export function compressed(x: Value, condition: Value, axis: number | undefined): Value {
  const places = reshape(nonZero(condition), [-1]);
  return axis === undefined ? gather(reshape(x, [-1]), places) : gather(x, places, { axis });
}

/** A new axis along which all is off but the place that the index names.
 *
 * ```ts
 * const targets = oneHot(labels, 10);
 * ```
 * @param indices whole numbers; negative ones count from the end, and those out of range turn nothing on
 * @param depth the size of the new axis
 * @param values [off, on], by default [0, 1] in float32
 * @param options `axis` is the place of the new axis in the result, the last by default */
export function oneHot(
  indices: Operand,
  depth: Size,
  values: Operand = [0, 1],
  options: AxisOptions = {},
): Value {
  checkOptions("oneHot", options, ["axis"]);
  const at = requireValue("oneHot", "indices", indices);
  const { graph } = at;
  requireOpset("oneHot", graph, 9);
  checkSizes("oneHot", "depth", [depth], 1);
  const pair = lift("oneHot", "values", values, undefined, graph);
  const count = vectorOf(graph, [depth]);
  const { axis = -1 } = options;
  if (pair.dtype === "float64") {
    const rank = at.shape === undefined ? undefined : at.shape.length + 1;
    return hot(at, count, pair, rank === undefined ? axis : resolveAxis("oneHot", axis, rank));
  }
  return emitOne("OneHot", [at, count, pair], axisAttribute("oneHot", axis), "oneHot");
}

/** OneHot in other operators.
 *
 * @param axis from 0, or -1
 * @throws GraphError where the axis is not the last and the rank is not known */
export function hot(indices: Value, depth: Value, values: Value, axis: number): Value {
  const whole = cast(indices, "int64");
  const count = asScalar(cast(depth, "int64"));
  const places = range(indices.graph.constant(0, [], "int64"), count);
  const at = unsqueeze(where(less(whole, 0), add(whole, count), whole), axis);
  const behind = axis === -1 ? 0 : at.rank - 1 - axis;
  const others = Array.from({ length: behind }, (_, i) => i + 1);
  const chosen = equal(at, unsqueeze(places, others));
  return where(chosen, gather(values, 1), gather(values, 0));
}

/** The different elements of x, or the different slices along an axis.
 *
 * @param options `axis`: of slices, not of elements; `sorted: false` leaves them in the order in which they
 * first come, by default they rise
 * @returns `values`; `indices`, where each comes first; `inverse`, for every element or slice of x the place
 * of its equal in `values`; `counts`, how often each comes */
export function unique(
  x: Operand,
  options: AxisOptions & { readonly sorted?: boolean } = {},
): {
  readonly values: Value;
  readonly indices: Value;
  readonly inverse: Value;
  readonly counts: Value;
} {
  checkOptions("unique", options, ["axis", "sorted"]);
  const value = requireValue("unique", "x", x);
  requireOpset("unique", value.graph, 11);
  const { axis, sorted = true } = options;
  const { outputs } = value.graph.emit({
    op: "Unique",
    inputs: [value],
    attributes: {
      ...(axis === undefined ? {} : axisAttribute("unique", axis)),
      ...optionalInt("sorted", sorted, 1),
    },
    outputs: 4,
    operator: "unique",
  });
  const [values, indices, inverse, counts] = outputs as readonly [Value, Value, Value, Value];
  return { values, indices, inverse, counts };
}

/** x with the first entries of each row turned round, as many as `lengths` says for that row.
 *
 * @param lengths an int64 vector, one number for each entry of the batch axis
 * @param options `batchAxis` by default 1, `timeAxis` 0 */
export function reverseSequence(
  x: Operand,
  lengths: Operand,
  options: { readonly batchAxis?: number; readonly timeAxis?: number } = {},
): Value {
  checkOptions("reverseSequence", options, ["batchAxis", "timeAxis"]);
  const value = requireValue("reverseSequence", "x", x);
  requireOpset("reverseSequence", value.graph, 10);
  const counts = lift("reverseSequence", "lengths", lengths, "int64", value.graph);
  const { batchAxis = 1, timeAxis = 0 } = options;
  const attributes = {
    batch_axis: attribute.int(batchAxis),
    time_axis: attribute.int(timeAxis),
  };
  return emitOne("ReverseSequence", [value, counts], attributes, "reverseSequence");
}

/** Options of tensorScatter. */
export interface TensorScatterOptions extends AxisOptions {
  /** "circular" goes on at the start where the end is reached. Default "linear". */
  readonly mode?: "linear" | "circular";
}

/** A cache [batch, …] with an update written over it along one axis, the last but one by default, from a
 * place of its own in each entry of the batch. Before opset 24 it is composed of scatterElements.
 *
 * @param places an int64 vector [batch]; zeros by default */
export function tensorScatter(
  cache: Operand,
  update: Operand,
  places?: Operand,
  options: TensorScatterOptions = {},
): Value {
  checkOptions("tensorScatter", options, ["axis", "mode"]);
  const graph = graphOf("tensorScatter", [cache, update]);
  const value = lift("tensorScatter", "cache", cache, undefined, graph);
  const written = lift("tensorScatter", "update", update, value.dtype, graph);
  const at = places === undefined ? [] : [lift("tensorScatter", "places", places, "int64", graph)];
  const { axis = -2, mode = "linear" } = options;
  if (mode !== "linear" && mode !== "circular") {
    failArgument("tensorScatter", "mode", '"linear" or "circular"', mode);
  }
  if (graph.opset < 24) {
    const from0 = resolveAxis("tensorScatter", axis, value.rank);
    return writtenOver(value, written, at[0], from0, mode === "circular");
  }
  const attributes = { ...axisAttribute("tensorScatter", axis), mode: attribute.string(mode) };
  return emitOne("TensorScatter", [value, written, ...at], attributes, "tensorScatter");
}

/** TensorScatter in other operators. */
export function writtenOver(
  cache: Value,
  update: Value,
  places: Value | undefined,
  axis: number,
  circular: boolean,
): Value {
  const others = Array.from({ length: cache.rank - 1 - axis }, (_, i) => i + 1);
  const steps = unsqueeze(positions(update, axis), others);
  const starts =
    places &&
    unsqueeze(
      cast(places, "int64"),
      Array.from({ length: cache.rank - 1 }, (_, i) => i + 1),
    );
  const linear = starts === undefined ? steps : add(starts, steps);
  const at = circular ? mod(linear, sizeOf(cache, axis)) : linear;
  return scatterElements(cache, expand(at, shape(update)), update, { axis });
}

function optionalAxis(node: NodeFacts): number | undefined {
  return node.attributes.axis === undefined ? undefined : axisOf(node, 0);
}

/** The place of the new axis of a OneHot; -1 where it is the last. */
function newAxis(node: NodeFacts): number {
  const axis = intOf(node, "axis", -1);
  const { shape: dims } = inputOf(node, 0);
  return dims === undefined ? axis : resolveAxis(node.operator, axis, dims.length + 1);
}

export const selectionSchemas: Schemas<
  "Compress" | "OneHot" | "Unique" | "ReverseSequence" | "TensorScatter"
> = {
  Compress: {
    arity: 2,
    normal: (node) => ({ axis: optionalAxis(node) }),
    infer: (node, { axis }) => {
      const [x, condition] = [inputOf(node, 0), inputOf(node, 1)];
      checkType(node.operator, "condition", condition, "bool");
      const count = condition.data?.toNumbers().filter((holds) => holds !== 0).length;
      if (axis === undefined) return [{ dtype: x.dtype, shape: [count] }];
      return [{ dtype: x.dtype, shape: x.shape?.map((dim, i) => (i === axis ? count : dim)) }];
    },
  },
  OneHot: {
    arity: 3,
    normal: (node) => ({ axis: newAxis(node) }),
    infer: (node, { axis }) => {
      const [indices, depth, values] = [inputOf(node, 0), inputOf(node, 1), inputOf(node, 2)];
      if (values.shape !== undefined && sameDim(sizeOfShape(values.shape), 2) === false) {
        failArgument(node.operator, "values", "[off, on]", values);
      }
      const written = depth.elements?.[0] ?? depth.data?.toNumbers()[0];
      const { shape: dims } = indices;
      const shape = dims && [...dims.slice(0, axis), written, ...dims.slice(axis)];
      return [{ dtype: values.dtype, shape }];
    },
  },
  Unique: {
    arity: 1,
    normal: (node) => ({ axis: optionalAxis(node) }),
    infer: (node, { axis }) => {
      const x = inputOf(node, 0);
      const shape =
        axis === undefined ? [undefined] : x.shape?.map((dim, i) => (i === axis ? undefined : dim));
      const total: Dim = axis === undefined ? x.shape && sizeOfShape(x.shape) : x.shape?.[axis];
      const index = { dtype: "int64", shape: [undefined] } as const;
      const inverse = { dtype: "int64", shape: [total] } as const;
      return [{ dtype: x.dtype, shape }, index, inverse, index].slice(0, node.outputCount);
    },
  },
  ReverseSequence: {
    arity: 2,
    normal: (node) => ({
      batchAxis: intOf(node, "batch_axis", 1),
      timeAxis: intOf(node, "time_axis", 0),
    }),
    infer: (node, { batchAxis, timeAxis }) => {
      const [x, lengths] = [inputOf(node, 0), inputOf(node, 1)];
      checkType(node.operator, "lengths", lengths, "integer");
      const axes = [batchAxis, timeAxis];
      if (batchAxis === timeAxis || axes.some((axis) => axis !== 0 && axis !== 1)) {
        failArgument(node.operator, "batchAxis and timeAxis", "0 and 1, or 1 and 0", axes);
      }
      if (sameDim(x.shape?.[batchAxis], lengths.shape?.[0]) === false) {
        failArgument(node.operator, "lengths", `one for each of ${x.shape?.[batchAxis]}`, lengths);
      }
      return [{ dtype: x.dtype, shape: x.shape }];
    },
  },
  TensorScatter: {
    arity: [2, 3],
    normal: (node) => ({
      axis: axisOf(node, -2),
      circular: choiceOf(node, "mode", ["linear", "circular"], "linear") === "circular",
    }),
    infer: (node) => {
      const [cache, update] = [inputOf(node, 0), inputOf(node, 1)];
      return [{ dtype: sameType(node, [cache, update]), shape: cache.shape }];
    },
  },
};
