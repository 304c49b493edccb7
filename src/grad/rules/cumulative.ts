import { attribute } from "../../builder/block.ts";
import { runningProducts } from "../../builder/operators/cumulative.ts";
import { composed, missing, type Rules } from "./rule.ts";

export const cumulativeRules: Rules<"CumSum" | "CumProd"> = {
  // The sum of all that came before becomes the sum of all that comes after.
  CumSum: (node) => {
    const { exclusive, reverse } = node.attributes;
    const attributes = {
      exclusive: attribute.int(exclusive),
      reverse: attribute.int(!reverse),
    };
    const inputs = [node.dy, node.input(1)];
    return [node.graph.emit({ op: "CumSum", inputs, attributes }).outputs[0]];
  },
  CumProd: composed((node) => {
    const { axis, ...rest } = node.attributes;
    if (axis === undefined) return missing("its axis is not known when the graph is built");
    if (node.input(0).shape === undefined) return missing("the rank of its operand is not known");
    return [runningProducts(node.input(0), { axis, ...rest })];
  }),
};
