import { attribute } from "../block.ts";
import { addDims, type Dim, formatShape, type Shape, sameDim, subtractDims } from "../dim.ts";
import { checkOptions, failArgument } from "../errors.ts";
import { isValue, lift, type Operand, requireValue } from "../lift.ts";
import {
  choiceOf,
  constantInts,
  inputOf,
  intsOf,
  type NodeFacts,
  type OperatorTable,
  resolveAxis,
  type Schemas,
} from "../schema.ts";
import type { Value } from "../value.ts";
import { elementsIn, intVector, lengthOf, listOf, requireOpset } from "./axes.ts";
import { emitOne, sameType } from "./emit.ts";
import { checkSizes, type Size, vectorOf } from "./sizes.ts";

/** Options of slice. */
export interface SliceOptions {
  /** Which axis each start belongs to; the first ones by default. */
  readonly axes?: number | readonly number[];
  /** Take every nth; negative goes backwards. 1 by default. */
  readonly steps?: number | readonly number[] | Value;
}

const PAD_MODES = ["constant", "reflect", "edge", "wrap"] as const;

/** Options of pad. */
export interface PadOptions {
  /** Default "constant". "wrap" needs opset 19. */
  readonly mode?: "constant" | "reflect" | "edge" | "wrap";
  /** What to fill with in mode "constant". Default 0. */
  readonly value?: Operand;
}

/** Elements from starts to ends (exclusive) along the axes, the first ones by default. Negative numbers
 * count from the end; what is out of range is cut, and Infinity means "to the end".
 *
 * ```ts
 * const tail = slice(x, 1, Infinity);
 * const reversed = slice(x, -1, -Infinity, { axes: -1, steps: -1 });
 * ``` */
export function slice(
  x: Operand,
  starts: number | readonly number[] | Value,
  ends: number | readonly number[] | Value,
  options: SliceOptions = {},
): Value {
  checkOptions("slice", options, ["axes", "steps"]);
  const value = requireValue("slice", "x", x);
  const { graph } = value;
  requireOpset("slice", graph, 10);
  const { axes, steps } = options;
  const vector = (name: string, given: number | readonly number[] | Value) =>
    intVector("slice", name, isValue(given) ? asBounds(given) : finite(given), graph);
  const inputs = [value, vector("starts", starts), vector("ends", ends)];
  if (axes !== undefined || steps !== undefined) {
    const count = lengthOf(inputs[1]) ?? lengthOf(inputs[2]);
    const first = axes ?? Array.from({ length: count ?? 1 }, (_, axis) => axis);
    const list = listOf(first).map((axis) =>
      value.shape === undefined ? axis : resolveAxis("slice", axis, value.shape.length, "axes"),
    );
    inputs.push(vector("axes", list));
  }
  if (steps !== undefined) inputs.push(vector("steps", steps));
  return emitOne("Slice", inputs, {}, "slice");
}

/** x with elements added before and after each axis; negative numbers take away.
 *
 * ```ts
 * const framed = pad(x, [[0, 0], [1, 1]], { value: -Infinity });
 * ```
 * @param pads one pair for each axis, or an int64 vector: all befores, then all afters */
export function pad(
  x: Operand,
  pads: readonly (readonly [before: Size, after: Size])[] | Value,
  options: PadOptions = {},
): Value {
  checkOptions("pad", options, ["mode", "value"]);
  const value = requireValue("pad", "x", x);
  const { graph } = value;
  requireOpset("pad", graph, 11);
  const { mode = "constant" } = options;
  if (!PAD_MODES.includes(mode)) {
    failArgument("pad", "mode", '"constant", "reflect", "edge" or "wrap"', mode);
  }
  if (mode === "wrap") requireOpset("pad", graph, 19, 'mode "wrap"');
  if (!isValue(pads) && pads.every((pair) => pair[0] === 0 && pair[1] === 0)) {
    if (pads.length === value.shape?.length) return value;
  }
  const inputs = [value, padVector(value, pads)];
  if (options.value !== undefined) {
    if (mode !== "constant") failArgument("pad", "value", `none in mode "${mode}"`, options.value);
    inputs.push(lift("pad", "value", options.value, value.dtype, graph));
  }
  return emitOne("Pad", inputs, { mode: attribute.string(mode) }, "pad");
}

