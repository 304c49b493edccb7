import { arrayConstructor, type DType } from "../builder/dtype.ts";
import type { TensorConstructor, Tensors } from "./session.ts";

type Tensor = Tensors[string];

const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** onnxruntime-common holds float16 in a Float16Array where the engine has one. */
const Float16 = (globalThis as { readonly Float16Array?: typeof Uint16Array }).Float16Array;

/** The elements of a tensor as bytes, the least significant first: a view of them where the machine has
 * them so. */
export function bytesOfTensor({ data }: Tensor): Uint8Array {
  const view = data as Uint8Array;
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  return LITTLE_ENDIAN ? bytes : swapped(bytes, view.BYTES_PER_ELEMENT);
}

/** A tensor of bytes, which are copied.
 *
 * @param bytes as many as the type and the sizes need
 * @param bigEndian whether the most significant byte of each element comes first */
export function tensorOfBytes(
  dtype: DType,
  dims: readonly number[],
  bytes: Uint8Array,
  Tensor: TensorConstructor,
  bigEndian = false,
): Tensor {
  const make = dtype === "float16" ? (Float16 ?? Uint16Array) : arrayConstructor(dtype);
  if (make === undefined) throw new Error(`${dtype} has no bytes of its own`);
  // Not slice, which of a Buffer is no copy.
  const own = new Uint8Array(bytes);
  const native = bigEndian === LITTLE_ENDIAN ? swapped(own, make.BYTES_PER_ELEMENT) : own;
  return new Tensor(dtype as "float32", new make(native.buffer) as Float32Array, dims);
}

function swapped(bytes: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(bytes.length);
  for (let start = 0; start < bytes.length; start += size) {
    for (let i = 0; i < size; i++) result[start + i] = bytes[start + size - 1 - i] as number;
  }
  return result;
}
