import { create } from "@bufbuild/protobuf";
import {
  type AttributeProto,
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorShapeProto_Dimension,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  type TypeProto,
  TypeProto_OptionalSchema,
  TypeProto_SequenceSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "onnx-buf";
import { type Attribute, attribute, type Block, type Node } from "./block.ts";
import type { Definition, TensorType } from "./definition.ts";
import type { Dim } from "./dim.ts";
import { dtypeCode } from "./dtype.ts";
import { failArgument, GraphError } from "./errors.ts";
import { scalesBesideMatMul } from "./exact-scale.ts";
import { misjudgedSizes } from "./inferred-sizes.ts";
import { derive } from "./model-proto.ts";
import type { Names } from "./names.ts";
import type { Parts } from "./needs.ts";
import type { Plan } from "./plan.ts";
import type { NodeSource } from "./source.ts";
import { int64Data, type TensorData } from "./tensor.ts";
import { protoOfTensor } from "./tensor-proto.ts";
import type { Value } from "./value.ts";

/** Writes the nodes of a graph or function, settling names as it goes. */
export class BlockWriter {
  readonly #names: Names;
  readonly #plan: Plan;
  /** The kernel operators met so far, each with the node it was first met at. */
  readonly definitions = new Map<Definition, Node>();

  /** Whether anything is written that was not read: a model that only was read comes back as it was. */
  readonly #adds: boolean;

  /** The constants of bodies that were read. */
  readonly #initializers = new Map<Block, Value[]>();

  constructor(names: Names, plan: Plan, root: Block) {
    this.#names = names;
    this.#plan = plan;
    this.#adds = plan.nodesOf(root).some(({ source }) => source === undefined);
    for (const value of plan.leaves) {
      if (value.data === undefined || value.block.parent === undefined) continue;
      const others = this.#initializers.get(value.block);
      if (others === undefined) this.#initializers.set(value.block, [value]);
      else others.push(value);
    }
  }

  /** Gives results the names they must have, before anything else is named. Returns the Identity nodes
   * for those whose value cannot carry the name: an input, a constant, or a second name of one value.
   *
   * @throws GraphError if another value has a name already */
  nameResults(results: ReadonlyMap<string, Value>): NodeProto[] {
    const copies: [name: string, value: Value][] = [];
    for (const [name, value] of results) {
      const real = this.#plan.resolve(value);
      if (this.#names.has(real)) {
        if (this.#names.of(real) !== name) copies.push([name, real]);
      } else if (real.origin.kind === "node") {
        this.#requireFree(name);
        this.#names.claim(real, name);
      } else {
        copies.push([name, real]);
      }
    }
    for (const [name] of copies) this.#requireFree(name);
    return copies.map(([name, value]) => {
      this.#names.reserve(name);
      return this.#identity(value, name);
    });
  }

  /** The nodes of a block in order, each made when it is asked for, and then some more. */
  *written(block: Block, more: readonly NodeProto[] = []): Generator<NodeSource> {
    const nodes = this.#plan.nodesOf(block);
    const apart = scalesBesideMatMul(nodes, this.#plan.resolve);
    for (const node of nodes) {
      if (node.definition !== undefined && !this.definitions.has(node.definition)) {
        this.definitions.set(node.definition, node);
      }
      const written =
        node.source === undefined
          ? { message: this.#node(node) }
          : this.#imported(node, node.source);
      const changed = this.#changed(node, written, apart.get(node));
      if (changed === undefined) yield written;
      else for (const message of changed) yield { message };
    }
    for (const message of more) yield { message };
  }

  /** The messages of all of them. */
  nodesOf(block: Block): NodeProto[] {
    return Array.from(this.written(block), ({ message }) => message);
  }

  #requireFree(name: string): void {
    if (this.#names.isTaken(name)) {
      throw new GraphError("toModel", `the output name "${name}" is that of another value`);
    }
  }

  /** What to write in place of a node that ONNX Runtime would take for something else. */
  #changed(node: Node, written: NodeSource, scaled: number | undefined): NodeProto[] | undefined {
    if (scaled !== undefined) return this.#keptApart(written.message, scaled);
    const sizes = this.#adds ? misjudgedSizes(node) : undefined;
    return sizes && this.#toTrueSizes(written.message, sizes);
  }

  /** As it was read, but for optional results that the model leaves out and something reads now. */
  #imported(node: Node, source: NodeSource): NodeSource {
    if (node.definition?.optionalFrom === undefined) return source;
    const outputs = this.#plan.outputsOf(node);
    if (outputs.every((output) => output?.hint !== "")) return source;
    const output = outputs.map((each) => (each === undefined ? "" : this.#names.of(each)));
    return { message: derive(source.message, { output }) };
  }

  #node(node: Node): NodeProto {
    const parts = this.#plan.partsOf(node);
    return create(NodeProtoSchema, {
      opType: node.op,
      domain: node.domain,
      overload: node.definition?.source?.overload ?? "",
      name: this.#names.ofNode(node),
      input: chosen(this.#plan.inputsOf(node), parts?.inputs).map((input) =>
        input === undefined ? "" : this.#read(input),
      ),
      output: (parts === undefined
        ? this.#plan.outputsOf(node)
        : chosen(node.outputs, parts.outputs)
      ).map((output) => (output === undefined ? "" : this.#names.of(output))),
      attribute: Object.entries(parts?.attributes() ?? node.attributes).map(([name, attribute]) =>
        this.#attribute(name, attribute, parts),
      ),
    });
  }

  /** x * c as -((-x) * c): the same to the last bit, and not merged into a matrix product on either side. */
  #keptApart(node: NodeProto, scaled: number): NodeProto[] {
    const [x, y] = [node.input[scaled] as string, node.output[0] as string];
    const [minusX, minusY] = [this.#names.fresh(`${x}_neg`), this.#names.fresh(`${y}_neg`)];
    const negate = (input: string, output: string) =>
      create(NodeProtoSchema, {
        opType: "Neg",
        name: this.#names.freshNode(`${node.name}_neg`),
        input: [input],
        output: [output],
      });
    const inputs = node.input.map((input, i) => (i === scaled ? minusX : input));
    const scale = create(NodeProtoSchema, {
      opType: node.opType,
      name: node.name,
      input: inputs,
      output: [minusY],
    });
    return [negate(x, minusX), scale, negate(minusY, y)];
  }

  #toTrueSizes(node: NodeProto, sizes: readonly number[]): NodeProto[] {
    const y = node.output[0] as string;
    const [resized, shape] = [this.#names.fresh(`${y}_resized`), this.#names.fresh(`${y}_sizes`)];
    const make = (opType: string, input: string[], output: string, attribute: AttributeProto[]) =>
      create(NodeProtoSchema, {
        opType,
        name: this.#names.freshNode(output),
        input,
        output: [output],
        attribute,
      });
    const value = this.#attribute("value", attribute.tensor(int64Data(sizes)));
    return [
      derive(node, { output: [resized] }),
      make("Constant", [], shape, [value]),
      make("Reshape", [resized, shape], y, []),
    ];
  }

  #read(value: Value): string {
    return this.#names.of(this.#plan.resolve(value));
  }

  #identity(value: Value, name: string): NodeProto {
    return create(NodeProtoSchema, {
      opType: "Identity",
      name: `${name}/Identity`,
      input: [this.#read(value)],
      output: [name],
    });
  }

  #attribute(name: string, attribute: Attribute, parts?: Parts): AttributeProto {
    const Type = AttributeProto_AttributeType;
    switch (attribute.type) {
      case "float":
        return create(AttributeProtoSchema, { name, type: Type.FLOAT, f: attribute.value });
      case "int":
        return create(AttributeProtoSchema, {
          name,
          type: Type.INT,
          i: int64(name, attribute.value),
        });
      case "string":
        return create(AttributeProtoSchema, { name, type: Type.STRING, s: bytes(attribute.value) });
      case "tensor": {
        const t = protoOfTensor(attribute.value, attribute.value.source?.name ?? "");
        return create(AttributeProtoSchema, { name, type: Type.TENSOR, t });
      }
      case "graph": {
        const g = this.#body(attribute.value, name, parts);
        return create(AttributeProtoSchema, { name, type: Type.GRAPH, g });
      }
      case "floats":
        return create(AttributeProtoSchema, {
          name,
          type: Type.FLOATS,
          floats: [...attribute.value],
        });
      case "ints": {
        const ints = attribute.value.map((value) => int64(name, value));
        return create(AttributeProtoSchema, { name, type: Type.INTS, ints });
      }
      case "strings": {
        const strings = attribute.value.map(bytes);
        return create(AttributeProtoSchema, { name, type: Type.STRINGS, strings });
      }
      case "opaque":
        return attribute.value;
    }
  }

  #body(block: Block, name: string, parts: Parts | undefined): GraphProto {
    const input = chosen(block.inputs, parts?.bodyInputs).map((value) =>
      valueInfoOf(value, this.#names.of(value)),
    );
    const node = this.nodesOf(block);
    const output: ValueInfoProto[] = [];
    const used = new Set<Value>();
    for (const result of chosen(block.outputs, parts?.bodyOutputs)) {
      const real = this.#plan.resolve(result);
      // ONNX wants a body's results to be made in the body, each once.
      if (real.origin.kind === "node" && real.block === block && !used.has(real)) {
        used.add(real);
        output.push(valueInfoOf(real, this.#names.of(real)));
      } else {
        const copy = this.#names.fresh(`${this.#read(real)}/result`);
        node.push(this.#identity(real, copy));
        output.push(valueInfoOf(real, copy));
      }
    }
    const initializer = (this.#initializers.get(block) ?? []).map((value) =>
      protoOfTensor(value.data as TensorData, this.#names.of(value)),
    );
    return create(GraphProtoSchema, { name, node, input, output, initializer });
  }
}

function chosen<Item>(list: readonly Item[], kept: ReadonlySet<number> | undefined) {
  return kept === undefined ? list : list.filter((_, i) => kept.has(i));
}

/** The declaration of a value: its name, and its type as far as it is known. */
export function valueInfoOf(value: Value, name: string): ValueInfoProto {
  const type = typeProtoOf(value);
  return create(ValueInfoProtoSchema, type === undefined ? { name } : { name, type });
}

function typeProtoOf({ dtype, shape, container }: TensorType): TypeProto | undefined {
  if (container !== undefined) {
    const elemType = typeProtoOf(container.of);
    if (elemType === undefined) return undefined;
    return container.kind === "sequence"
      ? create(TypeProtoSchema, {
          value: {
            case: "sequenceType",
            value: create(TypeProto_SequenceSchema, { elemType }),
          },
        })
      : create(TypeProtoSchema, {
          value: {
            case: "optionalType",
            value: create(TypeProto_OptionalSchema, { elemType }),
          },
        });
  }
  if (dtype === "unknown") return undefined;
  const tensor = create(TypeProto_TensorSchema, { elemType: dtypeCode(dtype) });
  if (shape !== undefined) {
    tensor.shape = create(TensorShapeProtoSchema, { dim: shape.map(dimOf) });
  }
  return create(TypeProtoSchema, { value: { case: "tensorType", value: tensor } });
}

function dimOf(dim: Dim): TensorShapeProto_Dimension {
  if (typeof dim === "number") {
    const value = { case: "dimValue", value: BigInt(dim) } as const;
    return create(TensorShapeProto_DimensionSchema, { value });
  }
  if (dim === undefined) return create(TensorShapeProto_DimensionSchema, {});
  return create(TensorShapeProto_DimensionSchema, { value: { case: "dimParam", value: dim } });
}

/** @throws GraphError for a number that no int64 is: attributes of a model may be read as larger ones */
function int64(name: string, value: number | bigint): bigint {
  const exact = typeof value === "bigint" || Number.isInteger(value) ? BigInt(value) : undefined;
  if (exact === undefined || BigInt.asIntN(64, exact) !== exact) {
    failArgument("toModel", `attribute ${name}`, "a 64-bit integer", value);
  }
  return exact;
}

const encoder = new TextEncoder();

function bytes(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text);
}
