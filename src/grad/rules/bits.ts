import { missing, type Rules, zero } from "./rule.ts";

const WHOLE = zero("it works on whole numbers");

export const bitsRules: Rules<
  "BitwiseAnd" | "BitwiseOr" | "BitwiseXor" | "BitwiseNot" | "BitShift" | "BitCast"
> = {
  BitwiseAnd: WHOLE,
  BitwiseOr: WHOLE,
  BitwiseXor: WHOLE,
  BitwiseNot: WHOLE,
  BitShift: WHOLE,
  BitCast: missing("it reads the bits of its operand as another type"),
};
