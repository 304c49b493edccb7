import { type Attributes, attribute } from "../block.ts";
import { addDims, type Dim, isStatic, multiplyDims, type Shape, sameDim } from "../dim.ts";
import { checkOptions, failArgument, GraphError } from "../errors.ts";
import { liftAll, type Operand } from "../lift.ts";
import { inputOf, intOf, intsOf, type NodeFacts, type Schemas } from "../schema.ts";
import type { Value } from "../value.ts";
import { add } from "./arithmetic.ts";
import { checkType, emitOne, optionalInt, sameType } from "./emit.ts";
import { matmul } from "./linear.ts";
import { transpose } from "./movement.ts";
import { reshape, unsqueeze } from "./reshape.ts";
import { type Size, sizeOf } from "./sizes.ts";
import { pad, slice } from "./slice.ts";
import { unfold } from "./unfold.ts";
import {
  autoPadOf,
  type Window,
  type WindowOptions,
  windowAttributes,
  windowCounts,
  windowFrom,
  windowOf,
} from "./windows.ts";

/** Options of conv. */
export interface ConvOptions extends WindowOptions {
  /** Channels and filters fall into so many groups that have nothing to do with each other. Default 1. */
  readonly group?: number;
}

/** Options of convTranspose. */
export interface ConvTransposeOptions extends ConvOptions {
  /** Entries added at the end of each axis of the result. Default 0. */
  readonly outputPadding?: number | readonly number[];
}

/** The cross-correlation of signals or images with filters, as neural networks call convolution.
 *
 * ```ts
 * const h = conv(images, filters, bias, { pads: 1, strides: 2 });
 * ```
 * @param x [batch, channels, spatial…]
 * @param w [filters, channels / group, kernel…]; its kernel sizes must be known
 * @param b [filters]
 * @returns [batch, filters, windows…]
 *
 * ONNX Runtime's CPU provider has float32 kernels only: in float64 it is a matrix product of the unfolded
 * windows, the same numbers in more memory.
 * @throws GraphError if shapes or options do not fit */
export function conv(x: Operand, w: Operand, b?: Operand, options: ConvOptions = {}): Value {
  checkOptions("conv", options, ["strides", "dilations", "pads", "group"]);
  const inputs = liftAll("conv", b === undefined ? { x, w } : { x, w, b });
  const group = groupOf("conv", options.group);
  const window = windowFrom("conv", kernelOf("conv", inputs[1] as Value), options);
  if (inputs[0]?.dtype === "float64") return convOfWindows(inputs, window, group);
  const attributes = { ...windowAttributes(window), ...optionalInt("group", group, 1) };
  return emitOne("Conv", inputs, withKernel(attributes, window), "conv");
}

/** The transpose of conv in x: each entry adds its filter to the result, which is larger by the strides.
 * The gradient of conv, and an upsampling that is learned.
 *
 * @param x [batch, channels, spatial…]
 * @param w [channels, filters / group, kernel…]; its kernel sizes must be known
 * @param b [filters]
 * @returns [batch, filters, strides (spatial - 1) + dilations (kernel - 1) + 1 - pads + outputPadding, …]
 * @throws GraphError if shapes or options do not fit */
export function convTranspose(
  x: Operand,
  w: Operand,
  b?: Operand,
  options: ConvTransposeOptions = {},
): Value {
  checkOptions("convTranspose", options, [
    "strides",
    "dilations",
    "pads",
    "group",
    "outputPadding",
  ]);
  const inputs = liftAll("convTranspose", b === undefined ? { x, w } : { x, w, b });
  const { outputPadding = 0, group: given, ...rest } = options;
  const group = groupOf("convTranspose", given);
  const kernel = kernelOf("convTranspose", inputs[1] as Value);
  const window = windowFrom("convTranspose", kernel, rest);
  const extra = typeof outputPadding === "number" ? kernel.map(() => outputPadding) : outputPadding;
  checkExtra(extra, window, outputPadding);
  if (inputs[0]?.dtype === "float64") return spreadAndConvolved(inputs, window, extra, group);
  const attributes = {
    ...windowAttributes(window),
    ...optionalInt("group", group, 1),
    ...(extra.every((n) => n === 0) ? {} : { output_padding: attribute.ints(extra) }),
  };
  return emitOne("ConvTranspose", inputs, withKernel(attributes, window), "convTranspose");
}

function withKernel(attributes: Attributes, { kernel }: Window): Attributes {
  return { kernel_shape: attribute.ints(kernel), ...attributes };
}

function groupOf(operator: string, group = 1): number {
  if (!Number.isInteger(group) || group < 1) {
    failArgument(operator, "group", "a whole number from 1", group);
  }
  return group;
}

function kernelOf(operator: string, w: Value): readonly number[] {
  const kernel = w.shape?.slice(2);
  if (kernel === undefined || !isStatic(kernel)) {
    throw new GraphError(operator, `the kernel sizes of w must be known; w is ${w}`);
  }
  if (kernel.length === 0) failArgument(operator, "w", "[filters, channels, kernel…]", w);
  return kernel;
}

