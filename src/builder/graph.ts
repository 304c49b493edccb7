import { checkArity, shapeArgument, tensorArgument } from "./arguments.ts";
import { type AttributeLiteral, attributesOf } from "./attributes.ts";
import { type Attributes, Block, type Node } from "./block.ts";
import { type Definition, findDefinition, type TensorType } from "./definition.ts";
import { type Dim, formatShape, type Shape, sameShape } from "./dim.ts";
import { type DType, isDType } from "./dtype.ts";
import { failArgument, GraphError, nearest } from "./errors.ts";
import { isValue, type Operand } from "./lift.ts";
import { schemaOf } from "./operators/index.ts";
import { type FromModelOptions, readModel } from "./read.ts";
import { Scopes } from "./scopes.ts";
import { sharingKey, tensorKey } from "./sharing.ts";
import type { ModelSource } from "./source.ts";
import { summarize } from "./summary.ts";
import { type Literal, type TensorData, tensorOf } from "./tensor.ts";
import { type Origin, Value } from "./value.ts";
import { type ModelOptions, writeModel } from "./write.ts";

/** The opset that a new graph is written in: the newest that every ONNX Runtime since 1.14 reads. */
export const DEFAULT_OPSET = 18;

const OPSETS = { least: 7, most: 26 };

export interface GraphOptions {
  /** Version of ai.onnx to write, 7 to 26. Default 18. */
  readonly opset?: number;
}

/** How a node comes to be; every operator function ends here. */
export interface Emission {
  readonly op: string;
  readonly inputs: readonly (Value | undefined)[];
  readonly attributes?: Attributes;
  /** "" (ai.onnx) by default. */
  readonly domain?: string;
  /** Default 1. */
  readonly outputs?: number;
  /** The function that the user called, to name in errors; by default the operator in camelCase. */
  readonly operator?: string;
  readonly definition?: Definition;
  /** Types of the outputs where no schema knows them. */
  readonly types?: readonly TensorType[];
  /** Wanted name of the first output. */
  readonly hint?: string;
}

/** An ONNX graph under construction: inputs, trainable parameters, operators, outputs and updates.
 *
 * ```ts
 * const g = new Graph("line");
 * const x = g.input("x", "float32", ["n"]);
 * const slope = g.parameter("slope", 1);
 * g.output("y", x.mul(slope));
 * const bytes = g.toModel();
 * ```
 */
export class Graph {
  readonly name: string;
  /** The version of each operator domain; "" is ai.onnx. */
  readonly opsets: ReadonlyMap<string, number>;
  /** The top block. */
  readonly root: Block;
  /** Where the graph was read from, if it was. */
  readonly source: ModelSource | undefined;

  readonly #opsets: Map<string, number>;
  readonly #inputs = new Map<string, Value>();
  readonly #parameters = new Map<string, Value>();
  readonly #outputs = new Map<string, Value>();
  readonly #updates = new Map<Value, Value>();
  readonly #constants = new Map<string, Value>();
  readonly #scopes = new Scopes();
  #block: Block;
  #nextId = 0;
  #memo: Map<string, Node> | undefined;

  constructor(name = "graph", options: GraphOptions & { readonly source?: ModelSource } = {}) {
    const opset = options.opset ?? DEFAULT_OPSET;
    if (!Number.isInteger(opset) || opset < OPSETS.least || opset > OPSETS.most) {
      failArgument(
        "Graph",
        "opset",
        `a whole number from ${OPSETS.least} to ${OPSETS.most}`,
        opset,
      );
    }
    this.name = name;
    this.source = options.source;
    this.#opsets = new Map([["", opset]]);
    this.opsets = this.#opsets;
    this.root = new Block();
    this.#block = this.root;
  }

  /** The version of ai.onnx that this graph is written in. */
  get opset(): number {
    return this.#opsets.get("") as number;
  }

  /** The block that new nodes go into: the top, or the body being built. */
  get block(): Block {
    return this.#block;
  }

  /** The scope that new nodes are made in: `median_0/sort`. */
  get currentScope(): string {
    return this.#scopes.current;
  }

