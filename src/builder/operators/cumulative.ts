import { checkOptions } from "../errors.ts";
import { type Operand, requireValue } from "../lift.ts";
import {
  type Cumulative,
  constantInts,
  inputOf,
  intOf,
  type NodeFacts,
  resolveAxis,
  type Schema,
  type Schemas,
} from "../schema.ts";
import { int64Data } from "../tensor.ts";
import type { Value } from "../value.ts";
import { mul } from "./arithmetic.ts";
import { axisAttribute, requireOpset } from "./axes.ts";
import { checkType, emitOne, optionalInt } from "./emit.ts";
import { lessOrEqual, where } from "./logic.ts";
import { reduceProd } from "./reduction.ts";
import { unsqueeze } from "./reshape.ts";
import { moveAxis, positions } from "./sizes.ts";
import { pad, slice } from "./slice.ts";

/** Options of cumSum and cumProd. */
export interface CumulativeOptions {
  /** Negative axes count from the end. */
  readonly axis: number;
  /** Leave each element out of its own sum or product. Default false. */
  readonly exclusive?: boolean;
  /** Go from the end. Default false. */
  readonly reverse?: boolean;
}

/** Running sums along an axis. */
export function cumSum(x: Operand, options: CumulativeOptions): Value {
  const value = requireValue("cumSum", "x", x);
  requireOpset("cumSum", value.graph, 11);
  return cumulative("CumSum", "cumSum", value, options);
}

/** Running products along an axis.
 *
 * Before opset 26, which has an operator for it, it is a composition: about log2(n) products of the whole
 * tensor, or where n is not known as many products as n² numbers take. */
export function cumProd(x: Operand, options: CumulativeOptions): Value {
  const value = requireValue("cumProd", "x", x);
  if (value.graph.opset >= 26) return cumulative("CumProd", "cumProd", value, options);
  checkOptions("cumProd", options, ["axis", "exclusive", "reverse"]);
  const { axis, exclusive = false, reverse = false } = options;
  return runningProducts(value, {
    axis: resolveAxis("cumProd", axis, value.rank),
    exclusive,
    reverse,
  });
}

function cumulative(op: string, operator: string, value: Value, options: CumulativeOptions): Value {
  checkOptions(operator, options, ["axis", "exclusive", "reverse"]);
  axisAttribute(operator, options.axis);
  const attributes = {
    ...optionalInt("exclusive", options.exclusive ?? false, 0),
    ...optionalInt("reverse", options.reverse ?? false, 0),
  };
  const axis = value.graph.lifted(int64Data(options.axis));
  return emitOne(op, [value, axis], attributes, operator);
}

/** CumProd in products alone, which is right where factors are 0 as well. */
export function runningProducts(
  x: Value,
  { axis, exclusive, reverse }: Required<CumulativeOptions>,
): Value {
  const turned = (value: Value) =>
    reverse ? slice(value, -1, Number.NEGATIVE_INFINITY, { axes: axis, steps: -1 }) : value;
  const forward = turned(x);
  const shifted = exclusive ? moved(forward, axis, 1) : forward;
  const size = x.shape?.[axis];
  return turned(typeof size === "number" ? doubled(shifted, axis, size) : masked(shifted, axis));
}

/** Products of 1, 2, 4, … factors that end at each place. */
function doubled(x: Value, axis: number, size: number): Value {
  let product = x;
  for (let reach = 1; reach < size; reach *= 2) {
    product = mul(product, moved(product, axis, reach));
  }
  return product;
}

/** Every product from all factors, those behind its place replaced by 1. */
function masked(x: Value, axis: number): Value {
  const rows = moveAxis(x, axis, -1);
  const places = positions(x, axis);
  const before = lessOrEqual(unsqueeze(places, 0), unsqueeze(places, 1));
  const products = reduceProd(where(before, unsqueeze(rows, -2), 1), { axes: -1 });
  return moveAxis(products, -1, axis);
}

/** x moved on along an axis, with ones coming in. */
function moved(x: Value, axis: number, by: number): Value {
  const kept = slice(x, 0, -by, { axes: axis });
  const pads = Array.from({ length: x.rank }, (_, i) => [i === axis ? by : 0, 0] as const);
  return pad(kept, pads, { value: 1 });
}

function axisFrom0(operator: string, axis: number, rank: number | undefined): number | undefined {
  if (rank !== undefined) return resolveAxis(operator, axis, rank);
  return axis < 0 ? undefined : axis;
}

const cumulativeSchema: Schema<Cumulative> = {
  arity: 2,
  normal: (node: NodeFacts) => {
    const [axis] = constantInts(node.inputs[1]) ?? [];
    const rank = inputOf(node, 0).shape?.length;
    return {
      axis: axis === undefined ? undefined : axisFrom0(node.operator, axis, rank),
      exclusive: intOf(node, "exclusive", 0) === 1,
      reverse: intOf(node, "reverse", 0) === 1,
    };
  },
  infer: (node) => {
    const x = inputOf(node, 0);
    checkType(node.operator, "x", x, "numeric");
    checkType(node.operator, "axis", inputOf(node, 1), "integer");
    return [{ dtype: x.dtype, shape: x.shape }];
  },
};

export const cumulativeSchemas: Schemas<"CumSum" | "CumProd"> = {
  CumSum: cumulativeSchema,
  CumProd: cumulativeSchema,
};
