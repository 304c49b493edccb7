import type { OperatorName, OperatorTable } from "../../builder/schema.ts";
import { arithmeticRules } from "./arithmetic.ts";
import { cumulativeRules } from "./cumulative.ts";
import { indexingRules } from "./indexing.ts";
import { linearRules } from "./linear.ts";
import { logicRules } from "./logic.ts";
import { mathRules } from "./math.ts";
import { movementRules } from "./movement.ts";
import { reductionRules } from "./reduction.ts";
import { missing, type Rule } from "./rule.ts";

/** The rules of what soft operators, losses and optimizers are made of: known to every program. */
export const coreRules = {
  ...arithmeticRules,
  ...mathRules,
  ...logicRules,
  ...reductionRules,
  ...cumulativeRules,
  ...linearRules,
  ...movementRules,
  ...indexingRules,
};

type Known = { readonly [Name in OperatorName]?: Rule<OperatorTable[Name]> };

let provided: Known | undefined;

/** Makes rules known besides those of the core: see every.ts. */
export function provideRules(rules: Known): void {
  provided = rules;
}

/** The rule of an ai.onnx operator, given with its node's own attributes. */
export function ruleOf(op: string): Rule<unknown> {
  const known: Known = provided ?? coreRules;
  if (Object.hasOwn(known, op)) return known[op as OperatorName] as Rule<unknown>;
  return missing(
    provided === undefined
      ? 'softonnx/core has no rule for it; import "softonnx" as well'
      : "no rule is known for it",
  );
}
