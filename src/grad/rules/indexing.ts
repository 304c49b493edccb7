import type { Pullback } from "../../builder/definition.ts";
import {
  add,
  cast,
  div,
  equal,
  expand,
  gatherElements,
  gatherND,
  less,
  moveAxis,
  mul,
  multiplySizes,
  onesLike,
  reshape,
  scatterElements,
  scatterND,
  sizeOf,
  sizesOf,
  unsqueeze,
  where,
  zerosLike,
} from "../../builder/operators/index.ts";
import { elementNumbers } from "../../builder/operators/indexing.ts";
import { addRows } from "../../builder/operators/scatter-add.ts";
import type { Size } from "../../builder/operators/sizes.ts";
import {
  type Axis,
  constantData,
  type OperatorTable,
  type ScatterReduction,
} from "../../builder/schema.ts";
import type { Value } from "../../builder/value.ts";
import { sizesFor } from "../broadcast.ts";
import { addAt, pullBackByIndex, zeros } from "../by-index.ts";
import { type Cotangents, type Rules, zero } from "./rule.ts";

/** Entries of dy are added to zeros at the places they were taken from, those taken twice twice. */
function gatherRule(node: Pullback<Axis>): Cotangents {
  const [x, indices] = [node.input(0), node.input(1)];
  const { axis } = node.attributes;
  if (x.shape === undefined || indices.shape === undefined) return [pullBackByIndex(node)];
  const places = cast(reshape(indices, [-1]), "int64");
  const sizes = sizesOf(x);
  const [before, after] = [sizes.slice(0, axis), sizes.slice(axis + 1)];
  // The axes of the indices as one, where the axis was.
  const taken = reshape(node.dy, [...before, sizeOf(places, 0), ...after]);
  if (areDistinct(indices)) {
    const none = zeros(x, [sizes[axis] as Size, ...before, ...after]);
    const put = scatterND(none, unsqueeze(places, 1), moveAxis(taken, axis, 0));
    return [moveAxis(put, 0, axis)];
  }
  if (node.graph.opset < 16) {
    // Not -1, which says nothing where there are no rows.
    const columns = [...before, ...after].reduce<Size>(multiplySizes, 1);
    const rows = reshape(moveAxis(taken, axis, 0), [sizeOf(places, 0), columns]);
    const none = zeros(x, [sizes[axis] as Size, columns]);
    const from0 = where(less(places, 0), add(places, sizes[axis] as Size), places);
    const sums = addRows(none, from0, rows);
    return [moveAxis(reshape(sums, [sizes[axis] as Size, ...before, ...after]), 0, axis)];
  }
  const others = sizes.flatMap((_, i) => (i === axis ? [] : [i]));
  const at = expand(unsqueeze(places, others), sizesFor(taken));
  return [scatterElements(zeros(x, sizesFor(x)), at, taken, { axis, reduction: "add" })];
}

/** Whether the graph itself says that no index comes twice. Then whole rows can be moved. */
function areDistinct(indices: Value): boolean {
  if (indices.shape?.every((size) => size === 1)) return true;
  const known = constantData(indices)?.toNumbers() ?? [];
  return known.length > 0 && known.every((at) => at >= 0) && new Set(known).size === known.length;
}

/** How one of the two scatters reads and writes. */
interface Scatter {
  readonly gather: (x: Value) => Value;
  readonly scatter: (x: Value, updates: Value, reduction: ScatterReduction) => Value;
  /** The scatter with reduction "add". */
  readonly add: (x: Value, updates: Value) => Value;
}

/** Both scatters: what was written over gets nothing, what was written gets the cotangent of its place. */
function scatterRule<A extends { readonly reduction: ScatterReduction }>(
  scatterOf: (node: Pullback<A>) => Scatter,
) {
  return (node: Pullback<A>): Cotangents => {
    const { dy } = node;
    const updates = node.input(2);
    const { gather, scatter, add } = scatterOf(node);
    switch (node.attributes.reduction) {
      case "none":
        return [
          node.wants(0) ? scatter(dy, zerosLike(updates), "none") : undefined,
          undefined,
          node.wants(2) ? gather(dy) : undefined,
        ];
      case "add":
        return [dy, undefined, node.wants(2) ? gather(dy) : undefined];
      case "mul":
        return [
          node.wants(0) ? mul(dy, scatter(onesLike(dy), updates, "mul")) : undefined,
          undefined,
          node.wants(2) ? othersAtPlace(node, scatterOf(node)) : undefined,
        ];
      default:
        return extremum(node, gather, add);
    }
  };
}

/** Reduction mul: each update gets the product of what else came to its place, the quotient of all by
 * itself. Factors of 0 are left out of it and counted, so that it is right beside them too. */
function othersAtPlace(node: Pullback, { gather, scatter, add }: Scatter): Value {
  const [x, updates] = [node.input(0), node.input(2)];
  const [empty, own] = [equal(x, 0), equal(updates, 0)];
  const product = scatter(where(empty, 1, x), where(own, 1, updates), "mul");
  const zeros = add(cast(empty, x.dtype), cast(own, x.dtype));
  const quotient = div(gather(mul(node.dy, product)), where(own, 1, updates));
  return where(equal(gather(zeros), cast(own, x.dtype)), quotient, 0);
}

/** Reductions max and min: equal shares for all that attain the extremum, the old element among them. */
function extremum(node: Pullback, gather: Scatter["gather"], add: Scatter["add"]): Cotangents {
  const { dy, y } = node;
  const kept = equal(node.input(0), y);
  const written = equal(node.input(2), gather(y));
  const count = add(cast(kept, dy.dtype), cast(written, dy.dtype));
  const share = div(dy, count);
  return [
    node.wants(0) ? where(kept, share, 0) : undefined,
    undefined,
    node.wants(2) ? where(written, gather(share), 0) : undefined,
  ];
}

const scatterElementsRule = scatterRule((node: Pullback<OperatorTable["ScatterElements"]>) => {
  const indices = node.input(1);
  const { axis } = node.attributes;
  const scatter = (x: Value, updates: Value, reduction: ScatterReduction) =>
    scatterElements(x, indices, updates, { axis, reduction });
  return {
    gather: (x) => gatherElements(x, indices, { axis }),
    scatter,
    add: (x, updates) => scatter(x, updates, "add"),
  };
});

export const indexingRules: Rules<
  "Gather" | "GatherElements" | "GatherND" | "ScatterElements" | "ScatterND" | "Scatter" | "NonZero"
> = {
  Gather: gatherRule,
  GatherElements: (node) => {
    const x = node.input(0);
    const { axis } = node.attributes;
    const none = zeros(x, sizesFor(x));
    return [scatterElements(none, node.input(1), node.dy, { axis, reduction: "add" })];
  },
  GatherND: (node) => [pullBackByIndex(node)],
  ScatterElements: scatterElementsRule,
  Scatter: scatterElementsRule,
  ScatterND: scatterRule((node) => {
    const indices = node.input(1);
    return {
      gather: (x) => gatherND(x, indices),
      scatter: (x, updates, reduction) => scatterND(x, indices, updates, { reduction }),
      add: (x, updates) => addAt(x, gatherND(elementNumbers(x), indices), updates),
    };
  }),
  NonZero: zero("its result is made of indices"),
};
