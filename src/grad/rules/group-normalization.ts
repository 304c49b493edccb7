import type { Pullback } from "../../builder/definition.ts";
import {
  inGroups,
  rootMeanSquare,
  spatialAxes,
} from "../../builder/operators/group-normalization.ts";
import { div, mul, reduceMean, reshape, sizesOf, sub } from "../../builder/operators/index.ts";
import { axesFrom, perChannel, standardized } from "../../builder/operators/normalization.ts";
import {
  lpExpansion,
  lrnExpansion,
  meanVarianceExpansion,
} from "../../builder/operators/scale-normalization.ts";
import type { OperatorTable } from "../../builder/schema.ts";
import type { Value } from "../../builder/value.ts";
import { sumTo } from "../broadcast.ts";
import { standardizedBack, sumByChannel } from "./normalization.ts";
import { byExpansion, type Cotangents, type Missing, missing, type Rules, wanted } from "./rule.ts";

const RANK = missing("the rank of its operand is not known");

function instanceNormRule(
  node: Pullback<OperatorTable["InstanceNormalization"]>,
): Cotangents | Missing {
  const { dy } = node;
  const [x, scale] = [node.input(0), node.input(1)];
  if (x.shape === undefined) return RANK;
  const axes = spatialAxes(x);
  const parts = standardized(x, axes, node.attributes.epsilon);
  return wanted(
    node,
    () => standardizedBack(parts, axes, mul(dy, perChannel(scale, x))),
    () => sumByChannel(mul(dy, parts.normal)),
    () => sumByChannel(dy),
  );
}

function groupNormRule(node: Pullback<OperatorTable["GroupNormalization"]>): Cotangents | Missing {
  const { dy } = node;
  const [x, scale] = [node.input(0), node.input(1)];
  if (x.shape === undefined) return RANK;
  const { epsilon, groups, perGroup } = node.attributes;
  const grouped = inGroups(x, groups);
  const parts = standardized(grouped, [2], epsilon);
  const ungrouped = (value: Value) => reshape(value, sizesOf(x));
  // Scale and bias act on the groups, or on the channels.
  const own = perGroup ? inGroups(dy, groups) : dy;
  const normal = perGroup ? parts.normal : ungrouped(parts.normal);
  return wanted(
    node,
    () => {
      const scaled = mul(own, perChannel(scale, own));
      return ungrouped(standardizedBack(parts, [2], perGroup ? scaled : inGroups(scaled, groups)));
    },
    () => sumByChannel(mul(own, normal)),
    () => sumByChannel(own),
  );
}

function rmsNormRule(node: Pullback<OperatorTable["RMSNormalization"]>): Cotangents | Missing {
  const { dy } = node;
  const [x, scale] = [node.input(0), node.input(1)];
  if (x.shape === undefined) return RANK;
  if (x.dtype !== scale.dtype) return missing("its operands are of different types");
  const { axis, epsilon } = node.attributes;
  const axes = axesFrom(x, axis);
  const root = rootMeanSquare(x, axes, epsilon);
  const normal = div(x, root);
  return wanted(
    node,
    () => {
      const scaled = mul(dy, scale);
      const along = reduceMean(mul(scaled, normal), { axes, keepdims: true });
      return div(sub(scaled, mul(normal, along)), root);
    },
    () => sumTo(mul(dy, normal), scale),
  );
}

export const groupNormalizationRules: Rules<
  | "InstanceNormalization"
  | "GroupNormalization"
  | "RMSNormalization"
  | "LRN"
  | "LpNormalization"
  | "MeanVarianceNormalization"
> = {
  InstanceNormalization: instanceNormRule,
  GroupNormalization: groupNormRule,
  RMSNormalization: rmsNormRule,
  LRN: byExpansion(lrnExpansion),
  LpNormalization: byExpansion(lpExpansion),
  MeanVarianceNormalization: byExpansion(meanVarianceExpansion),
};
