import { cast, where } from "../../builder/operators/index.ts";
import { broadcast, type Rules, zero } from "./rule.ts";

const BOOLEAN = zero("its result is boolean");

export const logicRules: Rules<
  | "And"
  | "Or"
  | "Xor"
  | "Not"
  | "Equal"
  | "Less"
  | "LessOrEqual"
  | "Greater"
  | "GreaterOrEqual"
  | "IsNaN"
  | "IsInf"
  | "Where"
  | "Cast"
  | "CastLike"
  | "Identity"
> = {
  And: BOOLEAN,
  Or: BOOLEAN,
  Xor: BOOLEAN,
  Not: BOOLEAN,
  Equal: BOOLEAN,
  Less: BOOLEAN,
  LessOrEqual: BOOLEAN,
  Greater: BOOLEAN,
  GreaterOrEqual: BOOLEAN,
  IsNaN: BOOLEAN,
  IsInf: BOOLEAN,
  // Selected, never multiplied by the condition: an infinite cotangent of the branch not taken would
  // make NaN of 0.
  Where: (node) =>
    broadcast(
      node,
      undefined,
      () => where(node.input(0), node.dy, 0),
      () => where(node.input(0), 0, node.dy),
    ),
  // Between floating types; a cast to or from any other is not on the path.
  Cast: (node) => [cast(node.dy, node.input(0).dtype)],
  CastLike: (node) => [cast(node.dy, node.input(0).dtype)],
  Identity: (node) => [node.dy],
};
