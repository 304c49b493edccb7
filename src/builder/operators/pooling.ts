import { attribute } from "../block.ts";
import type { TensorType } from "../definition.ts";
import { addDims, type Dim, isStatic, multiplyDims, type Shape } from "../dim.ts";
import { checkOptions, failArgument, GraphError } from "../errors.ts";
import { lift, type Operand, requireValue } from "../lift.ts";
import { inputOf, intOf, type NodeFacts, type Schema, type Schemas } from "../schema.ts";
import type { Value } from "../value.ts";
import { abs, div, mul, pow } from "./arithmetic.ts";
import { requireOpset, shapeFrom } from "./axes.ts";
import { checkType, emitOne, optionalInt } from "./emit.ts";
import { scatterElements } from "./indexing.ts";
import { equal, where } from "./logic.ts";
import { sqrt } from "./math.ts";
import { expand } from "./movement.ts";
import { reduceMax, reduceMean, reduceSum } from "./reduction.ts";
import { reshape } from "./reshape.ts";
import { addSizes, multiplySizes, onesLike, type Size, sizeOf, subtractSizes } from "./sizes.ts";
import { pad, slice } from "./slice.ts";
import { unfold } from "./unfold.ts";
import {
  type Window,
  type WindowOptions,
  windowAttributes,
  windowCounts,
  windowFrom,
  windowOf,
  withCeiling,
} from "./windows.ts";

/** Options of the pooling operators. */
export interface PoolOptions extends WindowOptions {
  /** Windows that reach over the end count too. Default false. */
  readonly ceil?: boolean;
}

