import { attribute } from "../block.ts";
import type { TensorType } from "../definition.ts";
import { sameDim } from "../dim.ts";
import { checkOptions, failArgument, GraphError } from "../errors.ts";
import { liftAll, type Operand } from "../lift.ts";
import {
  constantData,
  inputOf,
  intOf,
  type NodeFacts,
  resolveAxis,
  type Schemas,
  singleOf,
} from "../schema.ts";
import type { Value } from "../value.ts";
import { add, div, mul, sub } from "./arithmetic.ts";
import { axisAttribute, axisOf } from "./axes.ts";
import { checkType, emitOne, sameType } from "./emit.ts";
import { sqrt } from "./math.ts";
import { reduceMean } from "./reduction.ts";
import { unsqueeze } from "./reshape.ts";

/** Options of layerNormalization. */
export interface LayerNormalizationOptions {
  /** The first of the axes that are normalised together with all after it. Default -1. */
  readonly axis?: number;
  /** Added to the variance. Default 1e-5. */
  readonly epsilon?: number;
}

/** Options of batchNormalization. */
export interface BatchNormalizationOptions {
  /** Added to the variance. Default 1e-5. */
  readonly epsilon?: number;
}

/** (x - mean) / sqrt(variance + epsilon) scale + bias for each channel, by statistics that are given: how
 * batch normalisation runs when it is not trained (Ioffe and Szegedy 2015, arXiv 1502.03167, algorithm 2).
 *
 * @param x [batch, channels, …]
 * @param scale [channels], as bias, mean and variance
 * @throws GraphError if shapes or types do not fit */
export function batchNormalization(
  x: Operand,
  scale: Operand,
  bias: Operand,
  mean: Operand,
  variance: Operand,
  options: BatchNormalizationOptions = {},
): Value {
  checkOptions("batchNormalization", options, ["epsilon"]);
  const inputs = liftAll("batchNormalization", { x, scale, bias, mean, variance });
  const attributes = { epsilon: attribute.float(options.epsilon ?? 1e-5) };
  return emitOne("BatchNormalization", inputs, attributes, "batchNormalization");
}

/** The same by the mean and variance of the batch itself, and the running ones moved towards those: how it
 * runs in training (algorithm 1). The variance is the mean square, not divided by one less.
 *
 * ```ts
 * const { y, mean, variance } = batchNormalizationTraining(x, scale, bias, running, spread);
 * g.update(running, mean).update(spread, variance);
 * ```
 * In standard operators: ONNX Runtime's kernel for the training form writes the running statistics into
 * the tensors that it reads them from, and who else reads those gets wrong numbers.
 *
 * @param mean [channels], what the running mean was; likewise variance
 * @param options `momentum` by default 0.9: how much of them stays
 * @throws GraphError if shapes or types do not fit */
export function batchNormalizationTraining(
  x: Operand,
  scale: Operand,
  bias: Operand,
  mean: Operand,
  variance: Operand,
  options: BatchNormalizationOptions & { readonly momentum?: number } = {},
): { readonly y: Value; readonly mean: Value; readonly variance: Value } {
  const operator = "batchNormalizationTraining";
  checkOptions(operator, options, ["epsilon", "momentum"]);
  const operands = liftAll(operator, { x, scale, bias, mean, variance });
  const [value, ...vectors] = operands as [Value, Value, Value, Value, Value];
  const { epsilon = 1e-5, momentum = 0.9 } = options;
  if (value.shape === undefined)
    throw new GraphError(operator, `the rank of ${value} must be known`);
  checkChannels(operator, value, vectors);
  return value.graph.operation("batchNormalization", () => {
    const [factor, shift, runningMean, runningVariance] = vectors as [Value, Value, Value, Value];
    const axes = Array.from({ length: value.rank }, (_, axis) => axis).filter((axis) => axis !== 1);
    const own = reduceMean(value, { axes });
    const centered = sub(value, perChannel(own, value));
    const spread = reduceMean(mul(centered, centered), { axes });
    const slope = div(factor, sqrt(add(spread, epsilon)));
    const y = add(mul(centered, perChannel(slope, value)), perChannel(shift, value));
    const moved = (from: Value, to: Value) => add(mul(from, momentum), mul(to, 1 - momentum));
    return { y, mean: moved(runningMean, own), variance: moved(runningVariance, spread) };
  });
}

/** [channels] as [channels, 1, …], to go beside x. */
export function perChannel(value: Value, x: Value): Value {
  const axes = Array.from({ length: x.rank - 2 }, (_, i) => i + 1);
  return axes.length === 0 ? value : unsqueeze(value, axes);
}

/** x less its mean, over its deviation, times scale plus bias, over the last axes (Ba et al. 2016, arXiv
 * 1607.06450).
 *
 * ```ts
 * const y = layerNormalization(x, scale, bias);
 * ```
 * @param scale broadcasts to x; its shape is that of the axes normalised
 * @param bias as scale; may be left out
 * @throws GraphError if shapes or types do not fit */
