import { create } from "@bufbuild/protobuf";
import {
  type AttributeProto,
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  type FunctionProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  TensorProtoSchema,
  type TypeProto,
  type ValueInfoProto,
} from "onnx-buf";
import { type DType, dtypeCode, dtypeOfCode } from "../../src/builder/dtype.ts";
import { fromBFloat16, fromFloat16 } from "../../src/builder/half.ts";
import type { TensorData } from "../../src/builder/tensor.ts";
import { tensorOfProto } from "../../src/builder/tensor-proto.ts";

/** A type that every floating tensor of a model can be given. */
export type Precision = "float32" | "float64";

const FLOATS: readonly DType[] = ["float16", "bfloat16", "float32", "float64"];

/** The attributes that name an element type, as numbers. */
const TYPE_ATTRIBUTES = ["to", "dtype", "output_dtype", "stash_type", "softmax_precision"];

/** The same model with every floating tensor in one type, and without what it declares of inner values
 * and of the ranks and sizes of its results, so that whoever reads it has to find them. */
export function inPrecision(model: ModelProto, precision: Precision): ModelProto {
  return derive(model, {
    ...(model.graph && { graph: graphIn(model.graph, precision) }),
    functions: model.functions.map((each) => functionIn(each, precision)),
  });
}

/** A message with some fields changed; all else is shared with the original. */
function derive<M extends object>(message: M, changes: Partial<M>): M {
  return Object.assign(Object.create(Object.getPrototypeOf(message)), message, changes);
}

function graphIn(graph: GraphProto, to: Precision): GraphProto {
  return derive(graph, {
    node: graph.node.map((node) => nodeIn(node, to)),
    initializer: graph.initializer.map((tensor) => tensorProtoIn(tensor, to)),
    input: graph.input.map((info) => infoIn(info, to, true)),
    output: graph.output.map((info) => infoIn(info, to, false)),
    valueInfo: [],
  });
}

function functionIn(each: FunctionProto, to: Precision): FunctionProto {
  return derive(each, {
    node: each.node.map((node) => nodeIn(node, to)),
    attributeProto: each.attributeProto.map((attribute) => attributeIn(attribute, to)),
    valueInfo: [],
  });
}

function nodeIn(node: NodeProto, to: Precision): NodeProto {
  const attributes = node.attribute.map((attribute) => attributeIn(attribute, to));
  // What these compute with inside is float32 unless they are told.
  const told = attributes.some(({ name }) => name === "stash_type");
  if (/^(Layer|Group|RMS)Normalization$/.test(node.opType) && !told) {
    const type = AttributeProto_AttributeType.INT;
    const i = BigInt(dtypeCode(to));
    attributes.push(create(AttributeProtoSchema, { name: "stash_type", type, i }));
  }
  // So is what these make.
  if (node.opType === "ConstantOfShape" && attributes.length === 0) {
    attributes.push(tensorAttribute("value", [1], [0], to));
  }
  if (node.opType === "Constant") {
    const [{ name, f, floats }] = attributes as [AttributeProto];
    if (name === "value_float") attributes[0] = tensorAttribute("value", [], [f], to);
    if (name === "value_floats") {
      attributes[0] = tensorAttribute("value", [floats.length], floats, to);
    }
  }
  return derive(node, { attribute: attributes });
}

function tensorAttribute(
  name: string,
  dims: readonly number[],
  numbers: readonly number[],
  to: Precision,
): AttributeProto {
  const elements = to === "float64" ? Float64Array.from(numbers) : Float32Array.from(numbers);
  return create(AttributeProtoSchema, {
    name,
    type: AttributeProto_AttributeType.TENSOR,
    t: protoOf("", { dtype: to, dims, elements }),
  });
}

function attributeIn(attribute: AttributeProto, to: Precision): AttributeProto {
  const Type = AttributeProto_AttributeType;
  const { type, name, t, g, i } = attribute;
  if (type === Type.TENSOR && t !== undefined)
    return derive(attribute, { t: tensorProtoIn(t, to) });
  if (type === Type.GRAPH && g !== undefined) return derive(attribute, { g: graphIn(g, to) });
  if (type === Type.INT && TYPE_ATTRIBUTES.includes(name)) {
    return derive(attribute, { i: BigInt(codeIn(Number(i), to)) });
  }
  return attribute;
}

function infoIn(info: ValueInfoProto, to: Precision, sized: boolean): ValueInfoProto {
  return info.type === undefined ? info : derive(info, { type: typeIn(info.type, to, sized) });
}

function typeIn(type: TypeProto, to: Precision, sized: boolean): TypeProto {
  const { value } = type;
  if (value.case === "tensorType") {
    const tensor = derive(value.value, { elemType: codeIn(value.value.elemType, to) });
    if (!sized) delete tensor.shape;
    return derive(type, { value: { case: "tensorType", value: tensor } });
  }
  if (value.case !== "sequenceType" && value.case !== "optionalType") return type;
  const { elemType } = value.value;
  if (elemType === undefined) return type;
  const changed = derive(value.value, { elemType: typeIn(elemType, to, sized) });
  return derive(type, { value: { case: value.case, value: changed } as typeof value });
}

function codeIn(code: number, to: Precision): number {
  return FLOATS.includes(dtypeOfCode(code)) ? dtypeCode(to) : code;
}

function tensorProtoIn(tensor: TensorProto, to: Precision): TensorProto {
  if (codeIn(tensor.dataType, to) === tensor.dataType) return tensor;
  return protoOf(tensor.name, tensorIn(tensorOfProto(tensor), to));
}

function protoOf(name: string, { dtype, dims, elements }: Bare): TensorProto {
  const { buffer, byteOffset, byteLength } = elements as Float64Array<ArrayBuffer>;
  return create(TensorProtoSchema, {
    name,
    dims: dims.map(BigInt),
    dataType: dtypeCode(dtype),
    rawData: new Uint8Array(buffer, byteOffset, byteLength),
  });
}

/** A tensor without the message that it was read from. */
export type Bare = Pick<TensorData, "dtype" | "dims" | "elements">;

/** A tensor with its elements in a precision, if it is floating; itself otherwise. */
export function tensorIn({ dtype, dims, elements }: Bare, to: Precision): Bare {
  if (!FLOATS.includes(dtype)) return { dtype, dims, elements };
  const numbers = numbersIn({ dtype, dims, elements });
  const changed = to === "float64" ? Float64Array.from(numbers) : Float32Array.from(numbers);
  return { dtype: to, dims, elements: changed };
}

/** The elements as JavaScript's numbers; of floating types those that the bits stand for. */
export function numbersIn({ dtype, elements }: Bare): number[] {
  if (dtype === "float16") return Array.from(elements as Uint16Array, fromFloat16);
  if (dtype === "bfloat16") return Array.from(elements as Uint16Array, fromBFloat16);
  return Array.from(elements as ArrayLike<number | bigint>, Number);
}
