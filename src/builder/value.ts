import type { Block, Node } from "./block.ts";
import { type Container, formatType } from "./definition.ts";
import type { Dim, Shape } from "./dim.ts";
import type { DType } from "./dtype.ts";
import { GraphError } from "./errors.ts";
import type { Graph } from "./graph.ts";
import { type Operand, VALUE } from "./lift.ts";
import * as op from "./operators/index.ts";
import type { Size } from "./operators/sizes.ts";
import type { TensorData } from "./tensor.ts";

/** Where a value comes from. */
export type Origin =
  /** Fed at every run, or the argument of a body. */
  | { readonly kind: "input" }
  /** A trainable tensor and its value at the start. */
  | { readonly kind: "parameter"; readonly initial: TensorData }
  | { readonly kind: "constant"; readonly data: TensorData }
  | { readonly kind: "node"; readonly node: Node; readonly index: number };

/** One tensor in a graph: an input, a parameter, a constant, or the output of an operator. Immutable,
 * but that a constant of an imported model can become a parameter.
 *
 * The methods are the operator functions of the same name, `x.add(y)` for `add(x, y)`; the functions
 * carry the documentation. */
export class Value {
  readonly graph: Graph;
  readonly block: Block;
  readonly origin: Origin;
  readonly dtype: DType;
  /** undefined where not even the rank is known. */
  readonly shape: Shape | undefined;
  /** The elements of a small integer tensor that says sizes, where they are known. */
  readonly elements: readonly Dim[] | undefined;
  /** What it holds, where it is a sequence or an optional; its dtype and shape are unknown then. */
  readonly container: Container | undefined;
  /** Creation order in the graph: a node's inputs are smaller than its outputs. */
  readonly id: number;
  /** The name asked for. The name in a file is settled when the model is written. */
  readonly hint: string;

  constructor(fields: {
    graph: Graph;
    block: Block;
    origin: Origin;
    dtype: DType;
    shape: Shape | undefined;
    elements?: readonly Dim[] | undefined;
    container?: Container | undefined;
    id: number;
    hint: string;
  }) {
    this.graph = fields.graph;
    this.block = fields.block;
    this.origin = fields.origin;
    this.dtype = fields.dtype;
    this.shape = fields.shape;
    this.elements = fields.elements;
    this.container = fields.container;
    this.id = fields.id;
    this.hint = fields.hint;
  }

  /** Brand by which any copy of this package knows a Value. */
  get [VALUE](): true {
    return true;
  }

  /** The number of dimensions. @throws GraphError if it is not known. */
  get rank(): number {
    if (this.shape === undefined) throw new GraphError("rank", `the rank of ${this} is not known`);
    return this.shape.length;
  }

  /** The node that computes this value, if one does. */
  get producer(): Node | undefined {
    return this.origin.kind === "node" ? this.origin.node : undefined;
  }

  /** The elements of a constant; undefined for anything computed, fed or trained. */
  get data(): TensorData | undefined {
    return this.origin.kind === "constant" ? this.origin.data : undefined;
  }

  /** `float32 [n, 3] "median_0/abs"`. */
  toString(): string {
    const scope = this.producer?.scope;
    // Names in files may be a megabyte long, and messages show several.
    const hint = this.hint.length > 80 ? `${this.hint.slice(0, 80)}…` : this.hint;
    const name = scope ? `${scope}/${hint}` : hint;
    return `${formatType(this)} ${JSON.stringify(name)}`;
  }

  /** JavaScript has no operators for tensors: says what to write instead of `x + y`. */
  [Symbol.toPrimitive](hint: "string" | "number" | "default"): string {
    if (hint === "string") return this.toString();
    throw new GraphError(
      "Value",
      `JavaScript's operators do not work on ${this}; ` +
        "write x.add(y), x.sub(y), x.mul(y), x.div(y), x.pow(y), x.neg(), x.less(y) or x.equal(y)",
    );
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }

