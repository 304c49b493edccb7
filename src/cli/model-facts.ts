import type { Block, Node } from "../builder/block.ts";
import { subgraphsOf } from "../builder/block.ts";
import { formatShape } from "../builder/dim.ts";
import { bitsOf, isFloating } from "../builder/dtype.ts";
import type { Graph } from "../builder/graph.ts";
import type { Value } from "../builder/value.ts";
import { gradientStatus } from "../grad/reverse.ts";

/** One input, output or weight of a model. */
export interface TensorFacts {
  readonly name: string;
  readonly dtype: string;
  readonly shape: string;
}

/** A weight: see weightsOf. */
export interface WeightFacts extends TensorFacts {
  readonly elements: number;
  readonly bytes: number;
}

/** All nodes of one operator. */
export interface OperatorFacts {
  /** `Conv`, `com.microsoft.Attention`. */
  readonly operator: string;
  readonly count: number;
  /** "yes"; "zero" where it is zero by definition; "no". */
  readonly gradient: "yes" | "zero" | "no";
  /** Why it is zero, or why there is none. */
  readonly reason: string;
}

/** What `softonnx inspect` says of a model. */
export interface ModelFacts {
  readonly name: string;
  readonly opset: number;
  readonly producer: string;
  readonly inputs: readonly TensorFacts[];
  readonly outputs: readonly TensorFacts[];
  readonly weights: readonly WeightFacts[];
  readonly operators: readonly OperatorFacts[];
}

/** Reads the facts off a graph that was read from a file. */
export function factsOf(graph: Graph): ModelFacts {
  const model = graph.source?.model;
  const producer = [model?.producerName ?? "", model?.producerVersion ?? ""].join(" ").trim();
  return {
    name: graph.name,
    opset: graph.opset,
    producer,
    inputs: [...graph.inputs].map(([name, value]) => tensorFacts(name, value)),
    outputs: [...graph.outputs].map(([name, value]) => tensorFacts(name, value)),
    weights: [...weightsOf(graph)].map(([name, value]) => weightFacts(name, value)),
    operators: operatorsOf(graph),
  };
}

/** The weights of a model, by name: its floating initialisers of more than one element. Those of one are
 * rarely learned and often a constant of a formula. */
export function weightsOf(graph: Graph): Map<string, Value> {
  const values = [...(graph.source?.values ?? [])];
  return new Map(
    values.filter(([, { origin, dtype }]) => {
      return origin.kind === "constant" && isFloating(dtype) && origin.data.size > 1;
    }),
  );
}

function tensorFacts(name: string, value: Value): TensorFacts {
  return { name, dtype: value.dtype, shape: formatShape(value.shape) };
}

function weightFacts(name: string, value: Value): WeightFacts {
  const elements = value.data?.size ?? 0;
  const bytes = Math.ceil((elements * bitsOf(value.dtype)) / 8);
  return { ...tensorFacts(name, value), elements, bytes };
}

function operatorsOf(graph: Graph): OperatorFacts[] {
  const found = new Map<string, { node: Node; count: number }>();
  for (const node of nodesOf(graph.root)) {
    const operator = operatorName(node);
    const known = found.get(operator);
    if (known === undefined) found.set(operator, { node, count: 1 });
    else known.count++;
  }
  const facts = [...found].map(([operator, { node, count }]) => {
    const status = gradientStatus(node, graph);
    return { operator, count, gradient: status.gradient, reason: status.reason };
  });
  return facts.sort((a, b) => b.count - a.count || (a.operator < b.operator ? -1 : 1));
}

/** The operator with its domain, where that is not ONNX's own. */
export function operatorName({ domain, op }: Node): string {
  return domain === "" ? op : `${domain}.${op}`;
}

/** The nodes of a block and of all blocks within it. */
export function* nodesOf(block: Block): Generator<Node> {
  const pending = [block];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    for (const node of at.nodes) {
      yield node;
      pending.push(...subgraphsOf(node.attributes));
    }
  }
}
