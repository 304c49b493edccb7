import { type Attribute, type Block, type Node, readsOf } from "./block.ts";
import type { TensorType } from "./definition.ts";
import type { Graph } from "./graph.ts";
import type { Value } from "./value.ts";

/** The second making of a body. */
export interface Copy {
  /** What the body's results are there. */
  readonly outputs: readonly Value[];
  /** What a value of the body is there; one from outside is itself. */
  readonly of: (value: Value) => Value;
}

/** Makes the nodes that a body's results need once more, in the current block.
 *
 * @param given what to read in place of the body's arguments, and of results of its nodes
 * @param options `scopes`: keep the scopes that the nodes have, rather than make them in the current one */
export function cloneBody(
  graph: Graph,
  body: Block,
  given: ReadonlyMap<Value, Value>,
  options: { readonly scopes?: boolean } = {},
): Copy {
  return new Cloner(graph, new Map(given), options.scopes ?? false).copy(body);
}

/** Makes a node once more, in the current block.
 *
 * @param copies what to read in place of what the node reads; the copies of its outputs are added */
export function cloneNode(graph: Graph, node: Node, copies: Map<Value, Value>): void {
  new Cloner(graph, copies, true).node(node, undefined);
}

class Cloner {
  readonly #graph: Graph;
  readonly #scopes: boolean;
  /** The copies of values of all bodies that are being copied. */
  readonly #copies: Map<Value, Value>;

  constructor(graph: Graph, copies: Map<Value, Value>, scopes: boolean) {
    this.#graph = graph;
    this.#copies = copies;
    this.#scopes = scopes;
  }

  copy(body: Block): Copy {
    const needed = neededNodes(body, this.#copies);
    const nodes = new Map<Node, Node>();
    for (const node of body.nodes) {
      if (!needed.has(node)) continue;
      nodes.set(node, this.node(node, node.replaces && nodes.get(node.replaces)));
    }
    const of = (value: Value) => this.#read(value);
    return { outputs: body.outputs.map(of), of };
  }

  node(node: Node, replaces: Node | undefined): Node {
    const copy = this.#graph.append({
      op: node.op,
      domain: node.domain,
      inputs: node.inputs.map((input) => input && this.#read(input)),
      attributes: Object.fromEntries(
        Object.entries(node.attributes).map(([name, value]) => [name, this.#attribute(value)]),
      ),
      normal: node.normal,
      definition: node.definition,
      types: node.outputs.map(typeOf),
      hints: node.outputs.map(({ hint }) => hint),
      replaces,
      ...(this.#scopes ? { scope: node.scope } : {}),
    });
    for (const [i, output] of node.outputs.entries()) {
      if (!this.#copies.has(output)) this.#copies.set(output, copy.outputs[i] as Value);
    }
    return copy;
  }

  #attribute(attribute: Attribute): Attribute {
    if (attribute.type !== "graph") return attribute;
    const body = attribute.value;
    const inputs = body.inputs.map((value) => ({ ...typeOf(value), hint: value.hint }));
    const copy = this.#graph.body(inputs, (...values) => {
      for (const [i, input] of body.inputs.entries()) this.#copies.set(input, values[i] as Value);
      return this.copy(body).outputs;
    });
    return { type: "graph", value: copy };
  }

  #read(value: Value): Value {
    const known = this.#copies.get(value);
    if (known !== undefined) return known;
    // The initialisers of an imported body go with it.
    if (value.data === undefined || this.#graph.block.sees(value.block)) return value;
    const lifted = this.#graph.lifted(value.data, value.hint);
    this.#copies.set(value, lifted);
    return lifted;
  }
}

/** The nodes of a body that its results need, where some of its values are given. */
function neededNodes(body: Block, given: ReadonlyMap<Value, Value>): ReadonlySet<Node> {
  const needed = new Set<Node>();
  const stack = [...body.outputs];
  for (let value = stack.pop(); value !== undefined; value = stack.pop()) {
    if (value.block !== body || value.origin.kind !== "node" || given.has(value)) continue;
    const { node } = value.origin;
    if (needed.has(node)) continue;
    needed.add(node);
    stack.push(...readsOf(node));
    const by = body.replaced.get(node);
    if (by !== undefined) stack.push(by.outputs[0] as Value);
  }
  return needed;
}

function typeOf({ dtype, shape, elements, container }: Value): TensorType {
  return { dtype, shape, elements, container };
}
