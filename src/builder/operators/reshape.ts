import { type Attributes, attribute } from "../block.ts";
import {
  type Dim,
  divideDims,
  formatShape,
  multiplyDims,
  type Shape,
  sameDim,
  sameShape,
  sizeOfShape,
} from "../dim.ts";
import { checkOptions, failArgument, GraphError } from "../errors.ts";
import { isValue, type Operand, requireValue } from "../lift.ts";
import {
  inputOf,
  intOf,
  type NodeFacts,
  resolveAxes,
  type Schema,
  type Schemas,
} from "../schema.ts";
import type { Value } from "../value.ts";
import {
  type AxisOptions,
  axesFrom0,
  axisAttribute,
  elementsIn,
  givenAxes,
  intVector,
  lengthOf,
  listForm,
  listOf,
  requireOpset,
  shapeFrom,
} from "./axes.ts";
import { emitOne } from "./emit.ts";
import { checkSizes, dimOfSize, type Size, vectorOf } from "./sizes.ts";

const AXES = { name: "axes", attribute: "axes", since: 13 };

/** The same elements, row by row, in another shape.
 *
 * ```ts
 * const pairs = reshape(x, [-1, 2]);
 * const rows = reshape(x, [sizeOf(x, 0), -1]);
 * ```
 * @param shape sizes, of which one may be -1: what the others leave. Or an int64 vector, in which ONNX
 * reads a 0 that is only known at run time as "the size of x there".
 * @throws GraphError if the number of elements cannot be the same */
export function reshape(x: Operand, shape: readonly Size[] | Value): Value {
  const value = requireValue("reshape", "x", x);
  if (!isValue(shape)) checkSizes("reshape", "shape", shape, -1);
  const wanted = isValue(shape) ? shapeFrom(shape) : shape.map(dimOfSize);
  const result = wanted && reshapedShape("reshape", value, wanted, true);
  if (result !== undefined && sameShape(result, value.shape) === true) return value;
  const given = isValue(shape) ? undefined : shape;
  const plan = result && targetOf(value, wanted as Shape, result, given);
  if (plan === undefined) {
    const vector = isValue(shape) ? intVector("reshape", "shape", shape, value.graph) : undefined;
    return emitOne("Reshape", [value, vector ?? vectorOf(value.graph, given as Size[])]);
  }
  const zero = plan.some((size) => typeof size !== "number" || size === 0);
  const exact = zero && !plan.includes(-1);
  if (plan.includes(0)) requireOpset("reshape", value.graph, 14, "a size of 0");
  const allowzero: Attributes =
    exact && value.graph.opset >= 14 ? { allowzero: attribute.int(1) } : {};
  return emitOne("Reshape", [value, vectorOf(value.graph, plan)], allowzero, "reshape");
}

/** x as a matrix: the axes before `axis` (default 1) as rows, the others as columns. */
export function flatten(x: Operand, options: AxisOptions = {}): Value {
  checkOptions("flatten", options, ["axis"]);
  const value = requireValue("flatten", "x", x);
  const { axis = 1 } = options;
  const attributes = axisAttribute("flatten", axis);
  if (value.shape?.length === 2 && (axis === 1 || axis === -1)) return value;
  return emitOne("Flatten", [value], attributes, "flatten");
}

/** x without the given axes, which have size 1; by default without all axes of size 1. */
export function squeeze(x: Operand, axes?: number | readonly number[]): Value {
  const value = requireValue("squeeze", "x", x);
  const { graph, shape } = value;
  let list = axes === undefined ? undefined : listOf(axes);
  if (list === undefined && shape?.every((dim) => typeof dim === "number")) {
    list = shape.flatMap((dim, axis) => (dim === 1 ? [axis] : []));
  }
  if (list?.length === 0) return value;
  if (list === undefined) return emitOne("Squeeze", [value], {}, "squeeze");
  const resolved = shape === undefined ? list : resolveAxes("squeeze", list, shape.length);
  const form = listForm("squeeze", AXES, resolved, graph);
  return emitOne("Squeeze", [value, ...form.inputs], form.attributes, "squeeze");
}

/** x with new axes of size 1; `axes` are their places in the result. */
export function unsqueeze(x: Operand, axes: number | readonly number[]): Value {
  const value = requireValue("unsqueeze", "x", x);
  const { graph, shape } = value;
  const list = listOf(axes);
  if (list.length === 0) return value;
  const rank = shape && shape.length + list.length;
  const resolved = rank === undefined ? list : resolveAxes("unsqueeze", list, rank);
  const form = listForm("unsqueeze", AXES, resolved, graph);
  return emitOne("Unsqueeze", [value, ...form.inputs], form.attributes, "unsqueeze");
}

/** The sizes to write for a reshape: numbers wherever the result is known, so that models compute as
 * few sizes as they can; -1 for the one that follows from the others. undefined if a size is needed
 * that only the whole vector has. */
function targetOf(
  x: Value,
  wanted: Shape,
  result: Shape,
  given: readonly Size[] | undefined,
): Size[] | undefined {
  const open = result.flatMap((dim, i) => (typeof dim === "number" ? [] : [i]));
  const rest = sizeOfShape(result.filter((dim) => typeof dim === "number"));
  const [only] = open;
  const follows =
    open.length === 1 &&
    rest !== 0 &&
    (wanted[only as number] === -1 ||
      sameDim(divideDims(x.shape && sizeOfShape(x.shape), rest), result[only as number]) === true);
  if (follows) return result.map((dim) => (typeof dim === "number" ? dim : -1));
  if (open.length > 0 && given === undefined) return undefined;
  return result.map((dim, i) => (typeof dim === "number" ? dim : ((given as Size[])[i] as Size)));
}

