/** Metadata key under which a training step pairs each state input with the output that is its next
 * value, as JSON: `[["w", "w.next"]]`. */
export const STATE_KEY = "ai.softonnx.state";

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

// Wire types of protobuf.
const WIRE = { varint: 0, fixed64: 1, delimited: 2, fixed32: 5 };

/** Reads metadata and declarations and steps over all else, so that it costs next to nothing however
 * large the model is. For bytes that ONNX Runtime has accepted.
 *
 * @throws RangeError if the bytes are no protobuf message */
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
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++];
      if (byte === undefined) throw new RangeError("the model ends inside a field");
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const length = lengthOf(tag % 8, varint);
    if (at + length > bytes.length) throw new RangeError("the model ends inside a field");
    if (tag % 8 === WIRE.delimited) visit(Math.floor(tag / 8), bytes.subarray(at, at + length));
    at += length;
  }
}

/** How many bytes a field's content takes after what `varint` reads. */
function lengthOf(wire: number, varint: () => number): number {
  switch (wire) {
    case WIRE.delimited:
      return varint();
    case WIRE.varint:
      varint();
      return 0;
    case WIRE.fixed32:
      return 4;
    case WIRE.fixed64:
      return 8;
    default:
      throw new RangeError(`the model has a field of wire type ${wire}`);
  }
}
