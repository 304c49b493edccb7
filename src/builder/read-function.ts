import type { FunctionProto, GraphProto, NodeProto } from "onnx-buf";
import type { Attribute, Attributes, Block } from "./block.ts";
import type { Definition, TensorType } from "./definition.ts";
import { GraphError } from "./errors.ts";
import type { Graph } from "./graph.ts";
import { schemaOf } from "./operators/known.ts";
import { attributesOfProto } from "./read-attribute.ts";
import { bodyTypes, hasLongAttribute, plainDomain } from "./read-node.ts";
import { mergeTypes, typeOfProto, UNKNOWN } from "./read-type.ts";
import { tensorOfProto } from "./tensor-proto.ts";
import type { Value } from "./value.ts";

/** Functions may apply each other, but not for ever. */
const DEEPEST = 64;

/** Nodes of bodies that inference looks into in one model: twenty functions that each apply the one before
 * twice have a million. Behind that it knows nothing. */
const MOST_INFERRED = 100_000;

/** Nodes that one application may have when its body is written out. */
const MOST_WRITTEN_OUT = 250_000;

/** The functions that came with a model: their applications have types and gradients by their bodies. */
export class ImportedFunctions {
  readonly #functions = new Map<string, FunctionProto>();
  readonly #left: Budget = { nodes: MOST_INFERRED };

  constructor(functions: readonly FunctionProto[]) {
    for (const each of functions) {
      this.#functions.set(keyOf(each.domain, each.name, each.overload), each);
    }
  }

  find(domain: string, name: string, overload: string): FunctionProto | undefined {
    return this.#functions.get(keyOf(domain, name, overload));
  }

