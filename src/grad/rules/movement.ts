import type { Pullback } from "../../builder/definition.ts";
import {
  cast,
  concat,
  mul,
  positions,
  reduceSum,
  reshape,
  sizeOf,
  sizeVector,
  slice,
  split,
  squeeze,
  unsqueeze,
  zerosLike,
} from "../../builder/operators/index.ts";
import type { Size } from "../../builder/operators/sizes.ts";
import type { Axis, OperatorTable } from "../../builder/schema.ts";
import { reshapeLike, sumTo } from "../broadcast.ts";
import { pullBackByIndex } from "../by-index.ts";
import { permuted } from "../permuted.ts";
import { type Cotangents, type Rules, wanted, zero } from "./rule.ts";
import { padRule, sliceRule } from "./slice.ts";

const COUNTS = zero("its result is made of sizes alone");

function concatRule(node: Pullback<Axis>): Cotangents {
  const { axis } = node.attributes;
  const sizes = node.inputs.map((_, i) => {
    const size = sizeOf(node.input(i), axis);
    // Where the rank is not known, nor is it that this is one number.
    return typeof size === "number" || size.shape?.[0] === 1 ? size : reshape(size, [1]);
  });
  return split(node.dy, { axis, sizes: sizeVector(node.graph, sizes) });
}

/** The copies lie side by side along each axis: give them an axis of their own and sum over it. */
function tileRule(node: Pullback<OperatorTable["Tile"]>): Cotangents {
  const x = node.input(0);
  if (x.shape === undefined) return [pullBackByIndex(node)];
  const sizes: Size[] = [];
  const copies: number[] = [];
  for (const axis of x.shape.keys()) {
    const count = node.attributes.repeats?.[axis];
    if (count !== 1) {
      copies.push(sizes.length);
      sizes.push(typeof count === "number" ? count : slice(node.input(1), axis, axis + 1));
    }
    sizes.push(sizeOf(x, axis));
  }
  return [copies.length === 0 ? node.dy : reduceSum(reshape(node.dy, sizes), { axes: copies })];
}

/** start + i delta: each element counts for start once, for delta as often as its position says. */
function rangeRule(node: Pullback): Cotangents {
  const { dy } = node;
  return wanted(
    node,
    () => reduceSum(dy),
    undefined,
    () => reduceSum(mul(dy, cast(positions(node.y, 0), dy.dtype))),
  );
}

export const movementRules: Rules<
  | "Reshape"
  | "Transpose"
  | "Squeeze"
  | "Unsqueeze"
  | "Flatten"
  | "Concat"
  | "Split"
  | "Slice"
  | "Pad"
  | "Expand"
  | "Tile"
  | "Range"
  | "Shape"
  | "Size"
  | "ConstantOfShape"
  | "Trilu"
  | "EyeLike"
> = {
  Reshape: (node) => [reshapeLike(node.dy, node.input(0))],
  Transpose: (node) => {
    const { permutation } = node.attributes;
    return [
      permuted(
        node.dy,
        permutation.map((_, axis) => permutation.indexOf(axis)),
      ),
    ];
  },
  Squeeze: (node) => {
    const { axes } = node.attributes;
    return [axes ? unsqueeze(node.dy, axes) : reshapeLike(node.dy, node.input(0))];
  },
  Unsqueeze: (node) => {
    const { axes } = node.attributes;
    return [axes ? squeeze(node.dy, axes) : reshapeLike(node.dy, node.input(0))];
  },
  Flatten: (node) => [reshapeLike(node.dy, node.input(0))],
  Concat: concatRule,
  Split: (node) => {
    const parts = node.outputs.map((output, i) => node.cotangent(i) ?? zerosLike(output));
    return [concat(parts, { axis: node.attributes.axis })];
  },
  Slice: sliceRule,
  Pad: padRule,
  Expand: (node) => [sumTo(node.dy, node.input(0), node.y)],
  Tile: tileRule,
  Range: rangeRule,
  Shape: COUNTS,
  Size: COUNTS,
  ConstantOfShape: COUNTS,
  // The other triangle was read by nobody.
  Trilu: (node) => {
    const { op, inputs, attributes } = node.node;
    const emission = { op, inputs: [node.dy, ...inputs.slice(1)], attributes };
    return node.graph.emit(emission).outputs;
  },
  EyeLike: COUNTS,
};
