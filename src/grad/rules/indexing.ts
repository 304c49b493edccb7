import type { Pullback } from "../../builder/definition.ts";
import {
  cast,
  concat,
  div,
  equal,
  expand,
  gatherElements,
  gatherND,
  moveAxis,
  mul,
  onesLike,
  positions,
  reshape,
  scatterElements,
  scatterND,
  sizeOf,
  sizesOf,
  transpose,
  unsqueeze,
  where,
  zerosLike,
} from "../../builder/operators/index.ts";
import type { Axis, ScatterReduction } from "../../builder/schema.ts";
import type { Value } from "../../builder/value.ts";
import { sizesFor } from "../broadcast.ts";
import { zeros } from "../by-index.ts";
import { type Cotangents, type Missing, missing, type Rules, zero } from "./rule.ts";

/** Rows of dy are added to zeros at the places they were taken from, those taken twice twice. */
function gatherRule(node: Pullback<Axis>): Cotangents | Missing {
  const [x, indices] = [node.input(0), node.input(1)];
  const { axis } = node.attributes;
  if (x.shape === undefined || indices.shape === undefined) {
    return missing("the ranks of its operands are not known when the graph is built");
  }
  const places = cast(reshape(indices, [-1, 1]), "int64");
  const taken = sizeOf(places, 0);
  // The axes of the indices go first, as one; the others follow.
  const order = Array.from({ length: node.y.rank }, (_, i) => i);
  const own = order.splice(axis, indices.rank);
  const rest = sizesOf(x).filter((_, i) => i !== axis);
  const rows = reshape(transpose(node.dy, [...own, ...order]), [taken, ...rest]);
  const none = zeros(x, [sizeOf(x, axis), ...rest]);
  return [moveAxis(scatterND(none, places, rows, { reduction: "add" }), 0, axis)];
}

function gatherNDRule(node: Pullback<{ readonly batchDims: number }>): Cotangents | Missing {
  const [x, indices] = [node.input(0), node.input(1)];
  const { batchDims } = node.attributes;
  if (batchDims > 0 && indices.shape === undefined) {
    return missing("the rank of its indices is not known when the graph is built");
  }
  const whole = batchDims === 0 ? indices : withBatchIndices(indices, batchDims);
  return [scatterND(zeros(x, sizesFor(x)), whole, node.dy, { reduction: "add" })];
}

/** Indices that say their place in the batch axes too, as ScatterND wants them. */
function withBatchIndices(indices: Value, batchDims: number): Value {
  const wide = int64(indices);
  const sizes = [...sizesOf(wide).slice(0, -1), 1];
  const places = Array.from({ length: batchDims }, (_, axis) => {
    const others = sizes.flatMap((_size, i) => (i === axis ? [] : [i]));
    return expand(unsqueeze(positions(wide, axis), others), sizes);
  });
  return concat([...places, wide], { axis: -1 });
}

function int64(indices: Value): Value {
  return cast(indices, "int64");
}

/** How one of the two scatters reads and writes. */
interface Scatter {
  readonly gather: (x: Value) => Value;
  readonly scatter: (x: Value, updates: Value, reduction: ScatterReduction) => Value;
}

/** Both scatters: what was written over gets nothing, what was written gets the cotangent of its place. */
function scatterRule<A extends { readonly reduction: ScatterReduction }>(
  scatterOf: (node: Pullback<A>) => Scatter,
) {
  return (node: Pullback<A>): Cotangents | Missing => {
    const { dy } = node;
    const updates = node.input(2);
    const { gather, scatter } = scatterOf(node);
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
        if (node.wants(2)) {
          return missing('the updates of reduction "mul" may meet at one place, which has no rule');
        }
        return [mul(dy, scatter(onesLike(dy), updates, "mul"))];
      default:
        return extremum(node, { gather, scatter });
    }
  };
}

/** Reductions max and min: equal shares for all that attain the extremum, the old element among them. */
function extremum(node: Pullback, { gather, scatter }: Scatter): Cotangents {
  const { dy, y } = node;
  const kept = equal(node.input(0), y);
  const written = equal(node.input(2), gather(y));
  const count = scatter(cast(kept, dy.dtype), cast(written, dy.dtype), "add");
  const share = div(dy, count);
  return [
    node.wants(0) ? where(kept, share, 0) : undefined,
    undefined,
    node.wants(2) ? where(written, gather(share), 0) : undefined,
  ];
}

export const indexingRules: Rules<
  "Gather" | "GatherElements" | "GatherND" | "ScatterElements" | "ScatterND" | "NonZero"
> = {
  Gather: gatherRule,
  GatherElements: (node) => {
    const x = node.input(0);
    const { axis } = node.attributes;
    const none = zeros(x, sizesFor(x));
    return [scatterElements(none, node.input(1), node.dy, { axis, reduction: "add" })];
  },
  GatherND: gatherNDRule,
  ScatterElements: scatterRule((node) => {
    const indices = node.input(1);
    const { axis } = node.attributes;
    return {
      gather: (x) => gatherElements(x, indices, { axis }),
      scatter: (x, updates, reduction) => scatterElements(x, indices, updates, { axis, reduction }),
    };
  }),
  ScatterND: scatterRule((node) => {
    const indices = node.input(1);
    return {
      gather: (x) => gatherND(x, indices),
      scatter: (x, updates, reduction) => scatterND(x, indices, updates, { reduction }),
    };
  }),
  NonZero: zero("its result is made of indices"),
};
