import { attribute } from "../../builder/block.ts";
import { runningProducts } from "../../builder/operators/cumulative.ts";
import { cast, equal, ifElse, or } from "../../builder/operators/index.ts";
import { asScalar } from "../../builder/operators/sizes.ts";
import type { Value } from "../../builder/value.ts";
import { composed, missing, type Rules } from "./rule.ts";

/** What a computation gives along the axis that the model chooses. */
function byAxis(axis: Value, rank: number, along: (axis: number) => Value, first = 0): Value {
  if (first >= rank - 1) return along(first);
  const at = asScalar(cast(axis, "int64"));
  const chosen = or(equal(at, first), equal(at, first - rank));
  const [result] = ifElse(
    chosen,
    () => [along(first)],
    () => [byAxis(axis, rank, along, first + 1)],
  );
  return result as Value;
}

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
    const x = node.input(0);
    if (x.shape === undefined) return missing("the rank of its operand is not known");
    const along = (own: number) => runningProducts(x, { axis: own, ...rest });
    return [axis === undefined ? byAxis(node.input(1), x.rank, along) : along(axis)];
  }),
};
