import { shapeArgument, tensorArgument } from "./arguments.ts";
import { Assembly } from "./assembly.ts";
import { type AttributeLiteral, attributesOf } from "./attributes.ts";
import { findDefinition, type TensorType } from "./definition.ts";
import { type Dim, formatShape, sameShape } from "./dim.ts";
import { type DType, isDType, isFloating } from "./dtype.ts";
import { failArgument, GraphError, nearest } from "./errors.ts";
import { initializersOf, requireInitializer } from "./initializers.ts";
import { isValue, type Operand } from "./lift.ts";
import type { FromModelOptions } from "./read.ts";
import { providedReader } from "./reader.ts";
import { tensorKey } from "./sharing.ts";
import type { ModelSource } from "./source.ts";
import { summarize } from "./summary.ts";
import { type Literal, type TensorData, tensorOf } from "./tensor.ts";
import { startTraining, type Value } from "./value.ts";
import { type ModelOptions, writeModel } from "./write.ts";

/** The opset that a new graph is written in: the newest that every ONNX Runtime since 1.14 reads. */
export const DEFAULT_OPSET = 18;

const OPSETS = { least: 7, most: 26 };

/** Options of a new Graph. */
export interface GraphOptions {
  /** Version of ai.onnx to write, 7 to 26. Default 18. */
  readonly opset?: number;
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
export class Graph extends Assembly {
  readonly name: string;
  /** Where the graph was read from, if it was. */
  readonly source: ModelSource | undefined;

  readonly #inputs = new Map<string, Value>();
  readonly #parameters = new Map<string, Value>();
  readonly #outputs = new Map<string, Value>();
  readonly #updates = new Map<Value, Value>();
  readonly #constants = new Map<string, Value>();

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
    super(opset);
    this.name = name;
    this.source = options.source;
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
    if (!isDType(dtype)) failArgument("input", "dtype", "an element type such as float32", dtype);
    return this.inputOf(name, { dtype, shape: shapeArgument("input", shape) });
  }

  /** Declares a value that is fed at every run, of any type. */
  inputOf(name: string, type: TensorType): Value {
    this.#claim("input", name);
    const value = this.makeValue({ kind: "input" }, type, name, this.root);
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
    const type = { dtype: data.dtype, shape: data.dims };
    const value = this.makeValue(origin, type, name, this.root);
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
    const type = { dtype: data.dtype, shape: data.dims };
    const value = this.makeValue({ kind: "constant", data }, type, hint, this.root);
    if (key !== undefined) this.#constants.set(key, value);
    return value;
  }

  /** A value that the model being read defines in the current block: an initialiser, or without data
   * something that is not looked into (a sparse one). It claims no name. */
  imported(type: TensorType, name: string, data?: TensorData): Value {
    const origin =
      data === undefined ? ({ kind: "input" } as const) : { kind: "constant" as const, data };
    return this.makeValue(origin, type, name, this.block);
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

  /** Makes initialisers of an imported model parameters, which begin as they are there: for training it
   * further. The others stay fixed.
   *
   * ```ts
   * const g = Graph.fromModel(bytes);
   * g.trainable(["fc.weight", "fc.bias"]);
   * g.trainable((name) => name.startsWith("layer4."));
   * ```
   * @param names of initialisers, or a test of their names, which is only asked about those of floats
   * @returns the parameters, in order; those that are parameters already among them
   * @throws GraphError for a name that no initialiser has, or one that is not trained: not floats, or kept
   * in another file */
  trainable(names: readonly string[] | ((name: string) => boolean)): Value[] {
    const known = initializersOf(this);
    const chosen = Array.isArray(names)
      ? names
      : [...known].flatMap(([name, { dtype }]) =>
          isFloating(dtype) && (names as (name: string) => boolean)(name) ? [name] : [],
        );
    const values = chosen.map((name: string) => requireInitializer(known, name));
    for (const [i, value] of values.entries()) {
      const name = chosen[i] as string;
      if (this.#parameters.has(name)) continue;
      startTraining(value);
      this.#parameters.set(name, value);
    }
    return values;
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
    if (domain !== "" && (version !== undefined || !this.opsets.has(domain))) {
      this.importDomain(domain, version ?? 1);
    }
    const definition = findDefinition(domain, op, this.opsets.get(domain) ?? 0);
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
    const read = providedReader();
    return read(bytes, options, (name, source, opset) => new Graph(name, { source, opset }));
  }

  /** An overview for people: inputs, parameters, outputs, and how many nodes of which operator. */
  summary(): string {
    return summarize(this);
  }

  override toString(): string {
    return `Graph "${this.name}" (${this.#inputs.size} inputs, ${this.#parameters.size} parameters, ${this.root.nodes.length} nodes, ${this.#outputs.size} outputs)`;
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
}
