import { create } from "@bufbuild/protobuf";
import { type TensorProto, TensorProto_DataLocation, TensorProtoSchema } from "onnx-buf";
import {
  arrayConstructor,
  type DType,
  dtypeCode,
  dtypeOfCode,
  type TensorElements,
  type TypedArray,
  type TypedArrayConstructor,
} from "./dtype.ts";
import { GraphError } from "./errors.ts";
import { type ExternalData, externalData } from "./external.ts";
import { externalDataError, TensorData } from "./tensor.ts";
import { rawSize, type TypedField, typedStorage } from "./tensor-storage.ts";
import { utf8 } from "./utf8.ts";

/** Whether the elements lie in a file beside the model. */
export function isExternal(proto: TensorProto): boolean {
  return proto.dataLocation === TensorProto_DataLocation.EXTERNAL;
}

/** The tensor of a message. Nothing is decoded until somebody asks for the elements; then raw data is
 * used in place where its alignment allows, and the message must not change. */
export function tensorOfProto(
  proto: TensorProto,
  external?: (data: ExternalData) => Uint8Array<ArrayBuffer>,
): TensorData {
  const dtype = dtypeOfCode(proto.dataType);
  const dims = proto.dims.map(Number);
  return new TensorData(dtype, dims, () => elementsOf(proto, dtype, dims, external), proto);
}

/** The message of a tensor, with another name if it was read with one. Elements are not copied where
 * the host keeps numbers as ONNX does, lowest byte first. */
export function protoOfTensor(data: TensorData, name: string): TensorProto {
  const { source } = data;
  if (source !== undefined) return source.name === name ? source : renamed(source, name);
  const proto = create(TensorProtoSchema, {
    name,
    dims: data.dims.map(BigInt),
    dataType: dtypeCode(data.dtype),
  });
  if (data.dtype === "string") {
    const encoder = new TextEncoder();
    proto.stringData = (data.elements as readonly string[]).map((text) => encoder.encode(text));
  } else {
    proto.rawData = rawBytes(data);
  }
  return proto;
}

/** The elements as `raw_data` holds them: a view of them, or a copy on hosts that keep the highest byte
 * first. Not for strings. */
export function rawBytes(data: TensorData): Uint8Array<ArrayBuffer> {
  const elements = data.elements as TypedArray;
  const { buffer, byteOffset, byteLength, BYTES_PER_ELEMENT } = elements;
  const bytes = new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
  return hostIsLittleEndian() ? bytes : swapped(bytes, BYTES_PER_ELEMENT);
}

/** The same message but for the name, sharing its parts; unknown fields come along. */
function renamed(proto: TensorProto, name: string): TensorProto {
  return Object.assign(Object.create(Object.getPrototypeOf(proto)) as TensorProto, proto, { name });
}

function elementsOf(
  proto: TensorProto,
  dtype: DType,
  dims: readonly number[],
  external?: (data: ExternalData) => Uint8Array<ArrayBuffer>,
): TensorElements {
  const size = dims.reduce((product, dim) => product * dim, 1);
  const outside = externalData(proto);
  if (outside !== undefined) {
    if (external === undefined) throw externalDataError(proto.name, outside.location);
    return outsideElements(outside, dtype, size, external);
  }
  const storage = typedStorage(dtype, size);
  if (storage === undefined) {
    throw new GraphError(
      "fromModel",
      `the elements of "${proto.name}" are of a type that is not known here (${proto.dataType})`,
    );
  }
  const Elements = arrayConstructor(dtype);
  const raw = proto.rawData.byteLength > 0;
  const held = raw ? proto.rawData.byteLength : listOf(proto, storage.field).length;
  const expected = raw ? rawSize(dtype, size) : storage.count;
  if (held !== expected || (raw && Elements === undefined)) {
    throw new GraphError(
      "fromModel",
      `"${proto.name}" declares ${size} elements of ${dtype} but holds ${held}${raw ? " bytes" : ""}`,
    );
  }
  if (Elements === undefined) return proto.stringData.map((text) => decodeText(proto.name, text));
  return raw
    ? viewOf(proto.rawData, Elements)
    : typedElements(proto, dtype, storage.field, Elements);
}

function outsideElements(
  data: ExternalData,
  dtype: DType,
  size: number,
  read: (data: ExternalData) => Uint8Array<ArrayBuffer>,
): TensorElements {
  const Elements = arrayConstructor(dtype);
  const expected = rawSize(dtype, size);
  const { name, offset, length = expected } = data;
  if (Elements === undefined || offset < 0 || length !== expected) {
    throw new GraphError(
      "fromModel",
      `"${name}" declares ${size} elements of ${dtype} but has ${length} bytes at ${offset} of a file`,
    );
  }
  const bytes = read({ ...data, length });
  if (bytes.byteLength !== length) {
    throw new GraphError(
      "fromModel",
      `"${name}" has ${length} bytes, of which ${bytes.byteLength} came`,
    );
  }
  return viewOf(bytes, Elements);
}

/** Raw bytes as a typed array: in place if they are aligned, which in a file they often are not. */
function viewOf(raw: Uint8Array<ArrayBuffer>, Elements: TypedArrayConstructor): TypedArray {
  const width = Elements.BYTES_PER_ELEMENT;
  if (!hostIsLittleEndian()) return new Elements(swapped(raw, width).buffer);
  const { buffer, byteOffset, byteLength } = raw.byteOffset % width === 0 ? raw : copied(raw);
  return new Elements(buffer, byteOffset, byteLength / width);
}

function typedElements(
  proto: TensorProto,
  dtype: DType,
  field: TypedField,
  Elements: TypedArrayConstructor,
): TypedArray {
  const list = listOf(proto, field) as ArrayLike<number | bigint>;
  const elements = new Elements(list.length);
  for (let i = 0; i < list.length; i++) {
    const entry = list[i] as number | bigint;
    // Typed arrays wrap numbers that are too wide, but a bigint fits in none of 32 bits.
    const element = dtype === "uint32" ? Number(BigInt.asUintN(32, entry as bigint)) : entry;
    elements[i] = (dtype === "bool" ? Number(element !== 0) : element) as never;
  }
  return elements;
}

function listOf(proto: TensorProto, field: TypedField): ArrayLike<number | bigint | Uint8Array> {
  switch (field) {
    case "float_data":
      return proto.floatData;
    case "int32_data":
      return proto.int32Data;
    case "string_data":
      return proto.stringData;
    case "int64_data":
      return proto.int64Data;
    case "double_data":
      return proto.doubleData;
    case "uint64_data":
      return proto.uint64Data;
  }
}

function decodeText(name: string, bytes: Uint8Array): string {
  const text = utf8(bytes);
  if (text !== undefined) return text;
  throw new GraphError("fromModel", `"${name}" holds a string that is not UTF-8`);
}

function hostIsLittleEndian(): boolean {
  return new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
}

/** A copy that starts a buffer of its own. Not slice(): a Node Buffer's shares memory. */
function copied(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(bytes.byteLength);
  copy.set(bytes);
  return copy;
}

/** A copy with the bytes of each element in reverse. */
function swapped(bytes: Uint8Array, width: number): Uint8Array<ArrayBuffer> {
  const copy = copied(bytes);
  for (let at = 0; at < copy.length; at += width) copy.subarray(at, at + width).reverse();
  return copy;
}
