import type { AttributeProto } from "onnx-buf";
import type { Definition } from "./definition.ts";
import type { NodeSource } from "./source.ts";
import type { TensorData } from "./tensor.ts";
import type { Value } from "./value.ts";

/** An attribute of a node, with ONNX's own kinds: JavaScript's numbers do not tell 1 from 1.0. */
export type Attribute =
  | { readonly type: "float"; readonly value: number }
  | { readonly type: "int"; readonly value: number | bigint }
  | { readonly type: "string"; readonly value: string }
  | { readonly type: "tensor"; readonly value: TensorData }
  | { readonly type: "graph"; readonly value: Block }
  | { readonly type: "floats"; readonly value: readonly number[] }
  | { readonly type: "ints"; readonly value: readonly (number | bigint)[] }
  | { readonly type: "strings"; readonly value: readonly string[] }
  /** A kind that nothing here looks into (sparse tensors, types, references), kept as it was read. */
  | { readonly type: "opaque"; readonly value: AttributeProto };

export type Attributes = Readonly<Record<string, Attribute>>;

/** Shared by the many nodes that have none. */
export const NO_ATTRIBUTES: Attributes = Object.freeze({});

/** One application of an operator. Immutable, and later than all nodes it reads from in its block. */
export interface Node {
  readonly op: string;
  /** "" is ai.onnx. */
  readonly domain: string;
  readonly block: Block;
  /** Where it was made: `median_0/sort`, "" at the top. */
  readonly scope: string;
  /** undefined is an optional input left out. */
  readonly inputs: readonly (Value | undefined)[];
  /** As ONNX writes them at the graph's opset. */
  readonly attributes: Attributes;
  readonly outputs: readonly Value[];
  /** The attributes in the normal form of OperatorTable; undefined for operators not in it. */
  readonly normal: unknown;
  /** Set on kernel operators and on nodes that only the gradient pass reads (stopGradient). */
  readonly definition: Definition | undefined;
  /** What it was read from. An imported node is written back from it. */
  readonly source: NodeSource | undefined;
  /** The node of the same block that this one stands for: see Block.replaced. */
  readonly replaces: Node | undefined;
}

/** A sequence of nodes: the top of a graph, or the body of a Loop, If or function. A node may read
 * values of its own block and of the blocks around it. */
export class Block {
  readonly parent: Block | undefined;
  readonly nodes: Node[] = [];
  readonly inputs: Value[] = [];
  readonly outputs: Value[] = [];
  /** Nodes of this block that another one makes superfluous: it gives the same outputs in the same order,
   * and more behind them, from the same inputs. A model has only the other one, in the first one's place.
   * The gradient pass makes such nodes, to have the states of a loop beside its result. */
  readonly replaced = new Map<Node, Node>();
  readonly depth: number;
  /** Unique in the graph, 0 for the top. */
  readonly id: number;

  constructor(parent?: Block, id = 0) {
    this.id = id;
    this.parent = parent;
    this.depth = parent === undefined ? 0 : parent.depth + 1;
  }

  /** True if values of `other` can be read here: it is this block or one around it. */
  sees(other: Block): boolean {
    let at: Block | undefined = this;
    while (at !== undefined && at.depth > other.depth) at = at.parent;
    return at === other;
  }
}

const NO_BLOCKS: readonly Block[] = [];

/** The bodies among a node's attributes. */
export function subgraphsOf(attributes: Attributes): readonly Block[] {
  if (attributes === NO_ATTRIBUTES) return NO_BLOCKS;
  const blocks: Block[] = [];
  for (const attribute of Object.values(attributes)) {
    if (attribute.type === "graph") blocks.push(attribute.value);
  }
  return blocks;
}

/** Every value that the node needs: its inputs, and what its bodies read from the blocks around. */
export function readsOf(node: Node): readonly Value[] {
  const captured = capturesOfNode(node);
  if (captured.length === 0 && !node.inputs.includes(undefined)) return node.inputs as Value[];
  return [...node.inputs.filter((input) => input !== undefined), ...captured];
}

const NO_CAPTURES: readonly Value[] = [];

/** What the bodies of a node read from the blocks around, each once. */
export function capturesOfNode(node: Node): readonly Value[] {
  const bodies = subgraphsOf(node.attributes);
  if (bodies.length === 1) return capturesOf(bodies[0] as Block);
  return bodies.length === 0
    ? NO_CAPTURES
    : [...new Set(bodies.flatMap((body) => capturesOf(body)))];
}

/** The node that stands for this one, and may give more outputs; the node itself if none does. */
export function currentNode(node: Node): Node {
  return node.block.replaced.get(node) ?? node;
}

/** What stands for a value, after `currentNode`. */
export function currentValue(value: Value): Value {
  const { origin } = value;
  if (origin.kind !== "node") return value;
  return currentNode(origin.node).outputs[origin.index] ?? value;
}

const captures = new WeakMap<Block, { readonly nodes: number; readonly values: Value[] }>();

/** The free variables of a body: values of the blocks around it that it reads, each once. */
export function capturesOf(body: Block): readonly Value[] {
  const known = captures.get(body);
  if (known !== undefined && known.nodes === body.nodes.length) return known.values;
  const free = new Set<Value>();
  const add = (value: Value) => {
    if (value.block !== body && body.sees(value.block)) free.add(value);
  };
  for (const node of body.nodes) readsOf(node).forEach(add);
  body.outputs.forEach(add);
  const values = [...free];
  captures.set(body, { nodes: body.nodes.length, values });
  return values;
}

/** Must be called when the nodes of a body come to read something else. */
export function forgetCaptures(body: Block): void {
  captures.delete(body);
}

export const attribute = {
  float: (value: number): Attribute => ({ type: "float", value }),
  int: (value: number | bigint | boolean): Attribute => ({
    type: "int",
    value: typeof value === "boolean" ? Number(value) : value,
  }),
  string: (value: string): Attribute => ({ type: "string", value }),
  tensor: (value: TensorData): Attribute => ({ type: "tensor", value }),
  graph: (value: Block): Attribute => ({ type: "graph", value }),
  floats: (value: readonly number[]): Attribute => ({ type: "floats", value }),
  ints: (value: readonly (number | bigint)[]): Attribute => ({ type: "ints", value }),
  strings: (value: readonly string[]): Attribute => ({ type: "strings", value }),
} as const;
