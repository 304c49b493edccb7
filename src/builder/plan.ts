import { type Block, currentValue, type Node, subgraphsOf } from "./block.ts";
import { Needs, type Parts } from "./needs.ts";
import { sharingKey } from "./sharing.ts";
import type { Value } from "./value.ts";

/** What of a graph goes into a model: which nodes, and which value stands for which. */
export interface Plan {
  /** The nodes of a block to write, in order. */
  readonly nodesOf: (block: Block) => readonly Node[];
  /** What a node reads, before `resolve`. */
  readonly inputsOf: (node: Node) => Node["inputs"];
  /** What to write of a node with bodies; undefined for all of it. */
  readonly partsOf: (node: Node) => Parts | undefined;
  /** The outputs to write of a node without bodies, undefined for those to leave out. */
  readonly outputsOf: (node: Node) => readonly (Value | undefined)[];
  /** The value to read where the graph says `value`: another one if its node was merged or passed by. */
  readonly resolve: (value: Value) => Value;
  /** Constants, parameters and inputs that the written nodes read. */
  readonly leaves: ReadonlySet<Value>;
}

export interface PlanOptions {
  readonly roots: readonly Value[];
  /** Blocks whose nodes are kept whether something needs them or not (an imported graph's). */
  readonly keepImported: boolean;
  /** Replace operators that only mean something to the gradient pass by what they pass on. */
  readonly inference: boolean;
  /** Take the training side of what has one for training and one for inference. */
  readonly training: boolean;
}

/** Decides what to write: drops nodes that no root needs, merges nodes that compute the same, and passes
 * by nodes that mean nothing outside the builder. */
export function planModel(top: Block, options: PlanOptions): Plan {
  const replaced = new Map<Value, Value>();
  const resolve = (value: Value): Value => {
    let at = value;
    for (;;) {
      const next = replaced.get(at) ?? standIn(at) ?? passedBy(at, options);
      if (next === undefined) return at;
      at = next;
    }
  };
  const measured = new Map<Node, Value>();
  const inputsOf = (node: Node) => {
    const other = measured.get(node);
    return other === undefined ? node.inputs : [other];
  };
  const first = findLive(top, options, resolve, inputsOf);
  const kept = new Map<Block, Node[]>();
  const merging: Merging = { live: first.live, resolve, replaced, measured, inputsOf, kept };
  const given = [...first.leaves].filter(({ block }) => block === top);
  mergeEqual(top, merging, new Computed(given));
  // Merging may leave nodes that nothing reads any more.
  const changed = replaced.size + measured.size > 0;
  const { live, leaves, needs } = changed ? findLive(top, options, resolve, inputsOf) : first;
  const written = new Map<Block, readonly Node[]>();
  const nodesOf = (block: Block) => {
    const known = written.get(block);
    const nodes = known ?? (kept.get(block) ?? []).filter((node) => live.has(node));
    if (known === undefined) written.set(block, nodes);
    return nodes;
  };
  let read: ReadonlySet<Value> | undefined;
  const isRead = (output: Value) => {
    read ??= readsAmong([...kept.keys()].flatMap(nodesOf), options.roots, resolve, inputsOf);
    return read.has(output);
  };
  return {
    nodesOf,
    inputsOf,
    partsOf: (node) => needs.partsOf(node),
    outputsOf: ({ outputs, definition }) => {
      const least = definition?.optionalFrom ?? outputs.length;
      return outputs.map((output, i) => (i < least || isRead(output) ? output : undefined));
    },
    resolve,
    leaves,
  };
}

/** Whether a node came with a model, as it is or raised to a later opset: other nodes of the model, which are
 * written as they were read, name its outputs. */
function isImported(node: Node): boolean {
  const [output] = node.outputs;
  return node.source !== undefined || output?.graph.source?.nameOf(output) !== undefined;
}

interface Merging {
  readonly live: ReadonlySet<Node>;
  readonly resolve: (value: Value) => Value;
  readonly inputsOf: (node: Node) => Node["inputs"];
  /** What is found: the values that stand for others, what a Shape measures in place of its input, and
   * the nodes of each block that stay. */
  readonly replaced: Map<Value, Value>;
  readonly measured: Map<Node, Value>;
  readonly kept: Map<Block, Node[]>;
}

/** What another node gives in place of a value. An imported node is written as it was read. */
function standIn(value: Value): Value | undefined {
  if (value.producer === undefined || isImported(value.producer)) return undefined;
  const current = currentValue(value);
  return current === value ? undefined : current;
}

/** The input that a node's output merely repeats, if it is written as nothing. */
function passedBy(value: Value, { inference, training }: PlanOptions): Value | undefined {
  const { origin } = value;
  if (origin.kind !== "node") return undefined;
  const definition = origin.node.definition;
  if (definition === undefined || definition.life === "always") return undefined;
  if (definition.life === "training" && !inference) return undefined;
  const { passes, inferencePasses = passes } = definition;
  const from = (training ? passes : inferencePasses)?.[origin.index];
  return from === undefined ? undefined : origin.node.inputs[from];
}

