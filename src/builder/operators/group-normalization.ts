import { attribute } from "../block.ts";
import type { TensorType } from "../definition.ts";
import { type Dim, sameDim } from "../dim.ts";
import { checkOptions, failArgument, GraphError } from "../errors.ts";
import { liftAll, type Operand } from "../lift.ts";
import { inputOf, intOf, type NodeFacts, resolveAxis, type Schemas, singleOf } from "../schema.ts";
import type { Value } from "../value.ts";
import { add, div, mul } from "./arithmetic.ts";
import { axisAttribute, axisOf } from "./axes.ts";
import { checkType, emitOne, sameType } from "./emit.ts";
import { sqrt } from "./math.ts";
import { axesFrom, perChannel, standardized } from "./normalization.ts";
import { reduceMean } from "./reduction.ts";
import { reshape } from "./reshape.ts";
import { sizeOf, sizesOf } from "./sizes.ts";

/** Options of instanceNormalization and groupNormalization. */
export interface NormalizationOptions {
  /** Added to the variance. Default 1e-5. */
  readonly epsilon?: number;
}

/** Options of rmsNormalization. */
export interface RmsNormalizationOptions {
  /** The first of the axes that are normalised together with all after it. Default -1. */
  readonly axis?: number;
  /** Added to the mean square. Default 1e-5. */
  readonly epsilon?: number;
}

/** x less its mean, over its deviation, times scale plus bias, for each entry of the batch and each
 * channel by itself (Ulyanov et al. 2016, arXiv 1607.08022).
 *
 * @param x [batch, channels, …]
 * @param scale [channels], as bias
 * @throws GraphError if shapes or types do not fit */
export function instanceNormalization(
  x: Operand,
  scale: Operand,
  bias: Operand,
  options: NormalizationOptions = {},
): Value {
  const operator = "instanceNormalization";
  checkOptions(operator, options, ["epsilon"]);
  const inputs = liftAll(operator, { x, scale, bias });
  const [value, factor, shift] = inputs as [Value, Value, Value];
  const { epsilon = 1e-5 } = options;
  if (value.dtype !== "float64") {
    return emitOne(
      "InstanceNormalization",
      inputs,
      { epsilon: attribute.float(epsilon) },
      operator,
    );
  }
  requireChannels(operator, value);
  return value.graph.operation(operator, () => {
    const { normal } = standardized(value, spatialAxes(value), epsilon);
    return add(mul(normal, perChannel(factor, value)), perChannel(shift, value));
  });
}

/** The same for groups of channels that follow each other (Wu and He 2018, arXiv 1803.08494).
 *
 * @param x [batch, channels, …]
 * @param scale [channels], as bias
 * @param groups into how many groups of equal size the channels fall
 * @throws GraphError if shapes or types do not fit */
export function groupNormalization(
  x: Operand,
  scale: Operand,
  bias: Operand,
  groups: number,
  options: NormalizationOptions = {},
): Value {
  const operator = "groupNormalization";
  checkOptions(operator, options, ["epsilon"]);
  const inputs = liftAll(operator, { x, scale, bias });
  const [value, factor, shift] = inputs as [Value, Value, Value];
  const { epsilon = 1e-5 } = options;
  if (!Number.isInteger(groups) || groups < 1) {
    failArgument(operator, "groups", "a whole number from 1", groups);
  }
  requireChannels(operator, value);
  checkGroups(operator, value, groups);
  // Opset 18 had one scale a group.
  if (value.graph.opset >= 21 && value.dtype !== "float64") {
    const attributes = { num_groups: attribute.int(groups), epsilon: attribute.float(epsilon) };
    return emitOne("GroupNormalization", inputs, attributes, operator);
  }
  return value.graph.operation(operator, () => {
    const { normal } = standardized(inGroups(value, groups), [2], epsilon);
    const y = reshape(normal, sizesOf(value));
    return add(mul(y, perChannel(factor, value)), perChannel(shift, value));
  });
}

/** x over the root of its mean square, times scale, over the last axes (Zhang and Sennrich 2019, arXiv
 * 1910.07467).
 *
 * ```ts
 * const y = rmsNormalization(x, scale);
 * ```
 * @param scale broadcasts to x; its shape is that of the axes normalised
 * @throws GraphError if shapes or types do not fit */
