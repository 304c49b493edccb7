import { create } from "@bufbuild/protobuf";
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  type FunctionProto,
  FunctionProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
} from "onnx-buf";
import type { Node } from "./block.ts";
import type { Definition, TensorType } from "./definition.ts";
import type { Graph } from "./graph.ts";
import { Names } from "./names.ts";
import { planModel } from "./plan.ts";
import { protoOfTensor } from "./tensor-proto.ts";
import type { Value } from "./value.ts";
import type { NewGraph } from "./write.ts";
import { BlockWriter } from "./write-block.ts";

/** The functions that kernel operators need in a model, those that their bodies need in turn included;
 * callees first.
 *
 * @param used the operators in use, each with a node that applies it
 * @param opset the model's: ONNX Runtime inlines a body under it, whatever the function imports */
export function functionsOf(
  used: ReadonlyMap<Definition, Node>,
  opset: number,
  newGraph: NewGraph,
): FunctionProto[] {
  const functions = new Map<string, FunctionProto>();
  const add = (definition: Definition, node: Node) => {
    if (definition.source !== undefined) return;
    const key = `${definition.domain}:${definition.name}`;
    if (functions.has(key)) return;
    const { proto, inner } = functionOf(definition, node, opset, newGraph);
    for (const [callee, at] of inner) add(callee, at);
    functions.set(key, proto);
  };
  for (const [definition, node] of used) add(definition, node);
  return [...functions.values()];
}

interface Traced {
  readonly proto: FunctionProto;
  readonly inner: ReadonlyMap<Definition, Node>;
}

const traced = new WeakMap<Definition, Map<string, Traced>>();

function functionOf(definition: Definition, node: Node, opset: number, newGraph: NewGraph): Traced {
  const signature = definition.signature ?? node.inputs.map((input) => typeOf(input as Value));
  const key = `${opset}:${signature.map((type) => type.dtype).join()}`;
  const known = traced.get(definition) ?? new Map<string, Traced>();
  traced.set(definition, known);
  let result = known.get(key);
  if (result === undefined) {
    result = trace(definition, signature, opset, newGraph);
    known.set(key, result);
  }
  return result;
}

/** A body is traced for any shape: what the first application's happened to be must not get into it. */
function typeOf(value: Value): TensorType {
  return { dtype: value.dtype, shape: undefined };
}

function trace(
  definition: Definition,
  signature: readonly TensorType[],
  opset: number,
  newGraph: NewGraph,
): Traced {
  const graph = newGraph(definition.name, opset);
  const inputs = definition.inputs.map((name, i) => {
    const { dtype, shape } = signature[i] as TensorType;
    return graph.input(
      name,
      dtype,
      shape?.map((dim) => dim ?? null),
    );
  });
  const outputs = definition.body(inputs);
  const plan = planModel(graph.root, {
    roots: outputs,
    keepImported: false,
    inference: true,
    training: false,
  });
  const names = new Names();
  for (const [name, value] of graph.inputs) names.claim(value, name);
  const writer = new BlockWriter(names, plan, graph.root);
  const results = new Map(outputs.map((value, i) => [definition.outputs[i] as string, value]));
  const copies = writer.nameResults(results);
  const nodes = [...writer.nodesOf(graph.root), ...copies];
  const constants = [...plan.leaves].flatMap((value) => constantNode(value, names));
  const proto = create(FunctionProtoSchema, {
    name: definition.name,
    domain: definition.domain,
    input: [...definition.inputs],
    output: [...definition.outputs],
    node: [...constants, ...nodes],
    opsetImport: opsetsOf(graph),
  });
  return { proto, inner: writer.definitions };
}

/** Functions have no initialisers: their constants are nodes. */
function constantNode(value: Value, names: Names) {
  if (value.data === undefined) return [];
  const name = names.of(value);
  const attribute = create(AttributeProtoSchema, {
    name: "value",
    type: AttributeProto_AttributeType.TENSOR,
    t: protoOfTensor(value.data, ""),
  });
  return [
    create(NodeProtoSchema, { opType: "Constant", name, output: [name], attribute: [attribute] }),
  ];
}

function opsetsOf(graph: Graph) {
  return [...graph.opsets].map(([domain, version]) =>
    create(OperatorSetIdProtoSchema, { domain, version: BigInt(version) }),
  );
}
