import { folded, foldedAtPlaces } from "../../builder/operators/fold.ts";
import { composed, missing, type Rules } from "./rule.ts";

export const foldRules: Rules<"Col2Im"> = {
  Col2Im: composed((node) => {
    const { image, window, steps } = node.attributes;
    if (image !== undefined && window !== undefined) return [folded(node.input(0), image, window)];
    if (steps === undefined) return missing("the number of its axes is not known");
    return [foldedAtPlaces(node.input(0), node.input(1), node.input(2), steps)];
  }),
};
