import { missing, type Rules, zero } from "./rule.ts";

const CONTROL = missing("a gradient through control flow is not written yet");

export const controlRules: Rules<"If" | "Loop" | "Constant"> = {
  If: CONTROL,
  Loop: CONTROL,
  Constant: zero("it reads nothing"),
};
