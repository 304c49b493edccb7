import type { Node } from "../builder/block.ts";
import type { Graph } from "../builder/graph.ts";
import { requireValue } from "../builder/lift.ts";
import type { Value } from "../builder/value.ts";
import { zeroCotangent } from "./cotangents.ts";
import { attributesFor } from "./custom-rules.ts";
import type { Walk } from "./rules/rule.ts";

type Way = Pick<Walk, "graph" | "reaches" | "options" | "pullInBody" | "pullThrough">;

/** One node on the way back, as its rule is given it. Rules take it apart, so that its methods are its own.
 * A class for the sake of `dy`: V8 gives every object literal with an accessor a hidden class to itself, which
 * keeps all that its functions reach until the whole heap is collected. */
export class NodeWalk implements Walk {
  readonly graph: Graph;
  readonly node: Node;
  readonly attributes: unknown;
  readonly reaches: Walk["reaches"];
  readonly options: Walk["options"];
  readonly pullInBody: Walk["pullInBody"];
  readonly pullThrough: Walk["pullThrough"];
  readonly inputs: Node["inputs"];
  readonly outputs: readonly Value[];
  readonly y: Value;
  readonly input = (i: number) => requireValue(this.node.op, `input ${i}`, this.inputs[i]);
  readonly optional = (i: number) => this.inputs[i];
  readonly cotangent = (i: number) => this.#cotangents[i];
  readonly wants = (i: number) => {
    const input = this.inputs[i];
    return input !== undefined && this.reaches(input);
  };
  readonly #cotangents: readonly (Value | undefined)[];

  /** @param way makes what the way back is of the node */
  constructor(node: Node, cotangents: readonly (Value | undefined)[], way: (walk: Walk) => Way) {
    this.node = node;
    this.attributes = attributesFor(node);
    this.inputs = node.inputs;
    this.outputs = node.outputs;
    this.y = node.outputs[0] as Value;
    this.#cotangents = cotangents;
    const { graph, reaches, options, pullInBody, pullThrough } = way(this);
    this.graph = graph;
    this.reaches = reaches;
    this.options = options;
    this.pullInBody = pullInBody;
    this.pullThrough = pullThrough;
  }

  get dy(): Value {
    return this.#cotangents[0] ?? zeroCotangent(this.y);
  }
}
