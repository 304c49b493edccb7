/** Element types of tensors, named as NumPy and onnxruntime name them. */
export type DType =
  | "float32"
  | "float64"
  | "float16"
  | "bfloat16"
  | "int8"
  | "int16"
  | "int32"
  | "int64"
  | "uint8"
  | "uint16"
  | "uint32"
  | "uint64"
  | "bool"
  | "string"
  | "complex64"
  | "complex128"
  | "float8e4m3fn"
  | "float8e4m3fnuz"
  | "float8e5m2"
  | "float8e5m2fnuz"
  | "float8e8m0"
  | "float4e2m1"
  | "uint4"
  | "int4"
  | "uint2"
  | "int2"
  /** Read from a model that does not say, or not a tensor (a sequence, an optional, a map). */
  | "unknown";

/** Storage of a tensor's elements, row-major. Booleans are bytes 0 and 1; float16 and bfloat16
 * are their 16 bits; types narrower than a byte stay packed as ONNX packs them. */
export type TypedArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array;

/** The elements of a tensor of any type; those of type string as an array. */
export type TensorElements = TypedArray | readonly string[];

interface DTypeFacts {
  /** TensorProto.DataType of ONNX. */
  readonly code: number;
  readonly kind: "float" | "signed" | "unsigned" | "bool" | "other";
  /** Bits an element takes in raw data; 0 where the size varies. */
  readonly bits: number;
  readonly array?: TypedArrayConstructor;
}

export interface TypedArrayConstructor {
  new (length: number): TypedArray;
  new (buffer: ArrayBufferLike, byteOffset?: number, length?: number): TypedArray;
  readonly BYTES_PER_ELEMENT: number;
}

const facts: Readonly<Record<DType, DTypeFacts>> = {
  unknown: { code: 0, kind: "other", bits: 0 },
  float32: { code: 1, kind: "float", bits: 32, array: Float32Array },
  uint8: { code: 2, kind: "unsigned", bits: 8, array: Uint8Array },
  int8: { code: 3, kind: "signed", bits: 8, array: Int8Array },
  uint16: { code: 4, kind: "unsigned", bits: 16, array: Uint16Array },
  int16: { code: 5, kind: "signed", bits: 16, array: Int16Array },
  int32: { code: 6, kind: "signed", bits: 32, array: Int32Array },
  int64: { code: 7, kind: "signed", bits: 64, array: BigInt64Array },
  string: { code: 8, kind: "other", bits: 0 },
  bool: { code: 9, kind: "bool", bits: 8, array: Uint8Array },
  float16: { code: 10, kind: "float", bits: 16, array: Uint16Array },
  float64: { code: 11, kind: "float", bits: 64, array: Float64Array },
  uint32: { code: 12, kind: "unsigned", bits: 32, array: Uint32Array },
  uint64: { code: 13, kind: "unsigned", bits: 64, array: BigUint64Array },
  complex64: { code: 14, kind: "other", bits: 64, array: Float32Array },
  complex128: { code: 15, kind: "other", bits: 128, array: Float64Array },
  bfloat16: { code: 16, kind: "float", bits: 16, array: Uint16Array },
  float8e4m3fn: { code: 17, kind: "float", bits: 8, array: Uint8Array },
  float8e4m3fnuz: { code: 18, kind: "float", bits: 8, array: Uint8Array },
  float8e5m2: { code: 19, kind: "float", bits: 8, array: Uint8Array },
  float8e5m2fnuz: { code: 20, kind: "float", bits: 8, array: Uint8Array },
  uint4: { code: 21, kind: "unsigned", bits: 4, array: Uint8Array },
  int4: { code: 22, kind: "signed", bits: 4, array: Uint8Array },
  float4e2m1: { code: 23, kind: "float", bits: 4, array: Uint8Array },
  float8e8m0: { code: 24, kind: "float", bits: 8, array: Uint8Array },
  uint2: { code: 25, kind: "unsigned", bits: 2, array: Uint8Array },
  int2: { code: 26, kind: "signed", bits: 2, array: Uint8Array },
};

const byCode = new Map<number, DType>(
  (Object.keys(facts) as DType[]).map((dtype) => [facts[dtype].code, dtype]),
);

/** True for the names of DType, for arguments that come from plain JavaScript. */
export function isDType(name: unknown): name is DType {
  return typeof name === "string" && Object.hasOwn(facts, name);
}

export function dtypeCode(dtype: DType): number {
  return facts[dtype].code;
}

/** The DType of a TensorProto.DataType number; "unknown" for numbers that ONNX has not given out. */
export function dtypeOfCode(code: number): DType {
  return byCode.get(code) ?? "unknown";
}

export function isFloating(dtype: DType): boolean {
  return facts[dtype].kind === "float";
}

export function isInteger(dtype: DType): boolean {
  return facts[dtype].kind === "signed" || facts[dtype].kind === "unsigned";
}

export function isUnsigned(dtype: DType): boolean {
  return facts[dtype].kind === "unsigned";
}

/** Bits an element takes in raw data; 0 for strings and unknown types. */
export function bitsOf(dtype: DType): number {
  return facts[dtype].bits;
}

/** The typed array that holds elements of this type; undefined for strings and unknown types. */
export function arrayConstructor(dtype: DType): TypedArrayConstructor | undefined {
  return facts[dtype].array;
}

/** The type that a bare typed array speaks for. A Uint8Array means uint8, a Uint16Array uint16. */
export function dtypeOfArray(array: TypedArray): DType {
  // By name, not instanceof: arrays may come from another realm (a test sandbox, an iframe).
  switch (Object.prototype.toString.call(array).slice(8, -1)) {
    case "Float32Array":
      return "float32";
    case "Float64Array":
      return "float64";
    case "Int8Array":
      return "int8";
    case "Int16Array":
      return "int16";
    case "Int32Array":
      return "int32";
    case "BigInt64Array":
      return "int64";
    case "Uint16Array":
      return "uint16";
    case "Uint32Array":
      return "uint32";
    case "BigUint64Array":
      return "uint64";
    default:
      return "uint8";
  }
}
