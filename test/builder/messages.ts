import { create, toBinary } from "@bufbuild/protobuf";
import {
  type AttributeProto,
  AttributeProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "onnx-buf";

/** The fields that a message can be made of. */
type Fields<Message> = Partial<Omit<Message, "$typeName" | "$unknown">>;

export function model(graph: GraphProto, fields: Fields<ModelProto> = {}): ModelProto {
  return create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [opset("", 18)],
    graph,
    ...fields,
  });
}

export function bytesOf(
  graph: GraphProto,
  fields: Fields<ModelProto> = {},
): Uint8Array<ArrayBuffer> {
  return toBinary(ModelProtoSchema, model(graph, fields));
}

export function opset(domain: string, version: number) {
  return create(OperatorSetIdProtoSchema, { domain, version: BigInt(version) });
}

export function graph(fields: Fields<GraphProto>): GraphProto {
  return create(GraphProtoSchema, { name: "test", ...fields });
}

export function node(
  opType: string,
  input: string[],
  output: string[],
  fields: Fields<NodeProto> = {},
): NodeProto {
  return create(NodeProtoSchema, { opType, input, output, ...fields });
}

export function attribute(name: string, fields: Fields<AttributeProto>): AttributeProto {
  return create(AttributeProtoSchema, { name, ...fields });
}

/** A tensor of float32 zeros, unless told otherwise. */
export function tensor(
  name: string,
  dims: number[],
  fields: Fields<TensorProto> = {},
): TensorProto {
  const size = dims.reduce((product, dim) => product * dim, 1);
  const rawData = fields.rawData ?? new Uint8Array(4 * size);
  return create(TensorProtoSchema, {
    name,
    dims: dims.map(BigInt),
    dataType: 1,
    rawData,
    ...fields,
  });
}

/** A declared value. null is a dimension of which nothing is said, no `dims` an unknown rank. */
export function info(
  name: string,
  elemType = 1,
  dims?: readonly (number | string | null)[],
): ValueInfoProto {
  const dim = dims?.map((dim) =>
    create(TensorShapeProto_DimensionSchema, {
      value:
        typeof dim === "number"
          ? { case: "dimValue", value: BigInt(dim) }
          : dim === null
            ? { case: undefined }
            : { case: "dimParam", value: dim },
    }),
  );
  const shape = dim && { shape: create(TensorShapeProtoSchema, { dim }) };
  const value = create(TypeProto_TensorSchema, { elemType, ...shape });
  const type = create(TypeProtoSchema, { value: { case: "tensorType", value } });
  return create(ValueInfoProtoSchema, { name, type });
}
