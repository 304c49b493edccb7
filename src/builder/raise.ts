import { type Attributes, type Block, forgetCaptures, type Node, subgraphsOf } from "./block.ts";
import { GraphError } from "./errors.ts";
import type { Graph } from "./graph.ts";
import { schemaOf } from "./operators/known.ts";
import { type Form, type Raiser, raisers } from "./raise-operators.ts";
import type { NodeFacts } from "./schema.ts";
import type { Value } from "./value.ts";

/** What raising needs of the graph that it raises. */
export interface Raising {
  readonly graph: Graph;
  readonly from: number;
  readonly to: number;
  /** The top block, and the bodies that are being built. */
  readonly blocks: readonly Block[];
  /** Makes the graph one of the later opset. */
  readonly begin: () => void;
  /** Runs `build` with new nodes going into the block of a node, their values older than its outputs and
   * younger than all before it. */
  readonly before: <Result>(node: Node, build: () => Result) => Result;
}

/** Writes a graph as a later opset has it, in place: every value stays itself and computes the same.
 * @throws GraphError naming what the later opset cannot say; the graph is then as it was */
export function raiseGraph(raising: Raising): void {
  checkRaisable(raising);
  raising.begin();
  for (const block of raising.blocks) raiseBlock(block, raising);
}

function checkRaisable({ graph, from, to, blocks }: Raising): void {
  const functions = graph.source?.model.functions.length ?? 0;
  if (from < 13 && functions > 0) {
    throw new GraphError("grad", `a model with functions cannot be raised from opset ${from}`);
  }
  let read: ReadonlySet<Value> | undefined;
  const visit = (block: Block) => {
    for (const node of block.nodes) {
      const isRead = (result: number) => {
        read ??= valuesRead(graph, blocks);
        const value = node.outputs[result];
        return value !== undefined && read.has(value);
      };
      const reason = raisersOf(node, from, to)
        .map(({ obstacle }) => obstacle?.(factsOf(node, from), isRead))
        .find((found) => found !== undefined);
      if (reason !== undefined) {
        const name = JSON.stringify(node.source?.message.name || node.outputs[0]?.hint || "");
        throw new GraphError(
          "grad",
          `${node.op} ${name} cannot be raised from opset ${from} to ${to}: ${reason}`,
        );
      }
      subgraphsOf(node.attributes).forEach(visit);
    }
  };
  blocks.forEach(visit);
}

/** What nodes read, and what blocks and the graph give. */
function valuesRead(graph: Graph, blocks: readonly Block[]): ReadonlySet<Value> {
  const read = new Set<Value>([...graph.outputs.values(), ...graph.updates.values()]);
  const visit = (block: Block) => {
    for (const output of block.outputs) read.add(output);
    for (const node of block.nodes) {
      for (const input of node.inputs) if (input !== undefined) read.add(input);
      subgraphsOf(node.attributes).forEach(visit);
    }
  };
  blocks.forEach(visit);
  return read;
}

/** Whether any node of the block was changed. */
function raiseBlock(block: Block, raising: Raising): boolean {
  const nodes = block.nodes.splice(0);
  let changed = false;
  for (const node of nodes) {
    const bodies = subgraphsOf(node.attributes).map((body) => raiseBlock(body, raising));
    const form = raising.before(node, () => raised(node, raising));
    if (form !== undefined || bodies.includes(true)) {
      rewrite(node, form ?? node, raising.to);
      changed = true;
    }
    block.nodes.push(node);
  }
  if (changed) forgetCaptures(block);
  return changed;
}

function raised(node: Node, { graph, from, to }: Raising): Form | undefined {
  let form: Form | undefined;
  for (const { since, form: make } of raisersOf(node, from, to)) {
    const facts = { ...factsOf(node, from), ...form, opset: since - 1 };
    form = make(facts, graph) ?? form;
  }
  return form;
}

/** In the order of the opsets. An operator may take another's place on the way. */
function raisersOf(node: Node, from: number, to: number) {
  if (node.domain !== "") return [];
  if (!Object.hasOwn(raisers, node.op)) return [];
  return (raisers[node.op] as readonly Raiser[]).filter(({ since }) => since > from && since <= to);
}

function factsOf({ op, inputs, attributes, outputs }: Node, opset: number): NodeFacts {
  return { operator: op, inputs, attributes, opset, outputCount: outputs.length };
}

function rewrite(node: Node, form: Form, opset: number): void {
  const target = node as { -readonly [Field in keyof Node]: Node[Field] };
  const changed = form !== (node as Form);
  target.op = form.op ?? node.op;
  target.inputs = form.inputs;
  target.attributes = form.attributes as Attributes;
  // The message says what was.
  target.source = undefined;
  const schema = changed ? schemaOf(target.op) : undefined;
  if (schema === undefined) return;
  try {
    target.normal = schema.normal(factsOf(target, opset));
  } catch {
    target.normal = undefined;
  }
}
