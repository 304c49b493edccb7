import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";

/** What a model file says that ONNX Runtime does not pass on. */
export interface ModelHeader {
  /** metadata_props of the model. */
  readonly metadata: ReadonlyMap<string, string>;
  /** Inputs and outputs whose declaration has a shape, be it that of a scalar. */
  readonly shaped: ReadonlySet<string>;
}

// Field numbers of onnx.proto.
const MODEL = { graph: 7, metadata: 14 };
const GRAPH = { input: 11, output: 12 };
const VALUE_INFO = { name: 1, type: 2 };
const TYPE_TENSOR = 1;
const TENSOR_SHAPE = 2;
const ENTRY = { key: 1, value: 2 };

/** Reads metadata and declarations and steps over all else, so that it costs next to nothing however
 * large the model is. For bytes that ONNX Runtime has accepted.
 *
 * @throws RangeError or Error if the bytes are no protobuf message */
export function readHeader(bytes: Uint8Array): ModelHeader {
  const metadata = new Map<string, string>();
  const shaped = new Set<string>();
  eachMessage(bytes, (field, model) => {
    if (field === MODEL.metadata) {
      const { key, value } = readEntry(model);
      metadata.set(key, value);
    } else if (field === MODEL.graph) {
      eachMessage(model, (part, declaration) => {
        if (part === GRAPH.input || part === GRAPH.output) readDeclaration(declaration, shaped);
      });
    }
  });
  return { metadata, shaped };
}

function readEntry(message: Uint8Array): { readonly key: string; readonly value: string } {
  let key = "";
  let value = "";
  eachMessage(message, (field, text) => {
    if (field === ENTRY.key) key = decoder.decode(text);
    if (field === ENTRY.value) value = decoder.decode(text);
  });
  return { key, value };
}

function readDeclaration(message: Uint8Array, shaped: Set<string>): void {
  let name = "";
  let hasShape = false;
  eachMessage(message, (field, content) => {
    if (field === VALUE_INFO.name) name = decoder.decode(content);
    if (field !== VALUE_INFO.type) return;
    eachMessage(content, (kind, tensor) => {
      if (kind !== TYPE_TENSOR) return;
      eachMessage(tensor, (part) => {
        if (part === TENSOR_SHAPE) hasShape = true;
      });
    });
  });
  if (hasShape) shaped.add(name);
}

const decoder = new TextDecoder();

/** Calls back for every length-delimited field; its content is a view, not a copy. */
function eachMessage(bytes: Uint8Array, visit: (field: number, content: Uint8Array) => void): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (type === WireType.LengthDelimited) visit(field, reader.bytes());
    else reader.skip(type, field);
  }
}
