import { type AttributeProto, AttributeProto_AttributeType, type GraphProto } from "onnx-buf";
import { type Attribute, attribute, type Block } from "./block.ts";
import { tensorOfProto } from "./tensor-proto.ts";
import { utf8 } from "./utf8.ts";

/** The attributes of a message: one, but for a list of subgraphs, of which each comes as well under a
 * name that no attribute has, so that what they read from outside is known.
 *
 * @param readBlock reads a subgraph */
export function attributesOfProto(
  proto: AttributeProto,
  readBlock: (graph: GraphProto) => Block,
): readonly (readonly [name: string, attribute: Attribute])[] {
  if (proto.type === AttributeProto_AttributeType.GRAPHS) {
    const blocks = proto.graphs.map(
      (graph, i) => [`${proto.name}[${i}]`, attribute.graph(readBlock(graph))] as const,
    );
    return [[proto.name, opaque(proto)], ...blocks];
  }
  return [[proto.name, attributeOfProto(proto, readBlock)]];
}

function attributeOfProto(
  proto: AttributeProto,
  readBlock: (graph: GraphProto) => Block,
): Attribute {
  const Type = AttributeProto_AttributeType;
  // A reference to an attribute of the function around it.
  if (proto.refAttrName !== "") return opaque(proto);
  switch (proto.type) {
    case Type.FLOAT:
      return attribute.float(proto.f);
    case Type.INT:
      return attribute.int(exact(proto.i));
    case Type.STRING:
      return textOf(proto);
    case Type.TENSOR:
      return proto.t === undefined ? opaque(proto) : attribute.tensor(tensorOfProto(proto.t));
    case Type.GRAPH:
      return proto.g === undefined ? opaque(proto) : attribute.graph(readBlock(proto.g));
    case Type.FLOATS:
      return attribute.floats(proto.floats);
    case Type.INTS:
      return attribute.ints(proto.ints.map(exact));
    case Type.STRINGS:
      return textsOf(proto);
    default:
      return opaque(proto);
  }
}

/** Strings of attributes are bytes, and some hold binary data: what is no text is not looked into. */
function textOf(proto: AttributeProto): Attribute {
  const text = utf8(proto.s);
  return text === undefined ? opaque(proto) : attribute.string(text);
}

function textsOf(proto: AttributeProto): Attribute {
  const texts = proto.strings.map(utf8);
  const good = texts.every((text) => text !== undefined);
  return good ? attribute.strings(texts) : opaque(proto);
}

function opaque(value: AttributeProto): Attribute {
  return { type: "opaque", value };
}

function exact(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
