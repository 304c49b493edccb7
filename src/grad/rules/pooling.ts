import type { Pullback } from "../../builder/definition.ts";
import { isStatic } from "../../builder/dim.ts";
import {
  cast,
  div,
  equal,
  gather,
  reduceProd,
  reduceSum,
  reshape,
  sizeOf,
  sizeVector,
  where,
} from "../../builder/operators/index.ts";
import {
  entries,
  globalNorm,
  lpPooled,
  spatialAxes,
  wholeWindow,
} from "../../builder/operators/pooling.ts";
import type { Size } from "../../builder/operators/sizes.ts";
import type { None, OperatorTable } from "../../builder/schema.ts";
import type { Value } from "../../builder/value.ts";
import { expandLike, reshapeLike, sizesFor } from "../broadcast.ts";
import { addAt, zeros } from "../by-index.ts";
import { spread } from "./convolution.ts";
import { type Cotangents, composed, type Missing, missing, type Rules } from "./rule.ts";

const OPEN = "its window is not known when the graph is built";
const OPEN_END = "how far its windows reach over the end is not known when the graph is built";

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
  // Where a file leaves the output out, its name is empty.
  if (given !== undefined && given.hint !== "") return given;
  return node.graph.emit({ op, inputs, attributes: rest, outputs: 2 }).outputs[1] as Value;
}

/** Every entry of a window gets the same share: the transpose of a convolution with ones, channel by
 * channel. */
function averagePoolRule(node: Pullback<OperatorTable["AveragePool"]>): Cotangents | Missing {
  const x = node.input(0);
  const { window, ceil, countIncludePad } = node.attributes;
  if (window === undefined || x.shape === undefined) return missing(OPEN);
  if (ceil && !isStatic(x.shape.slice(2))) return missing(OPEN_END);
  const whole = wholeWindow("averagePool", x, window, ceil);
  const share = div(node.dy, entries(x, window, whole, countIncludePad));
  const ones = x.graph.constant(1, [1, 1, ...window.kernel], x.dtype);
  const [single, like] = [share, x].map(byChannel) as [Value, Value];
  return [reshapeLike(spread(single, ones, like, whole, 1), x)];
}

/** [batch, channels, …] as [batch channels, 1, …]. */
function byChannel(x: Value): Value {
  const sizes = Array.from({ length: x.rank - 2 }, (_, i): Size => sizeOf(x, i + 2));
  return reshape(x, [-1, 1, ...sizes]);
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

/** The cotangents at the places that the values were put to. */
function unpoolRule(node: Pullback<OperatorTable["MaxUnpool"]>): Cotangents {
  return [gather(reshape(node.dy, [-1]), node.input(1))];
}

export const poolingRules: Rules<
  | "MaxPool"
  | "AveragePool"
  | "LpPool"
  | "MaxUnpool"
  | "GlobalAveragePool"
  | "GlobalMaxPool"
  | "GlobalLpPool"
> = {
  MaxPool: maxPoolRule,
  AveragePool: averagePoolRule,
  LpPool: composed((node) => {
    const x = node.input(0);
    const { window, ceil, p } = node.attributes;
    if (window === undefined || x.shape === undefined) return missing(OPEN);
    if (ceil && !isStatic(x.shape.slice(2))) return missing(OPEN_END);
    return [lpPooled(x, wholeWindow("lpPool", x, window, ceil), p)];
  }),
  MaxUnpool: unpoolRule,
  GlobalLpPool: composed((node) => {
    const x = node.input(0);
    if (x.shape === undefined) return missing("the rank of its operand is not known");
    return [globalNorm(x, node.attributes.p)];
  }),
  GlobalAveragePool: globalAverageRule,
  GlobalMaxPool: globalMaxRule,
};