/** Options of averagePool. */
export interface AveragePoolOptions extends PoolOptions {
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
export function maxPool(x: Operand, kernel: readonly number[], options: PoolOptions = {}): Value {
  return pooledMaxima("maxPool", x, kernel, options, 1)[0] as Value;
}

/** The largest entry of each window, and where it was: its place in the whole of x, as maxUnpool reads it.
 *
 * @param options as for maxPool */
export function maxPoolWithIndices(
  x: Operand,
  kernel: readonly number[],
  options: PoolOptions = {},
): { readonly values: Value; readonly indices: Value } {
  const [values, indices] = pooledMaxima("maxPoolWithIndices", x, kernel, options, 2);
  return { values: values as Value, indices: indices as Value };
}

function pooledMaxima(
  operator: string,
  x: Operand,
  kernel: readonly number[],
  options: PoolOptions,
  outputs: number,
): readonly Value[] {
  checkOptions(operator, options, ["strides", "dilations", "pads", "ceil"]);
  const value = requireValue(operator, "x", x);
  const window = poolWindow(operator, kernel, options);
  const { ceil = false } = options;
  if (ceil || window.dilations.some((n) => n !== 1)) {
    requireOpset(operator, value.graph, 10, "dilations or ceil");
  }
  const attributes = { ...kernelAttributes(window), ...optionalInt("ceil_mode", ceil, 0) };
  return value.graph.emit({ op: "MaxPool", inputs: [value], attributes, outputs, operator })
    .outputs;
}

/** The mean of each window.
 *
 * @param x [batch, channels, spatial…]
 * @param kernel the sizes of a window, one for each spatial axis
 * @param options `strides` by default 1, unlike PyTorch's; `dilations` need opset 19
 * @returns [batch, channels, windows…]
 * @throws GraphError if shapes or options do not fit */
export function averagePool(
  x: Operand,
  kernel: readonly number[],
  options: AveragePoolOptions = {},
): Value {
  checkOptions("averagePool", options, ["strides", "dilations", "pads", "ceil", "countIncludePad"]);
  const value = requireValue("averagePool", "x", x);
  const { countIncludePad = false, ceil = false, ...rest } = options;
  const window = poolWindow("averagePool", kernel, rest);
  const dilated = window.dilations.some((n) => n !== 1);
  if (value.dtype === "float64" || (dilated && value.graph.opset < 19)) {
    const whole = wholeWindow("averagePool", value, window, ceil);
    const sums = reduceSum(unfold(value, whole), { axes: 2 });
    return div(sums, entries(value, window, whole, countIncludePad));
  }
  const attributes = {
    ...kernelAttributes(window),
    ...optionalInt("ceil_mode", ceil, 0),
    ...optionalInt("count_include_pad", countIncludePad, 0),
  };
  return emitOne("AveragePool", [value], attributes, "averagePool");
}

/** The window with the padding that windows reaching over the end need, in kernels composed of others.
 * @throws GraphError where that depends on sizes that are not known, or no window fits */
export function wholeWindow(operator: string, x: Value, window: Window, ceil: boolean): Window {
  const spatial = x.shape?.slice(2) ?? [];
  const axes = spatialAxes(operator, x);
  if (!ceil) {
    windowCounts(operator, x.shape?.slice(-axes.length) ?? [], window);
    return window;
  }
  if (isStatic(spatial)) return withCeiling(operator, spatial, window);
  throw new GraphError(operator, `with ceil the spatial sizes of ${x} must be known`);
}

/** How many entries each window has: one number, or [1, 1, windows…] where some are left out.
 *
 * @param window with the padding that may count
 * @param whole the same with what is behind it for windows that reach over the end, which never counts */
export function entries(x: Value, window: Window, whole: Window, countIncludePad: boolean): Value {
  const all = whole.kernel.reduce((product, size) => product * size, 1);
  const counted = countIncludePad ? window.pads : whole.pads.map(() => [0, 0] as const);
  const beside = whole.pads.map(([before, after], i): readonly [number, number] => {
    const [a, b] = counted[i] as readonly [number, number];
    return [before - a, after - b];
  });
  if (beside.flat().every((n) => n === 0)) return x.graph.constant(all, x.dtype);
  const one = onesLike(slice(x, [0, 0], [1, 1], { axes: [0, 1] }));
  const padded = counted.flat().every((n) => n === 0)
    ? one
    : pad(one, [[0, 0], [0, 0], ...counted], { value: 1 });
  return reduceSum(unfold(padded, { ...whole, pads: beside }), { axes: 2 });
}

/** Options of lpPool. */
export interface LpPoolOptions extends PoolOptions {
  /** The exponent, a whole number from 1. Default 2. */
  readonly p?: number;
}

/** The norm of each window, the p-th root of the sum of |x|^p. Its derivative at 0 is 0. In float64, and
 * before opset 18 with dilations or ceil, it is composed of other operators.
 *
 * @param x [batch, channels, spatial…]
 * @param kernel the sizes of a window, one for each spatial axis
 * @returns [batch, channels, windows…] */
export function lpPool(x: Operand, kernel: readonly number[], options: LpPoolOptions = {}): Value {
  checkOptions("lpPool", options, ["strides", "dilations", "pads", "ceil", "p"]);
  const value = requireValue("lpPool", "x", x);
  const { p = 2, ceil = false, ...rest } = options;
  checkExponent("lpPool", p);
  const window = poolWindow("lpPool", kernel, rest);
  const newer = ceil || window.dilations.some((n) => n !== 1);
  if (value.dtype === "float64" || (newer && value.graph.opset < 18)) {
    return lpPooled(value, wholeWindow("lpPool", value, window, ceil), p);
  }
  const attributes = {
    ...kernelAttributes(window),
    ...optionalInt("ceil_mode", ceil, 0),
    ...optionalInt("p", p, 2),
  };
  return emitOne("LpPool", [value], attributes, "lpPool");
}

function checkExponent(operator: string, p: number): void {
  if (!Number.isInteger(p) || p < 1) failArgument(operator, "p", "a whole number from 1", p);
}

/** LpPool in other operators. */
export function lpPooled(x: Value, window: Window, p: number): Value {
  return root(reduceSum(unfold(powered(x, p), window), { axes: 2 }), p);
}

/** The norm over all spatial axes, which stay with size 1. In float64, and from opset 22 on, for which ONNX
 * Runtime 1.30 has no kernel, it is composed of other operators.
 *
 * @param options `p`: the exponent, a whole number from 1, by default 2 */
export function globalLpPool(x: Operand, options: { readonly p?: number } = {}): Value {
  checkOptions("globalLpPool", options, ["p"]);
  const value = requireValue("globalLpPool", "x", x);
  const { p = 2 } = options;
  checkExponent("globalLpPool", p);
  if (value.dtype === "float64" || value.graph.opset >= 22) return globalNorm(value, p);
  return emitOne("GlobalLpPool", [value], optionalInt("p", p, 2), "globalLpPool");
}

/** GlobalLpPool in other operators. */
export function globalNorm(x: Value, p: number): Value {
  const axes = spatialAxes("globalLpPool", x);
  return root(reduceSum(powered(x, p), { axes, keepdims: true }), p);
}

function powered(x: Value, p: number): Value {
  return p === 1 ? abs(x) : p === 2 ? mul(x, x) : pow(abs(x), p);
}

/** Its slope at 0 is taken to be 0, and not infinite. */
function root(sums: Value, p: number): Value {
  if (p === 1) return sums;
  const vanishes = equal(sums, 0);
  const safe = where(vanishes, 1, sums);
  return where(vanishes, 0, p === 2 ? sqrt(safe) : pow(safe, 1 / p));
}

/** The inverse of maxPoolWithIndices, as far as there is one: the values at their places, zeros elsewhere.
 *
 * @param values [batch, channels, windows…]
 * @param indices int64 of the same shape: places in the whole of the result
 * @param kernel and the options as they were for the pooling, from which the sizes of the result follow
 * @returns [batch, channels, spatial…]. In float64 it is composed of other operators */
export function maxUnpool(
  values: Operand,
  indices: Operand,
  kernel: readonly number[],
  options: Omit<WindowOptions, "dilations"> = {},
): Value {
  checkOptions("maxUnpool", options, ["strides", "pads"]);
  const value = requireValue("maxUnpool", "values", values);
  const { graph } = value;
  requireOpset("maxUnpool", graph, 9);
  const places = lift("maxUnpool", "indices", indices, "int64", graph);
  const window = poolWindow("maxUnpool", kernel, options);
  if (value.dtype === "float64") {
    spatialAxes("maxUnpool", value);
    return unpooled(value, places, unpooledSizes(value, window));
  }
  return emitOne("MaxUnpool", [value, places], kernelAttributes(window), "maxUnpool");
}

/** MaxUnpool in other operators. */
export function unpooled(values: Value, indices: Value, sizes: readonly Size[] | Value): Value {
  const empty = expand(values.graph.constant(0, values.dtype), sizes);
  const [flat, at, put] = [empty, indices, values].map((one) => reshape(one, [-1]));
  const whole = scatterElements(flat as Value, at as Value, put as Value);
  return reshape(whole, sizes);
}

/** The sizes of what a MaxUnpool gives. */
export function unpooledSizes(values: Value, window: Window): Size[] {
  const { kernel, strides, pads } = window;
  const spatial = kernel.map((size, i) => {
    const [before, after] = pads[i] as readonly [number, number];
    const steps = multiplySizes(subtractSizes(sizeOf(values, i + 2), 1), strides[i] as number);
    return addSizes(steps, size - before - after);
  });
  return [sizeOf(values, 0), sizeOf(values, 1), ...spatial];
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

const globalSchema = {
  arity: 1,
  normal: () => ({}),
  infer: (node: NodeFacts) => {
    const x = inputOf(node, 0);
    checkType(node.operator, "x", x, "float");
    if (x.shape !== undefined) spatialAxes(node.operator, x);
    return [{ dtype: x.dtype, shape: x.shape?.map((dim, i) => (i < 2 ? dim : 1)) }];
  },
} satisfies Schema<Readonly<Record<never, never>>>;

/** The shape of what a MaxUnpool gives. */
function unpooledShape(node: NodeFacts, window: Window | undefined): Shape | undefined {
  const { shape } = inputOf(node, 0);
  const given = node.inputs[2];
  if (given !== undefined) return shapeFrom(given) ?? shape?.map(() => undefined);
  return shape?.map((dim, axis): Dim => {
    if (axis < 2) return dim;
    if (window === undefined) return undefined;
    const [before, after] = window.pads[axis - 2] ?? [0, 0];
    const steps = multiplyDims(addDims(dim, -1), window.strides[axis - 2]);
    return addDims(steps, (window.kernel[axis - 2] ?? 1) - before - after);
  });
}

export const poolingSchemas: Schemas<
  | "MaxPool"
  | "AveragePool"
  | "LpPool"
  | "MaxUnpool"
  | "GlobalAveragePool"
  | "GlobalMaxPool"
  | "GlobalLpPool"
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
  LpPool: {
    arity: 1,
    normal: (node) => ({ ...poolingOf(node), p: intOf(node, "p", 2) }),
    infer: (node, normal) => [pooled(node, normal)],
  },
  MaxUnpool: {
    arity: [2, 3],
    normal: (node) => ({ window: windowOf(node, undefined) }),
    infer: (node, { window }) => {
      const x = inputOf(node, 0);
      checkType(node.operator, "indices", inputOf(node, 1), "integer");
      return [{ dtype: x.dtype, shape: unpooledShape(node, window) }];
    },
  },
  GlobalAveragePool: globalSchema,
  GlobalMaxPool: globalSchema,
  GlobalLpPool: { ...globalSchema, normal: (node) => ({ p: intOf(node, "p", 2) }) },
};
