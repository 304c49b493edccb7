import { attribute } from "../block.ts";
import { type Dim, isStatic, subtractDims } from "../dim.ts";
import { type DType, dtypeCode, dtypeOfCode, isDType } from "../dtype.ts";
import { checkOptions, failArgument } from "../errors.ts";
import type { Graph } from "../graph.ts";
import { isValue, liftAll, type Operand, requireValue } from "../lift.ts";
import { inputOf, intOf, type NodeFacts, none, type Schemas, tensorAttribute } from "../schema.ts";
import { TensorData, tensorOf } from "../tensor.ts";
import type { Value } from "../value.ts";
import { elementsIn, intVector, MOST_ELEMENTS, requireOpset, shapeFrom } from "./axes.ts";
import { checkType, emitOne, sameType } from "./emit.ts";
import { asScalar, checkSizes, type Size, vectorOf } from "./sizes.ts";

/** start, start + delta, … before limit. Operands are scalars, or sizes as `sizeOf` gives them.
 *
 * ```ts
 * const rows = range(0, sizeOf(x, 0));
 * ``` */
export function range(start: Operand, limit: Operand, delta: Operand = 1): Value {
  const lifted = liftAll("range", { start, limit, delta });
  requireOpset("range", (lifted[0] as Value).graph, 11);
  const scalars = lifted.map((value, i) => {
    const single = value.shape?.length === 1 && (value.shape[0] ?? 1) === 1;
    return single && isValue([start, limit, delta][i]) ? asScalar(value) : value;
  });
  return emitOne("Range", scalars, {}, "range");
}

/** A tensor of one number, whose sizes may be computed by the model.
 *
 * @param dtype by default float32
 * @throws GraphError if the number does not fit the type */
export function constantOfShape(
  graph: Graph,
  sizes: readonly Size[] | Value,
  value = 0,
  dtype: DType = "float32",
): Value {
  if (!isDType(dtype)) {
    failArgument("constantOfShape", "dtype", "an element type such as float32", dtype);
  }
  const shape = isValue(sizes) ? intVector("constantOfShape", "sizes", sizes, graph) : undefined;
  if (shape === undefined) checkSizes("constantOfShape", "sizes", sizes as readonly Size[]);
  const data = tensorOf("constantOfShape", "value", value, dtype, [1]);
  const inputs = [shape ?? vectorOf(graph, sizes as readonly Size[])];
  return emitOne("ConstantOfShape", inputs, { value: attribute.tensor(data) }, "constantOfShape");
}

/** A matrix of the shape of x with ones on a diagonal and zeros elsewhere.
 *
 * @param options `k` moves the diagonal up; `dtype` by default that of x */
export function eyeLike(
  x: Operand,
  options: { readonly k?: number; readonly dtype?: DType } = {},
): Value {
  checkOptions("eyeLike", options, ["k", "dtype"]);
  const value = requireValue("eyeLike", "x", x);
  requireOpset("eyeLike", value.graph, 9);
  const { k = 0, dtype } = options;
  if (!Number.isInteger(k)) failArgument("eyeLike", "k", "a whole number", k);
  if (dtype !== undefined && !isDType(dtype)) {
    failArgument("eyeLike", "dtype", "an element type such as float32", dtype);
  }
  const attributes = {
    ...(k === 0 ? {} : { k: attribute.int(k) }),
    ...(dtype === undefined ? {} : { dtype: attribute.int(dtypeCode(dtype)) }),
  };
  return emitOne("EyeLike", [value], attributes, "eyeLike");
}

/** How many elements a Range has. */
function rangeLength(node: NodeFacts): Dim {
  const [start, limit, delta] = [0, 1, 2].map((i) => numberIn(inputOf(node, i)));
  if (typeof start === "number" && typeof limit === "number" && typeof delta === "number") {
    if (delta === 0) failArgument(node.operator, "delta", "a step other than 0", delta);
    return Math.max(Math.ceil((limit - start) / delta), 0);
  }
  if (delta !== 1) return undefined;
  const size = subtractDims(limit, start);
  // What may be negative is 0 then.
  return typeof size === "string" && size.includes("-") ? undefined : size;
}

function numberIn(value: Value): Dim {
  if (value.elements !== undefined) return value.elements[0];
  const { data } = value;
  const written = data?.dtype === "float32" || data?.dtype === "float64" || data?.dtype === "int32";
  const number = written && data.size === 1 ? data.toNumbers()[0] : undefined;
  // How many steps of a fraction fit is left to how the runtime rounds.
  return Number.isSafeInteger(number) ? number : undefined;
}

function rangeElements(node: NodeFacts, length: Dim): readonly number[] | undefined {
  const [start, , delta] = [0, 1, 2].map((i) => inputOf(node, i).elements?.[0]);
  const known = typeof start === "number" && typeof delta === "number";
  if (!known || typeof length !== "number" || length > MOST_ELEMENTS) return undefined;
  return Array.from({ length }, (_, i) => start + i * delta);
}

export const creationSchemas: Schemas<"Range" | "ConstantOfShape" | "EyeLike"> = {
  Range: {
    arity: 3,
    normal: none,
    infer: (node) => {
      const operands = [0, 1, 2].map((i) => inputOf(node, i));
      for (const [i, name] of ["start", "limit", "delta"].entries()) {
        const operand = operands[i] as Value;
        checkType(node.operator, name, operand, "numeric");
        if ((operand.shape?.length ?? 0) > 0)
          failArgument(node.operator, name, "a scalar", operand);
      }
      const length = rangeLength(node);
      const elements = rangeElements(node, length);
      return [
        { dtype: sameType(node, operands), shape: [length], ...elementsIn([length], elements) },
      ];
    },
  },
  ConstantOfShape: {
    arity: 1,
    normal: (node) => ({
      value: tensorAttribute(node, "value") ?? new TensorData("float32", [1], new Float32Array(1)),
    }),
    infer: (node, { value }) => {
      const shape = shapeFrom(inputOf(node, 0));
      const small = shape !== undefined && shape.length <= 1 && isStatic(shape);
      const count = small ? (shape[0] ?? 1) : Number.POSITIVE_INFINITY;
      const elements =
        value.dtype === "int64" && count <= MOST_ELEMENTS
          ? new Array<Dim>(count).fill(value.toNumbers()[0])
          : undefined;
      return [{ dtype: value.dtype, shape, ...elementsIn(shape, elements) }];
    },
  },
  EyeLike: {
    arity: 1,
    normal: (node) => {
      const code = intOf(node, "dtype", 0);
      return { k: intOf(node, "k", 0), dtype: code === 0 ? undefined : dtypeOfCode(code) };
    },
    infer: (node, { dtype }) => {
      const x = inputOf(node, 0);
      if (x.shape !== undefined && x.shape.length !== 2)
        failArgument(node.operator, "x", "a matrix", x);
      return [{ dtype: dtype ?? x.dtype, shape: x.shape ?? [undefined, undefined] }];
    },
  },
};