  /** Values fed at every run, by name. */
  get inputs(): ReadonlyMap<string, Value> {
    return this.#inputs;
  }

  /** Trainable values, by name. */
  get parameters(): ReadonlyMap<string, Value> {
    return this.#parameters;
  }

  /** Named results. */
  get outputs(): ReadonlyMap<string, Value> {
    return this.#outputs;
  }

  /** What each updated parameter becomes after a step. */
  get updates(): ReadonlyMap<Value, Value> {
    return this.#updates;
  }

  /** Declares a value that is fed at every run.
   *
   * ```ts
   * const x = g.input("x", "float32", ["batch", 3]);
   * ```
   * @param shape sizes, names ("batch"), polynomials of names ("n+1"), null for an unknown size; leave
   * it out where not even the rank is known
   * @throws GraphError if the name is taken or the shape is not one */
  input(name: string, dtype: DType = "float32", shape?: readonly (Dim | null)[]): Value {
    this.#claim("input", name);
    if (!isDType(dtype)) failArgument("input", "dtype", "an element type such as float32", dtype);
    const value = this.#value(
      { kind: "input" },
      dtype,
      shapeArgument("input", shape),
      name,
      this.root,
    );
    this.root.inputs.push(value);
    this.#inputs.set(name, value);
    return value;
  }

  /** Declares a trainable tensor. In a training step it is an input, and what `update` makes of it an
   * output; in an inference model it is an initialiser.
   *
   * ```ts
   * const w = g.parameter("w", [0, 0, 0]);
   * const scale = g.parameter("scale", 1, [128], "float64");
   * ```
   * @param initial its elements at the start; one number fills the shape
   * @param shape by default the shape of `initial`
   * @param dtype by default that of a typed array, float32 for numbers
   * @throws GraphError if the name is taken or the elements do not fit */
  parameter(
    name: string,
    initial: Literal,
    shape?: readonly number[] | DType,
    dtype?: DType,
  ): Value {
    this.#claim("parameter", name);
    const data = tensorArgument("parameter", "initial", initial, shape, dtype);
    const origin = { kind: "parameter", initial: data } as const;
    const value = this.#value(origin, data.dtype, data.dims, name, this.root);
    this.#parameters.set(name, value);
    return value;
  }

  /** A value known now.
   *
   * ```ts
   * const weights = g.constant([[1, 2], [3, 4]]);
   * const zeros = g.constant(0, [3, 3], "float64");
   * ```
   * @param shape by default that of the data; one number fills a shape
   * @param dtype by default that of a typed array, float32 for numbers
   * @throws GraphError if the elements do not fit */
  constant(data: Literal, shape?: readonly number[] | DType, dtype?: DType): Value {
    return this.lifted(tensorArgument("constant", "data", data, shape, dtype));
  }

  /** The constant with these elements; equal small ones are one value. */
  lifted(data: TensorData, hint = "constant"): Value {
    const key = tensorKey(data);
    const known = key === undefined ? undefined : this.#constants.get(key);
    if (known !== undefined) return known;
    const value = this.#value({ kind: "constant", data }, data.dtype, data.dims, hint, this.root);
    if (key !== undefined) this.#constants.set(key, value);
    return value;
  }

  /** A value that the model being read defines in the current block: an initialiser, or without data
   * something that is not looked into (a sparse one). It claims no name. */
  imported(type: TensorType, name: string, data?: TensorData): Value {
    const origin =
      data === undefined ? ({ kind: "input" } as const) : { kind: "constant" as const, data };
    return this.#value(origin, type.dtype, type.shape, name, this.#block);
  }

  /** Names a result of the graph. Returns the graph, for chaining.
   *
   * @throws GraphError if the name is taken by another value, or the value lies inside a subgraph */
  output(name: string, value: Value): this {
    this.#requireOwn("output", name, value);
    if (value.block !== this.root) {
      throw new GraphError("output", `${value} is inside a closed subgraph`);
    }
    const fed = this.#inputs.get(name) ?? this.#parameters.get(name);
    if (this.#outputs.has(name) || (fed !== undefined && fed !== value)) {
      throw new GraphError("output", `the name "${name}" is taken`);
    }
    this.#outputs.set(name, value);
    return this;
  }

  /** Says what a parameter becomes after a step; with it the graph is a training step. Returns the
   * graph, for chaining.
   *
   * @throws GraphError if `parameter` is no parameter, has an update already, or `next` differs from it
   * in type or shape */
  update(parameter: Value, next: Value): this {
    this.#requireOwn("update", "parameter", parameter);
    this.#requireOwn("update", "next", next);
    if (parameter.origin.kind !== "parameter") {
      failArgument("update", "parameter", "a value made by graph.parameter", parameter);
    }
    if (this.#updates.has(parameter)) {
      throw new GraphError("update", `${parameter} has an update already`);
    }
    if (next.block !== this.root) {
      throw new GraphError("update", `${next} is inside a closed subgraph`);
    }
    const fits = sameShape(parameter.shape, next.shape);
    if (next.dtype !== parameter.dtype || fits === false) {
      const type = `${parameter.dtype} ${formatShape(parameter.shape)}`;
      failArgument("update", `next of "${parameter.hint}"`, type, next);
    }
    this.#updates.set(parameter, next);
    return this;
  }

  /** The value with this name: an input, a parameter, an output, or (in an imported graph) any value.
   * @throws GraphError with the nearest name if there is none */
  value(name: string): Value {
    const found =
      this.#outputs.get(name) ??
      this.#inputs.get(name) ??
      this.#parameters.get(name) ??
      this.source?.values.get(name);
    if (found !== undefined) return found;
    const names = [
      ...this.#outputs.keys(),
      ...this.#inputs.keys(),
      ...this.#parameters.keys(),
      ...(this.source?.values.keys() ?? []),
    ];
    const near = nearest(name, names);
    const advice = near === undefined ? "" : `; did you mean "${near}"?`;
    throw new GraphError("value", `there is no value named "${name}"${advice}`);
  }

  /** Applies any operator by its ONNX name, for those that have no function here.
   *
   * ```ts
   * const [y] = g.node("LeakyRelu", [x], { alpha: 0.01 });
   * const [a, b] = g.node("Twins", [x], {}, { domain: "com.example", outputs: 2 });
   * ```
   * @param inputs values, literals, or undefined for an optional input left out
   * @param attributes whole numbers are ints, fractions floats; `{ float: 1 }` says float of a whole one
   * @param options `domain`, `version` of the domain, number of `outputs`, `types` of the outputs where
   * the operator is not known here, and a `name` for the first output */
  node(
    op: string,
    inputs: readonly (Operand | undefined)[],
    attributes: Readonly<Record<string, AttributeLiteral>> = {},
    options: {
      readonly domain?: string;
      readonly version?: number;
      readonly outputs?: number;
      readonly types?: readonly {
        readonly dtype: DType;
        readonly shape?: readonly (Dim | null)[];
      }[];
      readonly name?: string;
    } = {},
  ): readonly Value[] {
    const values = inputs.map((input, i) => {
      if (input === undefined || isValue(input)) return input;
      return this.lifted(tensorOf(op, `input ${i}`, input));
    });
    const { domain = "", version, types } = options;
    if (domain !== "" && (version !== undefined || !this.#opsets.has(domain))) {
      this.importDomain(domain, version ?? 1);
    }
    const definition = findDefinition(domain, op, this.#opsets.get(domain) ?? 0);
    return this.emit({
      op,
      inputs: values,
      attributes: attributesOf(op, attributes),
      domain,
      operator: op,
      outputs: options.outputs ?? types?.length ?? definition?.outputs.length ?? 1,
      ...(definition === undefined ? {} : { definition }),
      ...(types === undefined
        ? {}
        : { types: types.map((type) => ({ ...type, shape: shapeArgument(op, type.shape) })) }),
      ...(options.name === undefined ? {} : { hint: options.name }),
    }).outputs;
  }

  /** Makes a node in the current block, inferring the types of its outputs.
   * @throws GraphError if an input is of another graph, inside a closed subgraph, or cannot be right */
  emit(emission: Emission): Node {
    const { op, inputs, attributes = {}, domain = "", definition } = emission;
    const operator = emission.operator ?? camelCase(op);
    const outputCount = emission.outputs ?? definition?.outputs.length ?? 1;
    for (const input of inputs) if (input !== undefined) this.#requireVisible(operator, input);
    const key = this.#memoKey(emission, attributes, outputCount);
    const shared = key === undefined ? undefined : this.#memo?.get(key);
    if (shared) return shared;

    if (definition !== undefined) this.importDomain(domain, definition.version);
    const facts = {
      operator,
      inputs,
      attributes,
      outputCount,
      opset: this.#opsets.get(domain) ?? 1,
    };
    const schema = domain === "" ? schemaOf(op) : undefined;
    let normal: unknown;
    let types = emission.types;
    if (schema !== undefined) {
      checkArity(operator, schema.arity, inputs.length);
      normal = schema.normal(facts);
      types = schema.infer(facts, normal);
    } else if (definition !== undefined) {
      types = definition.infer(inputs as readonly Value[]);
    }
    const node = this.append({
      op,
      domain,
      inputs,
      attributes,
      normal,
      definition,
      types:
        types ?? new Array<TensorType>(outputCount).fill({ dtype: "unknown", shape: undefined }),
      hints: [emission.hint ?? operator],
    });
    if (key !== undefined) this.#memo?.set(key, node);
    return node;
  }

  /** Adds a node whose types are known to the current block, without inference. */
  append(fields: {
    readonly op: string;
    readonly domain: string;
    readonly inputs: readonly (Value | undefined)[];
    readonly attributes: Attributes;
    readonly normal: unknown;
    readonly definition: Definition | undefined;
    readonly types: readonly TensorType[];
    readonly hints: readonly string[];
    readonly source?: Node["source"];
  }): Node {
    const outputs: Value[] = [];
    const node: Node = {
      op: fields.op,
      domain: fields.domain,
      block: this.#block,
      scope: this.#scopes.current,
      inputs: fields.inputs,
      attributes: fields.attributes,
      outputs,
      normal: fields.normal,
      definition: fields.definition,
      source: fields.source,
    };
    fields.types.forEach((type, index) => {
      const hint = fields.hints[index] ?? fields.hints[0] ?? "";
      const origin = { kind: "node", node, index } as const;
      outputs.push(this.#value(origin, type.dtype, type.shape, hint, this.#block, type.elements));
    });
    this.#block.nodes.push(node);
    return node;
  }

  /** Groups the nodes that `build` makes under a name; a second use of the name gets a number. Scopes
   * nest; names in the file show at most three.
   *
   * ```ts
   * const h = g.scope("encoder", () => x.matmul(w).add(b).relu());
   * ``` */
  scope<Result>(name: string, build: () => Result): Result {
    return this.#scopes.within(name, false, build);
  }

  /** The scope of one call of a composed operator: numbered from 0 at the top (`median_0`). */
  operation<Result>(name: string, build: () => Result): Result {
    return this.#scopes.within(name, true, build);
  }

  /** Builds the body of a Loop, If or function as a block of its own.
   *
   * @param inputs the types and names of the body's arguments
   * @param build makes the body's results of its arguments */
  body(
    inputs: readonly (TensorType & { readonly hint: string })[],
    build: (...inputs: Value[]) => readonly Value[],
  ): Block {
    const block = new Block(this.#block, this.#nextId++);
    const outer = this.#block;
    this.#block = block;
    try {
      for (const { dtype, shape, hint } of inputs) {
        block.inputs.push(this.#value({ kind: "input" }, dtype, shape, hint, block));
      }
      const results = build(...block.inputs);
      for (const result of results) this.#requireVisible("body", result);
      block.outputs.push(...results);
    } finally {
      this.#block = outer;
    }
    return block;
  }

  /** Runs `build` with equal nodes merged as they are made: for passes that write what no user can hold
   * on to yet, such as the gradient pass. */
  sharing<Result>(build: () => Result): Result {
    if (this.#memo !== undefined) return build();
    this.#memo = new Map();
    try {
      return build();
    } finally {
      this.#memo = undefined;
    }
  }

  /** Declares that operators of a domain are used, at a version.
   * @throws GraphError if the domain is in use at another version */
  importDomain(domain: string, version: number): void {
    const known = this.#opsets.get(domain);
    if (known !== undefined && known !== version) {
      throw new GraphError(
        "Graph",
        `the domain "${domain}" is in use at version ${known}, not ${version}`,
      );
    }
    this.#opsets.set(domain, version);
  }

  /** Writes the graph as an ONNX model.
   *
   * ```ts
   * const step = g.toModel();                                       // a training step, if it has updates
   * const inference = g.toModel({ outputs: { y }, state: await stepper.state() });
   * ```
   * @throws GraphError if there is nothing to write, or a state does not fit its parameter */
  toModel(options: ModelOptions = {}): Uint8Array<ArrayBuffer> {
    return writeModel(this, options, (name, opset) => new Graph(name, { opset }));
  }

  /** Reads an ONNX model. The bytes are not copied and must not change afterwards.
   *
   * @throws ModelFormatError naming the byte offset if the bytes are no ONNX model or exceed a limit */
  static fromModel(bytes: Uint8Array, options: FromModelOptions = {}): Graph {
    return readModel(bytes, options, (name, source, opset) => new Graph(name, { source, opset }));
  }

  /** An overview for people: inputs, parameters, outputs, and how many nodes of which operator. */
  summary(): string {
    return summarize(this);
  }

  toString(): string {
    return `Graph "${this.name}" (${this.#inputs.size} inputs, ${this.#parameters.size} parameters, ${this.root.nodes.length} nodes, ${this.#outputs.size} outputs)`;
  }

  #value(
    origin: Origin,
    dtype: DType,
    shape: Shape | undefined,
    hint: string,
    block: Block,
    elements: readonly Dim[] | undefined = origin.kind === "constant"
      ? sizesIn(origin.data)
      : undefined,
  ): Value {
    const id = this.#nextId++;
    return new Value({ graph: this, block, origin, dtype, shape, elements, id, hint });
  }

  #claim(operator: string, name: string): void {
    if (typeof name !== "string" || name === "") {
      failArgument(operator, "name", "a text that is not empty", name);
    }
    if (this.#inputs.has(name) || this.#parameters.has(name) || this.#outputs.has(name)) {
      throw new GraphError(operator, `the name "${name}" is taken`);
    }
  }

  #requireOwn(operator: string, argument: string, value: Value): void {
    if (!isValue(value)) failArgument(operator, argument, "a Value", value);
    if (value.graph !== this) {
      throw new GraphError(operator, `${value} belongs to another graph, "${value.graph.name}"`);
    }
  }

  #requireVisible(operator: string, value: Value): void {
    if (value.graph !== this) {
      throw new GraphError(operator, `${value} belongs to another graph, "${value.graph.name}"`);
    }
    if (!this.#block.sees(value.block)) {
      throw new GraphError(
        operator,
        `${value} is inside a closed subgraph; make it a result of that subgraph to use it here`,
      );
    }
  }

  #memoKey(emission: Emission, attributes: Attributes, outputCount: number): string | undefined {
    // Two nodes that close over different JavaScript differ however equal they look.
    if (this.#memo === undefined || emission.definition?.life === "building") return undefined;
    const { op, domain = "" } = emission;
    const inputs = emission.inputs.map((input) => input?.id);
    const key = sharingKey({ op, domain, attributes, inputs, outputCount });
    return key === undefined ? undefined : `${this.#block.id}:${key}`;
  }
}

/** The elements of a constant that is small enough to say axes or sizes. */
function sizesIn(data: TensorData): readonly number[] | undefined {
  const small = data.dtype === "int64" && data.dims.length <= 1 && data.size <= 64;
  return small && !data.external ? data.toNumbers() : undefined;
}

/** "ReduceSum" as the function is called here: "reduceSum". */
export function camelCase(op: string): string {
  return op.charAt(0).toLowerCase() + op.slice(1);
}
