import { attribute } from "../block.ts";
import type { TensorType } from "../definition.ts";
import { type Dim, isStatic } from "../dim.ts";
import { checkOptions, failArgument, GraphError } from "../errors.ts";
import { type Operand, requireValue } from "../lift.ts";
import { inputOf, intOf, type NodeFacts, type Schema, type Schemas } from "../schema.ts";
import type { Value } from "../value.ts";
import { div } from "./arithmetic.ts";
import { requireOpset } from "./axes.ts";
import { checkType, emitOne, optionalInt } from "./emit.ts";
import { reduceMax, reduceMean, reduceSum } from "./reduction.ts";
import { onesLike } from "./sizes.ts";
import { slice } from "./slice.ts";
import { unfold } from "./unfold.ts";
import {
  type Window,
  type WindowOptions,
  windowAttributes,
  windowCounts,
  windowFrom,
  windowOf,
} from "./windows.ts";

/** Options of averagePool. */
export interface AveragePoolOptions extends Omit<WindowOptions, "dilations"> {
  /** Count the padding as zeros. Default false: it is left out of the mean. */
  readonly countIncludePad?: boolean;
}

/** The largest entry of each window.
 *
 * ```ts
 * const half = maxPool(h, [2, 2], { strides: 2 });
 * ```
 * @param x [batch, channels, spatial…]
 * @param kernel the sizes of a window, one for each spatial axis
 * @param options `strides` by default 1, unlike PyTorch's
 * @returns [batch, channels, windows…]
 * @throws GraphError if shapes or options do not fit */
export function maxPool(x: Operand, kernel: readonly number[], options: WindowOptions = {}): Value {
  checkOptions("maxPool", options, ["strides", "dilations", "pads"]);
  const value = requireValue("maxPool", "x", x);
  const window = poolWindow("maxPool", kernel, options);
  if (window.dilations.some((n) => n !== 1)) {
    requireOpset("maxPool", value.graph, 10, "dilations");
  }
  return emitOne("MaxPool", [value], kernelAttributes(window), "maxPool");
}

/** The mean of each window.
 *
 * @param x [batch, channels, spatial…]
 * @param kernel the sizes of a window, one for each spatial axis
 * @param options `strides` by default 1, unlike PyTorch's
 * @returns [batch, channels, windows…]
 * @throws GraphError if shapes or options do not fit */
export function averagePool(
  x: Operand,
  kernel: readonly number[],
  options: AveragePoolOptions = {},
): Value {
  checkOptions("averagePool", options, ["strides", "pads", "countIncludePad"]);
  const value = requireValue("averagePool", "x", x);
  const { countIncludePad = false, ...rest } = options;
  const window = poolWindow("averagePool", kernel, rest);
  if (value.dtype === "float64") {
    const axes = spatialAxes("averagePool", value);
    windowCounts("averagePool", value.shape?.slice(-axes.length) ?? [], window);
    return div(
      reduceSum(unfold(value, window), { axes: 2 }),
      entries(value, window, countIncludePad),
    );
  }
  const attributes = {
    ...kernelAttributes(window),
    ...optionalInt("count_include_pad", countIncludePad, 0),
  };
  return emitOne("AveragePool", [value], attributes, "averagePool");
}

/** How many entries each window has: one number, or [1, 1, windows…] where padding is left out. */
export function entries(x: Value, window: Window, countIncludePad: boolean): Value {
  const all = window.kernel.reduce((product, size) => product * size, 1);
  const padded = window.pads.flat().some((n) => n > 0);
  if (countIncludePad || !padded) return x.graph.constant(all, x.dtype);
  const one = slice(x, [0, 0], [1, 1], { axes: [0, 1] });
  return reduceSum(unfold(onesLike(one), window), { axes: 2 });
}

