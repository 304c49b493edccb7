import { create, fromBinary, mergeFromBinary } from "@bufbuild/protobuf";
import { BinaryReader } from "@bufbuild/protobuf/wire";
import {
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
} from "onnx-buf";
import { GRAPH_NODE, MODEL_GRAPH } from "./frame.ts";
import type { NodeSource } from "./source.ts";

/** A node that lies in the bytes of a model. Messages of many nodes would take several times the memory of
 * their graph, so that each is decoded for as long as somebody looks at it. */
class NodeInFile implements NodeSource {
  readonly #file: Uint8Array;
  readonly #start: number;
  readonly #end: number;

  constructor(file: Uint8Array, start: number, end: number) {
    this.#file = file;
    this.#start = start;
    this.#end = end;
  }

  get bytes(): Uint8Array {
    return this.#file.subarray(this.#start, this.#end);
  }

  get message(): NodeProto {
    return fromBinary(NodeProtoSchema, this.bytes, { recursionLimit: Number.POSITIVE_INFINITY });
  }
}

/** A model without the nodes of its graph, and those. */
export interface Decoded {
  readonly model: ModelProto;
  readonly nodes: readonly NodeSource[];
}

/** Decodes a model that `scanModel` has passed, which bounds what it holds. */
export function decodeModel(file: Uint8Array): Decoded {
  const options = { recursionLimit: Number.POSITIVE_INFINITY };
  const model = create(ModelProtoSchema);
  const nodes: NodeSource[] = [];
  takeApart(file, [0, file.length], MODEL_GRAPH, {
    rest: (bytes) => mergeFromBinary(ModelProtoSchema, model, bytes, options),
    found: (start, end) => {
      const graph = create(GraphProtoSchema);
      model.graph = graph;
      takeApart(file, [start, end], GRAPH_NODE, {
        rest: (bytes) => mergeFromBinary(GraphProtoSchema, graph, bytes, options),
        found: (from, to) => nodes.push(new NodeInFile(file, from, to)),
      });
    },
  });
  return { model, nodes };
}

/** Goes through the fields of a message: where those of one number lie, and what is between them. */
function takeApart(
  file: Uint8Array,
  [start, end]: readonly [number, number],
  number: number,
  to: {
    readonly found: (start: number, end: number) => void;
    readonly rest: (bytes: Uint8Array) => void;
  },
): void {
  const reader = new BinaryReader(file.subarray(0, end));
  reader.pos = start;
  let between = start;
  while (reader.pos < end) {
    const field = reader.pos;
    const [found, wire] = reader.tag();
    if (found !== number) {
      reader.skip(wire, found);
      continue;
    }
    if (field > between) to.rest(file.subarray(between, field));
    const length = reader.uint32();
    to.found(reader.pos, reader.pos + length);
    reader.pos += length;
    between = reader.pos;
  }
  if (end > between) to.rest(file.subarray(between, end));
}
