import { attribute, type Block, capturesOfNode } from "../../builder/block.ts";
import { cloneBody } from "../../builder/clone.ts";
import type { Value } from "../../builder/value.ts";
import { zeroCotangent } from "../cotangents.ts";
import { iterationRule } from "./iteration.ts";
import { randomInBodies } from "./random-bodies.ts";
import {
  type Cotangents,
  isMissing,
  type Missing,
  missing,
  type Rules,
  type Walk,
  zero,
} from "./rule.ts";

/** The gradient of the branch that was taken, in an If of its own. The branches are computed again as far
 * as their gradients need them. */
function ifRule(node: Walk): Cotangents | Missing {
  const { graph } = node;
  const captures = capturesOfNode(node.node);
  const xs = captures.filter(node.reaches);
  const random = randomInBodies(node.node);
  if (random !== undefined) return random;
  let problem: Missing | undefined;
  const reached = new Set<number>();
  const pull = (branch: Block) =>
    graph.body([], () => {
      const copy = cloneBody(graph, branch, new Map());
      const results = copy.outputs.flatMap((y, i) => {
        const seed = node.cotangent(i);
        return seed === undefined ? [] : [{ y, seed }];
      });
      const given = node.pullInBody(
        results.map(({ y }) => y),
        xs,
        results.map(({ seed }) => seed),
      );
      if (isMissing(given)) {
        problem = given;
        return [];
      }
      return xs.map((x, i) => {
        if (given[i] !== undefined) reached.add(i);
        return given[i] ?? zeroCotangent(x);
      });
    });
  const [thenBranch, elseBranch] = ["then_branch", "else_branch"].map((name) => {
    const body = node.node.attributes[name];
    return body?.type === "graph" ? pull(body.value) : undefined;
  });
  if (problem !== undefined) return problem;
  if (thenBranch === undefined || elseBranch === undefined) return missing("it lacks a branch");
  const { outputs } = graph.emit({
    op: "If",
    inputs: [node.input(0)],
    attributes: {
      then_branch: attribute.graph(thenBranch),
      else_branch: attribute.graph(elseBranch),
    },
    outputs: xs.length,
    operator: "ifElse",
  });
  const of = new Map(xs.map((x, i) => [x, reached.has(i) ? outputs[i] : undefined] as const));
  return [undefined, ...captures.map((captured): Value | undefined => of.get(captured))];
}

export const controlRules: Rules<"If" | "Loop" | "Scan" | "Constant"> = {
  If: ifRule,
  Loop: iterationRule,
  Scan: iterationRule,
  Constant: zero("it reads nothing"),
};