/** The mean over all spatial axes, which stay with size 1. */
export function globalAveragePool(x: Operand): Value {
  const value = requireValue("globalAveragePool", "x", x);
  if (value.dtype !== "float64")
    return emitOne("GlobalAveragePool", [value], {}, "globalAveragePool");
  return reduceMean(value, { axes: spatialAxes("globalAveragePool", value), keepdims: true });
}

/** The largest entry over all spatial axes, which stay with size 1. */
export function globalMaxPool(x: Operand): Value {
  const value = requireValue("globalMaxPool", "x", x);
  if (value.dtype !== "float64") return emitOne("GlobalMaxPool", [value], {}, "globalMaxPool");
  return reduceMax(value, { axes: spatialAxes("globalMaxPool", value), keepdims: true });
}

/** All axes but the first two. @throws GraphError if the rank is not known or below 3 */
export function spatialAxes(operator: string, x: Value): readonly number[] {
  if (x.shape === undefined) throw new GraphError(operator, `the rank of ${x} must be known`);
  if (x.rank < 3) failArgument(operator, "x", "[batch, channels, spatial…]", x);
  return Array.from({ length: x.rank - 2 }, (_, i) => i + 2);
}

function poolWindow(operator: string, kernel: readonly number[], options: WindowOptions): Window {
  if (!Array.isArray(kernel) || kernel.length === 0) {
    failArgument(operator, "kernel", "a size for each spatial axis", kernel);
  }
  const window = windowFrom(operator, kernel, options);
  // A window with nothing but padding in it would have no maximum and no mean.
  const outside = window.pads.some((pair, i) => pair.some((n) => n >= (kernel[i] as number)));
  if (outside) failArgument(operator, "pads", "numbers below the kernel's", options.pads);
  return window;
}

function kernelAttributes(window: Window) {
  return { kernel_shape: attribute.ints(window.kernel), ...windowAttributes(window) };
}

interface Pooling {
  readonly window: Window | undefined;
  /** Windows that reach over the end count too. */
  readonly ceil: boolean;
}

function poolingOf(node: NodeFacts): Pooling {
  return { window: windowOf(node, undefined), ceil: intOf(node, "ceil_mode", 0) === 1 };
}

function pooled(node: NodeFacts, { window, ceil }: Pooling): TensorType {
  const x = inputOf(node, 0);
  checkType(node.operator, "x", x, "numeric");
  if (x.shape === undefined) return { dtype: x.dtype, shape: undefined };
  const spatial = x.shape.slice(2);
  if (x.shape.length < 3) failArgument(node.operator, "x", "[batch, channels, spatial…]", x);
  const open = window === undefined || (ceil && !isStatic(spatial));
  const counts: readonly Dim[] = open
    ? spatial.map(() => undefined)
    : windowCounts(node.operator, spatial, window, ceil);
  return { dtype: x.dtype, shape: [...x.shape.slice(0, 2), ...counts] };
}

const globalSchema: Schema<Readonly<Record<never, never>>> = {
  arity: 1,
  normal: () => ({}),
  infer: (node) => {
    const x = inputOf(node, 0);
    checkType(node.operator, "x", x, "float");
    if (x.shape !== undefined) spatialAxes(node.operator, x);
    return [{ dtype: x.dtype, shape: x.shape?.map((dim, i) => (i < 2 ? dim : 1)) }];
  },
};

export const poolingSchemas: Schemas<
  "MaxPool" | "AveragePool" | "GlobalAveragePool" | "GlobalMaxPool"
> = {
  MaxPool: {
    arity: 1,
    normal: poolingOf,
    infer: (node, normal) => {
      const y = pooled(node, normal);
      return [y, { dtype: "int64" as const, shape: y.shape }].slice(0, node.outputCount);
    },
  },
  AveragePool: {
    arity: 1,
    normal: (node) => ({
      ...poolingOf(node),
      countIncludePad: intOf(node, "count_include_pad", 0) === 1,
    }),
    infer: (node, normal) => [pooled(node, normal)],
  },
  GlobalAveragePool: globalSchema,
  GlobalMaxPool: globalSchema,
};