/** What a slice takes of an axis of known size: from which element on, and how many. */
export function sliceRange(
  size: number,
  start: number,
  end: number,
  step: number,
): { readonly first: number; readonly count: number } {
  const [from, to] = [start, end].map((at) => (at < 0 ? at + size : at)) as [number, number];
  const cut = (at: number, least: number, most: number) => Math.min(Math.max(at, least), most);
  const first = step > 0 ? cut(from, 0, size) : Math.min(Math.max(from, 0), size - 1);
  const last = step > 0 ? cut(to, 0, size) : cut(to, -1, size - 1);
  return { first, count: Math.max(Math.ceil((last - first) / step), 0) };
}

/** Bounds as int64 can hold them: larger ones than a JavaScript integer mean "to the end" as well. */
function finite(bounds: number | readonly number[]): readonly number[] {
  const most = Number.MAX_SAFE_INTEGER;
  return listOf(bounds).map((bound) => Math.min(Math.max(bound, -most), most));
}

/** A one-element bound, as sizeOf gives it, may be a scalar. */
function asBounds(value: Value): Value {
  return value.shape?.length === 0 ? vectorOf(value.graph, [value]) : value;
}

function padVector(x: Value, pads: readonly (readonly [Size, Size])[] | Value): Value {
  if (isValue(pads)) return intVector("pad", "pads", pads, x.graph);
  const rank = x.shape?.length ?? pads.length;
  if (!Array.isArray(pads) || pads.length !== rank || pads.some((pair) => pair.length !== 2)) {
    failArgument("pad", "pads", `a pair for each axis of ${formatShape(x.shape)}`, pads);
  }
  const list = [...pads.map(([before]) => before), ...pads.map(([, after]) => after)];
  checkSizes("pad", "pads", list, Number.MIN_SAFE_INTEGER);
  return vectorOf(x.graph, list);
}

interface Bounds {
  /** undefined where the model computes them. */
  readonly axes: readonly number[] | undefined;
  readonly starts: readonly Dim[] | undefined;
  readonly ends: readonly Dim[] | undefined;
  readonly steps: readonly Dim[] | undefined;
}

/** The operands of a Slice of any opset, in the order of its axes. */
function boundsOf(node: NodeFacts): Bounds {
  const x = inputOf(node, 0);
  const old = node.opset < 10;
  const starts = old ? intsOf(node, "starts") : inputOf(node, 1).elements;
  const ends = old ? intsOf(node, "ends") : inputOf(node, 2).elements;
  const count = starts?.length ?? ends?.length ?? (old ? undefined : lengthOf(node.inputs[1]));
  const given = old ? intsOf(node, "axes") : constantInts(node.inputs[3]);
  const computed = !old && node.inputs[3] !== undefined && given === undefined;
  const all = Array.from({ length: count ?? 0 }, (_, axis) => axis);
  const listed =
    computed || (given === undefined && count === undefined) ? undefined : (given ?? all);
  const axes = listed?.map((axis) =>
    x.shape === undefined ? axis : resolveAxis(node.operator, axis, x.shape.length, "axes"),
  );
  const ones = new Array<Dim>(axes?.length ?? 0).fill(1);
  const steps = old || node.inputs[4] === undefined ? ones : node.inputs[4].elements;
  const named = Object.entries({ starts, ends, steps });
  for (const [name, list] of named) {
    if (list !== undefined && axes !== undefined && list.length !== axes.length) {
      failArgument(node.operator, name, `${axes.length} as there are axes`, list);
    }
  }
  if (steps?.includes(0)) failArgument(node.operator, "steps", "steps other than 0", steps);
  return { axes, starts, ends, steps };
}

function slicesOf(node: NodeFacts): OperatorTable["Slice"]["slices"] {
  const { axes, starts, ends, steps } = boundsOf(node);
  return axes?.flatMap((axis, i) => {
    const [start, end, step] = [starts?.[i], ends?.[i], steps?.[i]];
    const known = typeof start === "number" && typeof end === "number" && typeof step === "number";
    return known && axis >= 0 ? [{ axis, start, end, step }] : [];
  });
}

function slicedShape(node: NodeFacts): Shape | undefined {
  const { shape } = inputOf(node, 0);
  if (shape === undefined) return undefined;
  const { axes, starts, ends, steps } = boundsOf(node);
  if (axes === undefined) return shape.map(() => undefined);
  const result = [...shape];
  for (const [i, axis] of axes.entries()) {
    result[axis] = slicedDim(shape[axis], starts?.[i], ends?.[i], steps?.[i]);
  }
  return result;
}

