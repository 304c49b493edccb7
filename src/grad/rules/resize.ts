import type { Application } from "../../builder/definition.ts";
import { resized } from "../../builder/operators/resize-body.ts";
import type { Resizing } from "../../builder/schema.ts";
import type { Value } from "../../builder/value.ts";
import { composed, type Missing, missing, type Rules } from "./rule.ts";

/** Resize by what it is made of, for the region and the scales too: they move the places that entries are
 * read at. The sizes that follow from scales change in jumps. */
function rule(at: { readonly roi?: number; readonly scales: number; readonly sizes?: number }) {
  return composed((node: Application<Resizing>): readonly Value[] | Missing => {
    const x = node.input(0);
    if (x.shape === undefined) return missing("the rank of its operand is not known");
    const given = (i: number | undefined) => {
      const input = i === undefined ? undefined : node.optional(i);
      return input?.shape?.[0] === 0 ? undefined : input;
    };
    const scales = given(at.scales);
    // What is differentiated by is no constant any more.
    const own = scales === node.node.inputs[at.scales];
    const resizing = own ? node.attributes : { ...node.attributes, scales: undefined };
    return [resized(x, given(at.roi), scales, given(at.sizes), resizing)];
  });
}

export const resizeRules: Rules<"Resize" | "Upsample"> = {
  Resize: rule({ roi: 1, scales: 2, sizes: 3 }),
  Upsample: rule({ scales: 1 }),
};
