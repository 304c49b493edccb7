import { attribute } from "../block.ts";
import type { Expansion } from "../definition.ts";
import { checkOptions, failArgument } from "../errors.ts";
import { type Operand, requireValue } from "../lift.ts";
import {
  inputOf,
  intOf,
  intsOf,
  type NodeFacts,
  type OperatorTable,
  resolveAxes,
  type Schema,
  type Schemas,
  singleOf,
} from "../schema.ts";
import type { Value } from "../value.ts";
import { abs, add, div, mul, pow, sub } from "./arithmetic.ts";
import { axisAttribute, axisOf } from "./axes.ts";
import { checkType, emitOne } from "./emit.ts";
import { matmul } from "./linear.ts";
import { and, cast, equal, greaterOrEqual, lessOrEqual, where } from "./logic.ts";
import { sqrt } from "./math.ts";
import { standardized } from "./normalization.ts";
import { reduceSum } from "./reduction.ts";
import { reshape, unsqueeze } from "./reshape.ts";
import { positions, sizeOf, sizesOf } from "./sizes.ts";

/** Options of lrn. */
export interface LrnOptions {
  /** Factor of the mean square. Default 1e-4. */
  readonly alpha?: number;
  /** The power of the divisor. Default 0.75. */
  readonly beta?: number;
  /** Added to the mean square. Default 1. */
  readonly bias?: number;
}

/** x over a power of the mean square of the channels around: local response normalisation (Krizhevsky et
 * al. 2012, section 3.3). The divisor is (bias + alpha / size × the sum of squares)^beta.
 *
 * @param x [batch, channels, …]
 * @param size over how many channels the squares are summed */
export function lrn(x: Operand, size: number, options: LrnOptions = {}): Value {
  checkOptions("lrn", options, ["alpha", "beta", "bias"]);
  const value = requireValue("lrn", "x", x);
  if (!Number.isInteger(size) || size < 1) {
    failArgument("lrn", "size", "a whole number from 1", size);
  }
  const { alpha = 1e-4, beta = 0.75, bias = 1 } = options;
  // ONNX Runtime's kernel is for images of float32 and odd numbers of channels.
  if (value.dtype === "float64" || value.rank !== 4 || size % 2 === 0) {
    return compose("lrn", lrnExpansion, value, { size, alpha, beta, bias });
  }
  const floats = {
    alpha: attribute.float(alpha),
    beta: attribute.float(beta),
    bias: attribute.float(bias),
  };
  return emitOne("LRN", [value], { size: attribute.int(size), ...floats }, "lrn");
}

/** x over its norm along an axis; 0 where that is 0.
 *
 * @param options `axis` by default the last; `p`, 1 or 2 (the default): which norm */
export function lpNormalization(
  x: Operand,
  options: { readonly axis?: number; readonly p?: 1 | 2 } = {},
): Value {
  checkOptions("lpNormalization", options, ["axis", "p"]);
  const value = requireValue("lpNormalization", "x", x);
  const { axis = -1, p = 2 } = options;
  if (p !== 1 && p !== 2) failArgument("lpNormalization", "p", "1 or 2", p);
  const attributes = { ...axisAttribute("lpNormalization", axis), p: attribute.int(p) };
  return emitOne("LpNormalization", [value], attributes, "lpNormalization");
}

/** x less its mean, over its deviation, over some axes.
 *
 * @param options `axes` by default [0, 2, 3]: for each channel of images over all of the batch */
export function meanVarianceNormalization(
  x: Operand,
  options: { readonly axes?: readonly number[] } = {},
): Value {
  const operator = "meanVarianceNormalization";
  checkOptions(operator, options, ["axes"]);
  const value = requireValue(operator, "x", x);
  const { axes = [0, 2, 3] } = options;
  if (value.dtype === "float64" || value.graph.opset < 9) {
    const resolved = resolveAxes(operator, axes, value.rank);
    return compose(operator, meanVarianceExpansion, value, { axes: resolved });
  }
  return emitOne("MeanVarianceNormalization", [value], { axes: attribute.ints(axes) }, operator);
}

function compose<Normal>(
  operator: string,
  expansion: Expansion<Normal>,
  x: Value,
  normal: Normal,
): Value {
  return x.graph.operation(operator, () => expansion([x], normal)[0] as Value);
}

/** The sum over the channels around is a product with a band of ones. */
export const lrnExpansion: Expansion<OperatorTable["LRN"]> = ([given], normal) => {
  const x = given as Value;
  const { size, alpha, beta, bias } = normal;
  const channel = positions(x, 1);
  const offset = sub(unsqueeze(channel, 0), unsqueeze(channel, 1));
  const before = Math.floor((size - 1) / 2);
  const near = and(greaterOrEqual(offset, -before), lessOrEqual(offset, size - 1 - before));
  const flat = reshape(mul(x, x), [sizeOf(x, 0), sizeOf(x, 1), -1]);
  const sums = reshape(matmul(cast(near, x.dtype), flat), sizesOf(x));
  return [div(x, pow(add(mul(sums, alpha / size), bias), beta))];
};

export const lpExpansion: Expansion<OperatorTable["LpNormalization"]> = ([given], { axis, p }) => {
  const x = given as Value;
  const sum = reduceSum(p === 1 ? abs(x) : mul(x, x), { axes: axis, keepdims: true });
  // The root has no slope at 0: there x is 0 as well, over whatever.
  const safe = where(equal(sum, 0), 1, sum);
  return [div(x, p === 1 ? safe : sqrt(safe))];
};

export const meanVarianceExpansion: Expansion<OperatorTable["MeanVarianceNormalization"]> = (
  [x],
  { axes },
) => [standardized(x as Value, axes, 1e-18).normal];

const ofX = <Normal>(normal: (node: NodeFacts) => Normal): Schema<Normal> => ({
  arity: 1,
  normal,
  infer: (node) => {
    const x = inputOf(node, 0);
    checkType(node.operator, "x", x, "float");
    return [{ dtype: x.dtype, shape: x.shape }];
  },
});

export const scaleNormalizationSchemas: Schemas<
  "LRN" | "LpNormalization" | "MeanVarianceNormalization"
> = {
  LRN: ofX((node) => ({
    size: intOf(node, "size", 1),
    alpha: singleOf(node, "alpha", 1e-4),
    beta: singleOf(node, "beta", 0.75),
    bias: singleOf(node, "bias", 1),
  })),
  LpNormalization: ofX((node) => ({ axis: axisOf(node, -1), p: intOf(node, "p", 2) })),
  MeanVarianceNormalization: ofX((node) => {
    const axes = intsOf(node, "axes") ?? [0, 2, 3];
    const rank = inputOf(node, 0).shape?.length;
    return { axes: rank === undefined ? axes : resolveAxes(node.operator, axes, rank) };
  }),
};
