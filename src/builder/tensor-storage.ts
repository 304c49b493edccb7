import { bitsOf, type DType } from "./dtype.ts";

/** The list of TensorProto that holds elements which are not in `raw_data`. */
export type TypedField =
  | "float_data"
  | "int32_data"
  | "string_data"
  | "int64_data"
  | "double_data"
  | "uint64_data";

/** Where elements of a type go when they are not raw, and how many entries `size` of them make: complex
 * numbers are two entries each, types narrower than a byte share one. undefined: no such type. */
export function typedStorage(
  dtype: DType,
  size: number,
): { readonly field: TypedField; readonly count: number } | undefined {
  switch (dtype) {
    case "unknown":
      return undefined;
    case "float32":
      return { field: "float_data", count: size };
    case "complex64":
      return { field: "float_data", count: 2 * size };
    case "float64":
      return { field: "double_data", count: size };
    case "complex128":
      return { field: "double_data", count: 2 * size };
    case "string":
      return { field: "string_data", count: size };
    case "int64":
      return { field: "int64_data", count: size };
    case "uint32":
    case "uint64":
      return { field: "uint64_data", count: size };
    default:
      return { field: "int32_data", count: Math.ceil((size * Math.min(bitsOf(dtype), 8)) / 8) };
  }
}

/** The bytes that `size` elements take in `raw_data`. */
export function rawSize(dtype: DType, size: number): number {
  return Math.ceil((size * bitsOf(dtype)) / 8);
}