export function layerNormalization(
  x: Operand,
  scale: Operand,
  bias?: Operand,
  options: LayerNormalizationOptions = {},
): Value {
  checkOptions("layerNormalization", options, ["axis", "epsilon"]);
  const inputs = liftAll(
    "layerNormalization",
    bias === undefined ? { x, scale } : { x, scale, bias },
  );
  const [value, factor, shift] = inputs as [Value, Value, Value | undefined];
  const { axis = -1, epsilon = 1e-5 } = options;
  // What the operator keeps in between is float32 by its default, and ONNX has it from opset 17 on.
  if (value.graph.opset >= 17 && value.dtype !== "float64") {
    const attributes = {
      ...axisAttribute("layerNormalization", axis),
      epsilon: attribute.float(epsilon),
    };
    return emitOne("LayerNormalization", inputs, attributes, "layerNormalization");
  }
  return value.graph.operation("layerNormalization", () => {
    const from = resolveAxis("layerNormalization", axis, value.rank);
    const y = mul(standardized(value, axesFrom(value, from), epsilon).normal, factor);
    return shift === undefined ? y : add(y, shift);
  });
}

/** The axes from one on. */
export function axesFrom(x: Value, from: number): readonly number[] {
  return Array.from({ length: x.rank - from }, (_, i) => from + i);
}

/** x less its mean over its deviation, over some axes, and that deviation with axes kept. */
export function standardized(
  x: Value,
  axes: readonly number[],
  epsilon: number,
): { readonly normal: Value; readonly deviation: Value } {
  const centered = sub(x, reduceMean(x, { axes, keepdims: true }));
  const variance = reduceMean(mul(centered, centered), { axes, keepdims: true });
  const deviation = sqrt(add(variance, epsilon));
  return { normal: div(centered, deviation), deviation };
}

function checkFloats(node: NodeFacts): Value {
  const values = node.inputs.filter((input) => input !== undefined);
  for (const [i, value] of values.entries()) checkType(node.operator, `input ${i}`, value, "float");
  return inputOf(node, 0);
}

function checkChannels(operator: string, x: Value, vectors: readonly Value[]): void {
  const channels = x.shape?.[1];
  if (x.shape !== undefined && x.shape.length < 2) {
    failArgument(operator, "x", "[batch, channels, …]", x);
  }
  for (const [i, vector] of vectors.entries()) {
    const { shape } = vector;
    if (shape === undefined || (shape.length === 1 && sameDim(shape[0], channels) !== false))
      continue;
    const name = ["scale", "bias", "mean", "variance"][i] as string;
    failArgument(operator, name, `[${channels ?? "channels"}], a number a channel`, vector);
  }
}

/** Since opset 14 by an attribute, before by asking for the statistics. */
function isTraining(node: NodeFacts): boolean {
  return node.opset >= 14 ? intOf(node, "training_mode", 0) === 1 : node.outputCount > 1;
}

export const normalizationSchemas: Schemas<
  "BatchNormalization" | "LayerNormalization" | "Dropout"
> = {
  BatchNormalization: {
    arity: 5,
    normal: (node) => ({
      epsilon: singleOf(node, "epsilon", 1e-5),
      momentum: singleOf(node, "momentum", 0.9),
      training: isTraining(node),
    }),
    infer: (node) => {
      const x = checkFloats(node);
      checkChannels(node.operator, x, node.inputs.slice(1) as Value[]);
      const channels = x.shape?.[1];
      const statistics = inputOf(node, 3);
      const running = { dtype: statistics.dtype, shape: [channels] };
      const types: TensorType[] = [{ dtype: x.dtype, shape: x.shape }];
      while (types.length < node.outputCount) types.push(running);
      return types;
    },
  },
  LayerNormalization: {
    arity: [2, 3],
    normal: (node) => ({ axis: axisOf(node, -1), epsilon: singleOf(node, "epsilon", 1e-5) }),
    infer: (node, { axis }) => {
      const x = checkFloats(node);
      sameType(node, [x, inputOf(node, 1)]);
      const kept = x.shape?.map((dim, i) => (i < axis ? dim : 1));
      const single = intOf(node, "stash_type", 1) === 1;
      const statistics = {
        dtype: single ? ("float32" as const) : x.dtype,
        shape: axis < 0 ? undefined : kept,
      };
      return [{ dtype: x.dtype, shape: x.shape }, statistics, statistics].slice(
        0,
        node.outputCount,
      );
    },
  },
  Dropout: {
    arity: [1, 3],
    normal: (node) => {
      if (node.opset < 12) return { training: false };
      const switched = node.inputs[2];
      if (switched === undefined) return { training: false };
      // What a model decides as it runs counts as training, of which its mask is the truth either way.
      const data = constantData(switched);
      return { training: data === undefined || Number(data.elements[0]) !== 0 };
    },
    infer: (node) => {
      const x = inputOf(node, 0);
      checkType(node.operator, "x", x, "float");
      const types: TensorType[] = [
        { dtype: x.dtype, shape: x.shape },
        { dtype: node.opset < 10 ? x.dtype : "bool", shape: x.shape },
      ];
      return types.slice(0, node.outputCount);
    },
  },
};
