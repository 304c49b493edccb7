import { determinant } from "../../builder/operators/determinant.ts";
import { composed, missing, type Rules } from "./rule.ts";

export const determinantRules: Rules<"Det"> = {
  Det: composed((node) => {
    const x = node.input(0);
    if (x.shape === undefined) return missing("the rank of its operand is not known");
    return [determinant(x)];
  }),
};
