import * as op from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import { asRow, numbersFrom1 } from "../indices.ts";
import { softSortRanks, softSortValues } from "../kernels/softsort.ts";
import { scaled } from "../operands.ts";
import { ordered } from "../ordered.ts";
import { belowLargest, projectSimplex, projectSimplexLog } from "../simplex.ts";
import type { OrderRequest, RowsRequest, SoftMethod, ValuesRequest } from "./method.ts";

/** SoftSort (Prillo and Eisenschlos 2020, arXiv 2006.16038, the definition of SoftSort with d(a, b) =
 * |a - b|): row i is the projection of -|s_i - x_j| / softness over j, with s the sorted entries. Where
 * entries are equal its gradient jumps.
 *
 * Whole sorts and ranks of long rows are kernel operators: in mode smooth they do without the n x n matrix, in
 * O(n log n); in the others the native kernel does. A sort beside an argsort then shares nothing with it. */
export const softsort: SoftMethod = { rows, ranks, values };

/** The longest rows that are left to the matrix. Measured on one core of a CPU: natively the kernel wins at any
 * length, in batches of 128 rows of 128 a hundredfold. Of the bodies the scan wins in batches from about 64
 * entries, alone from 300, and loses a tenth of a millisecond before; those of the other modes cost as much as
 * the matrix here, their gradients up to twice that. */
const LONGEST_BY_MATRIX = 64;

/** Whether to leave whole sorts and ranks to the kernel operator. Of rows of unknown length it is the safe
 * choice: it loses up to a tenth of a millisecond on short ones, and wins seconds and gigabytes on long ones. */
function byKernel({ x }: OrderRequest): boolean {
  const n = x.shape?.at(-1);
  const long = typeof n !== "number" || n > LONGEST_BY_MATRIX;
  const typed = x.dtype === "float32" || x.dtype === "float64";
  // Scatters that add are new in opset 16.
  return long && typed && x.graph.opset >= 16;
}

/** Values by the kernel operator; where the matrix is better, the entries weighted by its rows. */
function values(request: ValuesRequest): Value | undefined {
  if (request.positions.kind !== "all" || !byKernel(request)) return undefined;
  const { original, gatedGrad, mode } = request;
  const { keys, softness } = operands(request);
  const [held, tau] = gatedGrad ? [keys, softness] : [keys, softness].map(op.stopGradient);
  const sorted = softSortValues(held as Value, asRows(original), tau as Value, mode);
  return op.reshape(sorted, op.sizesOf(original));
}

/** What the kernel operator takes: rows in which what comes first is smallest. */
function operands({ x, softness, descending }: OrderRequest) {
  const keys = asRows(descending ? op.neg(x) : x);
  const tau = typeof softness === "number" ? x.graph.constant(softness, [], x.dtype) : softness;
  return { keys, softness: tau };
}

function asRows(x: Value): Value {
  return x.rank === 2 ? x : op.reshape(x, [-1, op.sizeOf(x, -1)]);
}

function rows({ x, softness, mode, descending, positions, log }: RowsRequest): Value {
  const project = log ? projectSimplexLog : projectSimplex;
  if (positions.kind === "top") {
    // -|max - x_j| is x_j but for a shift of the row, which the projection does not see.
    const scores = descending ? x : op.neg(x);
    return project(op.div(mode === "smooth" ? scores : belowLargest(scores), softness), mode);
  }
  return project(distances(anchors(x, descending, positions), x, softness), mode);
}

/** SoftSort turned around: each entry projects its distances to the sorted ones, and its rank is the mean
 * of their positions. */
function ranks(request: OrderRequest): Value {
  const { x, softness, mode, descending } = request;
  if (byKernel(request)) {
    const { keys, softness: tau } = operands(request);
    return op.reshape(softSortRanks(keys, tau, mode), op.sizesOf(x));
  }
  const sorted = anchors(x, descending, { kind: "all" });
  const weights = projectSimplex(distances(x, sorted, softness), mode);
  return op.matmul(weights, numbersFrom1(x));
}

function anchors(x: Value, descending: boolean, positions: RowsRequest["positions"]): Value {
  const count = positions.kind === "first" ? positions.count : op.sizeOf(x, -1);
  const sorted = ordered(x, count, descending).values;
  return positions.kind === "at" ? op.gather(sorted, positions.places, { axis: -1 }) : sorted;
}

/** -|a_i - b_j| / softness: [..., k, n]. */
function distances(a: Value, b: Value, softness: OrderRequest["softness"]): Value {
  const apart = op.abs(op.sub(op.unsqueeze(a, -1), asRow(b)));
  return op.div(apart, scaled(softness, -1));
}
