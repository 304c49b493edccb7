import type { Node } from "../builder/block.ts";
import type { VjpRule } from "../builder/definition.ts";
import { failArgument, GraphError } from "../builder/errors.ts";
import type { Cotangents, Walk } from "./rules/rule.ts";

/** Gradient rules of a user's own, by operator: `com.example.Twist` is Twist of the domain com.example, `Relu` is
 * that of ai.onnx. Each is given the node on the way back and makes the cotangents of its inputs in order;
 * undefined, or a missing tail, means zero.
 *
 * `attributes` are those of the operator with defaults filled in; of an operator that the builder does not know,
 * those that are written, by name. */
export type GradientRules = Readonly<Record<string, VjpRule<Readonly<Record<string, unknown>>>>>;

/** @throws GraphError unless each rule is a function */
export function checkRules(operator: string, rules: GradientRules | undefined): void {
  if (rules === undefined) return;
  if (typeof rules !== "object" || rules === null) {
    failArgument(operator, "rules", "rules by operator", rules);
  }
  for (const [name, rule] of Object.entries(rules)) {
    if (typeof rule !== "function") {
      failArgument(operator, `rules[${JSON.stringify(name)}]`, "a function", rule);
    }
  }
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
