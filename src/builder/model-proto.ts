import { create } from "@bufbuild/protobuf";
import {
  type FunctionProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type OperatorSetIdProto,
  OperatorSetIdProtoSchema,
  StringStringEntryProtoSchema,
  type TensorProto,
  type ValueInfoProto,
} from "onnx-buf";
import { VERSION } from "../version.ts";
import type { Graph } from "./graph.ts";

/** The parts of a model to write. */
export interface ModelParts {
  /** The whole graph and not a slice of it: everything that was read goes back out. */
  readonly whole: boolean;
  /** Whether any node is of ai.onnx. */
  readonly standard: boolean;
  /** The values that the nodes of a slice mention. */
  readonly mentioned: ReadonlySet<string>;
  readonly inputs: readonly ValueInfoProto[];
  readonly outputs: readonly ValueInfoProto[];
  readonly initializers: readonly TensorProto[];
  readonly functions: readonly FunctionProto[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** Puts a model together, all but the nodes of its graph. Of an imported graph it keeps every message and
 * field that was read, and adds to them. */
export function assembleModel(graph: Graph, parts: ModelParts): ModelProto {
  const source = graph.source?.model;
  const model = derive(source ?? newModel(), {
    graph: graphProto(graph, parts),
    opsetImport: mergeOpsets(
      (source?.opsetImport ?? []).filter(
        ({ domain }) => graph.raisedFrom === undefined || (domain !== "" && domain !== "ai.onnx"),
      ),
      opsetsOf(graph, parts),
    ),
    functions: mergeBy(
      (f) => `${f.domain}:${f.name}:${f.overload}`,
      source?.functions ?? [],
      parts.functions,
    ),
  });
  const added =
    parts.functions.length > 0 || source === undefined || graph.raisedFrom !== undefined;
  const least = BigInt(irVersionOf(graph.opset));
  if (added && model.irVersion < least) model.irVersion = least;
  const metadata = Object.entries(parts.metadata).map(([key, value]) =>
    create(StringStringEntryProtoSchema, { key, value }),
  );
  if (metadata.length > 0) {
    const kept = model.metadataProps.filter(({ key }) => !Object.hasOwn(parts.metadata, key));
    model.metadataProps = [...kept, ...metadata];
  }
  return model;
}

function newModel(): ModelProto {
  return create(ModelProtoSchema, {
    irVersion: 0n,
    producerName: "softonnx",
    producerVersion: VERSION,
  });
}

/** The IR version that first knew an opset; functions need 8, which every opset up to 18 may have. */
function irVersionOf(opset: number): number {
  if (opset >= 25) return 13;
  if (opset === 24) return 12;
  if (opset === 23) return 11;
  if (opset >= 21) return 10;
  return opset >= 19 ? 9 : 8;
}

function graphProto(graph: Graph, parts: ModelParts) {
  const source = graph.source?.model.graph ?? create(GraphProtoSchema, { name: graph.name });
  const name = (message: { readonly name: string }) => message.name;
  if (parts.whole) {
    return derive(source, {
      input: mergeBy(name, source.input, parts.inputs),
      output: mergeBy(name, source.output, parts.outputs),
      // Of those that are trained now, the graph has the elements.
      initializer: mergeBy(
        name,
        source.initializer.filter((tensor) => !graph.parameters.has(tensor.name)),
        parts.initializers,
      ),
    });
  }
  // A slice keeps what was said of the values that are left.
  return derive(source, {
    input: parts.inputs.map((info) => source.input.find((i) => i.name === info.name) ?? info),
    output: parts.outputs.map((info) => source.output.find((o) => o.name === info.name) ?? info),
    initializer: [...parts.initializers],
    valueInfo: source.valueInfo.filter((info) => parts.mentioned.has(info.name)),
  });
}

/** A message with some fields changed, unknown fields kept, and all else shared with the original. */
export function derive<M extends object>(message: M, changes: Partial<M>): M {
  return Object.assign(Object.create(Object.getPrototypeOf(message)), message, changes);
}

/** The old messages as they are, and the new ones that have no old one of the same key. */
function mergeBy<M>(key: (message: M) => string, old: readonly M[], added: readonly M[]): M[] {
  const known = new Set(old.map(key));
  return [...old, ...added.filter((message) => !known.has(key(message)))];
}

/** The graph's domains. A model that was read without ai.onnx stays so until it has an operator of it. */
function opsetsOf(graph: Graph, parts: ModelParts): readonly (readonly [string, number])[] {
  const standard = graph.source === undefined || parts.standard;
  return [...graph.opsets].filter(([domain]) => domain !== "" || standard);
}

function mergeOpsets(
  old: readonly OperatorSetIdProto[],
  opsets: readonly (readonly [domain: string, version: number])[],
): OperatorSetIdProto[] {
  // ai.onnx may be written with its name or with none.
  const domain = (entry: OperatorSetIdProto) => (entry.domain === "ai.onnx" ? "" : entry.domain);
  const added = opsets.map(([name, version]) =>
    create(OperatorSetIdProtoSchema, { domain: name, version: BigInt(version) }),
  );
  return mergeBy(domain, old, added);
}