function findLive(
  top: Block,
  options: PlanOptions,
  resolve: (value: Value) => Value,
  inputsOf: (node: Node) => Node["inputs"],
) {
  const live = new Set<Node>();
  const leaves = new Set<Value>();
  const pending: Value[] = [];
  const needs = new Needs(pending);
  const visit = (node: Node) => {
    if (live.has(node)) return;
    live.add(node);
    if (needs.start(node)) return;
    for (const input of inputsOf(node)) if (input !== undefined) pending.push(input);
    for (const body of subgraphsOf(node.attributes)) {
      pending.push(...body.outputs);
      if (node.source !== undefined) body.nodes.forEach(visit);
    }
  };
  pending.push(...options.roots);
  if (options.keepImported) {
    for (const node of top.nodes) if (node.source !== undefined) visit(node);
  }
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    const real = resolve(value);
    if (real.origin.kind === "node") visit(real.origin.node);
    else leaves.add(real);
    needs.need(real);
  }
  return { live, leaves, needs };
}

/** What the nodes, their bodies' results and the roots read. */
function readsAmong(
  nodes: readonly Node[],
  roots: readonly Value[],
  resolve: (value: Value) => Value,
  inputsOf: (node: Node) => Node["inputs"],
): ReadonlySet<Value> {
  const reads = nodes.flatMap((node) => [
    ...inputsOf(node).filter((input) => input !== undefined),
    ...subgraphsOf(node.attributes).flatMap(({ outputs }) => outputs),
  ]);
  return new Set([...roots, ...reads].map(resolve));
}

/** What is computed so far, by sharing key, and the first value of each size. Bodies see what is computed
 * around them, but not the other way round. */
class Computed {
  readonly #nodes = new Map<string, Node>();
  readonly #sized = new Map<string, Value>();
  readonly #outer: Computed | undefined;

  constructor(values: readonly Value[], outer?: Computed) {
    this.#outer = outer;
    this.size(values);
  }

  get(key: string): Node | undefined {
    return this.#nodes.get(key) ?? this.#outer?.get(key);
  }

  set(key: string, node: Node): void {
    this.#nodes.set(key, node);
  }

  /** The first value with the sizes of this one, by their names. */
  sameSized(value: Value): Value | undefined {
    const key = sizesKey(value);
    return key === undefined ? undefined : (this.#outer?.sameSized(value) ?? this.#sized.get(key));
  }

  size(values: readonly Value[]): void {
    for (const value of values) {
      const key = sizesKey(value);
      if (key !== undefined && !this.#sized.has(key)) this.#sized.set(key, value);
    }
  }
}

/** undefined unless all sizes are known, some of them by name. */
function sizesKey({ shape }: Value): string | undefined {
  if (shape === undefined || !shape.some((dim) => typeof dim === "string")) return undefined;
  return shape.includes(undefined) ? undefined : shape.join();
}

function mergeEqual(block: Block, merging: Merging, known: Computed): void {
  const { live, replaced, kept } = merging;
  const nodes: Node[] = [];
  const done = new Set<Node>();
  for (const original of block.nodes) {
    const by = isImported(original) ? undefined : block.replaced.get(original);
    const node = by ?? original;
    if (!live.has(node) || done.has(node)) continue;
    if (by !== undefined) done.add(by);
    measureFirst(node, merging, known);
    // An imported node may leave outputs out, and then cannot stand for one that gives them.
    const partial = node.source !== undefined && node.outputs.some(({ hint }) => hint === "");
    const key = partial ? undefined : keyOf(node, merging);
    const equal = key === undefined ? undefined : known.get(key);
    // An imported node is written as it was read, whatever it computes.
    if (equal !== undefined && !isImported(node)) {
      for (const [i, output] of node.outputs.entries()) {
        replaced.set(output, equal.outputs[i] as Value);
      }
      continue;
    }
    if (key !== undefined && equal === undefined) known.set(key, node);
    for (const body of subgraphsOf(node.attributes)) {
      mergeEqual(body, merging, new Computed(body.inputs, known));
    }
    known.size(node.outputs);
    nodes.push(node);
  }
  kept.set(block, nodes);
}

function keyOf(node: Node, { resolve, inputsOf }: Merging): string | undefined {
  const { op, domain, attributes, outputs } = node;
  const inputs = inputsOf(node).map((input) => input && resolve(input).id);
  return sharingKey({ op, domain, attributes, inputs, outputCount: outputs.length });
}

/** Lets a Shape measure the first value of the same sizes: what it measured, the cotangent of some
 * gradient perhaps, need then not be computed for it. */
function measureFirst(node: Node, { measured, resolve }: Merging, known: Computed): void {
  const [input] = node.inputs;
  if (node.op !== "Shape" || node.domain !== "" || node.source !== undefined) return;
  const first = input && known.sameSized(resolve(input));
  if (first !== undefined) measured.set(node, first);
}
