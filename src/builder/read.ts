import type { GraphProto, ModelProto, NodeProto } from "onnx-buf";
import { checkArity, checkSizes } from "./arguments.ts";
import { type Attributes, type Block, NO_ATTRIBUTES } from "./block.ts";
import { decodeModel } from "./decode.ts";
import { type Definition, findDefinition, type TensorType } from "./definition.ts";
import { checkOptions, failArgument } from "./errors.ts";
import { type ExternalData, externalDataIn, externalDataOf } from "./external.ts";
import type { Graph } from "./graph.ts";
import { schemaOf } from "./operators/known.ts";
import { attributesOfProto } from "./read-attribute.ts";
import { ImportedFunctions } from "./read-function.ts";
import { bodyTypes, hasLongAttribute, plainDomain, varyingArguments } from "./read-node.ts";
import { ReadState } from "./read-state.ts";
import { declaredTypes, mergeTypes, ofAnySize, typeOfProto, UNKNOWN } from "./read-type.ts";
import { limitsOf, ModelFormatError, type ModelLimits, scanModel } from "./scan.ts";
import type { NodeFacts } from "./schema.ts";
import { ModelSource, type NodeSource } from "./source.ts";
import type { Literal, StateTensor } from "./tensor.ts";
import { tensorOfProto } from "./tensor-proto.ts";
import type { Value } from "./value.ts";

export { ModelFormatError, type ModelLimits } from "./scan.ts";

/** Options of Graph.fromModel. */
export interface FromModelOptions {
  /** Reads elements that lie in files beside the model; called when they are asked for. By default that is
   * an error; `loadModel` of softonnx/node reads them. */
  readonly external?: (data: ExternalData) => Uint8Array<ArrayBuffer>;
  /** What the model may hold. Each limit can be set by itself; the others keep their defaults. */
  readonly limits?: Partial<ModelLimits>;
  /** Elements for inputs of the model, by name, which become parameters that begin so: above all for those
   * that a training step is fed and gives the next values of. Where all of these are given, the graph has
   * their updates too, and is that training step again. By default all inputs are plain inputs. */
  readonly state?: Readonly<Record<string, Literal | StateTensor>>;
}

/** Makes the graph to read into (handed in, so that this module need not import Graph). */
export type NewImportedGraph = (name: string, source: ModelSource, opset: number) => Graph;

/** The versions of ai.onnx that are read. */
const OPSETS = { least: 7, most: 26 };

/** What is added to a model that has no operator of ai.onnx is written in this version. */
const ASSUMED_OPSET = 18;

/** See Graph.fromModel.
 *
 * The graph inputs of a training step that `ai.softonnx.state` names are plain inputs, unless `state` says
 * what they are at the start: that is not in the model. */
export function readModel(
  bytes: Uint8Array,
  options: FromModelOptions,
  newGraph: NewImportedGraph,
): Graph {
  checkOptions("fromModel", options, ["external", "limits", "state"]);
  const limits = limitsOf(options.limits ?? {});
  const view = plainBytes(bytes);
  scanModel(view, limits);
  const { model, nodes } = decodeModel(view);
  if (model.graph === undefined) throw new ModelFormatError("the model has no graph");
  const source = new ModelSource(model);
  source.external.push(...externalDataOf(model));
  const opsets = opsetsOf(model);
  const graph = newGraph(model.graph.name, source, opsets.get("") ?? ASSUMED_OPSET);
  for (const [domain, version] of opsets) graph.importDomain(domain, version);
  new ModelReader(graph, source, opsets, options.external).read(
    new Scope(model.graph, nodes, source.values),
    new ReadState(model, options.state ?? {}),
  );
  return graph;
}

/** The bytes as a bare Uint8Array: subarrays of a Node Buffer are Buffers, and a TextDecoder takes no
 * shared memory. */
function plainBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  if (Object.prototype.toString.call(bytes) !== "[object Uint8Array]") {
    failArgument("fromModel", "bytes", "the model's bytes, a Uint8Array", bytes);
  }
  const { buffer, byteOffset, byteLength } = bytes;
  if (Object.prototype.toString.call(buffer) !== "[object ArrayBuffer]")
    return new Uint8Array(bytes);
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
}

