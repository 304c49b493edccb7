import { formatShape } from "../builder/dim.ts";
import { bitsOf, type DType } from "../builder/dtype.ts";
import { failArgument } from "../builder/errors.ts";
import { bytesOfTensor, tensorOfBytes } from "./element-bytes.ts";
import { isTensor } from "./feeds.ts";
import type { TensorConstructor, Tensors } from "./session.ts";

type Tensor = Tensors[string];

/** Bytes that are no .npy file, or one that holds what is no tensor. */
export class NpyError extends Error {
  override readonly name: string = "NpyError";
}

// The format: the magic bytes, two bytes of version, the length of the header (2 bytes in version 1, else
// 4), the header as a Python dictionary, the elements. Source: NumPy's documentation of numpy.lib.format.

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59] as const;

/** NumPy itself reads no longer header unless told to. */
const LONGEST_HEADER = 10_000;

const MOST_AXES = 64;

const CODES: Readonly<Record<string, DType>> = {
  f2: "float16",
  f4: "float32",
  f8: "float64",
  i1: "int8",
  i2: "int16",
  i4: "int32",
  i8: "int64",
  u1: "uint8",
  u2: "uint16",
  u4: "uint32",
  u8: "uint64",
  b1: "bool",
};

const codeOf = new Map(Object.entries(CODES).map(([code, dtype]) => [dtype, code]));

/** Reads the bytes of a .npy file, of any version. Arrays in Fortran's order come out in C's.
 *
 * @throws NpyError for bytes that are none, and for arrays of objects, texts or records */
export function parseNpy(bytes: Uint8Array, Tensor: TensorConstructor): Tensor {
  const { text, start } = headerOf(bytes);
  const { code, bigEndian, fortran, dims } = dictionaryOf(text);
  const dtype = Object.hasOwn(CODES, code) ? CODES[code] : undefined;
  if (dtype === undefined) throw new NpyError(`its elements are of type "${code}", not numbers`);
  const size = dims.reduce((product, dim) => product * dim, bitsOf(dtype) / 8);
  if (size !== bytes.length - start) {
    throw new NpyError(
      `${dtype} ${formatShape(dims)} takes ${size} bytes, and there are ${bytes.length - start}`,
    );
  }
  const elements = bytes.subarray(start);
  const ordered = fortran ? transposed(elements, dims, bitsOf(dtype) / 8) : elements;
  return tensorOfBytes(dtype, dims, ordered, Tensor, bigEndian);
}

/** Writes a tensor as a .npy file of version 1.0.
 *
 * @throws GraphError for texts, and for types that NumPy lacks */
export function formatNpy(tensor: Tensor): Uint8Array<ArrayBuffer> {
  if (!isTensor(tensor)) failArgument("writeNpy", "tensor", "a Tensor", tensor);
  const { type, dims } = tensor;
  const code = codeOf.get(type as DType);
  if (code === undefined) failArgument("writeNpy", "tensor", "numbers or booleans", type);
  const order = /1$/.test(code) ? "|" : "<";
  const shape = dims.length === 1 ? `(${dims[0]},)` : `(${dims.join(", ")})`;
  const header = `{'descr': '${order}${code}', 'fortran_order': False, 'shape': ${shape}, }`;
  // The elements begin at a multiple of 64, after spaces and a line's end.
  const start = Math.ceil((10 + header.length + 1) / 64) * 64;
  const elements = bytesOfTensor(tensor);
  const file = new Uint8Array(start + elements.length).fill(0x20, 0, start);
  file.set([...MAGIC, 1, 0]);
  new DataView(file.buffer).setUint16(8, start - 10, true);
  file.set(new TextEncoder().encode(header), 10);
  file[start - 1] = 0x0a;
  file.set(elements, start);
  return file;
}

function headerOf(bytes: Uint8Array): { readonly text: string; readonly start: number } {
  if (bytes.length < 12 || MAGIC.some((byte, i) => bytes[i] !== byte)) {
    throw new NpyError("it does not begin as a .npy file does");
  }
  const version = bytes[6] as number;
  if (version < 1 || version > 3) throw new NpyError(`it is of version ${version}.${bytes[7]}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  const begin = version === 1 ? 10 : 12;
  if (length > LONGEST_HEADER || begin + length > bytes.length) {
    throw new NpyError(
      `its header would have ${length} bytes, and the file has ${bytes.length}; ` +
        `at most ${LONGEST_HEADER} are read`,
    );
  }
  const text = new TextDecoder("latin1").decode(bytes.subarray(begin, begin + length));
  return { text, start: begin + length };
}

/** What the header says. NumPy writes it in one way; others differ in quotes, spaces and order alone. */
function dictionaryOf(text: string) {
  const entries = new Map<string, string>();
  const whole = text.trim();
  const inner = whole.startsWith("{") && whole.endsWith("}") ? whole.slice(1, -1).trimEnd() : "";
  const entry = /\s*(['"])(\w+)\1\s*:\s*((['"])[^'"]*\4|True|False|\([\d\s,L]*\))\s*(?:,|$)/y;
  while (entry.lastIndex < inner.length) {
    const found = entry.exec(inner);
    if (found === null || entries.has(found[2] as string)) throw unreadable(text);
    entries.set(found[2] as string, found[3] as string);
  }
  const descr = /^['"]([<>|=]?)(\w+)['"]$/.exec(entries.get("descr") ?? "");
  const order = entries.get("fortran_order") ?? "";
  const shape = /^\(\s*((?:\d+L?\s*,\s*)*(?:\d+L?)?)\s*\)$/.exec(entries.get("shape") ?? "");
  if (descr === null || !/^(True|False)$/.test(order) || shape === null || entries.size !== 3) {
    throw unreadable(text);
  }
  const dims = ((shape[1] as string).match(/\d+/g) ?? []).map(Number);
  if (dims.length > MOST_AXES || !dims.every(Number.isSafeInteger)) throw unreadable(text);
  return {
    code: descr[2] as string,
    bigEndian: descr[1] === ">",
    fortran: order === "True",
    dims,
  };
}

function unreadable(text: string): NpyError {
  return new NpyError(`its header cannot be read: ${JSON.stringify(text.trim().slice(0, 120))}`);
}

/** Elements in C's order, of elements in Fortran's. */
function transposed(bytes: Uint8Array, dims: readonly number[], size: number): Uint8Array {
  const result = new Uint8Array(bytes.length);
  const strides = dims.map((_, axis) => dims.slice(0, axis).reduce((a, b) => a * b, size));
  const at = dims.map(() => 0);
  let from = 0;
  for (let to = 0; to < result.length; to += size) {
    for (let i = 0; i < size; i++) result[to + i] = bytes[from + i] as number;
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      from += strides[axis] as number;
      at[axis] = (at[axis] as number) + 1;
      if ((at[axis] as number) < (dims[axis] as number)) break;
      from -= (strides[axis] as number) * (dims[axis] as number);
      at[axis] = 0;
    }
  }
  return result;
}
