import type { OperatorName, OperatorTable } from "../../builder/schema.ts";
import { activationRules } from "./activation.ts";
import { attentionRules } from "./attention.ts";
import { bitsRules } from "./bits.ts";
import { blocksRules } from "./blocks.ts";
import { controlRules } from "./control.ts";
import { convolutionRules } from "./convolution.ts";
import { determinantRules } from "./determinant.ts";
import { einsumRule } from "./einsum.ts";
import { foldRules } from "./fold.ts";
import { groupNormalizationRules } from "./group-normalization.ts";
import { coreRules, provideRules } from "./known.ts";
import { lossRules } from "./losses.ts";
import { normalizationRules } from "./normalization.ts";
import { poolingRules } from "./pooling.ts";
import { quantizationRules } from "./quantization.ts";
import { randomRules } from "./random.ts";
import { recurrentRules } from "./recurrent.ts";
import { regionsRules } from "./regions.ts";
import { resizeRules } from "./resize.ts";
import type { Rule } from "./rule.ts";
import { samplingRules } from "./sampling.ts";
import { selectionRules } from "./selection.ts";
import { sequenceRules } from "./sequence.ts";
import { spectrumRules } from "./spectrum.ts";
import { textRules } from "./text.ts";
import { trigonometryRules } from "./trigonometry.ts";

/** A rule for every operator that the builder knows: the compiler names those that lack one. A module of
 * "softonnx" alone, for its effect, as builder/operators/every.ts. */
export const rules: { readonly [Name in OperatorName]: Rule<OperatorTable[Name]> } = {
  ...coreRules,
  Einsum: einsumRule,
  ...activationRules,
  ...bitsRules,
  ...blocksRules,
  ...controlRules,
  ...convolutionRules,
  ...groupNormalizationRules,
  ...lossRules,
  ...normalizationRules,
  ...poolingRules,
  ...recurrentRules,
  ...samplingRules,
  ...selectionRules,
  ...sequenceRules,
  ...spectrumRules,
  ...determinantRules,
  ...foldRules,
  ...regionsRules,
  ...resizeRules,
  ...textRules,
  ...trigonometryRules,
  ...attentionRules,
  ...quantizationRules,
  ...randomRules,
};

provideRules(rules);