  /** this + y, elementwise with broadcasting. */
  add(y: Operand): Value {
    return op.add(this, y);
  }
  /** this - y, elementwise with broadcasting. */
  sub(y: Operand): Value {
    return op.sub(this, y);
  }
  /** this * y, elementwise with broadcasting. */
  mul(y: Operand): Value {
    return op.mul(this, y);
  }
  /** this / y, elementwise with broadcasting. */
  div(y: Operand): Value {
    return op.div(this, y);
  }
  /** this to the power y, elementwise with broadcasting. */
  pow(y: Operand): Value {
    return op.pow(this, y);
  }
  /** The smaller of this and y, elementwise with broadcasting. */
  min(y: Operand): Value {
    return op.min(this, y);
  }
  /** The larger of this and y, elementwise with broadcasting. */
  max(y: Operand): Value {
    return op.max(this, y);
  }
  /** -this. */
  neg(): Value {
    return op.neg(this);
  }
  /** |this|. */
  abs(): Value {
    return op.abs(this);
  }
  /** -1, 0 or 1. */
  sign(): Value {
    return op.sign(this);
  }
  /** e to the power this. */
  exp(): Value {
    return op.exp(this);
  }
  /** The natural logarithm. */
  log(): Value {
    return op.log(this);
  }
  /** The square root. */
  sqrt(): Value {
    return op.sqrt(this);
  }
  /** this * this. */
  square(): Value {
    return op.mul(this, this);
  }
  /** 1 / this. */
  reciprocal(): Value {
    return op.reciprocal(this);
  }
  /** 1 / (1 + exp(-this)). */
  sigmoid(): Value {
    return op.sigmoid(this);
  }
  /** The hyperbolic tangent. */
  tanh(): Value {
    return op.tanh(this);
  }
  /** max(this, 0). */
  relu(): Value {
    return op.relu(this);
  }
  /** this kept between two bounds; leave one undefined for none. */
  clip(low?: Operand, high?: Operand): Value {
    return op.clip(this, low, high);
  }
  /** this < y, elementwise with broadcasting; booleans. */
  less(y: Operand): Value {
    return op.less(this, y);
  }
  /** this <= y, elementwise with broadcasting; booleans. */
  lessOrEqual(y: Operand): Value {
    return op.lessOrEqual(this, y);
  }
  /** this > y, elementwise with broadcasting; booleans. */
  greater(y: Operand): Value {
    return op.greater(this, y);
  }
  /** this >= y, elementwise with broadcasting; booleans. */
  greaterOrEqual(y: Operand): Value {
    return op.greaterOrEqual(this, y);
  }
  /** this == y, elementwise with broadcasting; booleans. */
  equal(y: Operand): Value {
    return op.equal(this, y);
  }
  /** The other type's nearest values. */
  cast(dtype: DType): Value {
    return op.cast(this, dtype);
  }
  /** Matrix product, over the last two axes. */
  matmul(y: Operand): Value {
    return op.matmul(this, y);
  }
  /** The sum over the axes, all by default. */
  sum(axes?: number | readonly number[], options?: op.ReduceOptions): Value {
    return op.reduceSum(this, { ...options, ...(axes === undefined ? {} : { axes }) });
  }
  /** The mean over the axes, all by default. */
  mean(axes?: number | readonly number[], options?: op.ReduceOptions): Value {
    return op.reduceMean(this, { ...options, ...(axes === undefined ? {} : { axes }) });
  }
  /** Probabilities along the axis, the last by default. */
  softmax(options?: op.AxisOptions): Value {
    return op.softmax(this, options);
  }
  /** The same elements in another shape; one size may be -1. */
  reshape(shape: readonly Size[] | Value): Value {
    return op.reshape(this, shape);
  }
  /** Axes in another order, reversed by default. */
  transpose(permutation?: readonly number[]): Value {
    return op.transpose(this, permutation);
  }
  /** Without the given axes of size 1, or all of them. */
  squeeze(axes?: number | readonly number[]): Value {
    return op.squeeze(this, axes);
  }
  /** With new axes of size 1 at the given places of the result. */
  unsqueeze(axes: number | readonly number[]): Value {
    return op.unsqueeze(this, axes);
  }
  /** Broadcast to a shape. */
  expand(shape: readonly Size[] | Value): Value {
    return op.expand(this, shape);
  }
  /** Elements from starts to ends (exclusive) along the axes, the first ones by default. */
  slice(
    starts: number | readonly number[] | Value,
    ends: number | readonly number[] | Value,
    options?: op.SliceOptions,
  ): Value {
    return op.slice(this, starts, ends, options);
  }
  /** Entries by index along one axis. */
  gather(indices: Operand, options?: op.AxisOptions): Value {
    return op.gather(this, indices, options);
  }
}

/** Makes a constant a parameter that begins as it is. It stays the value that all its readers read. */
export function startTraining(value: Value): void {
  const { origin } = value;
  if (origin.kind !== "constant") return;
  const parameter: Origin = { kind: "parameter", initial: origin.data };
  (value as { origin: Origin }).origin = parameter;
}
