import type { OnnxValue, Tensor } from "onnxruntime-common";
import type { NativeResult, NativeTensor } from "./native-addon.ts";
import type { TensorConstructor } from "./session.ts";

/** What a session handler may return for a tensor: the caller makes its own Tensor of it. */
export interface TensorParts {
  readonly type: Tensor.Type;
  readonly data: Tensor.DataType;
  readonly dims: readonly number[];
}

interface ArrayConstructor {
  new (buffer: ArrayBuffer): Tensor.DataType;
}

/** onnxruntime-common holds float16 in a Float16Array where the engine has one. */
const Float16 =
  (globalThis as { readonly Float16Array?: ArrayConstructor }).Float16Array ?? Uint16Array;

/** ONNX's number of each element type, and the array that onnxruntime-common holds it in. */
const elementTypes: readonly [number, Tensor.Type, ArrayConstructor | undefined][] = [
  [1, "float32", Float32Array],
  [2, "uint8", Uint8Array],
  [3, "int8", Int8Array],
  [4, "uint16", Uint16Array],
  [5, "int16", Int16Array],
  [6, "int32", Int32Array],
  [7, "int64", BigInt64Array],
  [8, "string", undefined],
  [9, "bool", Uint8Array],
  [10, "float16", Float16],
  [11, "float64", Float64Array],
  [12, "uint32", Uint32Array],
  [13, "uint64", BigUint64Array],
];

const numbers = new Map<string, number>(elementTypes.map(([number, name]) => [name, number]));
const names = new Map(elementTypes.map(([number, name]) => [number, name]));
const constructors = new Map(elementTypes.map(([number, , make]) => [number, make]));

/** @throws Error for a type that no JavaScript tensor has. */
export function typeName(number: number | undefined, what: string): Tensor.Type {
  const name = number === undefined ? undefined : names.get(number);
  if (name === undefined) {
    throw new Error(`${what}: element type ${number} of ONNX has no tensor in JavaScript`);
  }
  return name;
}

/** @throws TypeError where the value is no tensor, or one that is not in this memory. */
export function toNative(value: OnnxValue | undefined, what: string): NativeTensor {
  const tensor = value as Partial<Tensor> | null | undefined;
  const type = numbers.get(tensor?.type ?? "");
  if (!tensor || type === undefined || !Array.isArray(tensor.dims)) {
    throw new TypeError(`${what}: expected a tensor, got ${describe(value)}`);
  }
  const { data, dims } = tensor;
  if (ArrayBuffer.isView(data)) return { type, dims, data: bytesOf(data) };
  if (Array.isArray(data)) return { type, dims, data };
  throw new TypeError(`${what}: the tensor has no data in the memory of the processor`);
}

function describe(value: unknown): string {
  if (typeof value !== "object" || value === null) return String(value);
  const { type } = value as { readonly type?: unknown };
  return typeof type === "string" ? `a tensor of type ${type}` : "another object";
}

/**
 * The bytes themselves, not a copy, unless their buffer may shrink: that could happen while
 * another thread reads them.
 */
function bytesOf(view: ArrayBufferView): Uint8Array {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  const { resizable } = view.buffer as { readonly resizable?: boolean };
  return resizable === true ? bytes.slice() : bytes;
}

export function fromNative(result: NativeResult, what: string): TensorParts {
  const { type, dims, data } = result;
  const name = typeName(type, what);
  if (Array.isArray(data)) return { type: name, dims, data };
  const make = constructors.get(type);
  if (make === undefined) throw new Error(`${what}: expected strings`);
  return { type: name, dims, data: new make(data) };
}

/** A tensor of the class that the runtime in use knows. */
export function tensorOf({ type, data, dims }: TensorParts, Tensor: TensorConstructor): Tensor {
  return new Tensor(type as "float32", data as Float32Array, dims);
}