function opsetsOf(model: ModelProto): ReadonlyMap<string, number> {
  const opsets = new Map<string, number>();
  for (const { domain, version } of model.opsetImport) {
    const name = plainDomain(domain);
    const known = opsets.get(name);
    if (known !== undefined && known !== Number(version)) {
      throw new ModelFormatError(
        `the model imports ${quoted(domain || "ai.onnx")} at version ${known} and ${version}`,
      );
    }
    opsets.set(name, Number(version));
  }
  const opset = opsets.get("");
  if (opset !== undefined && !(opset >= OPSETS.least && opset <= OPSETS.most)) {
    throw new ModelFormatError(
      `the model is written in version ${opset} of ai.onnx; ` +
        `expected ${OPSETS.least} to ${OPSETS.most}`,
    );
  }
  return opsets;
}

/** The names that can be read in a block: its own, and those of the blocks around it. */
class Scope {
  readonly outer: Scope | undefined;
  readonly proto: GraphProto;
  readonly nodes: readonly NodeSource[];
  readonly values: Map<string, Value>;

  constructor(
    proto: GraphProto,
    nodes: readonly NodeSource[],
    values: Map<string, Value>,
    outer?: Scope,
  ) {
    this.proto = proto;
    this.nodes = nodes;
    this.values = values;
    this.outer = outer;
  }

  find(name: string): Value | undefined {
    for (let scope: Scope | undefined = this; scope !== undefined; scope = scope.outer) {
      const value = scope.values.get(name);
      if (value !== undefined) return value;
    }
    return undefined;
  }
}

class ModelReader {
  readonly #graph: Graph;
  readonly #source: ModelSource;
  readonly #opsets: ReadonlyMap<string, number>;
  readonly #functions: ImportedFunctions;
  readonly #external: FromModelOptions["external"];
  readonly #ops = new Map<string, string>();

  constructor(
    graph: Graph,
    source: ModelSource,
    opsets: ReadonlyMap<string, number>,
    external: FromModelOptions["external"],
  ) {
    this.#external = external;
    this.#graph = graph;
    this.#source = source;
    this.#opsets = opsets;
    this.#functions = new ImportedFunctions(source.model.functions);
  }