function slicedDim(dim: Dim, start: Dim, end: Dim, step: Dim): Dim {
  if (typeof dim === "number" && typeof start === "number" && typeof end === "number") {
    return typeof step === "number" ? sliceRange(dim, start, end, step).count : undefined;
  }
  if (step === -1 && start === -1 && typeof end === "number" && end < -(2 ** 31)) return dim;
  if (step !== 1) return undefined;
  const from = bound(dim, start);
  const to = bound(dim, end);
  const size = subtractDims(to, from);
  return typeof size === "number" ? Math.max(size, 0) : size;
}

/** A bound of a slice of step 1 counted from 0, where it certainly lies within the axis. A name is
 * taken to be a size of 1 or more, and x[k:] to have k elements to leave out. */
function bound(dim: Dim, at: Dim): Dim {
  if (at === 0 || dim === undefined || at === undefined) return at === 0 ? 0 : undefined;
  if (typeof at === "number" && at < 0)
    return typeof dim === "number" ? undefined : addDims(dim, at);
  if (typeof at === "number" && at >= 2 ** 31 - 1) return dim;
  const beyond = subtractDims(at, dim);
  if (isPositive(beyond)) return dim;
  const within = subtractDims(dim, at);
  return isPositive(within) || at === 1 ? at : undefined;
}

function isPositive(dim: Dim): boolean {
  return typeof dim === "number" ? dim >= 0 : dim !== undefined && !dim.includes("-");
}

/** The pads of any opset, one pair for each axis; undefined where the model computes them. */
function padsOf(node: NodeFacts): readonly (readonly [Dim, Dim])[] | undefined {
  const flat = intsOf(node, "pads") ?? node.inputs[1]?.elements;
  const given = node.inputs[3];
  const listed = constantInts(given);
  if (flat === undefined || (given !== undefined && listed === undefined)) return undefined;
  const rank =
    inputOf(node, 0).shape?.length ?? (given === undefined ? flat.length / 2 : undefined);
  if (rank === undefined) return undefined;
  const axes = listed
    ? listed.map((axis) => resolveAxis(node.operator, axis, rank, "axes"))
    : Array.from({ length: rank }, (_, axis) => axis);
  if (flat.length !== 2 * axes.length) {
    failArgument(node.operator, "pads", `${2 * axes.length} numbers`, flat);
  }
  const pads = Array.from({ length: rank }, (): [Dim, Dim] => [0, 0]);
  for (const [i, axis] of axes.entries()) pads[axis] = [flat[i], flat[i + axes.length]];
  return pads;
}

export const sliceSchemas: Schemas<"Slice" | "Pad"> = {
  Slice: {
    arity: [1, 5],
    normal: (node) => {
      const slices = slicesOf(node);
      const { axes } = boundsOf(node);
      return { slices: slices?.length === axes?.length ? slices : undefined };
    },
    infer: (node, { slices }) => {
      const x = inputOf(node, 0);
      const shape = slicedShape(node);
      const only = slices?.length === 1 && x.shape?.length === 1 ? slices[0] : undefined;
      let elements: Dim[] | undefined;
      if (only !== undefined && x.elements !== undefined) {
        const { length } = x.elements;
        const { first, count } = sliceRange(length, only.start, only.end, only.step);
        elements = Array.from({ length: count }, (_, i) => x.elements?.[first + i * only.step]);
      }
      return [{ dtype: x.dtype, shape, ...elementsIn(shape, elements) }];
    },
  },
  Pad: {
    arity: [1, 4],
    normal: (node) => {
      const mode = choiceOf(node, "mode", PAD_MODES, "constant");
      const pads = padsOf(node);
      const known = pads?.every((pair) => pair.every((size) => typeof size === "number"));
      return { mode, pads: known ? (pads as [number, number][]) : undefined };
    },
    infer: (node) => {
      const x = inputOf(node, 0);
      const fill = node.inputs[2];
      if (fill?.shape?.some((dim) => sameDim(dim, 1) === false)) {
        failArgument(node.operator, "value", "a scalar", fill);
      }
      const dtype = sameType(node, fill === undefined ? [x] : [x, fill]);
      const pads = padsOf(node);
      if (x.shape === undefined) {
        return [{ dtype, shape: pads?.map(() => undefined) }];
      }
      const shape = x.shape.map((dim, axis) => {
        const [before, after] = pads?.[axis] ?? [undefined, undefined];
        const padded = addDims(addDims(dim, before), after);
        if (typeof padded === "number" && padded < 0) {
          failArgument(
            node.operator,
            "pads",
            `no more than the ${dim} elements of axis ${axis} taken away`,
            [before, after],
          );
        }
        return padded;
      });
      return [{ dtype, shape }];
    },
  },
};
