import type { Tensor } from "onnxruntime-common";
import { formatShape, isStatic, type Shape, sameShape } from "../builder/dim.ts";
import { bitsOf, dtypeOfArray, type TypedArray } from "../builder/dtype.ts";
import { describe, failArgument, GraphError, nearest } from "../builder/errors.ts";
import {
  isLiteral,
  isTypedArray,
  type Literal,
  type TensorData,
  tensorOf,
} from "../builder/tensor.ts";
import type { TensorConstructor, TensorInfo, Tensors } from "./session.ts";
import { checkSizes } from "./sizes.ts";

/** Turns feeds into tensors, after the rules that Feed states.
 *
 * @param operator the function to name in errors
 * @param inputs what must be fed
 * @param others names that may be fed as well and are left out of the result
 * @throws GraphError for a feed that is unknown, missing or misshapen, or sizes that disagree */
export function convertFeeds(
  operator: string,
  inputs: readonly TensorInfo[],
  feeds: unknown,
  Tensor: TensorConstructor,
  others: readonly string[] = [],
): Tensors {
  if (typeof feeds !== "object" || feeds === null || Array.isArray(feeds) || isTensor(feeds)) {
    failArgument(operator, "feeds", "an object of tensors by input name", feeds);
  }
  rejectUnknown(operator, "input", feeds, [...inputs.map(({ name }) => name), ...others]);
  const tensors: Tensors = {};
  for (const info of inputs) {
    const feed = Object.hasOwn(feeds, info.name) ? Reflect.get(feeds, info.name) : undefined;
    if (feed === undefined) {
      throw new GraphError(operator, `feed "${info.name}" is missing: expected ${typeOf(info)}`);
    }
    tensors[info.name] = convertFeed(operator, `feed "${info.name}"`, info, feed, Tensor);
  }
  checkSizes(operator, inputs, tensors);
  return tensors;
}

/** Turns one feed, or one piece of state, into a tensor of the declared type.
 * @param argument what to call it in errors */
export function convertFeed(
  operator: string,
  argument: string,
  info: TensorInfo,
  feed: unknown,
  Tensor: TensorConstructor,
): Tensor {
  if (isTensor(feed)) {
    if (info.dtype === "unknown") return feed;
    if (feed.type !== info.dtype || sameShape(info.shape, feed.dims) === false) {
      throw mismatch(operator, argument, info, `${feed.type} ${formatShape(feed.dims)}`);
    }
    // A tensor of another copy of onnxruntime-common would not be known as one.
    return feed instanceof Tensor ? feed : new Tensor(feed.type, feed.data as never, feed.dims);
  }
  // Elements narrower than a byte come packed, which only a Tensor says.
  const packed = bitsOf(info.dtype) > 0 && bitsOf(info.dtype) < 8;
  if (isShaped(feed) && !packed) return fromShaped(operator, argument, info, feed, Tensor);
  if (!isLiteral(feed) || packed) throw mismatch(operator, argument, info, describe(feed));
  return isTypedArray(feed)
    ? fromTypedArray(operator, argument, info, feed, Tensor)
    : fromLiteral(operator, argument, info, feed, Tensor);
}

/** A tensor of known elements, for the runtime. The elements are not copied. */
export function tensorOfData(data: TensorData, Tensor: TensorConstructor): Tensor {
  return new Tensor(data.dtype as "float32", data.elements as Float32Array, data.dims);
}

/** A tensor with elements of its own. */
export function copyTensor(tensor: Tensor, Tensor: TensorConstructor): Tensor {
  return new Tensor(tensor.type, tensor.data.slice() as never, tensor.dims);
}

/** "float32 [n, 3]". */
export function typeOf(info: TensorInfo): string {
  return `${info.dtype} ${formatShape(info.shape)}`;
}

/** True for the tensors of every copy of onnxruntime-common, of which there may be several. */
export function isTensor(value: unknown): value is Tensor {
  return (
    typeof value === "object" &&
    value !== null &&
    "dims" in value &&
    Array.isArray(value.dims) &&
    "type" in value &&
    typeof value.type === "string" &&
    "location" in value
  );
}