  read(scope: Scope, state: ReadState): void {
    const { proto } = scope;
    const initialized = new Set([
      ...proto.initializer.map(({ name }) => name),
      ...proto.sparseInitializer.map(({ values }) => values?.name ?? ""),
    ]);
    // Before IR version 4 an initialiser had to be an input as well; it is a constant nevertheless.
    for (const { name, type } of proto.input) {
      if (initialized.has(name)) continue;
      this.#requireNew(scope, name, "input");
      const declared = typeOfProto(type);
      const value =
        state.parameter(this.#graph, name, declared) ?? this.#graph.inputOf(name, declared);
      this.#define(scope, name, value);
    }
    state.checkNames(this.#graph);
    this.#contents(scope);
    for (const { name } of proto.output) {
      const parameter = state.updatedBy(this.#graph, name);
      if (parameter !== undefined) {
        this.#graph.update(parameter, this.#result(scope, name));
        continue;
      }
      if (this.#graph.outputs.has(name)) {
        throw new ModelFormatError(`there are two outputs ${quoted(name)}`);
      }
      this.#graph.output(name, this.#result(scope, name));
    }
  }

  /** A subgraph, as a block within the current one. */
  #body(
    proto: GraphProto,
    outer: Scope,
    given: readonly TensorType[],
    varying: ReadonlySet<string>,
  ): Block {
    const nodes = proto.node.map((message) => ({ message }));
    const scope = new Scope(proto, nodes, new Map(), outer);
    const arguments_ = proto.input.map(({ name, type }, i) => {
      const merged = mergeTypes(given[i] ?? UNKNOWN, typeOfProto(type));
      return { ...(varying.has(name) ? ofAnySize(merged) : merged), hint: name };
    });
    return this.#graph.body(arguments_, (...inputs) => {
      for (const [i, { name }] of proto.input.entries()) {
        this.#requireNew(scope, name, "input");
        this.#define(scope, name, inputs[i] as Value);
      }
      // Names that files make up for sizes mean another size in each round.
      this.#contents(scope, varying.size > 0 ? ofAnySize : undefined);
      return proto.output.map(({ name }) => this.#result(scope, name));
    });
  }

  /** Initialisers and nodes of the current block. */
  #contents(scope: Scope, believed: (type: TensorType) => TensorType = (type) => type): void {
    const { proto } = scope;
    for (const tensor of proto.initializer) {
      this.#requireNew(scope, tensor.name, "initialiser");
      const data = tensorOfProto(tensor, this.#external);
      const type = { dtype: data.dtype, shape: data.dims };
      this.#define(scope, tensor.name, this.#graph.imported(type, tensor.name, data));
    }
    for (const { values, dims } of proto.sparseInitializer) {
      const name = values?.name ?? "";
      this.#requireNew(scope, name, "initialiser");
      const { dtype } = values === undefined ? UNKNOWN : tensorOfProto(values);
      const type = { dtype, shape: dims.map(Number) };
      this.#define(scope, name, this.#graph.imported(type, name));
    }
    const declared = new Map(
      [...declaredTypes(proto.valueInfo, proto.output)].map(
        ([name, type]) => [name, believed(type)] as const,
      ),
    );
    for (const { name } of [...proto.input, ...proto.output, ...proto.valueInfo]) {
      this.#source.reserve(name);
    }
    scope.nodes.forEach((node, index) => {
      this.#node(scope, node, index, declared);
    });
  }

  #node(
    scope: Scope,
    node: NodeSource,
    index: number,
    declared: ReadonlyMap<string, TensorType>,
  ): void {
    const proto = node.message;
    if (proto.opType === "")
      throw new ModelFormatError(`${described(proto, index)} has no operator`);
    const inputs = proto.input.map((name) => {
      if (name === "") return undefined;
      this.#source.reserve(name);
      return scope.find(name) ?? failUnknownInput(scope, proto, index, name);
    });
    const domain = plainDomain(proto.domain);
    if (domain === "" && !this.#opsets.has("")) {
      throw new ModelFormatError(
        `${described(proto, index)} is of ai.onnx, of which the model imports no version`,
      );
    }
    const attributes = this.#attributes(scope, proto, index, inputs);
    const facts: NodeFacts = {
      operator: proto.opType,
      inputs,
      attributes,
      opset: this.#opsets.get(domain) ?? 1,
      outputCount: proto.output.length,
    };
    const known = this.#understand(proto, domain, facts);
    if (scope.outer === undefined) this.#source.external.push(...externalDataIn(proto));
    const { outputs } = this.#graph.append({
      op: this.#shared(proto.opType),
      domain,
      inputs,
      attributes,
      normal: known.normal,
      definition: known.definition,
      types: proto.output.map((name, i) =>
        mergeTypes(known.types[i] ?? UNKNOWN, declared.get(name)),
      ),
      hints: proto.output,
      source: node,
    });
    this.#source.reserve(proto.name);
    for (const [i, name] of proto.output.entries()) {
      if (name === "") continue;
      this.#requireNew(scope, name, () => `${described(proto, index)} makes`);
      this.#define(scope, name, outputs[i] as Value);
    }
  }

  #attributes(
    scope: Scope,
    proto: NodeProto,
    index: number,
    inputs: readonly (Value | undefined)[],
  ): Attributes {
    const entries = proto.attribute.flatMap((attribute) =>
      attributesOfProto(attribute, (body) =>
        this.#body(body, scope, bodyTypes(proto, inputs), varyingArguments(proto, body)),
      ),
    );
    if (entries.length === 0) return NO_ATTRIBUTES;
    // Not by assignment: "__proto__" is a name like any other.
    const attributes: Attributes = Object.fromEntries(entries);
    if (Object.keys(attributes).length < entries.length) {
      throw new ModelFormatError(`${described(proto, index)} has two attributes of one name`);
    }
    return attributes;
  }

  /** What the builder knows of a node. Whatever inference cannot follow, the model may still be right:
   * such a node is read like an unknown operator. */
  #understand(
    proto: NodeProto,
    domain: string,
    facts: NodeFacts,
  ): { types: readonly TensorType[]; normal?: unknown; definition?: Definition | undefined } {
    const { inputs } = facts;
    let normal: unknown;
    try {
      const imported = this.#functions.find(domain, proto.opType, proto.overload);
      const known = domain === "" || imported === undefined;
      const schema = known ? schemaOf(proto.opType, domain) : undefined;
      if (schema !== undefined) {
        if (proto.opType !== "Constant" && hasLongAttribute(proto)) return { types: [] };
        checkArity(proto.opType, schema.arity, inputs.length);
        if (lacksInput(proto.opType, schema.arity, inputs)) return { types: [] };
        normal = schema.normal(facts);
        const types = schema.infer(facts, normal);
        checkSizes(proto.opType, types);
        return { normal, types };
      }
      if (imported !== undefined && this.#kernel(proto, domain) === undefined) {
        const application = this.#functions.definitionOf(this.#graph, imported, facts.attributes);
        return { definition: application, types: typesOrNone(application, inputs) };
      }
      const definition = this.#kernel(proto, domain);
      if (definition === undefined) return { types: [] };
      checkArity(proto.opType, definition.inputs.length, inputs.length);
      return { definition, types: definition.infer(inputs as readonly Value[]) };
    } catch {
      return { types: [], normal };
    }
  }

  #kernel(proto: NodeProto, domain: string): Definition | undefined {
    if (proto.overload !== "" || proto.input.includes("")) return undefined;
    return findDefinition(domain, proto.opType, this.#opsets.get(domain) ?? 0);
  }

  #result(scope: Scope, name: string): Value {
    const value = scope.find(name);
    if (value === undefined) throw new ModelFormatError(`nothing makes the output ${quoted(name)}`);
    return value;
  }

  /** The same text once: decoding makes one of its own for every node. */
  #shared(op: string): string {
    const known = this.#ops.get(op);
    if (known === undefined) this.#ops.set(op, op);
    return known ?? op;
  }

  #define(scope: Scope, name: string, value: Value): void {
    this.#source.define(scope.values, name, value);
  }

  #requireNew(scope: Scope, name: string, what: string | (() => string)): void {
    if (name !== "" && !scope.values.has(name)) return;
    const maker = typeof what === "string" ? `the graph has an ${what}` : what();
    const problem = name === "" ? "without a name" : `${quoted(name)}, which exists already`;
    throw new ModelFormatError(`${maker} ${problem}`);
  }
}

