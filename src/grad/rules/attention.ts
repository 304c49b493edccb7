import { attentionExpansion } from "../../builder/operators/attention.ts";
import { rotaryExpansion } from "../../builder/operators/rotary.ts";
import { byExpansion, type Rules } from "./rule.ts";

export const attentionRules: Rules<"Attention" | "RotaryEmbedding"> = {
  Attention: byExpansion(attentionExpansion),
  RotaryEmbedding: byExpansion(rotaryExpansion),
};
