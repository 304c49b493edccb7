import { type Attributes, type Block, type Node, subgraphsOf } from "./block.ts";
import { type Iteration, iterationOf, leadingInputs, scanAttributes } from "./iteration.ts";
import type { Value } from "./value.ts";

/** What of a node with bodies a model needs, by place. */
export interface Parts {
  readonly inputs: ReadonlySet<number>;
  readonly outputs: ReadonlySet<number>;
  readonly bodyInputs: ReadonlySet<number>;
  readonly bodyOutputs: ReadonlySet<number>;
  /** Its attributes for these parts. */
  readonly attributes: () => Attributes;
}

/** Follows need through If, Loop and Scan: a result that nothing reads is not made, and a state that
 * neither its result nor another state or result needs is not carried. */
export class Needs {
  /** Values found to be needed go here. */
  readonly #pending: Value[];
  readonly #parts = new Map<Node, Choice>();
  /** The loop whose state an argument of a body is, and which one. */
  readonly #states = new Map<Value, { readonly choice: Choice; readonly k: number }>();

  constructor(pending: Value[]) {
    this.#pending = pending;
  }

  partsOf(node: Node): Parts | undefined {
    return this.#parts.get(node);
  }

  /** Takes up a node that is needed. False for those that are needed as a whole. */
  start(node: Node): boolean {
    if (node.source !== undefined || node.domain !== "") return false;
    const iteration = iterationOf(node);
    const branches = node.op === "If" ? subgraphsOf(node.attributes) : undefined;
    if (iteration === undefined && branches === undefined) return false;
    const choice = new Choice(node, iteration, branches);
    this.#parts.set(node, choice);
    iteration?.states.forEach(({ argument }, k) => {
      this.#states.set(argument, { choice, k });
    });
    this.#pending.push(...choice.start());
    return true;
  }

  /** Takes up a value that is needed, after its node. */
  need(value: Value): void {
    const { origin } = value;
    const choice = origin.kind === "node" ? this.#parts.get(origin.node) : undefined;
    if (choice !== undefined && origin.kind === "node") {
      this.#pending.push(...choice.output(origin.index));
    }
    const state = this.#states.get(value);
    if (state !== undefined) this.#pending.push(...state.choice.state(state.k));
  }
}

class Choice implements Parts {
  readonly inputs = new Set<number>();
  readonly outputs = new Set<number>();
  readonly bodyInputs = new Set<number>();
  readonly bodyOutputs = new Set<number>();
  readonly #node: Node;
  readonly #iteration: Iteration | undefined;
  readonly #bodies: readonly Block[];

  constructor(
    node: Node,
    iteration: Iteration | undefined,
    branches: readonly Block[] | undefined,
  ) {
    this.#node = node;
    this.#iteration = iteration;
    this.#bodies = branches ?? (iteration === undefined ? [] : [iteration.body]);
  }

  /** What is needed whatever is read of it: a condition, a count, and what a Scan reads slices of. */
  start(): Value[] {
    const { inputs } = this.#node;
    const iteration = this.#iteration;
    if (iteration === undefined) return this.#read([0], []);
    if (this.#node.op === "Loop") {
      this.bodyInputs.add(0).add(1);
      return this.#read([0, 1], [0]);
    }
    const sequences = iteration.sequences.map((_, k) => iteration.states.length + k);
    for (const at of sequences) this.bodyInputs.add(at);
    return this.#read(
      sequences.filter((at) => inputs[at] !== undefined),
      [],
    );
  }

  output(i: number): Value[] {
    if (this.#iteration !== undefined && i < this.#iteration.states.length) return this.state(i);
    if (this.outputs.has(i)) return [];
    this.outputs.add(i);
    return this.#read([], [this.#firstResult + i]);
  }

  state(k: number): Value[] {
    if (this.outputs.has(k)) return [];
    this.outputs.add(k);
    const lead = leadingInputs(this.#node);
    this.bodyInputs.add(lead + k);
    return this.#read([lead + k], [this.#firstResult + k]);
  }

  attributes(): Attributes {
    if (this.#node.op !== "Scan" || this.#iteration === undefined) return this.#node.attributes;
    const first = this.#iteration.states.length;
    const kept = this.#iteration.collected.flatMap((_, k) =>
      this.outputs.has(first + k) ? [k] : [],
    );
    return scanAttributes(this.#node, kept);
  }

  /** A Loop's first result says whether to go on. */
  get #firstResult(): number {
    return this.#node.op === "Loop" ? 1 : 0;
  }

  #read(inputs: readonly number[], results: readonly number[]): Value[] {
    const values: Value[] = [];
    for (const i of inputs) {
      this.inputs.add(i);
      const input = this.#node.inputs[i];
      if (input !== undefined) values.push(input);
    }
    for (const i of results) {
      this.bodyOutputs.add(i);
      for (const body of this.#bodies) {
        const result = body.outputs[i];
        if (result !== undefined) values.push(result);
      }
    }
    return values;
  }
}
