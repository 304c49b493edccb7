import { bitsOf, type DType } from "../builder/dtype.ts";
import { bytesOfTensor, tensorOfBytes } from "./element-bytes.ts";
import type { TensorConstructor, Tensors } from "./session.ts";

// The format: 8 bytes with the length of the header, the header in JSON (from each name to dtype, shape and
// data_offsets), and the elements, without gaps. Source: huggingface.co/docs/safetensors.

/** A file of the safetensors format, or what says that it is one. */
export interface SafeTensors {
  readonly tensors: Tensors;
  /** Texts by name. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Bytes that are no whole safetensors file. */
export class SafeTensorsError extends Error {
  override readonly name: string = "SafeTensorsError";
}

const CODES: Readonly<Record<string, DType>> = {
  F64: "float64",
  F32: "float32",
  F16: "float16",
  I64: "int64",
  I32: "int32",
  I16: "int16",
  I8: "int8",
  U64: "uint64",
  U32: "uint32",
  U16: "uint16",
  U8: "uint8",
  BOOL: "bool",
};

const codeOf = new Map(Object.entries(CODES).map(([code, dtype]) => [dtype, code]));

const METADATA = "__metadata__";

/** What every reader of the format puts up with. */
const LONGEST_HEADER = 100_000_000;

/** Writes tensors as a safetensors file, the same bytes for the same tensors.
 *
 * @throws Error for a name that the format keeps to itself, or elements that it has no code for */
export function formatSafeTensors({ tensors, metadata }: SafeTensors): Uint8Array<ArrayBuffer> {
  const header: [string, unknown][] = [[METADATA, metadata]];
  const parts: Uint8Array[] = [];
  let end = 0;
  for (const [name, tensor] of Object.entries(tensors)) {
    const code = codeOf.get(tensor.type as DType);
    if (code === undefined || name === METADATA) {
      throw new Error(`safetensors cannot hold ${JSON.stringify(name)} of type ${tensor.type}`);
    }
    const bytes = bytesOfTensor(tensor);
    const offsets = [end, end + bytes.length];
    header.push([name, { dtype: code, shape: tensor.dims, data_offsets: offsets }]);
    parts.push(bytes);
    end += bytes.length;
  }
  const json = `{${header.map((entry) => entry.map((it) => JSON.stringify(it)).join(":")).join(",")}}`;
  const text = new TextEncoder().encode(json);
  // Spaces, so that the elements begin at a multiple of 8.
  const start = Math.ceil((8 + text.length) / 8) * 8;
  const file = new Uint8Array(start + end).fill(0x20, 0, start);
  new DataView(file.buffer).setBigUint64(0, BigInt(start - 8), true);
  file.set(text, 8);
  let at = start;
  for (const part of parts) {
    file.set(part, at);
    at += part.length;
  }
  return file;
}

/** Reads a safetensors file. The elements are copied.
 *
 * @throws SafeTensorsError for bytes that are none: nothing is taken on trust */
export function parseSafeTensors(bytes: Uint8Array, Tensor: TensorConstructor): SafeTensors {
  const { entries, metadata, start } = readHeader(bytes);
  const elements = bytes.subarray(start);
  const tensors: Tensors = {};
  let end = 0;
  for (const { name, dtype, shape, from, to } of entries.sort(
    (a, b) => a.from - b.from || a.to - b.to,
  )) {
    if (from !== end)
      throw new SafeTensorsError(`there is a gap or an overlap before ${quoted(name)}`);
    end = to;
    if (to > elements.length) {
      throw new SafeTensorsError(
        `${quoted(name)} ends at byte ${start + to}, and the file has ${bytes.length}`,
      );
    }
    Object.defineProperty(tensors, name, {
      value: tensorOfBytes(dtype, shape, elements.subarray(from, to), Tensor),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  if (end !== elements.length) {
    throw new SafeTensorsError(`there are ${elements.length - end} bytes after the last tensor`);
  }
  return { tensors, metadata };
}

interface Entry {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly from: number;
  readonly to: number;
}

function readHeader(bytes: Uint8Array) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = bytes.length < 8 ? -1 : Number(view.getBigUint64(0, true));
  if (length < 2 || length > LONGEST_HEADER || length > bytes.length - 8) {
    throw new SafeTensorsError(
      length < 0
        ? `it has only ${bytes.length} bytes`
        : `its header would have ${length} bytes, and the file has ${bytes.length}`,
    );
  }
  const start = 8 + length;
  const header = parseHeader(bytes.subarray(8, start));
  const { [METADATA]: metadata = {}, ...rest } = header;
  if (!isRecord(metadata) || !Object.values(metadata).every((text) => typeof text === "string")) {
    throw new SafeTensorsError("its metadata are no texts by name");
  }
  const entries = Object.entries(rest).map(([name, entry]) => entryOf(name, entry));
  return { entries, metadata: metadata as Record<string, string>, start };
}

function parseHeader(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new SafeTensorsError("its header is no JSON");
  }
  if (!isRecord(header)) throw new SafeTensorsError("its header is no JSON object");
  return header;
}

function entryOf(name: string, entry: unknown): Entry {
  const { dtype: code, shape, data_offsets: offsets } = isRecord(entry) ? entry : {};
  if (typeof code !== "string" || !isSizes(shape) || !isSizes(offsets) || offsets.length !== 2) {
    throw new SafeTensorsError(`${quoted(name)} lacks a dtype, shape or data_offsets`);
  }
  const dtype = Object.hasOwn(CODES, code) ? CODES[code] : undefined;
  if (dtype === undefined) {
    throw new SafeTensorsError(`${quoted(name)} has elements of type ${quoted(code)}`);
  }
  const [from, to] = offsets as [number, number];
  const size = shape.reduce((product, dim) => product * dim, bitsOf(dtype) / 8);
  if (to - from !== size) {
    throw new SafeTensorsError(
      `${quoted(name)} has ${to - from} bytes, but ${code} [${shape.join(", ")}] takes ${size}`,
    );
  }
  return { name, dtype, shape, from, to };
}

function isSizes(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
