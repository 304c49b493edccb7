import * as op from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import { asRow, numbersFrom1 } from "../indices.ts";
import { scaled } from "../operands.ts";
import { projectSimplex, projectSimplexLog } from "../simplex.ts";
import type { OrderRequest, RowsRequest, SoftMethod } from "./method.ts";

/** SoftSort (Prillo and Eisenschlos 2020, arXiv 2006.16038, the definition of SoftSort with d(a, b) =
 * |a - b|): row i is the projection of -|s_i - x_j| / softness over j, with s the sorted entries. Where
 * entries are equal its gradient jumps. */
export const softsort: SoftMethod = { rows, ranks };

function rows({ x, softness, mode, descending, positions, log }: RowsRequest): Value {
  const project = log ? projectSimplexLog : projectSimplex;
  if (positions.kind === "top") {
    // -|max - x_j| is x_j but for a shift of the row, which the projection does not see.
    return project(op.div(x, descending ? softness : scaled(softness, -1)), mode);
  }
  return project(distances(anchors(x, descending, positions), x, softness), mode);
}

/** SoftSort turned around: each entry projects its distances to the sorted ones, and its rank is the mean
 * of their positions. */
function ranks({ x, softness, mode, descending }: OrderRequest): Value {
  const sorted = anchors(x, descending, { kind: "all" });
  const weights = projectSimplex(distances(x, sorted, softness), mode);
  return op.matmul(weights, numbersFrom1(x));
}

function anchors(x: Value, descending: boolean, positions: RowsRequest["positions"]): Value {
  const count = positions.kind === "first" ? positions.count : op.sizeOf(x, -1);
  const sorted = op.topK(x, count, { largest: descending }).values;
  return positions.kind === "at" ? op.gather(sorted, positions.places, { axis: -1 }) : sorted;
}

/** -|a_i - b_j| / softness: [..., k, n]. */
function distances(a: Value, b: Value, softness: OrderRequest["softness"]): Value {
  const apart = op.abs(op.sub(op.unsqueeze(a, -1), asRow(b)));
  return op.div(apart, scaled(softness, -1));
}
