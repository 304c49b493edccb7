import type { OperatorName, OperatorTable } from "../../builder/schema.ts";
import { activationRules } from "./activation.ts";
import { arithmeticRules } from "./arithmetic.ts";
import { bitsRules } from "./bits.ts";
import { blocksRules } from "./blocks.ts";
import { controlRules } from "./control.ts";
import { convolutionRules } from "./convolution.ts";
import { cumulativeRules } from "./cumulative.ts";
import { groupNormalizationRules } from "./group-normalization.ts";

import { indexingRules } from "./indexing.ts";
import { linearRules } from "./linear.ts";
import { logicRules } from "./logic.ts";
import { lossRules } from "./losses.ts";
import { mathRules } from "./math.ts";
import { movementRules } from "./movement.ts";
import { normalizationRules } from "./normalization.ts";
import { poolingRules } from "./pooling.ts";
import { recurrentRules } from "./recurrent.ts";
import { reductionRules } from "./reduction.ts";
import type { Rule } from "./rule.ts";
import { selectionRules } from "./selection.ts";
import { spectrumRules } from "./spectrum.ts";
import { textRules } from "./text.ts";
import { trigonometryRules } from "./trigonometry.ts";

/** A rule for every operator that the builder knows: the compiler names those that lack one. */
export const rules: { readonly [Name in OperatorName]: Rule<OperatorTable[Name]> } = {
  ...arithmeticRules,
  ...mathRules,
  ...bitsRules,
  ...blocksRules,
  ...cumulativeRules,
  ...selectionRules,
  ...spectrumRules,
  ...textRules,
  ...trigonometryRules,
  ...activationRules,
  ...logicRules,
  ...reductionRules,
  ...linearRules,
  ...convolutionRules,
  ...poolingRules,
  ...normalizationRules,
  ...movementRules,
  ...indexingRules,
  ...controlRules,
  ...lossRules,
  ...groupNormalizationRules,
  ...recurrentRules,
};

/** The rule of an ai.onnx operator, given with its node's own attributes; undefined if there is none. */
export function ruleOf(op: string): Rule<unknown> | undefined {
  return Object.hasOwn(rules, op) ? (rules[op as OperatorName] as Rule<unknown>) : undefined;
}