/** The shape that a reshape gives.
 *
 * @param exact whether 0 means size 0, not the size of x there */
function reshapedShape(operator: string, x: Value, wanted: Shape, exact: boolean): Shape {
  if (wanted.filter((dim) => dim === -1).length > 1) {
    failArgument(operator, "shape", "at most one -1", wanted);
  }
  const shape = wanted.map((dim, axis) => {
    if (dim !== 0 || exact) return dim;
    if (x.shape !== undefined && axis >= x.shape.length) {
      failArgument(operator, "shape", `0 only where ${formatShape(x.shape)} has an axis`, wanted);
    }
    return x.shape?.[axis];
  });
  const total = x.shape && sizeOfShape(x.shape);
  const open = shape.flatMap((dim, i) => (dim === -1 || dim === undefined ? [i] : []));
  const at = shape.includes(-1) ? shape.indexOf(-1) : open[0];
  const rest = sizeOfShape(shape.filter((_, i) => i !== at));
  const misfit =
    at === undefined
      ? sameDim(total, rest) === false
      : typeof total === "number" && typeof rest === "number" && !(rest > 0 && total % rest === 0);
  // An unknown size beside a known 0 may be anything.
  if (misfit && !(at !== undefined && shape[at] === undefined && rest === 0 && total === 0)) {
    throw new GraphError(
      operator,
      `the ${total} elements of ${formatShape(x.shape)} do not fit shape ${formatShape(wanted)}`,
    );
  }
  if (at !== undefined) shape[at] = open.length === 1 ? divideDims(total, rest) : undefined;
  return shape;
}

/** The axes of Squeeze or Unsqueeze in a tensor of this rank. */
function axesNormal(node: NodeFacts, rank: (count: number) => number | undefined) {
  const given = givenAxes(node, 1);
  if (typeof given === "string") return undefined;
  return axesFrom0(node.operator, given, rank(given.length));
}

const squeezeSchema: Schema<{ readonly axes: readonly number[] | undefined }> = {
  arity: [1, 2],
  normal: (node) => {
    const { shape } = inputOf(node, 0);
    const given = givenAxes(node, 1);
    if (given === "absent" && shape?.every((dim) => typeof dim === "number")) {
      return { axes: shape.flatMap((dim, axis) => (dim === 1 ? [axis] : [])) };
    }
    return { axes: axesNormal(node, () => shape?.length) };
  },
  infer: (node, { axes }) => {
    const x = inputOf(node, 0);
    const wide = axes?.find((axis) => sameDim(x.shape?.[axis], 1) === false);
    if (wide !== undefined) {
      const got = `axis ${wide} of ${formatShape(x.shape)}`;
      throw new GraphError(node.operator, `axes: expected axes of size 1, got ${got}`);
    }
    const count = axes === undefined ? lengthOf(node.inputs[1]) : undefined;
    const left = x.shape && count !== undefined ? x.shape.length - count : undefined;
    const shape =
      axes !== undefined
        ? x.shape?.filter((_, axis) => !axes.includes(axis))
        : left !== undefined && left >= 0
          ? new Array<Dim>(left).fill(undefined)
          : undefined;
    return [{ dtype: x.dtype, shape, ...elementsIn(shape, x.elements) }];
  },
};

const unsqueezeSchema: Schema<{ readonly axes: readonly number[] | undefined }> = {
  arity: [1, 2],
  normal: (node) => {
    const rank = inputOf(node, 0).shape?.length;
    return { axes: axesNormal(node, (count) => (rank === undefined ? undefined : rank + count)) };
  },
  infer: (node, { axes }) => {
    const x = inputOf(node, 0);
    const count = axes?.length ?? lengthOf(node.inputs[1]);
    if (x.shape === undefined || count === undefined) {
      return [{ dtype: x.dtype, shape: undefined }];
    }
    const shape = new Array<Dim>(x.shape.length + count).fill(undefined);
    if (axes !== undefined) {
      let next = 0;
      for (let axis = 0; axis < shape.length; axis++) {
        shape[axis] = axes.includes(axis) ? 1 : x.shape[next++];
      }
    }
    return [{ dtype: x.dtype, shape, ...elementsIn(shape, x.elements) }];
  },
};

export const reshapeSchemas: Schemas<"Reshape" | "Flatten" | "Squeeze" | "Unsqueeze"> = {
  Reshape: {
    arity: 2,
    normal: (node) => ({ allowzero: intOf(node, "allowzero", 0) === 1 }),
    infer: (node, { allowzero }) => {
      const x = inputOf(node, 0);
      const wanted = shapeFrom(inputOf(node, 1));
      const shape = wanted && reshapedShape(node.operator, x, wanted, allowzero);
      return [{ dtype: x.dtype, shape, ...elementsIn(shape, x.elements) }];
    },
  },
  Flatten: {
    arity: 1,
    normal: (node) => {
      const axis = intOf(node, "axis", 1);
      const rank = inputOf(node, 0).shape?.length;
      if (rank === undefined) return { axis };
      if (axis < -rank || axis > rank)
        failArgument(node.operator, "axis", `${-rank} … ${rank}`, axis);
      return { axis: axis < 0 ? axis + rank : axis };
    },
    infer: (node, { axis }) => {
      const { dtype, shape } = inputOf(node, 0);
      const product = (dims: Shape) => dims.reduce<Dim>(multiplyDims, 1);
      const matrix = shape && [product(shape.slice(0, axis)), product(shape.slice(axis))];
      return [{ dtype, shape: matrix ?? [undefined, undefined] }];
    },
  },
  Squeeze: squeezeSchema,
  Unsqueeze: unsqueezeSchema,
};
