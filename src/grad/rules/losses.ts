import { crossEntropyExpansion, nllExpansion } from "../../builder/operators/losses.ts";
import { byExpansion, type Rules } from "./rule.ts";

export const lossRules: Rules<"NegativeLogLikelihoodLoss" | "SoftmaxCrossEntropyLoss"> = {
  NegativeLogLikelihoodLoss: byExpansion(nllExpansion),
  SoftmaxCrossEntropyLoss: byExpansion(crossEntropyExpansion),
};