/** Operators whose first inputs may be left out while later ones are there. */
const LEAVING_OUT = ["Loop", "Resize"];

/** Whether a required input is left out. */
function lacksInput(
  op: string,
  arity: number | readonly [least: number, most: number],
  inputs: readonly (Value | undefined)[],
): boolean {
  const required = typeof arity === "number" ? arity : arity[0];
  return !LEAVING_OUT.includes(op) && inputs.slice(0, required).includes(undefined);
}

/** The types of what a function gives, none where its body cannot be followed: by the way it is applied
 * its gradient is told apart from that of an operator nobody knows. */
function typesOrNone(
  { infer }: Definition,
  inputs: readonly (Value | undefined)[],
): readonly TensorType[] {
  try {
    return infer(inputs as readonly Value[]);
  } catch {
    return [];
  }
}

function failUnknownInput(scope: Scope, proto: NodeProto, index: number, name: string): never {
  const reader = described(proto, index);
  for (let at: Scope | undefined = scope; at !== undefined; at = at.outer) {
    const maker = at.nodes.findIndex(({ message }) => message.output.includes(name));
    if (maker < 0) continue;
    const made = described((at.nodes[maker] as NodeSource).message, maker);
    throw new ModelFormatError(
      `${reader} reads ${quoted(name)}, which ${made} makes only later; ` +
        "expected nodes in the order of computation, without cycles",
    );
  }
  throw new ModelFormatError(`${reader} reads ${quoted(name)}, which nothing makes`);
}

function described(proto: NodeProto, index: number): string {
  return proto.name === ""
    ? `node ${index} (${shortened(proto.opType)})`
    : `node ${quoted(proto.name)} (${shortened(proto.opType)})`;
}

function quoted(name: string): string {
  return JSON.stringify(shortened(name));
}

function shortened(name: string): string {
  return name.length > 80 ? `${name.slice(0, 80)}…` : name;
}
