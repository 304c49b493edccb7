import type { GraphProto, ModelProto, NodeProto, TensorProto } from "onnx-buf";

/** The elements of a tensor that lie in a file beside the model. */
export interface ExternalData {
  /** The tensor's name. */
  readonly name: string;
  /** The file, relative to the model's folder, as the model has it: it may say anything. */
  readonly location: string;
  /** Where they begin in it, in bytes. */
  readonly offset: number;
  /** How many bytes they are; undefined for the rest of the file. */
  readonly length: number | undefined;
}

/** TensorProto.EXTERNAL */
const EXTERNAL = 1;

/** Where a tensor's elements lie; undefined if they are in the model. */
export function externalData(proto: TensorProto): ExternalData | undefined {
  if (proto.dataLocation !== EXTERNAL) return undefined;
  const entry = (key: string) => proto.externalData.find((each) => each.key === key)?.value;
  const length = entry("length");
  return {
    name: proto.name,
    location: entry("location") ?? "",
    offset: sizeIn(entry("offset") ?? "0"),
    length: length === undefined ? undefined : sizeIn(length),
  };
}

/** -1 for what is no size. */
function sizeIn(text: string): number {
  const size = /^\d{1,16}$/.test(text) ? Number(text) : -1;
  return Number.isSafeInteger(size) ? size : -1;
}

/** All tensors of a model whose elements lie in files, but those of its graph's nodes. */
export function externalDataOf({ graph, functions }: ModelProto): ExternalData[] {
  return [...inGraph(graph), ...functions.flatMap(({ node }) => node.flatMap(externalDataIn))];
}

/** Those of one node. */
export function externalDataIn({ attribute }: NodeProto): ExternalData[] {
  return attribute.flatMap(({ t, tensors, g, graphs }) => [
    ...[t, ...tensors].flatMap(ofTensor),
    ...[g, ...graphs].flatMap(inGraph),
  ]);
}

function inGraph(graph: GraphProto | undefined): ExternalData[] {
  if (graph === undefined) return [];
  const { initializer, sparseInitializer, node } = graph;
  const sparse = sparseInitializer.flatMap(({ values, indices }) => [values, indices]);
  return [...[...initializer, ...sparse].flatMap(ofTensor), ...node.flatMap(externalDataIn)];
}

function ofTensor(tensor: TensorProto | undefined): ExternalData[] {
  const data = tensor && externalData(tensor);
  return data === undefined ? [] : [data];
}
