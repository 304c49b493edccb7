import type { Pullback } from "../../builder/definition.ts";
import {
  add,
  cast,
  div,
  mul,
  neg,
  reciprocal,
  reduceMean,
  reduceProd,
  reduceSum,
  sizeOf,
  sizeVector,
  sqrt,
  sub,
  where,
} from "../../builder/operators/index.ts";
import { axesFrom, perChannel, standardized } from "../../builder/operators/normalization.ts";
import type { OperatorTable } from "../../builder/schema.ts";
import type { Value } from "../../builder/value.ts";
import { expandLike, sumTo } from "../broadcast.ts";
import { type Cotangents, type Missing, missing, type Rules, wanted } from "./rule.ts";

type BatchNorm = Pullback<OperatorTable["BatchNormalization"]>;

function batchNormRule(node: BatchNorm): Cotangents | Missing {
  const x = node.input(0);
  if (x.shape === undefined) return missing("the rank of its operand is not known");
  if ([1, 2, 3, 4].some((i) => node.input(i).dtype !== x.dtype)) {
    return missing("its operands are of different types");
  }
  return node.attributes.training ? byBatchStatistics(node) : byGivenStatistics(node);
}

function byGivenStatistics(node: BatchNorm): Cotangents {
  const { dy } = node;
  const [x, scale, , mean, variance] = node.inputs as readonly Value[] as BatchInputs;
  const inverse = reciprocal(sqrt(add(variance, node.attributes.epsilon)));
  const centered = sub(x, perChannel(mean, x));
  const along = () => sumByChannel(mul(dy, centered));
  return wanted(
    node,
    () => mul(dy, perChannel(mul(scale, inverse), x)),
    () => mul(along(), inverse),
    () => sumByChannel(dy),
    () => neg(mul(sumByChannel(dy), mul(scale, inverse))),
    () => mul(mul(along(), mul(scale, -0.5)), mul(mul(inverse, inverse), inverse)),
  );
}

/** The mean and the variance are functions of x too, and so are the running ones that come of them. */
function byBatchStatistics(node: BatchNorm): Cotangents {
  const { dy } = node;
  const [x, scale] = node.inputs as readonly Value[] as BatchInputs;
  const { epsilon, momentum } = node.attributes;
  const [dMean, dVariance] = [node.cotangent(1), node.cotangent(2)];
  const axes = allButChannels(x);
  const mean = (value: Value) => reduceMean(value, { axes, keepdims: true });
  const centered = sub(x, mean(x));
  const deviation = sqrt(add(mean(mul(centered, centered)), epsilon));
  const normal = div(centered, deviation);
  const share = (cotangent: Value) =>
    perChannel(div(mul(cotangent, 1 - momentum), countByChannel(x)), x);
  const dx = () => {
    const apart = sub(sub(dy, mean(dy)), mul(normal, mean(mul(dy, normal))));
    const parts = [mul(div(apart, deviation), perChannel(scale, x))];
    if (dMean !== undefined) parts.push(share(dMean));
    if (dVariance !== undefined) parts.push(mul(mul(centered, 2), share(dVariance)));
    return parts.reduce((a, b) => add(a, b));
  };
  return wanted(
    node,
    dx,
    () => sumByChannel(mul(dy, normal)),
    () => sumByChannel(dy),
    () => dMean && mul(dMean, momentum),
    () => dVariance && mul(dVariance, momentum),
  );
}

type BatchInputs = readonly [x: Value, scale: Value, bias: Value, mean: Value, variance: Value];

function allButChannels(x: Value): readonly number[] {
  return Array.from({ length: x.rank }, (_, axis) => axis).filter((axis) => axis !== 1);
}

/** Summed to one number a channel. */
export function sumByChannel(x: Value): Value {
  return reduceSum(x, { axes: allButChannels(x) });
}

function countByChannel(x: Value): Value {
  return countAlong(x, allButChannels(x));
}

/** How many elements there are along some axes together, in the type of x. */
function countAlong(x: Value, axes: readonly number[]): Value {
  const sizes = axes.map((axis) => sizeOf(x, axis));
  return cast(reduceProd(sizeVector(x.graph, sizes)), x.dtype);
}

/** The cotangent of what was standardised over some axes, by that of the result. */
export function standardizedBack(
  { normal, deviation }: ReturnType<typeof standardized>,
  axes: readonly number[],
  dNormal: Value,
): Value {
  const mean = (value: Value) => reduceMean(value, { axes, keepdims: true });
  const apart = sub(sub(dNormal, mean(dNormal)), mul(normal, mean(mul(dNormal, normal))));
  return div(apart, deviation);
}

function layerNormRule(node: Pullback<OperatorTable["LayerNormalization"]>): Cotangents | Missing {
  const { dy } = node;
  const [x, scale] = [node.input(0), node.input(1)];
  if (x.shape === undefined) return missing("the rank of its operand is not known");
  const { axis, epsilon } = node.attributes;
  const axes = axesFrom(x, axis);
  const parts = standardized(x, axes, epsilon);
  const { normal, deviation } = parts;
  // The statistics may be of a wider type than x.
  const share = (i: number) => {
    const cotangent = node.cotangent(i);
    return cotangent && div(cast(cotangent, x.dtype), countAlong(x, axes));
  };
  return wanted(
    node,
    () => {
      const dx = [standardizedBack(parts, axes, mul(dy, scale))];
      const [dMean, dInverse] = [share(1), share(2)];
      if (dMean !== undefined) dx.push(expandLike(dMean, x));
      if (dInverse !== undefined) {
        dx.push(neg(mul(normal, div(dInverse, mul(deviation, deviation)))));
      }
      return dx.reduce((a, b) => add(a, b));
    },
    () => sumTo(mul(dy, normal), scale),
    () => sumTo(dy, node.input(2)),
  );
}

function dropoutRule(node: Pullback<OperatorTable["Dropout"]>): Cotangents | Missing {
  const { dy } = node;
  if (!node.attributes.training) return [dy];
  const [, mask] = node.outputs;
  if (mask === undefined) return missing("which entries it kept is not among its outputs");
  const ratio = node.optional(1);
  const kept = ratio === undefined ? 0.5 : sub(1, cast(ratio, dy.dtype));
  return [where(mask, div(dy, kept), 0)];
}

export const normalizationRules: Rules<"BatchNormalization" | "LayerNormalization" | "Dropout"> = {
  BatchNormalization: batchNormRule,
  LayerNormalization: layerNormRule,
  Dropout: dropoutRule,
};