/** Rejects names that are not among the known ones, with the nearest of them. */
export function rejectUnknown(
  operator: string,
  kind: "input" | "parameter",
  named: object,
  known: readonly string[],
): void {
  for (const name of Object.keys(named)) {
    if (known.includes(name)) continue;
    const near = nearest(name, known);
    const list = known.length === 0 ? "there are none" : `there are ${known.join(", ")}`;
    const advice = near === undefined ? list : `did you mean "${near}"?`;
    throw new GraphError(operator, `there is no ${kind} "${name}"; ${advice}`);
  }
}

/** Elements with their shape, as tensors have them, whatever else it holds. */
function isShaped(feed: unknown): feed is { readonly data: Literal; readonly dims: number[] } {
  if (typeof feed !== "object" || feed === null || !("data" in feed && "dims" in feed))
    return false;
  const { data, dims } = feed;
  const sizes =
    Array.isArray(dims) && dims.every((size) => Number.isSafeInteger(size) && size >= 0);
  return sizes && isLiteral(data);
}

function fromShaped(
  operator: string,
  argument: string,
  info: TensorInfo,
  { data, dims }: { readonly data: Literal; readonly dims: readonly number[] },
  Tensor: TensorConstructor,
): Tensor {
  if (sameShape(info.shape, dims) === false) {
    throw mismatch(operator, argument, info, `elements of shape ${formatShape(dims)}`);
  }
  if (isTypedArray(data) && dtypeOfArray(data) === info.dtype && data.length === product(dims)) {
    return new Tensor(info.dtype as "float32", data as Float32Array, dims);
  }
  return tensorOfData(tensorOf(operator, argument, data, info.dtype, dims), Tensor);
}

function fromTypedArray(
  operator: string,
  argument: string,
  info: TensorInfo,
  feed: TypedArray,
  Tensor: TensorConstructor,
): Tensor {
  // Node 24 and later have arrays of halves, which the builder's types do not.
  const kind = Object.prototype.toString.call(feed).slice(8, -1);
  const array = kind === "Float16Array" ? Float32Array.from(feed as Float32Array) : feed;
  const dims = fillShape(info.shape, array.length);
  if (dims === undefined) {
    throw mismatch(operator, argument, info, `a ${kind} of ${array.length} elements`);
  }
  if (dtypeOfArray(array) === info.dtype) {
    return new Tensor(info.dtype as "float32", array as Float32Array, dims);
  }
  return tensorOfData(tensorOf(operator, argument, array, info.dtype, dims), Tensor);
}

function fromLiteral(
  operator: string,
  argument: string,
  info: TensorInfo,
  feed: Literal,
  Tensor: TensorConstructor,
): Tensor {
  const data = tensorOf(operator, argument, feed, info.dtype);
  const { shape } = info;
  // One number stands for any shape of one element.
  const dims = data.dims.length === 0 && shape !== undefined ? fillShape(shape, 1) : data.dims;
  if (dims === undefined || sameShape(shape, dims) === false) {
    const got = Array.isArray(feed)
      ? `an array of shape ${formatShape(data.dims)}`
      : describe(feed);
    throw mismatch(operator, argument, info, got);
  }
  return new Tensor(data.dtype as "float32", data.elements as Float32Array, dims);
}

/** The sizes by which `length` elements fill a shape: none if they do not, or if more than one size is
 * open. */
function fillShape(shape: Shape | undefined, length: number): readonly number[] | undefined {
  if (shape === undefined) return [length];
  if (isStatic(shape)) return product(shape) === length ? shape : undefined;
  const open = shape.filter((dim) => typeof dim !== "number");
  const rest = product(shape.filter((dim) => typeof dim === "number"));
  const size = length / rest;
  if (open.length !== 1 || !Number.isInteger(size)) return undefined;
  return shape.map((dim) => (typeof dim === "number" ? dim : size));
}

function product(sizes: readonly number[]): number {
  return sizes.reduce((total, size) => total * size, 1);
}

function mismatch(operator: string, argument: string, info: TensorInfo, got: string): GraphError {
  return new GraphError(operator, `${argument}: expected ${typeOf(info)}, got ${got}`);
}
