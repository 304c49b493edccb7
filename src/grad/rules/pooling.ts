import type { Pullback } from "../../builder/definition.ts";
import { isStatic, sameShape } from "../../builder/dim.ts";
import {
  cast,
  div,
  equal,
  reduceProd,
  reduceSum,
  reshape,
  sizeOf,
  sizeVector,
  where,
} from "../../builder/operators/index.ts";
import { entries, spatialAxes } from "../../builder/operators/pooling.ts";
import type { Size } from "../../builder/operators/sizes.ts";
import { type Window, windowCounts } from "../../builder/operators/windows.ts";
import type { None, OperatorTable } from "../../builder/schema.ts";
import type { Value } from "../../builder/value.ts";
import { expandLike, reshapeLike, sizesFor } from "../broadcast.ts";
import { addAt, zeros } from "../by-index.ts";
import { spread } from "./convolution.ts";
import { type Cotangents, type Missing, missing, type Rules } from "./rule.ts";

/** To the entry that each window took, the first of equal ones. */
function maxPoolRule(node: Pullback<OperatorTable["MaxPool"]>): Cotangents {
  const x = node.input(0);
  return [addAt(zeros(x, sizesFor(x)), takenBy(node), node.dy)];
}

/** The number of each entry taken, in the whole of x. */
function takenBy(node: Pullback<OperatorTable["MaxPool"]>): Value {
  const { op, inputs, attributes } = node.node;
  const { storage_order: columns, ...rest } = attributes;
  const given = columns === undefined ? node.outputs[1] : undefined;
  if (given !== undefined) return given;
  return node.graph.emit({ op, inputs, attributes: rest, outputs: 2 }).outputs[1] as Value;
}

/** Every entry of a window gets the same share: the transpose of a convolution with ones, channel by
 * channel. */
function averagePoolRule(node: Pullback<OperatorTable["AveragePool"]>): Cotangents | Missing {
  const x = node.input(0);
  const { window, ceil, countIncludePad } = node.attributes;
  if (window === undefined || x.shape === undefined) {
    return missing("its window is not known when the graph is built");
  }
  if (ceil && !isWhole(x, window)) return missing("its windows reach over the end");
  const share = div(node.dy, entries(x, window, countIncludePad));
  const ones = x.graph.constant(1, [1, 1, ...window.kernel], x.dtype);
  const [single, like] = [share, x].map(byChannel) as [Value, Value];
  return [reshapeLike(spread(single, ones, like, window, 1), x)];
}

/** [batch, channels, …] as [batch channels, 1, …]. */
function byChannel(x: Value): Value {
  const sizes = Array.from({ length: x.rank - 2 }, (_, i): Size => sizeOf(x, i + 2));
  return reshape(x, [-1, 1, ...sizes]);
}

function isWhole(x: Value, window: Window): boolean {
  const spatial = x.shape?.slice(2);
  if (!isStatic(spatial)) return false;
  const [up, down] = [true, false].map((ceil) =>
    windowCounts("averagePool", spatial, window, ceil),
  );
  return sameShape(up, down) === true;
}

function globalAverageRule(node: Pullback<None>): Cotangents | Missing {
  const x = node.input(0);
  if (x.shape === undefined) return missing("the rank of its operand is not known");
  const sizes = spatialAxes("globalAveragePool", x).map((axis) => sizeOf(x, axis));
  const count = cast(reduceProd(sizeVector(x.graph, sizes)), x.dtype);
  return [expandLike(div(node.dy, count), x)];
}

/** Equal shares for all that attain the maximum. */
function globalMaxRule(node: Pullback<None>): Cotangents | Missing {
  const x = node.input(0);
  if (x.shape === undefined) return missing("the rank of its operand is not known");
  const attained = cast(equal(x, node.y), x.dtype);
  const axes = spatialAxes("globalMaxPool", x);
  const share = div(node.dy, reduceSum(attained, { axes, keepdims: true }));
  return [where(equal(x, node.y), share, 0)];
}

export const poolingRules: Rules<
  "MaxPool" | "AveragePool" | "GlobalAveragePool" | "GlobalMaxPool"
> = {
  MaxPool: maxPoolRule,
  AveragePool: averagePoolRule,
  GlobalAveragePool: globalAverageRule,
  GlobalMaxPool: globalMaxRule,
};
