import { type Block, type Node, subgraphsOf } from "../builder/block.ts";
import type { VjpRule } from "../builder/definition.ts";
import { failArgument, GraphError, nearest } from "../builder/errors.ts";
import type { Graph } from "../builder/graph.ts";
import { schemaOf } from "../builder/operators/known.ts";
import type { Cotangents, Walk } from "./rules/rule.ts";

/** Gradient rules of a user's own, by operator: `com.example.Twist` is Twist of the domain com.example, `Relu` is
 * that of ai.onnx. Each is given the node on the way back and makes the cotangents of its inputs in order;
 * undefined, or a missing tail, means zero. Rules for operators that are not on the way are not asked.
 *
 * `attributes` are those of the operator with defaults filled in; of an operator that the builder does not know,
 * those that are written, by name. */
export type GradientRules = Readonly<Record<string, VjpRule<Readonly<Record<string, unknown>>>>>;

/** @throws GraphError unless each rule is a function, and of an operator that there is. Other domains have
 * operators that nobody knows: a rule for one that the graph lacks is for another graph. */
export function checkRules(operator: string, rules: GradientRules | undefined, graph: Graph): void {
  if (rules === undefined) return;
  if (typeof rules !== "object" || rules === null) {
    failArgument(operator, "rules", "rules by operator", rules);
  }
  for (const [name, rule] of Object.entries(rules)) {
    if (typeof rule !== "function") {
      failArgument(operator, `rules[${JSON.stringify(name)}]`, "a function", rule);
    }
    checkName(operator, name, graph);
  }
}

const STANDARD = "ai.onnx.";

function checkName(operator: string, name: string, graph: Graph): void {
  const bare = name.startsWith(STANDARD) ? name.slice(STANDARD.length) : name;
  if (bare.includes(".") || (bare === name && schemaOf(name) !== undefined)) return;
  const used = operatorsIn(graph.root);
  if (used.has(name)) return;
  const near = schemaOf(bare) === undefined ? nearest(bare, [...used]) : bare;
  const advice = near === undefined ? "" : `; did you mean "${near}"?`;
  throw new GraphError(operator, `rules: there is no operator ${JSON.stringify(name)}${advice}`);
}

/** The operators of a block and of the bodies in it. */
function operatorsIn(top: Block): ReadonlySet<string> {
  const found = new Set<string>();
  const pending = [top];
  for (let block = pending.pop(); block !== undefined; block = pending.pop()) {
    for (const node of block.nodes) {
      found.add(operatorOf(node));
      pending.push(...subgraphsOf(node.attributes));
    }
  }
  return found;
}

/** `Loop`, `com.example.Twist`. */
export function operatorOf({ domain, op }: Node): string {
  return domain === "" ? op : `${domain}.${op}`;
}

/** The user's rule for a node, if there is one. */
export function customRule(
  node: Node,
  rules: GradientRules | undefined,
): ((walk: Walk) => Cotangents) | undefined {
  const name = operatorOf(node);
  if (rules === undefined || !Object.hasOwn(rules, name)) return undefined;
  const rule = rules[name] as GradientRules[string];
  return (walk) => {
    const given = rule(walk as Walk<Readonly<Record<string, unknown>>>);
    if (Array.isArray(given) && given.length <= node.inputs.length) return given;
    const expected = `at most ${node.inputs.length} cotangents, one for each input`;
    throw new GraphError(name, `its rule: expected a list of ${expected}, got ${shown(given)}`);
  };
}

function shown(given: unknown): string {
  return Array.isArray(given) ? `${given.length}` : String(given);
}

/** What rules are told of a node's attributes. */
export function attributesFor({ normal, attributes }: Node): unknown {
  if (normal !== undefined) return normal;
  return Object.fromEntries(
    Object.entries(attributes).map(([name, attribute]) => [name, attribute.value]),
  );
}
