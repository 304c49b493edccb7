import * as op from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import { columnMeans } from "../column-means.ts";
import { first } from "../first.ts";
import { asColumn, asFloats, asRow, int64Vector, iota, numbersFrom1 } from "../indices.ts";
import { hasKernels } from "../kernels/family.ts";
import { neuralSort, neuralSortRanks } from "../kernels/neuralsort.ts";
import { spreadOf } from "../kernels/neuralsort-matrix.ts";
import { belowLargest, projectSimplex, projectSimplexLog } from "../simplex.ts";
import type { OrderRequest, Positions, RowsRequest, SoftMethod, ValuesRequest } from "./method.ts";

/** NeuralSort (Grover et al. 2019, arXiv 1903.08850, equation 5): row i of n, counted from 1 in descending
 * order, is the projection of ((n + 1 - 2i) x_j - A_j) / softness over j, with A_j = sum_k |x_j - x_k|
 * and, other than there, the soft absolute value of the mode (Paulus et al. 2026, arXiv 2603.08824). */
export const neuralsort: SoftMethod = { rows, ranks, values };

function rows(request: RowsRequest): Value {
  const { positions, mode, log } = request;
  // With the permutation of values that are asked for beside it.
  if (positions.kind === "all" && !log && hasKernels(request.x)) return sorted(request).permutation;
  const project = log ? projectSimplexLog : projectSimplex;
  return project(logits(request, positions), mode);
}

function values(request: ValuesRequest): Value | undefined {
  const { positions, gatedGrad } = request;
  if (positions.kind !== "all" || !hasKernels(request.x)) return undefined;
  return sorted(request, gatedGrad ? (value) => value : op.stopGradient).y;
}

/** Each column of the soft permutation, brought to sum 1, is a distribution over positions; the rank is
 * its mean. */
function ranks(request: OrderRequest): Value {
  if (hasKernels(request.x)) {
    const { keys, softness } = ascending(request);
    return neuralSortRanks(keys, softness, request.mode);
  }
  const weights = projectSimplex(logits(request, { kind: "all" }), request.mode);
  return columnMeans(numbersFrom1(request.x), weights);
}

function sorted(request: OrderRequest, held: (value: Value) => Value = (value) => value) {
  const { keys, softness } = ascending(request);
  return neuralSort(held(keys), request.original, held(softness), request.mode);
}

/** What the kernel takes: rows in which what comes first is smallest. */
function ascending({ x, softness, descending }: OrderRequest) {
  const tau = typeof softness === "number" ? x.graph.constant(softness, [], x.dtype) : softness;
  return { keys: descending ? op.neg(x) : x, softness: tau };
}

/** [..., n] for the top, else [..., k, n]. */
function logits(request: OrderRequest, positions: Positions): Value {
  const { x, softness, mode } = request;
  const slopes = coefficients(request, positions);
  const [line, offset] = [op.div(x, softness), op.div(spreadOf(x, softness, mode), softness)];
  const found =
    positions.kind === "top"
      ? op.sub(op.mul(line, asFloats(slopes, x.dtype)), offset)
      : op.sub(op.mul(asRow(line), asColumn(slopes, x.dtype)), asRow(offset));
  return mode === "smooth" ? found : belowLargest(found);
}

/** What x is multiplied by at each position p from 0: n - 1 - 2p descending, 2p - (n - 1) ascending; an
 * int64 vector. */
function coefficients({ x, descending }: OrderRequest, positions: Positions): Value {
  const last = op.sub(sizeVectorOf(x), 1);
  if (positions.kind === "top") return descending ? last : op.mul(last, -1);
  const doubled = op.mul(placesOf(x, positions), 2);
  return descending ? op.sub(last, doubled) : op.sub(doubled, last);
}

function sizeVectorOf(x: Value): Value {
  const size = op.sizeOf(x, -1);
  return typeof size === "number" ? int64Vector(x.graph, [size]) : size;
}

function placesOf(x: Value, positions: Exclude<Positions, { kind: "top" }>): Value {
  switch (positions.kind) {
    case "all":
      return iota(x.graph, op.sizeOf(x, -1));
    case "first":
      if (typeof op.sizeOf(x, -1) === "number") return iota(x.graph, positions.count);
      return first(iota(x.graph, op.sizeOf(x, -1)), positions.count, 0);
    case "at":
      return positions.places;
  }
}
