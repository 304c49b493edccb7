import { type Attributes, attribute } from "../block.ts";
import { addDims, type Dim, divideDims, type Shape } from "../dim.ts";
import { failArgument } from "../errors.ts";
import { choiceOf, inputOf, intsOf, type NodeFacts } from "../schema.ts";

/** How a window goes over the spatial axes of a tensor [batch, channels, …]: one entry for each. */
export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: readonly (readonly [before: number, after: number])[];
}

/** Where a window goes, as a user writes it: one number for all spatial axes, or one each. */
export interface WindowOptions {
  /** Steps between windows. Default 1. */
  readonly strides?: number | readonly number[];
  /** Steps between the entries of one window. Default 1. */
  readonly dilations?: number | readonly number[];
  /** Entries added on both sides of each axis, or before and after it; or, as ONNX lists them, first those
   * before every axis and then those after. Default 0. */
  readonly pads?: number | readonly (number | readonly [before: number, after: number])[];
}

/** The window that a user means. @throws GraphError if a list has another length, or a number is wrong */
export function windowFrom(
  operator: string,
  kernel: readonly number[],
  { strides = 1, dilations = 1, pads = 0 }: WindowOptions,
): Window {
  const each = (name: string, given: number | readonly number[]) => {
    const list = typeof given === "number" ? kernel.map(() => given) : given;
    if (list.length !== kernel.length || !list.every((n) => Number.isInteger(n) && n >= 1)) {
      failArgument(operator, name, `whole numbers from 1, ${kernel.length} of them or one`, given);
    }
    return list;
  };
  const around = typeof pads === "number" ? kernel.map(() => pads) : pads;
  const flat = around.length === 2 * kernel.length && around.every((pad) => !Array.isArray(pad));
  const listed = flat ? kernel.map((_, i) => [around[i], around[i + kernel.length]]) : around;
  const pairs = listed.map((pad) => (typeof pad === "number" ? [pad, pad] : pad)) as [
    number,
    number,
  ][];
  if (pairs.length !== kernel.length || !pairs.flat().every((n) => Number.isInteger(n) && n >= 0)) {
    const expected = `whole numbers from 0 or pairs of them, ${kernel.length} or one`;
    failArgument(operator, "pads", expected, pads);
  }
  return {
    kernel: each("kernel", kernel),
    strides: each("strides", strides),
    dilations: each("dilations", dilations),
    pads: pairs,
  };
}

/** A window as attributes, those left out that have their defaults. */
export function windowAttributes({ strides, dilations, pads }: Window): Attributes {
  const unless = (plain: number, name: string, list: readonly number[]): Attributes =>
    list.every((n) => n === plain) ? {} : { [name]: attribute.ints(list) };
  return {
    ...unless(1, "strides", strides),
    ...unless(1, "dilations", dilations),
    ...unless(0, "pads", [...pads.map(([before]) => before), ...pads.map(([, after]) => after)]),
  };
}

/** How a node chooses its pads. @throws GraphError for a way that ONNX does not have */
export function autoPadOf(node: NodeFacts) {
  return choiceOf(node, "auto_pad", ["NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"], "NOTSET");
}

/** The window of a node at any opset; undefined where it follows from sizes that only a run can tell.
 *
 * @param kernel the sizes of the kernel as far as they are known */
export function windowOf(node: NodeFacts, kernel: readonly Dim[] | undefined): Window | undefined {
  const sizes = intsOf(node, "kernel_shape") ?? kernel;
  if (sizes === undefined || !sizes.every((size) => typeof size === "number")) return undefined;
  const known = sizes as readonly number[];
  if (!known.every(isCount)) failArgument(node.operator, "kernel_shape", "numbers from 1", known);
  const strides = listFor(node, "strides", known);
  const dilations = listFor(node, "dilations", known);
  const auto = autoPadOf(node);
  const flat = intsOf(node, "pads") ?? [];
  if (!flat.every((n) => Math.abs(n) < 2 ** 31)) {
    failArgument(node.operator, "pads", "whole numbers", flat);
  }
  const given = known.map((_, i) => [flat[i] ?? 0, flat[i + known.length] ?? 0] as const);
  const plain = { kernel: known, strides, dilations };
  if (auto === "NOTSET") return { ...plain, pads: given };
  if (auto === "VALID") return { ...plain, pads: known.map(() => [0, 0]) };
  const spatial = inputOf(node, 0).shape?.slice(2);
  const same = known.map((size, i) =>
    samePads(spatial?.[i], (size - 1) * (dilations[i] as number) + 1, strides[i] as number, auto),
  );
  if (same.some((pair) => pair === undefined)) return undefined;
  return { ...plain, pads: same as [number, number][] };
}

function listFor(node: NodeFacts, name: string, kernel: readonly number[]): readonly number[] {
  const list = intsOf(node, name) ?? kernel.map(() => 1);
  if (list.length !== kernel.length || !list.every(isCount)) {
    failArgument(node.operator, name, `${kernel.length} numbers from 1`, list);
  }
  return list;
}

/** Products of two such numbers are 64-bit integers. */
function isCount(n: number): boolean {
  return Number.isInteger(n) && n >= 1 && n < 2 ** 31;
}

/** What SAME_UPPER and SAME_LOWER mean: ceil(size / stride) windows, the odd entry after or before. */
function samePads(
  size: Dim,
  span: number,
  stride: number,
  auto: "SAME_UPPER" | "SAME_LOWER",
): readonly [number, number] | undefined {
  if (typeof size !== "number" && stride !== 1) return undefined;
  const total =
    typeof size === "number"
      ? Math.max((Math.ceil(size / stride) - 1) * stride + span - size, 0)
      : span - 1;
  const less = Math.floor(total / 2);
  return auto === "SAME_UPPER" ? [less, total - less] : [total - less, less];
}

/** The window with as much padding more behind each axis as windows need that reach over the end. The
 * spatial sizes are known. */
export function withCeiling(operator: string, spatial: readonly number[], window: Window): Window {
  const counts = windowCounts(operator, spatial, window, true) as readonly number[];
  const pads = window.pads.map(([before, after], i): readonly [number, number] => {
    const span = ((window.kernel[i] as number) - 1) * (window.dilations[i] as number) + 1;
    const reach = ((counts[i] as number) - 1) * (window.strides[i] as number) + span;
    return [before, Math.max(after, reach - (spatial[i] as number) - before)];
  });
  return { ...window, pads };
}

/** How many windows go along each axis; with `ceil` also those that reach over the end. */
export function windowCounts(
  operator: string,
  spatial: Shape,
  { kernel, strides, dilations, pads }: Window,
  ceil = false,
): Dim[] {
  if (spatial.length !== kernel.length) {
    failArgument(operator, "x", `${kernel.length} axes after batch and channels`, spatial);
  }
  return spatial.map((size, i) => {
    const [before, after] = pads[i] as readonly [number, number];
    const span = ((kernel[i] as number) - 1) * (dilations[i] as number) + 1;
    const stride = strides[i] as number;
    const room = addDims(size, before + after - span);
    if (typeof room !== "number") return addDims(divideDims(room, stride), 1);
    if (room < 0) {
      failArgument(operator, "kernel", `a window that fits into ${size} with its padding`, span);
    }
    if (!ceil) return Math.floor(room / stride) + 1;
    const count = Math.ceil(room / stride) + 1;
    // A window that starts in the padding behind the end is none.
    return (count - 1) * stride >= (size as number) + before ? count - 1 : count;
  });
}
