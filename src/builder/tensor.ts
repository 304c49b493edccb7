import type { TensorProto } from "onnx-buf";
import {
  arrayConstructor,
  bitsOf,
  type DType,
  dtypeOfArray,
  isFloating,
  isInteger,
  isUnsigned,
  type TensorElements,
  type TypedArray,
} from "./dtype.ts";
import { failArgument, GraphError } from "./errors.ts";
import { toBFloat16, toFloat16 } from "./half.ts";

/** A number, or arrays of numbers nested to any depth, all rows of one length. */
export type NestedArray = number | bigint | boolean | string | readonly NestedArray[];

/** Everything that can be written where a tensor of known elements is meant. */
export type Literal = NestedArray | TypedArray;

/** A tensor with its shape, as onnxruntime's Tensor is one. */
export interface StateTensor {
  readonly data: unknown;
  readonly dims: readonly number[];
}

/** The elements of a tensor, known when the graph is built: an initialiser, a constant, an attribute.
 * Immutable; the elements of a tensor read from a model are decoded when they are first asked for. */
export class TensorData {
  readonly dtype: DType;
  readonly dims: readonly number[];
  /** The message this was read from; a tensor that nobody touched is written back as it was. */
  readonly source: TensorProto | undefined;
  #elements: TensorElements | (() => TensorElements);

  constructor(
    dtype: DType,
    dims: readonly number[],
    elements: TensorElements | (() => TensorElements),
    source?: TensorProto,
  ) {
    this.dtype = dtype;
    this.dims = dims;
    this.#elements = elements;
    this.source = source;
  }

