import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { fromBinary } from "@bufbuild/protobuf";
import { type ModelProto, ModelProtoSchema, TensorProtoSchema } from "onnx-buf";
import type { TensorData } from "../../src/builder/tensor.ts";
import { tensorOfProto } from "../../src/builder/tensor-proto.ts";

/** One of ONNX's backend node tests: a model, inputs, and what it must give for them. */
export interface NodeCase {
  readonly name: string;
  readonly model: Uint8Array;
  readonly inputs: readonly Uint8Array[];
  readonly outputs: readonly Uint8Array[];
}

/** The cases below a folder (`onnx/backend/test/data/node` of a checkout of onnx), by name. */
export function casesInFolder(folder: string): NodeCase[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort()
    .flatMap((name) => caseOf(name, (file) => readIfThere(join(folder, name, file))) ?? []);
}

/** The cases in a gzipped tar archive of such folders, by name. */
export function casesInArchive(file: string): NodeCase[] {
  const files = filesOfTar(gunzipSync(readFileSync(file)));
  const names = new Set([...files.keys()].map((path) => path.split("/", 1)[0] as string));
  return [...names]
    .sort()
    .flatMap((name) => caseOf(name, (path) => files.get(`${name}/${path}`)) ?? []);
}

/** An input or output of a case, as its file holds it; undefined if it is no tensor but a sequence or an
 * optional. */
export function tensorOf(
  { inputs, outputs }: NodeCase,
  model: ModelProto,
  kind: "input" | "output",
  i: number,
): TensorData | undefined {
  if (model.graph?.[kind][i]?.type?.value.case !== "tensorType") return undefined;
  const bytes = (kind === "input" ? inputs : outputs)[i] as Uint8Array;
  return tensorOfProto(fromBinary(TensorProtoSchema, bytes));
}

export function decodeModel(bytes: Uint8Array): ModelProto {
  return fromBinary(ModelProtoSchema, bytes);
}

type Find = (path: string) => Uint8Array | undefined;

function caseOf(name: string, find: Find): NodeCase | undefined {
  const model = find("model.onnx");
  if (model === undefined) return undefined;
  const numbered = (kind: string) => {
    const found: Uint8Array[] = [];
    for (;;) {
      const bytes = find(`test_data_set_0/${kind}_${found.length}.pb`);
      if (bytes === undefined) return found;
      found.push(bytes);
    }
  };
  return { name, model, inputs: numbered("input"), outputs: numbered("output") };
}

function readIfThere(path: string): Uint8Array | undefined {
  try {
    return new Uint8Array(readFileSync(path));
  } catch {
    return undefined;
  }
}

const BLOCK = 512;

/** The regular files of a tar archive (ustar: a header of 512 bytes before each, sizes in octal). */
function filesOfTar(archive: Uint8Array): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  const text = (from: number, length: number) => {
    const field = archive.subarray(from, from + length);
    const end = field.indexOf(0);
    return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
  };
  for (let at = 0; at + BLOCK <= archive.length && archive[at] !== 0; ) {
    const size = Number.parseInt(text(at + 124, 12), 8);
    const prefix = text(at + 345, 155);
    const name = prefix === "" ? text(at, 100) : `${prefix}/${text(at, 100)}`;
    const start = at + BLOCK;
    // A copy: tensors want their bytes at the start of a buffer of their own.
    if (text(at + 156, 1) === "0") files.set(name, archive.slice(start, start + size));
    at = start + Math.ceil(size / BLOCK) * BLOCK;
  }
  return files;
}
