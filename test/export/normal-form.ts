/** What is in a model, as plain data that two readers must agree on. The interfaces below are what both
 * onnx-buf and onnx-proto give. */
export interface ModelForm {
  readonly irVersion: string;
  readonly opsets: readonly string[];
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly nodes: readonly NodeForm[];
  readonly initializers: readonly TensorForm[];
  readonly functions: readonly FunctionForm[];
}

export interface NodeForm {
  readonly op: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, unknown>>;
}

interface TensorForm {
  readonly name: string;
  readonly type: number;
  readonly dims: readonly string[];
  readonly bytes: string;
  /** Elements kept in typed fields instead of bytes. */
  readonly elements: readonly string[];
}

interface FunctionForm {
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: readonly string[];
  readonly opsets: readonly string[];
  readonly nodes: readonly NodeForm[];
}

/** A whole number as a reader gives it: bigint, Long or number. */
type Whole = { toString(): string };

interface TensorRead {
  readonly name: string;
  readonly dataType: number;
  readonly dims: readonly Whole[];
  readonly rawData: Uint8Array;
  readonly floatData: ArrayLike<number>;
  readonly int32Data: ArrayLike<number>;
  readonly int64Data: readonly Whole[];
  readonly doubleData: ArrayLike<number>;
}

interface AttributeRead {
  readonly name: string;
  readonly type: number;
  readonly f: number;
  readonly i: Whole;
  readonly s: Uint8Array;
  readonly t?: unknown;
  readonly g?: unknown;
  readonly floats: ArrayLike<number>;
  readonly ints: readonly Whole[];
  readonly strings: readonly Uint8Array[];
}

interface NodeRead {
  readonly opType: string;
  readonly domain: string;
  readonly name: string;
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly attribute: readonly AttributeRead[];
}

interface NamedRead {
  readonly name: string;
}

interface GraphRead {
  readonly input: readonly NamedRead[];
  readonly output: readonly NamedRead[];
  readonly node: readonly NodeRead[];
  readonly initializer: readonly TensorRead[];
}

interface OpsetRead {
  readonly domain: string;
  readonly version: Whole;
}

interface FunctionRead {
  readonly name: string;
  readonly domain: string;
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly attribute: readonly string[];
  readonly node: readonly NodeRead[];
  readonly opsetImport: readonly OpsetRead[];
}

interface ModelRead {
  readonly irVersion: Whole;
  readonly opsetImport: readonly OpsetRead[];
  readonly graph?: unknown;
  readonly functions: readonly FunctionRead[];
}

/** @param read a ModelProto, of either reader */
export function modelForm(read: unknown): ModelForm {
  const model = read as ModelRead;
  const graph = model.graph as GraphRead;
  return {
    irVersion: String(model.irVersion),
    opsets: opsetForms(model.opsetImport),
    inputs: graph.input.map(({ name }) => name),
    outputs: graph.output.map(({ name }) => name),
    nodes: graph.node.map(nodeForm),
    initializers: graph.initializer.map(tensorForm),
    functions: model.functions.map((f) => ({
      name: `${f.domain}:${f.name}`,
      inputs: [...f.input],
      outputs: [...f.output],
      attributes: [...f.attribute],
      opsets: opsetForms(f.opsetImport),
      nodes: f.node.map(nodeForm),
    })),
  };
}

function opsetForms(opsets: readonly OpsetRead[]): string[] {
  return opsets.map(({ domain, version }) => `${domain || "ai.onnx"} ${version}`);
}

function nodeForm(node: NodeRead): NodeForm {
  return {
    op: node.domain === "" ? node.opType : `${node.domain}:${node.opType}`,
    name: node.name,
    inputs: [...node.input],
    outputs: [...node.output],
    attributes: Object.fromEntries(node.attribute.map((each) => [each.name, attributeForm(each)])),
  };
}

/** By AttributeProto.AttributeType. */
const ATTRIBUTES: Readonly<Record<number, (attribute: AttributeRead) => unknown>> = {
  1: ({ f }) => f,
  2: ({ i }) => String(i),
  3: ({ s }) => hex(s),
  4: ({ t }) => tensorForm(t as TensorRead),
  5: ({ g }) => graphForm(g as GraphRead),
  6: ({ floats }) => Array.from(floats),
  7: ({ ints }) => ints.map(String),
  8: ({ strings }) => strings.map(hex),
};

function attributeForm(attribute: AttributeRead): unknown {
  const form = ATTRIBUTES[attribute.type];
  if (form === undefined) throw new Error(`${attribute.name} has type ${attribute.type}`);
  return { type: attribute.type, value: form(attribute) };
}

function graphForm({ input, output, node, initializer }: GraphRead) {
  return {
    inputs: input.map(({ name }) => name),
    outputs: output.map(({ name }) => name),
    nodes: node.map(nodeForm),
    initializers: initializer.map(tensorForm),
  };
}

function tensorForm(tensor: TensorRead): TensorForm {
  const { floatData, int32Data, int64Data, doubleData } = tensor;
  const typed = [floatData, int32Data, int64Data, doubleData] as readonly ArrayLike<Whole>[];
  return {
    name: tensor.name,
    type: tensor.dataType,
    dims: tensor.dims.map(String),
    bytes: hex(tensor.rawData),
    elements: typed.flatMap((list) => Array.from(list, String)),
  };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
