import { deformed } from "../../builder/operators/deform.ts";
import { regionsAligned, regionsPooled } from "../../builder/operators/regions-body.ts";
import type { Value } from "../../builder/value.ts";
import { composed, missing, type Rules, zero } from "./rule.ts";

const RANK = missing("the rank of its operand is not known when the graph is built");

export const regionsRules: Rules<"RoiAlign" | "MaxRoiPool" | "NonMaxSuppression" | "DeformConv"> = {
  // No gradient goes to the regions, as in PyTorch: they are given as they are.
  RoiAlign: composed((node) => {
    const [, regions, images] = node.node.inputs as readonly Value[];
    if (node.input(0).shape === undefined) return RANK;
    return [regionsAligned(node.input(0), regions as Value, images as Value, node.attributes)];
  }),
  MaxRoiPool: composed((node) => {
    const [, regions] = node.node.inputs as readonly Value[];
    if (node.input(0).shape === undefined) return RANK;
    return [regionsPooled(node.input(0), regions as Value, node.attributes)];
  }),
  NonMaxSuppression: zero("its result is made of indices"),
  DeformConv: composed((node) => {
    const { window } = node.attributes;
    if (node.input(0).shape === undefined || node.input(2).shape === undefined) return RANK;
    if (window === undefined) return missing("its window is not known when the graph is built");
    return [deformed(node.inputs, { ...node.attributes, window })];
  }),
};
