import { centered, channelsOfBlocks } from "../../builder/operators/blocks.ts";
import { depthToSpace, spaceToDepth } from "../../builder/operators/index.ts";
import { composed, missing, type Rules } from "./rule.ts";

export const blocksRules: Rules<"DepthToSpace" | "SpaceToDepth" | "CenterCropPad"> = {
  DepthToSpace: ({ dy, attributes: { blockSize, columnsFirst } }) => [
    columnsFirst ? channelsOfBlocks(dy, blockSize) : spaceToDepth(dy, blockSize),
  ],
  SpaceToDepth: ({ dy, attributes: { blockSize } }) => [depthToSpace(dy, blockSize)],
  CenterCropPad: composed((node) => {
    const { axes } = node.attributes;
    if (axes === undefined) return missing("the rank of its operand is not known");
    return [centered(node.input(0), node.input(1), axes)];
  }),
};
