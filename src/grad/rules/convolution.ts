import type { Pullback } from "../../builder/definition.ts";
import { isStatic } from "../../builder/dim.ts";
import { turnedFilters } from "../../builder/operators/convolution.ts";
import {
  conv,
  convTranspose,
  div,
  matmul,
  mul,
  reduceSum,
  reshape,
  sizeOf,
  sizesOf,
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
    () => conv(dy, w, undefined, { strides, dilations, pads, group }),
    () => filterCotangent(dy, x, w, window, group),
    () => sumOverAllButChannels(dy),
  );
}

/** ConvTranspose to the size of x: what the strides left over at the end is added by an output padding,
 * the most that may be missing where the size of x is not known, and cut off again. */
export function spread(dy: Value, w: Value, x: Value, window: Window, group: number): Value {
  const { kernel, strides, dilations, pads } = window;
  const around = isStatic(w.shape) && !isLonger(w, dy) ? padsOfTranspose(window) : undefined;
  if (around !== undefined) {
    return conv(dy, turnedFilters(w, group), undefined, { dilations, group, pads: around });
  }
  const outputPadding = strides.map((stride, i) => {
    const [size, count] = [x.shape?.[i + 2], dy.shape?.[i + 2]];
    if (typeof size !== "number" || typeof count !== "number") return stride - 1;
    const [before, after] = pads[i] as readonly [number, number];
    const reach = ((kernel[i] as number) - 1) * (dilations[i] as number) + 1;
    return size + before + after - ((count - 1) * stride + reach);
  });
  const options = { strides, dilations, pads, group, outputPadding };
  return cutTo(convTranspose(dy, w, undefined, options), x, outputPadding);
}

/** Whether filters are longer than what they go over, so that an ordinary convolution would mostly multiply
 * the zeros around it: dy as filters, when the gradient of filters is differentiated. */
function isLonger(w: Value, dy: Value): boolean {
  return w.shape?.slice(2).some((size, i) => Number(size) > Number(dy.shape?.[i + 2])) ?? false;
}

/** At stride 1 the transpose is an ordinary convolution, for which ONNX Runtime takes half the time: with
 * these pads, or not, where they were larger than the kernel. */
function padsOfTranspose({ kernel, strides, dilations, pads }: Window): Window["pads"] | undefined {
  const around = pads.map(([before, after], i): readonly [number, number] => {
    const reach = ((kernel[i] as number) - 1) * (dilations[i] as number);
    return [reach - before, reach - after];
  });
  const plain = strides.every((stride) => stride === 1) && around.flat().every((n) => n >= 0);
  return plain ? around : undefined;
}

/** The first entries along each spatial axis to which anything was added, as many as x has. */
function cutTo(y: Value, x: Value, added: readonly number[]): Value {
  return added.reduce((cut, count, i) => {
    const [size, wanted] = [cut.shape?.[i + 2], x.shape?.[i + 2]];
    if (count === 0 || (size !== undefined && size === wanted)) return cut;
    return slice(cut, 0, sizeOf(x, i + 2), { axes: i + 2 });
  }, y);
}

/** The cotangent of the filters, by one of two ways.
 *
 * @param x [batch, group channels, …] on the wide side
 * @param dy [batch, group filters, …] on the narrow side
 * @param w [group filters, channels, kernel…], for its sizes */
function filterCotangent(x: Value, dy: Value, w: Value, window: Window, group: number): Value {
  const narrow = dy.shape?.slice(2);
  return x.dtype === "float32" && isStatic(narrow) && isStatic(x.shape?.slice(2))
    ? byConvolution(x, dy, window, group)
    : byWindows(x, dy, w, window, group);
}

/** A convolution of x with dy, where batch and channels, strides and dilations have changed places. */
function byConvolution(x: Value, dy: Value, window: Window, group: number): Value {
  const { kernel, strides, dilations, pads } = window;
  const behind = kernel.map((_, i) => i + 2);
  const filters = transpose(dy, [1, 0, ...behind]);
  const options = { strides: dilations, dilations: strides, pads, group };
  const found = transpose(conv(channelsFirst(x, group), filters, undefined, options), [
    1,
    0,
    ...behind,
  ]);
  // Entries that the strides left over at the end of x.
  const more = behind.filter((axis, i) => found.shape?.[axis] !== kernel[i]);
  return more.length === 0
    ? found
    : slice(
        found,
        more.map(() => 0),
        more.map((axis) => kernel[axis - 2] as number),
        { axes: more },
      );
}

/** [batch, group channels, …] as [channels, group batch, …]. */
function channelsFirst(x: Value, group: number): Value {
  const [batch, channels, ...spatial] = sizesOf(x) as [Size, Size, ...Size[]];
  const behind = spatial.map((_, i) => i + 2);
  if (group === 1) return transpose(x, [1, 0, ...behind]);
  const parts = reshape(x, [batch, group, asPart(channels, group), ...spatial]);
  const turned = transpose(parts, [2, 1, 0, ...behind.map((axis) => axis + 1)]);
  return reshape(turned, [asPart(channels, group), asMany(batch, group), ...spatial]);
}

/** The matrix product of dy and the unfolded windows, group by group: for float64, which has no convolutions,
 * and sizes that only a run tells. */
function byWindows(x: Value, dy: Value, w: Value, window: Window, group: number): Value {
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