function checkExtra(extra: readonly number[], window: Window, given: unknown): void {
  // ONNX allows what is below the dilation too; ONNX Runtime 1.30 refuses to run that.
  const fits = extra.every((n, i) => {
    return Number.isInteger(n) && n >= 0 && n < (window.strides[i] ?? 1);
  });
  if (!fits || extra.length !== window.kernel.length) {
    const expected = "whole numbers from 0, below the stride";
    failArgument("convTranspose", "outputPadding", expected, given);
  }
}

/** The unfolded windows times the filters, group by group. */
function convOfWindows(inputs: readonly Value[], window: Window, group: number): Value {
  const [x, w, b] = inputs as [Value, Value, Value | undefined];
  const [filters, channels] = [sizeOf(w, 0), sizeOf(w, 1)];
  if (typeof filters !== "number" || typeof channels !== "number") {
    throw new GraphError("conv", `the sizes of w must be known in float64; w is ${w}`);
  }
  // What cannot fit is found where the rest of the operator's rules is written down.
  convolvedShape("conv", x, w, window, group);
  const entries = window.kernel.reduce((product, size) => product * size, channels);
  const patches = unfold(x, window);
  const spatial = window.kernel.map((_, i): Size => sizeOf(patches, i + 3));
  const columns = reshape(patches, [sizeOf(x, 0), group, entries, -1]);
  const rows = reshape(w, [group, filters / group, entries]);
  const y = reshape(matmul(rows, columns), [sizeOf(x, 0), filters, ...spatial]);
  return b === undefined ? y : add(y, alongChannels(b, window));
}

/** [channels] as [channels, 1, …]. */
function alongChannels(b: Value, { kernel }: Window): Value {
  return unsqueeze(
    b,
    kernel.map((_, i) => i + 1),
  );
}

/** The convolution of x, spread out by the strides, with the filters turned round. */
function spreadAndConvolved(
  inputs: readonly Value[],
  window: Window,
  extra: readonly number[],
  group: number,
): Value {
  const [x, w, b] = inputs as [Value, Value, Value | undefined];
  transposedShape("convTranspose", x, w, window, extra, group);
  const { kernel, strides, dilations, pads } = window;
  const around = pads.map(([before, after], i): readonly [number, number] => {
    const reach = ((kernel[i] as number) - 1) * (dilations[i] as number);
    return [reach - before, reach - after + (extra[i] as number)];
  });
  const spread = pad(spreadOut(x, strides), [[0, 0], [0, 0], ...around]);
  return conv(spread, turnedFilters(w, group), b, { dilations, group });
}

/** The filters of the convolution that is the transpose, at stride 1, of the one with these: in and out
 * change places, and the kernel is turned round.
 *
 * @param w [channels, filters / group, kernel…], static
 * @returns [filters, channels / group, kernel…] */
export function turnedFilters(w: Value, group: number): Value {
  const axes = Array.from({ length: w.rank - 2 }, (_, i) => i + 2);
  const last = axes.map(() => -1);
  const all = axes.map(() => Number.NEGATIVE_INFINITY);
  return slice(byFilter(w, group), last, all, { axes, steps: last });
}

/** [channels, filters / group, …] as [filters, channels / group, …]. */
function byFilter(w: Value, group: number): Value {
  const [channels, filters, ...kernel] = w.shape as readonly number[] as [number, number];
  if (group === 1) return transpose(w, [1, 0, ...kernel.map((_, i) => i + 2)]);
  const parts = reshape(w, [group, channels / group, filters, ...kernel]);
  const swapped = transpose(parts, [0, 2, 1, ...kernel.map((_, i) => i + 3)]);
  return reshape(swapped, [group * filters, channels / group, ...kernel]);
}

/** Zeros between the entries of each spatial axis, stride - 1 of them. */
function spreadOut(x: Value, strides: readonly number[]): Value {
  return strides.reduce((value, stride, i) => {
    if (stride === 1) return value;
    const axis = i + 2;
    const wide = unsqueeze(value, axis + 1);
    const pads = Array.from({ length: wide.rank }, (_, at) => [
      0,
      at === axis + 1 ? stride - 1 : 0,
    ]);
    const apart = pad(wide, pads as unknown as readonly (readonly [number, number])[]);
    const sizes = Array.from(
      { length: value.rank },
      (_, at): Size => (at === axis ? -1 : sizeOf(value, at)),
    );
    return slice(reshape(apart, sizes), 0, 1 - stride, { axes: axis });
  }, x);
}

function convolvedShape(
  operator: string,
  x: Value,
  w: Value,
  window: Window | undefined,
  group: number,
): Shape | undefined {
  const { shape } = x;
  if (shape === undefined) return w.shape?.map((_, i) => (i === 1 ? w.shape?.[0] : undefined));
  checkRanks(operator, x, w);
  const channels = multiplyDims(w.shape?.[1], group);
  if (sameDim(shape[1], channels) === false) {
    failArgument(
      operator,
      "x",
      `${channels} channels, ${w.shape?.[1]} for each of ${group} groups`,
      x,
    );
  }
  const filters = w.shape?.[0];
  if (typeof filters === "number" && filters % group !== 0) {
    failArgument(operator, "group", `a divisor of ${filters} filters`, group);
  }
  const spatial = shape.slice(2);
  const counts =
    window === undefined ? spatial.map(() => undefined) : windowCounts(operator, spatial, window);
  return [shape[0], filters, ...counts];
}

