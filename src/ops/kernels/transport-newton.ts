import * as op from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import type { SoftMode } from "../options.ts";
import { solveDefinite } from "./transport-linear.ts";
import { largest, largestError, sum, turned, weighable } from "./transport-parts.ts";
import { rowPotentials } from "./transport-projection.ts";
import { planOf, slopeOf } from "./transport-regularizer.ts";
import { searchSlope } from "./transport-slope-search.ts";

/** A batch of transport problems, with at least as many rows as columns; all finite. */
export interface Transport {
  readonly mode: SoftMode;
  /** [batch, n, m], from 0. */
  readonly cost: Value;
  /** [batch, n, 1] and [batch, 1, m], positive, of equal sums. */
  readonly a: Value;
  readonly b: Value;
  /** A scalar; NaN ends the iteration at once. */
  readonly softness: Value;
  readonly tolerance: Value;
  /** int64 scalar. */
  readonly maxIterations: Value;
  /** [batch, 1, 1]: which problems to solve. */
  readonly wanted: Value;
}

/** A point of the iteration in units of the softness, f exact for g. */
export interface Point {
  readonly f: Value;
  readonly g: Value;
  /** f + g - cost. */
  readonly s: Value;
}

/** One alternation: brings every column back to the support. */
export function project(
  { a, b, mode }: Transport,
  cost: Value,
  costT: Value | undefined,
  { f, g }: { readonly f: Value; readonly g: Value },
): Point {
  const columns =
    costT === undefined
      ? smoothColumns(op.sub(op.add(f, g), cost), b, g)
      : turned(rowPotentials(op.sub(turned(f), costT), turned(b), turned(g), mode));
  const v = op.sub(columns, cost);
  const rows = rowPotentials(v, a, f, mode);
  return { f: rows, g: columns, s: op.add(v, rows) };
}

/** Columns of a plan whose rows are right cannot overflow. */
function smoothColumns(s: Value, b: Value, g: Value): Value {
  const total = sum(op.exp(s), 1);
  return op.add(g, op.log(op.div(b, op.max(total, 1e-290))));
}

/** Where a step ends. */
export interface Step {
  readonly f: Value;
  readonly g: Value;
  /** The largest error of the columns relative to the largest mass. */
  readonly error: Value;
  /** The largest error of the columns, each relative to its mass. */
  readonly entryError: Value;
  /** Whether the tolerance, or rounding, is reached. */
  readonly settled: Value;
}

export function newtonStep(problem: Transport, cost: Value, point: Point, eye: Value): Step {
  const { b, mode } = problem;
  const w = slopeOf(point.s, mode);
  const plan = mode === "smooth" ? w : planOf(point.s, mode);
  const r = op.sub(b, sum(plan, 1));
  const size = largest(b, 2);
  const error = op.div(largest(op.abs(r), 2), size);
  const rows = sum(w, 2);
  const noise = noiseOf(w, point);
  const d = direction({ w, rows, r, error, noise }, eye);
  const slope = sum(op.mul(r, d), 2);
  const along = op.neg(op.div(op.matmul(w, turned(d)), rows));
  const found = searchSlope({ problem, cost, point, d, along, slope, error, size });
  const enough = op.add(op.mul(weighable(b, 2), problem.tolerance), noise);
  return {
    ...found,
    error: op.div(largest(op.abs(found.r), 2), size),
    entryError: largestError(found.r, b, 2),
    settled: op.lessOrEqual(largest(op.div(op.abs(found.r), enough), 2), 1),
  };
}

/** What rounding of the potentials alone makes of the columns' sums, [batch, 1, m]. */
function noiseOf(w: Value, { f, g }: Point): Value {
  const ofRows = op.matmul(turned(op.abs(f)), w);
  return op.mul(op.add(ofRows, op.mul(op.abs(g), sum(w, 1))), 2 ** -51);
}

/** What the dual is like at a point. */
interface Linearized {
  /** phi' in every cell, and its row sums. */
  readonly w: Value;
  readonly rows: Value;
  /** What the columns lack; and the largest of it, relative. */
  readonly r: Value;
  readonly error: Value;
  /** What of r is rounding. */
  readonly noise: Value;
}

/** The Newton direction of g: (diag(W'1) - W' diag(1/W1) W) d = r, shifted against the null directions of
 * a support that falls apart, in which there is only rounding. */
function direction({ w, rows, r, error, noise }: Linearized, eye: Value): Value {
  const columns = sum(w, 1);
  // Rows of the matrix sum to 0, which gives its diagonal without cancellation.
  const outside = op.mul(op.matmul(turned(w), op.div(w, rows)), op.sub(1, eye));
  const share = op.add(op.mul(op.min(error, 1), 1e-3), 1e-10);
  const shift = op.add(op.mul(columns, share), op.mul(noise, 1e4));
  const diagonal = op.add(shift, sum(outside, 1));
  const positive = op.where(op.greater(diagonal, 0), diagonal, 1);
  const root = op.sqrt(positive);
  // d is free up to a constant: the rank-one term chooses it. (To hold one column fixed instead would fail
  // where that column has no mass.)
  const scale = op.mul(root, turned(root));
  const gauge = op.div(scale, sum(positive, 2));
  const matrix = op.add(op.sub(eye, op.div(outside, scale)), gauge);
  const forcing = op.min(error, 0.1);
  const x = solveDefinite(matrix, turned(op.div(r, root)), eye, forcing);
  return op.div(turned(x), root);
}