  /** One application of a function as an operator.
   *
   * @param attributes those of the node: the body refers to them by name */
  definitionOf(graph: Graph, proto: FunctionProto, attributes: Attributes): Definition {
    const apply = (inputs: readonly (Value | undefined)[], budget: Budget) =>
      new Application(graph, this, budget, 0).of(proto, inputs, attributes);
    return {
      name: proto.name,
      domain: plainDomain(proto.domain),
      version: graph.opsets.get(plainDomain(proto.domain)) ?? 1,
      inputs: proto.input,
      outputs: proto.output,
      // In a block that nothing refers to.
      infer: (inputs) => graph.body([], () => apply(inputs, this.#left)).outputs.map(typeOf),
      body: (inputs) => apply(inputs, { nodes: MOST_WRITTEN_OUT }),
      life: "always",
      source: proto,
    };
  }
}

interface Budget {
  nodes: number;
}

function keyOf(domain: string, name: string, overload: string): string {
  return JSON.stringify([plainDomain(domain), name, overload]);
}

function typeOf({ dtype, shape, elements }: Value): TensorType {
  return { dtype, shape, elements };
}

/** The values that names stand for: those of a body, then those of the blocks around it. */
interface Names {
  readonly own: Map<string, Value>;
  readonly outer: Names | undefined;
}

/** Writes out the body of a function where it is applied. Functions that it applies are written out too.
 * As in ONNX Runtime, it is read by the model's opset, whatever the function says. */
class Application {
  readonly #graph: Graph;
  readonly #functions: ImportedFunctions;
  readonly #budget: Budget;
  readonly #depth: number;

  constructor(graph: Graph, functions: ImportedFunctions, budget: Budget, depth: number) {
    this.#graph = graph;
    this.#functions = functions;
    this.#budget = budget;
    this.#depth = depth;
  }

  of(
    proto: FunctionProto,
    inputs: readonly (Value | undefined)[],
    attributes: Attributes,
  ): readonly Value[] {
    if (this.#depth > DEEPEST) {
      throw new GraphError(proto.name, `functions apply each other more than ${DEEPEST} deep`);
    }
    if (inputs.length > proto.input.length) {
      throw new GraphError(proto.name, `takes ${proto.input.length} inputs, got ${inputs.length}`);
    }
    const names: Names = { own: new Map(), outer: undefined };
    proto.input.forEach((name, i) => {
      const input = inputs[i];
      if (input !== undefined) names.own.set(name, input);
    });
    const declared = proto.attributeProto.flatMap((each) => attributesOfProto(each, noBody));
    const given: Attributes = { ...Object.fromEntries(declared), ...attributes };
    for (const node of proto.node) this.#node(node, names, given);
    return proto.output.map((name) => find(proto.name, names, name));
  }

  #node(proto: NodeProto, names: Names, given: Attributes): void {
    if (--this.#budget.nodes < 0) {
      throw new GraphError(proto.opType, "the functions around it have too many nodes");
    }
    const inputs = proto.input.map((name) => {
      // An input of the function that was left out is left out of its nodes.
      return name === "" ? undefined : lookUp(names, name);
    });
    while (inputs.length > 0 && inputs.at(-1) === undefined) inputs.pop();
    const attributes = this.#attributes(proto, inputs, names, given);
    const outputs = this.#outputs(proto, inputs, attributes);
    proto.output.forEach((name, i) => {
      const output = outputs[i];
      if (name !== "" && output !== undefined) names.own.set(name, output);
    });
  }

  #outputs(
    proto: NodeProto,
    inputs: readonly (Value | undefined)[],
    attributes: Attributes,
  ): readonly Value[] {
    const domain = plainDomain(proto.domain);
    const known = domain === "" && schemaOf(proto.opType) !== undefined;
    const inner = known ? undefined : this.#functions.find(domain, proto.opType, proto.overload);
    if (inner !== undefined) {
      const deeper = new Application(this.#graph, this.#functions, this.#budget, this.#depth + 1);
      return deeper.of(inner, inputs, attributes);
    }
    const [hint = ""] = proto.output;
    const node = { op: proto.opType, domain, inputs, attributes };
    const count = proto.output.length;
    try {
      if (!known || proto.opType === "Constant" || !hasLongAttribute(proto)) {
        return this.#graph.emit({ ...node, outputs: count, hint }).outputs;
      }
    } catch {
      // As in reading a model: what inference cannot follow may still be right.
    }
    return this.#graph.append({
      ...node,
      normal: undefined,
      definition: undefined,
      types: new Array<TensorType>(count).fill(UNKNOWN),
      hints: proto.output,
    }).outputs;
  }

  #attributes(
    proto: NodeProto,
    inputs: readonly (Value | undefined)[],
    names: Names,
    given: Attributes,
  ): Attributes {
    const read = (body: GraphProto) => this.#body(body, names, given, bodyTypes(proto, inputs));
    const entries = proto.attribute.flatMap((each): (readonly [string, Attribute])[] => {
      if (each.refAttrName === "") return [...attributesOfProto(each, read)];
      const value = given[each.refAttrName];
      // Left out by who applies the function, it is left out here.
      return value === undefined ? [] : [[each.name, value]];
    });
    return Object.fromEntries(entries);
  }

  #body(proto: GraphProto, outer: Names, given: Attributes, types: readonly TensorType[]): Block {
    const names: Names = { own: new Map(), outer };
    const arguments_ = proto.input.map(({ name, type }, i) => {
      return { ...mergeTypes(types[i] ?? UNKNOWN, typeOfProto(type)), hint: name };
    });
    return this.#graph.body(arguments_, (...inputs) => {
      proto.input.forEach(({ name }, i) => {
        names.own.set(name, inputs[i] as Value);
      });
      for (const tensor of proto.initializer) {
        names.own.set(tensor.name, this.#graph.lifted(tensorOfProto(tensor), tensor.name));
      }
      for (const node of proto.node) this.#node(node, names, given);
      return proto.output.map(({ name }) => find(proto.name, names, name));
    });
  }
}

/** Attributes that a function declares have no bodies. */
function noBody(): never {
  throw new GraphError("fromModel", "a function declares a graph as the default of an attribute");
}

function lookUp(names: Names, name: string): Value | undefined {
  for (let at: Names | undefined = names; at !== undefined; at = at.outer) {
    const value = at.own.get(name);
    if (value !== undefined) return value;
  }
  return undefined;
}

function find(body: string, names: Names, name: string): Value {
  const value = lookUp(names, name);
  if (value !== undefined) return value;
  throw new GraphError(body, `nothing makes the output "${name}"`);
}
