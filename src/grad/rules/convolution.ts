import type { Pullback } from "../../builder/definition.ts";
import { isStatic } from "../../builder/dim.ts";
import {
  conv,
  convTranspose,
  div,
  matmul,
  mul,
  reduceSum,
  reshape,
  sizeOf,
  slice,
  transpose,
} from "../../builder/operators/index.ts";
import type { Size } from "../../builder/operators/sizes.ts";
import { unfold } from "../../builder/operators/unfold.ts";
import type { Window } from "../../builder/operators/windows.ts";
import type { OperatorTable } from "../../builder/schema.ts";
import type { Value } from "../../builder/value.ts";
import { type Cotangents, type Missing, missing, type Rules, wanted } from "./rule.ts";

const OPEN = missing("its window is not known when the graph is built");

/** Convolution is linear in the signal and in the filters: in the signal its transpose is ConvTranspose, in
 * the filters another convolution. Both are made of the same two operators, so that every order of
 * derivative is. */
function convRule(node: Pullback<OperatorTable["Conv"]>): Cotangents | Missing {
  const { dy } = node;
  const { window, group } = node.attributes;
  const [x, w] = [node.input(0), node.input(1)];
  if (window === undefined || x.shape === undefined) return OPEN;
  return wanted(
    node,
    () => spread(dy, w, x, window, group),
    () => filterCotangent(x, dy, w, window, group),
    () => sumOverAllButChannels(dy),
  );
}

function convTransposeRule(node: Pullback<OperatorTable["ConvTranspose"]>): Cotangents | Missing {
  const { dy } = node;
  const { window, group } = node.attributes;
  const [x, w] = [node.input(0), node.input(1)];
  if (window === undefined || x.shape === undefined) return OPEN;
  const { strides, dilations, pads } = window;
  return wanted(
    node,
    () => cutTo(conv(dy, w, undefined, { strides, dilations, pads, group }), x, strides),
    () => filterCotangent(dy, x, w, window, group),
    () => sumOverAllButChannels(dy),
  );
}

/** ConvTranspose to the size of x: what the strides left over at the end is added by an output padding,
 * the most that may be missing where the size of x is not known, and cut off again. */
export function spread(dy: Value, w: Value, x: Value, window: Window, group: number): Value {
  const { kernel, strides, dilations, pads } = window;
  const outputPadding = strides.map((stride, i) => {
    const [size, count] = [x.shape?.[i + 2], dy.shape?.[i + 2]];
    if (typeof size !== "number" || typeof count !== "number") return stride - 1;
    const [before, after] = pads[i] as readonly [number, number];
    const reach = ((kernel[i] as number) - 1) * (dilations[i] as number) + 1;
    return size + before + after - ((count - 1) * stride + reach);
  });
  const options = { strides, dilations, pads, group, outputPadding };
  return cutTo(convTranspose(dy, w, undefined, options), x, strides);
}

/** The first entries along each spatial axis, as many as x has; with stride 1 there are no others. */
function cutTo(y: Value, x: Value, strides: readonly number[]): Value {
  const axes = strides.flatMap((stride, i) => {
    const [size, wanted] = [y.shape?.[i + 2], x.shape?.[i + 2]];
    return stride === 1 || (size !== undefined && size === wanted) ? [] : [i + 2];
  });
  return axes.reduce((cut, axis) => {
    const end = sizeOf(x, axis);
    return slice(cut, 0, end, { axes: axis });
  }, y);
}

/** The cotangent of the filters: x correlated with dy.
 *
 * @param x [batch, group channels, …] on the wide side
 * @param dy [batch, group filters, …] on the narrow side
 * @param w [group filters, channels, kernel…], for its sizes */
function filterCotangent(x: Value, dy: Value, w: Value, window: Window, group: number): Value {
  const whole = isStatic(x.shape) && isStatic(dy.shape) && isStatic(w.shape);
  // In float64 a convolution is made of as many slices as its kernel has entries, and dy is a large one.
  return whole && x.dtype !== "float64"
    ? asConvolution(x, dy, window, group)
    : asProduct(x, dy, w, window, group);
}

/** As a convolution whose batch are the channels and whose channels are the batch, which are summed over.
 * Strides and dilations change places too. */
function asConvolution(x: Value, dy: Value, window: Window, group: number): Value {
  const { kernel, strides, dilations, pads } = window;
  const spatial = kernel.map((_, i) => i + 2);
  const options = { strides: dilations, dilations: strides, pads, group };
  const images = channelsFirst(x, group);
  const product = conv(images, transpose(dy, [1, 0, ...spatial]), undefined, options);
  // Entries of x that no window reached make further products, partial ones.
  const axes = spatial.filter((axis, i) => product.shape?.[axis] !== kernel[i]);
  const ends = axes.map((axis) => kernel[axis - 2] as number);
  const starts = ends.map(() => 0);
  const cut = axes.length === 0 ? product : slice(product, starts, ends, { axes });
  return transpose(cut, [1, 0, ...spatial]);
}

/** [batch, group channels, …] as [channels, group batch, …]. */
function channelsFirst(x: Value, group: number): Value {
  const [batch, all, ...sizes] = x.shape as readonly number[] as [number, number, ...number[]];
  const spatial = sizes.map((_, i) => i + 2);
  if (group === 1) return transpose(x, [1, 0, ...spatial]);
  const parts = reshape(x, [batch, group, all / group, ...sizes]);
  const swapped = transpose(parts, [2, 1, 0, ...spatial.map((axis) => axis + 1)]);
  return reshape(swapped, [all / group, group * batch, ...sizes]);
}

/** As the matrix product of dy and the unfolded windows, group by group. */
function asProduct(x: Value, dy: Value, w: Value, window: Window, group: number): Value {
  const entries = window.kernel.reduce((product, size) => product * size, 1);
  const [filters, channels] = [sizeOf(w, 0), sizeOf(w, 1)];
  const columns = reshape(unfold(x, window), [sizeOf(x, 0), group, asMany(channels, entries), -1]);
  const rows = reshape(dy, [sizeOf(dy, 0), group, asPart(filters, group), -1]);
  const products = reduceSum(matmul(rows, transpose(columns, [0, 1, 3, 2])), { axes: 0 });
  return reshape(products, [filters, channels, ...window.kernel]);
}

function asMany(size: Size, times: number): Size {
  return typeof size === "number" ? size * times : mul(size, times);
}

function asPart(size: Size, parts: number): Size {
  return typeof size === "number" ? size / parts : div(size, parts);
}

function sumOverAllButChannels(dy: Value): Value {
  const axes = Array.from({ length: dy.rank }, (_, axis) => axis);
  return reduceSum(dy, { axes: axes.filter((axis) => axis !== 1) });
}

export const convolutionRules: Rules<"Conv" | "ConvTranspose"> = {
  Conv: convRule,
  ConvTranspose: convTransposeRule,
};
