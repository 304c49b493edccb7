import { folded } from "../../builder/operators/fold.ts";
import { composed, missing, type Rules } from "./rule.ts";

export const foldRules: Rules<"Col2Im"> = {
  Col2Im: composed((node) => {
    const { image, window } = node.attributes;
    if (image === undefined || window === undefined) {
      return missing("its sizes are not known when the graph is built");
    }
    return [folded(node.input(0), image, window)];
  }),
};
