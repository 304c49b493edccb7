import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema, type NodeProtoSchema, type ValueInfoProtoSchema } from "onnx-buf";

export const elementTypes = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
} as const;

export type ElementType = keyof typeof elementTypes;

/** A tensor of a graph's interface; without dims its shape is left open. */
export interface Port {
  readonly name: string;
  readonly type: ElementType;
  readonly dims?: readonly (number | string)[];
}

export function port(name: string, type: ElementType, dims?: Port["dims"]): Port {
  return dims === undefined ? { name, type } : { name, type, dims };
}

type NodeInit = MessageInitShape<typeof NodeProtoSchema>;

export function node(
  opType: string,
  input: string[],
  output: string[],
  extra: Partial<NodeInit> = {},
): NodeInit {
  return { opType, input, output, ...extra } as NodeInit;
}

/** One node of ai.softonnx: t = SimplexThreshold(v, mass). */
export function threshold(mode: string, type: ElementType): NodeInit {
  return node(`SimplexThreshold_${mode}_${type}`, ["v", "mass"], ["t"], { domain: "ai.softonnx" });
}

export function model(nodes: NodeInit[], inputs: Port[], outputs: Port[]): Uint8Array {
  const message = create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [
      { domain: "", version: 18n },
      { domain: "ai.softonnx", version: 1n },
    ],
    graph: {
      name: "test",
      node: nodes,
      input: inputs.map(valueInfo),
      output: outputs.map(valueInfo),
    },
  });
  return toBinary(ModelProtoSchema, message);
}

/** Copies its input, which is enough to see a tensor go in and come out. */
export function identity(type: ElementType, dims: Port["dims"] = ["n"]): Uint8Array {
  return model([node("Identity", ["x"], ["y"])], [port("x", type, dims)], [port("y", type, dims)]);
}

/** Products of an [n, n] matrix with itself: as long a run as one likes. */
export function slow(rounds: number): Uint8Array {
  const nodes = Array.from({ length: rounds }, (_, i) =>
    node("MatMul", [i === 0 ? "x" : `p${i - 1}`, "x"], [i === rounds - 1 ? "y" : `p${i}`]),
  );
  return model(nodes, [port("x", "float32", ["n", "n"])], [port("y", "float32", ["n", "n"])]);
}

/** An output that is no tensor. */
export function sequence(): Uint8Array {
  const info: MessageInitShape<typeof ValueInfoProtoSchema> = {
    name: "y",
    type: {
      value: {
        case: "sequenceType",
        value: {
          elemType: { value: { case: "tensorType", value: { elemType: elementTypes.float32 } } },
        },
      },
    },
  };
  const message = create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [{ domain: "", version: 18n }],
    graph: {
      name: "test",
      node: [node("SequenceConstruct", ["x"], ["y"])],
      input: [valueInfo(port("x", "float32", ["n"]))],
      output: [info],
    },
  });
  return toBinary(ModelProtoSchema, message);
}

function valueInfo({ name, type, dims }: Port): MessageInitShape<typeof ValueInfoProtoSchema> {
  const shape = dims && {
    dim: dims.map((dim) =>
      typeof dim === "number"
        ? { value: { case: "dimValue" as const, value: BigInt(dim) } }
        : { value: { case: "dimParam" as const, value: dim } },
    ),
  };
  return {
    name,
    type: {
      value: {
        case: "tensorType",
        value: { elemType: elementTypes[type], ...(shape && { shape }) },
      },
    },
  };
}
