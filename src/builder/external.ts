import type { AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto } from "onnx-buf";

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

/** All tensors of a model whose elements lie in files. */
export function externalDataOf(model: ModelProto | undefined): ExternalData[] {
  const found: ExternalData[] = [];
  const tensor = (proto: TensorProto | undefined) => {
    const data = proto && externalData(proto);
    if (data !== undefined) found.push(data);
  };
  const attribute = ({ t, tensors, g, graphs }: AttributeProto) => {
    [t, ...tensors].forEach(tensor);
    for (const body of [g, ...graphs]) graph(body);
  };
  const nodes = (list: readonly NodeProto[]) => {
    for (const node of list) node.attribute.forEach(attribute);
  };
  const graph = (proto: GraphProto | undefined) => {
    if (proto === undefined) return;
    proto.initializer.forEach(tensor);
    for (const { values, indices } of proto.sparseInitializer) [values, indices].forEach(tensor);
    nodes(proto.node);
  };
  graph(model?.graph);
  for (const each of model?.functions ?? []) nodes(each.node);
  return found;
}