function transposedShape(
  operator: string,
  x: Value,
  w: Value,
  window: Window | undefined,
  extra: readonly number[],
  group: number,
): Shape | undefined {
  const { shape } = x;
  if (shape === undefined) return w.shape?.map(() => undefined);
  checkRanks(operator, x, w);
  const channels = w.shape?.[0];
  if (sameDim(shape[1], channels) === false) {
    failArgument(operator, "x", `${channels} channels`, x);
  }
  if (typeof channels === "number" && channels % group !== 0) {
    failArgument(operator, "group", `a divisor of ${channels} channels`, group);
  }
  const spatial = shape.slice(2).map((size, i): Dim => {
    if (window === undefined) return undefined;
    const { kernel, strides, dilations, pads } = window;
    const [before, after] = pads[i] as readonly [number, number];
    const reach = ((kernel[i] as number) - 1) * (dilations[i] as number);
    const spread = multiplyDims(addDims(size, -1), strides[i]);
    return addDims(spread, reach + 1 - before - after + (extra[i] ?? 0));
  });
  return [shape[0], multiplyDims(w.shape?.[1], group), ...spatial];
}

function checkRanks(operator: string, x: Value, w: Value): void {
  const rank = x.shape?.length ?? 3;
  if (rank < 3) failArgument(operator, "x", "[batch, channels, spatial…]", x);
  if (w.shape !== undefined && w.shape.length !== rank) {
    failArgument(operator, "w", `${rank} axes, as x has`, w);
  }
}

function checkOperands(node: NodeFacts): [Value, Value] {
  const values = node.inputs.filter((input) => input !== undefined);
  for (const [i, value] of values.entries()) {
    checkType(node.operator, ["x", "w", "b"][i] as string, value, "float");
  }
  sameType(node, values);
  return [inputOf(node, 0), inputOf(node, 1)];
}

/** Pads that an attribute `output_shape` asks for, as ONNX defines them. */
function padsForShape(
  node: NodeFacts,
  window: Window,
  extra: readonly number[],
): Window | undefined {
  const wanted = intsOf(node, "output_shape");
  const auto = autoPadOf(node);
  const same = auto.startsWith("SAME");
  if (wanted === undefined && !same) return window;
  const spatial = inputOf(node, 0).shape?.slice(2);
  if (spatial === undefined || !isStatic(spatial)) return undefined;
  const { kernel, strides, dilations } = window;
  const sizes =
    wanted?.slice(-kernel.length) ??
    spatial.map((size, i) => Number(size) * (strides[i] as number));
  const pads = sizes.map((size, i): readonly [number, number] => {
    const reach = ((kernel[i] as number) - 1) * (dilations[i] as number) + 1;
    const full = ((spatial[i] as number) - 1) * (strides[i] as number) + (extra[i] ?? 0) + reach;
    const total = full - size;
    // A shape that the windows do not reach is filled up at the end.
    if (total < 0) return [0, total];
    const half = Math.floor(total / 2);
    return auto === "SAME_UPPER" ? [half, total - half] : [total - half, half];
  });
  return { ...window, pads };
}

export const convolutionSchemas: Schemas<"Conv" | "ConvTranspose"> = {
  Conv: {
    arity: [2, 3],
    normal: (node) => ({
      group: intOf(node, "group", 1),
      window: windowOf(node, inputOf(node, 1).shape?.slice(2)),
    }),
    infer: (node, { window, group }) => {
      const [x, w] = checkOperands(node);
      return [{ dtype: x.dtype, shape: convolvedShape(node.operator, x, w, window, group) }];
    },
  },
  ConvTranspose: {
    arity: [2, 3],
    normal: (node) => {
      // SAME pads are other ones here, so the window is read without them.
      const { auto_pad: _, ...attributes } = node.attributes;
      const valid = autoPadOf(node) === "VALID";
      const plain = { ...node, attributes: valid ? node.attributes : attributes };
      const window = windowOf(plain, inputOf(node, 1).shape?.slice(2));
      const extra = intsOf(node, "output_padding") ?? window?.kernel.map(() => 0) ?? [];
      const shaped = window && padsForShape(node, window, extra);
      const pads = shaped?.pads.map(([before, after]) => [before, Math.max(after, 0)] as const);
      return {
        group: intOf(node, "group", 1),
        window: shaped && pads && { ...shaped, pads },
        outputPadding: extra.map((more, i) => more - Math.min(shaped?.pads[i]?.[1] ?? 0, 0)),
      };
    },
    infer: (node, { window, group, outputPadding }) => {
      const [x, w] = checkOperands(node);
      const shape = transposedShape(node.operator, x, w, window, outputPadding, group);
      return [{ dtype: x.dtype, shape }];
    },
  },
};
