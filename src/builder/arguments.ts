import type { TensorType } from "./definition.ts";
import { canonicalDim, type Dim, isStatic, type Shape } from "./dim.ts";
import { type DType, isDType } from "./dtype.ts";
import { failArgument, GraphError } from "./errors.ts";
import { isLiteral, type Literal, type TensorData, tensorOf } from "./tensor.ts";

/** The shape a user wrote, in canonical form. @throws GraphError if it is none. */
export function shapeArgument(
  operator: string,
  shape: readonly (Dim | null)[] | undefined,
): Shape | undefined {
  if (shape === undefined) return undefined;
  if (!Array.isArray(shape)) failArgument(operator, "shape", "an array of sizes and names", shape);
  return shape.map((dim): Dim => {
    const valid = dim === null || dim === undefined || typeof dim === "string" || isSize(dim);
    if (!valid) failArgument(operator, "shape", "sizes from 0, names or null", dim);
    return canonicalDim(dim);
  });
}

/** The tensor a user wrote as elements, and a shape, a type or both.
 * @throws GraphError if the elements do not fit. */
export function tensorArgument(
  operator: string,
  argument: string,
  literal: Literal,
  shape: readonly number[] | DType | undefined,
  dtype: DType | undefined,
): TensorData {
  if (!isLiteral(literal)) {
    failArgument(operator, argument, "numbers, arrays or a typed array", literal);
  }
  const wantedType = typeof shape === "string" ? shape : dtype;
  if (wantedType !== undefined && !isDType(wantedType)) {
    failArgument(operator, "dtype", "an element type such as float32", wantedType);
  }
  const wantedShape = typeof shape === "string" ? undefined : shapeArgument(operator, shape);
  if (wantedShape !== undefined && !isStatic(wantedShape)) {
    failArgument(operator, "shape", "whole numbers from 0", wantedShape);
  }
  return tensorOf(operator, argument, literal, wantedType, wantedShape);
}

/** @throws GraphError unless an operator may have this many inputs. */
export function checkArity(
  operator: string,
  arity: number | readonly [least: number, most: number],
  count: number,
): void {
  const [least, most] = typeof arity === "number" ? [arity, arity] : arity;
  if (count >= least && count <= most) return;
  const upTo = most === Number.POSITIVE_INFINITY ? " or more" : ` to ${most}`;
  const expected = least === most ? `${least}` : `${least}${upTo}`;
  throw new GraphError(operator, `takes ${expected} inputs, got ${count}`);
}

/** @throws GraphError for an inferred size that no tensor has: those that a model computes with may be any */
export function checkSizes(operator: string, types: readonly TensorType[]): void {
  for (const { shape } of types) {
    if (shape === undefined) continue;
    const wrong = shape.find((dim) => typeof dim === "number" && !isSize(dim));
    if (wrong !== undefined)
      throw new GraphError(operator, `its result would have a size of ${wrong}`);
  }
}

function isSize(dim: unknown): dim is number {
  return typeof dim === "number" && Number.isSafeInteger(dim) && dim >= 0;
}