  /** Row-major elements. @throws GraphError if they are kept outside the model file. */
  get elements(): TensorElements {
    if (typeof this.#elements === "function") this.#elements = this.#elements();
    return this.#elements;
  }

  /** True if the elements are in a file beside the model. */
  get external(): boolean {
    // TensorProto.EXTERNAL
    return this.source?.dataLocation === 1;
  }

  /** The number of elements. */
  get size(): number {
    return this.dims.reduce((product, dim) => product * dim, 1);
  }

  /** The elements as plain numbers, for small integer tensors (axes, shapes, indices). */
  toNumbers(): number[] {
    return Array.from(this.elements, Number);
  }
}

/** True for anything that tensorOf takes. */
export function isLiteral(value: unknown): value is Literal {
  switch (typeof value) {
    case "number":
    case "bigint":
    case "boolean":
    case "string":
      return true;
    default:
      return Array.isArray(value) || isTypedArray(value);
  }
}

export function isTypedArray(value: unknown): value is TypedArray {
  return ArrayBuffer.isView(value) && !(value instanceof DataView) && "length" in value;
}

/** The type a literal speaks for by itself: that of a typed array, bool for booleans, int64 for
 * bigints, string for strings; undefined for plain numbers, which fit any numeric type. */
export function dtypeOfLiteral(literal: Literal): DType | undefined {
  if (isTypedArray(literal)) return dtypeOfArray(literal);
  const first = firstElement(literal);
  if (typeof first === "boolean") return "bool";
  if (typeof first === "bigint") return "int64";
  if (typeof first === "string") return "string";
  return undefined;
}

/** True if some number of the literal is not an integer. */
export function hasFraction(literal: Literal): boolean {
  if (typeof literal === "number") return !Number.isInteger(literal);
  if (isTypedArray(literal)) {
    return isFloating(dtypeOfArray(literal)) && !(literal as Float32Array).every(Number.isInteger);
  }
  return Array.isArray(literal) && literal.some(hasFraction);
}

/** Makes tensor data of a literal.
 *
 * @param operator the function to name in errors
 * @param argument the argument to name in errors
 * @param dtype the element type; by default the literal's own, float32 for plain numbers
 * @param shape wanted sizes, whose product must be the number of elements (one number fills a shape)
 * @throws GraphError for ragged rows, elements that do not fit the type, or a wrong size. */
export function tensorOf(
  operator: string,
  argument: string,
  literal: Literal,
  dtype: DType = dtypeOfLiteral(literal) ?? "float32",
  shape?: readonly number[],
): TensorData {
  const own = dimsOf(operator, argument, literal);
  const flat = isTypedArray(literal) ? literal : flatten(literal);
  const dims = shape ?? own;
  const size = dims.reduce((product, dim) => product * dim, 1);
  const filled = shape !== undefined && own.length === 0;
  if (!filled && flat.length !== size) {
    failArgument(
      operator,
      argument,
      `${size} elements for shape [${dims.join(", ")}]`,
      flat.length,
    );
  }
  const elements = convert(operator, argument, flat, dtype);
  return new TensorData(dtype, dims, filled ? fill(elements, size) : elements);
}

/** An int64 vector or scalar, as shapes, axes and indices are written in ONNX. */
export function int64Data(values: number | readonly number[]): TensorData {
  const list = typeof values === "number" ? [values] : values;
  return new TensorData(
    "int64",
    typeof values === "number" ? [] : [list.length],
    BigInt64Array.from(list, int64),
  );
}

/** The largest int64, with which exporters mean "to the end", is one more as a JavaScript number. */
function int64(value: number): bigint {
  return value >= 2 ** 63 ? 2n ** 63n - 1n : BigInt(value);
}

function firstElement(literal: NestedArray): number | bigint | boolean | string | undefined {
  let at: NestedArray | undefined = literal;
  while (Array.isArray(at)) at = at[0];
  return at as number | bigint | boolean | string | undefined;
}

function dimsOf(operator: string, argument: string, literal: Literal): number[] {
  if (isTypedArray(literal)) return [literal.length];
  const dims: number[] = [];
  for (let at: NestedArray | undefined = literal; Array.isArray(at); at = at[0]) {
    dims.push(at.length);
    if (dims.length > 64)
      failArgument(operator, argument, "at most 64 dimensions", "deeper nesting");
  }
  checkRows(operator, argument, literal, dims, 0);
  return dims;
}

function checkRows(
  operator: string,
  argument: string,
  literal: NestedArray,
  dims: readonly number[],
  depth: number,
): void {
  const size = dims[depth];
  if (size === undefined) {
    if (Array.isArray(literal)) failArgument(operator, argument, "rows of equal depth", literal);
    return;
  }
  if (!Array.isArray(literal) || literal.length !== size) {
    failArgument(operator, argument, `rows of ${size} elements`, literal);
  }
  for (const row of literal) checkRows(operator, argument, row, dims, depth + 1);
}

function flatten(literal: NestedArray): readonly (number | bigint | boolean | string)[] {
  return (Array.isArray(literal) ? literal.flat(64) : [literal]) as (number | bigint)[];
}

function convert(
  operator: string,
  argument: string,
  flat: TypedArray | readonly (number | bigint | boolean | string)[],
  dtype: DType,
): TensorElements {
  if (dtype === "string") return Array.from(flat as readonly unknown[], String);
  const Elements = arrayConstructor(dtype);
  if (Elements === undefined) failArgument(operator, argument, "a numeric type", dtype);
  if (isTypedArray(flat) && dtypeOfArray(flat) === dtype) return flat.slice();
  if ((dtype === "float16" || dtype === "bfloat16") && flat instanceof Uint16Array) {
    return flat.slice();
  }
  const elements = new Elements(flat.length);
  let i = 0;
  for (const value of flat) elements[i++] = element(operator, argument, value, dtype) as never;
  return elements;
}

function element(
  operator: string,
  argument: string,
  value: number | bigint | boolean | string,
  dtype: DType,
): number | bigint {
  if (typeof value === "string") failArgument(operator, argument, `numbers for ${dtype}`, value);
  if (dtype === "bool") return value ? 1 : 0;
  if (typeof value === "boolean") return element(operator, argument, Number(value), dtype);
  if (dtype === "float16") return toFloat16(Number(value));
  if (dtype === "bfloat16") return toBFloat16(Number(value));
  if (isFloating(dtype)) return Number(value);
  if (typeof value === "number" && !Number.isInteger(value)) {
    failArgument(operator, argument, `whole numbers for ${dtype}`, value);
  }
  if (!isInteger(dtype)) failArgument(operator, argument, "a float, integer or bool type", dtype);
  if (!inRange(value, dtype)) {
    // A typed array would keep the lowest bits without a word.
    failArgument(operator, argument, `numbers in the range of ${dtype}`, value);
  }
  return dtype === "int64" || dtype === "uint64" ? BigInt(value) : Number(value);
}

function inRange(value: number | bigint, dtype: DType): boolean {
  const bits = bitsOf(dtype);
  return isUnsigned(dtype)
    ? value >= 0 && value < 2 ** bits
    : value >= -(2 ** (bits - 1)) && value < 2 ** (bits - 1);
}

function fill(elements: TensorElements, size: number): TensorElements {
  if (Array.isArray(elements)) return new Array<string>(size).fill(elements[0] as string);
  const source = elements as TypedArray;
  const Elements = source.constructor as new (length: number) => TypedArray;
  return new Elements(size).fill(source[0] as never);
}

/** An error for tensors whose elements lie in another file, which this package does not open. */
export function externalDataError(name: string, location: string): GraphError {
  return new GraphError(
    "fromModel",
    `the elements of "${name}" are kept in the file "${location}" beside the model; ` +
      "load a model with its data inside to compute with them",
  );
}
