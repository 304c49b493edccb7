import { toBinary } from "@bufbuild/protobuf";
import {
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
} from "onnx-buf";
import type { NodeSource } from "./source.ts";

// Field numbers of onnx.proto.
export const MODEL_GRAPH = 7;
export const GRAPH_NODE = 1;
const GRAPH_INITIALIZER = 5;
const TENSOR_RAW_DATA = 9;

/** Bytes that are gathered before they become part of a whole. */
const BLOCK = 2 ** 16;

/** The nodes of a graph as they lie in a file. Each is serialized when it comes: their messages would take
 * several times the memory. */
export class NodeFields {
  readonly #full: Uint8Array[] = [];
  #block: Uint8Array = new Uint8Array(BLOCK);
  #used = 0;

  add(node: NodeSource): void {
    const message = node.bytes ?? toBinary(NodeProtoSchema, node.message);
    this.#append(Uint8Array.from([GRAPH_NODE * 8 + 2, ...varint(message.length)]));
    this.#append(message);
  }

  chunks(): readonly Uint8Array[] {
    return [...this.#full, this.#block.subarray(0, this.#used)];
  }

  #append(bytes: Uint8Array): void {
    if (this.#used + bytes.length > BLOCK) {
      this.#full.push(this.#block.subarray(0, this.#used));
      // What is longer than a block, a weight perhaps, is not copied.
      this.#block = bytes.length > BLOCK ? bytes : new Uint8Array(BLOCK);
      this.#used = 0;
    }
    if (this.#block !== bytes) this.#block.set(bytes, this.#used);
    this.#used += bytes.length;
  }
}

/** Serializes a model. Protobuf writers copy a nested message once for each level around it, which for
 * weights of a gigabyte takes seconds and twice their size in memory; here graph and initialisers are
 * framed by hand, so that weights are copied once.
 *
 * @param nodes those of its graph, which the message does not have */
export function frameModel(model: ModelProto, nodes: NodeFields): Uint8Array<ArrayBuffer> {
  const { graph } = model;
  const head = toBinary(ModelProtoSchema, without(model, "graph", undefined));
  if (graph === undefined) return concat([head]);
  const body: Uint8Array[] = [
    ...nodes.chunks(),
    toBinary(GraphProtoSchema, without(graph, "initializer", [])),
  ];
  for (const tensor of graph.initializer)
    body.push(...field(GRAPH_INITIALIZER, tensorChunks(tensor)));
  return concat([head, ...field(MODEL_GRAPH, body)]);
}

function tensorChunks(tensor: TensorProto): Uint8Array[] {
  const { rawData } = tensor;
  if (rawData === undefined || rawData.length === 0) return [toBinary(TensorProtoSchema, tensor)];
  const head = toBinary(TensorProtoSchema, without(tensor, "rawData", new Uint8Array(0)));
  return [head, ...field(TENSOR_RAW_DATA, [rawData])];
}

/** A length-delimited field: tag, length, content. */
function field(number: number, content: readonly Uint8Array[]): Uint8Array[] {
  const length = content.reduce((sum, chunk) => sum + chunk.length, 0);
  return [Uint8Array.from([...varint(number * 8 + 2), ...varint(length)]), ...content];
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return [...bytes, rest];
}

function concat(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}

/** The message with one field emptied; the rest is shared, not copied. */
function without<M extends object, Key extends keyof M>(message: M, key: Key, empty: M[Key]): M {
  return Object.assign(Object.create(Object.getPrototypeOf(message)), message, { [key]: empty });
}
