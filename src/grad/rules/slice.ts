import type { Pullback } from "../../builder/definition.ts";
import { type Dim, sameDim, subtractDims } from "../../builder/dim.ts";
import {
  mul,
  neg,
  onesLike,
  pad,
  reduceSum,
  sizeOf,
  slice,
  sub,
  zerosLike,
} from "../../builder/operators/index.ts";
import type { Size } from "../../builder/operators/sizes.ts";
import { sliceRange } from "../../builder/operators/slice.ts";
import type { OperatorTable } from "../../builder/schema.ts";
import type { Value } from "../../builder/value.ts";
import { reshapeLike } from "../broadcast.ts";
import { pullBackByIndex } from "../by-index.ts";
import { type Cotangents, wanted } from "./rule.ts";

type Cut = NonNullable<OperatorTable["Slice"]["slices"]>[number];

/** Zeros where nothing was taken: as padding where that can be said, else by index. */
export function sliceRule(node: Pullback<OperatorTable["Slice"]>): Cotangents {
  const x = node.input(0);
  const { slices } = node.attributes;
  const reversed = slices?.filter((cut) => reverses(node, cut)) ?? [];
  const pads = x.shape?.map((): readonly [Size, Size] => [0, 0]);
  for (const cut of slices ?? []) {
    if (reversed.includes(cut)) continue;
    const around = paddingAround(node, cut);
    if (pads === undefined || around === undefined) return [pullBackByIndex(node)];
    pads[cut.axis] = around;
  }
  if (slices === undefined || pads === undefined) return [pullBackByIndex(node)];
  return [
    pad(
      reverse(
        node.dy,
        reversed.map(({ axis }) => axis),
      ),
      pads,
    ),
  ];
}

/** Whether the whole axis is read backwards. */
function reverses(node: Pullback, { axis, start, end, step }: Cut): boolean {
  if (step === -1 && start === -1 && end <= 1 - 2 ** 31) return true;
  return step === -1 && sameDim(node.input(0).shape?.[axis], node.y.shape?.[axis]) === true;
}

function reverse(x: Value, axes: readonly number[]): Value {
  if (axes.length === 0) return x;
  const last = axes.map(() => -1);
  const all = axes.map(() => Number.NEGATIVE_INFINITY);
  return slice(x, last, all, { axes, steps: last });
}

/** How many elements lay before and after those taken; undefined where that is not so simple. */
function paddingAround(node: Pullback, cut: Cut): readonly [Size, Size] | undefined {
  const { axis, start, end, step } = cut;
  const size = node.input(0).shape?.[axis];
  if (typeof size === "number") {
    const { first, count } = sliceRange(size, start, end, step);
    return step === 1 ? [first, size - first - count] : undefined;
  }
  if (step !== 1) return undefined;
  if (start >= 0) return [start, leftOver(node, axis, start)];
  return end >= 2 ** 31 - 1 ? [leftOver(node, axis, 0), 0] : undefined;
}

/** The size of the axis that the slice did not take, less `but`. */
function leftOver(node: Pullback, axis: number, but: number): Size {
  const [x, y] = [node.input(0), node.y];
  const known: Dim = subtractDims(subtractDims(x.shape?.[axis], y.shape?.[axis]), but);
  if (typeof known === "number") return known;
  const left = sub(sizeOf(x, axis) as Value, sizeOf(y, axis));
  return but === 0 ? left : sub(left, but);
}

/** In mode "constant" the padding is taken off again, which is padding by the opposite numbers, and the
 * value it was filled with gets what fell on it. The other modes repeat elements: by index. */
export function padRule(node: Pullback<OperatorTable["Pad"]>): Cotangents {
  if (node.attributes.mode !== "constant") return [pullBackByIndex(node)];
  return wanted(
    node,
    () => unpad(node),
    undefined,
    () => {
      const [x, axes] = [node.input(0), node.optional(3)];
      const inputs = [zerosLike(x), node.input(1), onesLike(node.input(2)), axes];
      const filled = emitPad(node, inputs);
      // The value may be a scalar or a vector of one element.
      return reshapeLike(reduceSum(mul(node.dy, filled)), node.input(2));
    },
  );
}

function unpad(node: Pullback<OperatorTable["Pad"]>): Value {
  const { dy } = node;
  const { pads } = node.attributes;
  const x = node.input(0);
  if (pads === undefined || x.shape === undefined) {
    return emitPad(node, [dy, neg(node.input(1)), undefined, node.optional(3)]);
  }
  // Slice says the same where nothing was taken away, and costs no copy of a padding.
  if (pads.some((pair) => pair.some((count) => count < 0))) {
    return pad(
      dy,
      pads.map(([before, after]) => [0 - before, 0 - after] as const),
    );
  }
  const axes = [...pads.keys()].filter((axis) => pads[axis]?.some((count) => count > 0));
  if (axes.length === 0) return dy;
  const starts = axes.map((axis) => pads[axis]?.[0] as number);
  const ends = axes.map((axis) => endOf(x, axis, pads[axis] as readonly [number, number]));
  return slice(dy, starts, ends, { axes });
}

function endOf(x: Value, axis: number, [before, after]: readonly [number, number]): number {
  const size = x.shape?.[axis];
  if (typeof size === "number") return before + size;
  return after === 0 ? Number.POSITIVE_INFINITY : -after;
}

function emitPad(node: Pullback, inputs: readonly (Value | undefined)[]): Value {
  const given = [...inputs];
  while (given.at(-1) === undefined) given.pop();
  const { op, attributes } = node.node;
  return node.graph.emit({ op, inputs: given, attributes }).outputs[0] as Value;
}
