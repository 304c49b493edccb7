import { resized } from "../../builder/operators/resize-body.ts";
import { composed, missing, type Rules } from "./rule.ts";

const RANK = missing("the rank of its operand is not known when the graph is built");

export const resizeRules: Rules<"Resize" | "Upsample"> = {
  Resize: composed((node) => {
    const x = node.input(0);
    if (x.shape === undefined) return RANK;
    // Neither the region nor the scales have a part in it, as in PyTorch.
    const given = [1, 2, 3].map((i) => {
      const input = node.node.inputs[i];
      return input?.shape?.[0] === 0 ? undefined : input;
    });
    return [resized(x, given[0], given[1], given[2], node.attributes)];
  }),
  Upsample: composed((node) => {
    const x = node.input(0);
    if (x.shape === undefined) return RANK;
    return [resized(x, undefined, node.node.inputs[1], undefined, node.attributes)];
  }),
};
