import { gather, reshape } from "../../builder/operators/index.ts";
import { affinePlaces, sampled } from "../../builder/operators/sampling.ts";
import { composed, missing, type Rules } from "./rule.ts";

const RANK = missing("the rank of its operand is not known when the graph is built");

export const samplingRules: Rules<"GridSample" | "AffineGrid"> = {
  GridSample: composed((node) => {
    const [x, grid] = [node.input(0), node.input(1)];
    if (x.shape === undefined || grid.shape === undefined) return RANK;
    return [sampled(x, grid, node.attributes)];
  }),
  AffineGrid: composed((node) => {
    const theta = node.input(0);
    const spatial = node.y.shape === undefined ? undefined : node.y.shape.length - 2;
    if (spatial === undefined) return RANK;
    const sizes = node.input(1);
    const known = sizes.elements;
    const list = Array.from({ length: spatial }, (_, axis) => {
      const size = known?.[axis + 2];
      return typeof size === "number" ? size : reshape(gather(sizes, axis + 2), [1]);
    });
    return [affinePlaces(theta, list, node.attributes.alignCorners)];
  }),
};