export function rmsNormalization(
  x: Operand,
  scale: Operand,
  options: RmsNormalizationOptions = {},
): Value {
  const operator = "rmsNormalization";
  checkOptions(operator, options, ["axis", "epsilon"]);
  const inputs = liftAll(operator, { x, scale });
  const [value, factor] = inputs as [Value, Value];
  const { axis = -1, epsilon = 1e-5 } = options;
  if (value.graph.opset >= 23 && value.dtype !== "float64") {
    const attributes = { ...axisAttribute(operator, axis), epsilon: attribute.float(epsilon) };
    return emitOne("RMSNormalization", inputs, attributes, operator);
  }
  return value.graph.operation(operator, () => {
    const axes = axesFrom(value, resolveAxis(operator, axis, value.rank));
    return mul(div(value, rootMeanSquare(value, axes, epsilon)), factor);
  });
}

/** The axes behind batch and channels. */
export function spatialAxes(x: Value): readonly number[] {
  return axesFrom(x, 2);
}

/** The root of the mean square over some axes, which are kept. */
export function rootMeanSquare(x: Value, axes: readonly number[], epsilon: number): Value {
  return sqrt(add(reduceMean(mul(x, x), { axes, keepdims: true }), epsilon));
}

/** [batch, channels, …] as [batch, groups, all of the group]. */
export function inGroups(x: Value, groups: number): Value {
  return reshape(x, [sizeOf(x, 0), groups, -1]);
}

function requireChannels(operator: string, x: Value): void {
  if (x.shape === undefined) throw new GraphError(operator, `the rank of ${x} must be known`);
  if (x.shape.length < 2) failArgument(operator, "x", "[batch, channels, …]", x);
}

function checkGroups(operator: string, x: Value, groups: number): void {
  const channels = x.shape?.[1];
  if (typeof channels === "number" && channels % groups !== 0) {
    failArgument(operator, "groups", `a divisor of ${channels} channels`, groups);
  }
}

/** @throws GraphError unless the vectors have one number for each channel or group */
function checkVectors(node: NodeFacts, size: Dim, names: readonly string[]): void {
  for (const [i, name] of names.entries()) {
    const vector = inputOf(node, i + 1);
    const { shape } = vector;
    if (shape === undefined || (shape.length === 1 && sameDim(shape[0], size) !== false)) continue;
    failArgument(node.operator, name, `[${size ?? "channels"}]`, vector);
  }
}

function sameAsX(node: NodeFacts): readonly TensorType[] {
  const x = inputOf(node, 0);
  checkType(node.operator, "x", x, "float");
  sameType(node, node.inputs as Value[]);
  return [{ dtype: x.dtype, shape: x.shape }];
}

export const groupNormalizationSchemas: Schemas<
  "InstanceNormalization" | "GroupNormalization" | "RMSNormalization"
> = {
  InstanceNormalization: {
    arity: 3,
    normal: (node) => ({ epsilon: singleOf(node, "epsilon", 1e-5) }),
    infer: (node) => {
      const x = inputOf(node, 0);
      if (x.shape !== undefined) requireChannels(node.operator, x);
      checkVectors(node, x.shape?.[1], ["scale", "bias"]);
      return sameAsX(node);
    },
  },
  GroupNormalization: {
    arity: 3,
    normal: (node) => ({
      epsilon: singleOf(node, "epsilon", 1e-5),
      groups: intOf(node, "num_groups", 1),
      perGroup: node.opset < 21,
    }),
    infer: (node, { groups, perGroup }) => {
      const x = inputOf(node, 0);
      if (x.shape !== undefined) requireChannels(node.operator, x);
      if (groups < 1) failArgument(node.operator, "groups", "a whole number from 1", groups);
      checkGroups(node.operator, x, groups);
      checkVectors(node, perGroup ? groups : x.shape?.[1], ["scale", "bias"]);
      return sameAsX(node);
    },
  },
  RMSNormalization: {
    arity: 2,
    normal: (node) => ({ axis: axisOf(node, -1), epsilon: singleOf(node, "epsilon", 1e-5) }),
    infer: (node) => {
      const [x, scale] = [inputOf(node, 0), inputOf(node, 1)];
      checkType(node.operator, "x", x, "float");
      return [{ dtype: scale.dtype, shape: x.shape }];
    },
  },
};
