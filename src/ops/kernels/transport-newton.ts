import * as op from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import type { SoftMode } from "../options.ts";
import { identityFor, solveDefinite } from "./transport-linear.ts";
import { allOf, anywhere, countOf, largest, largestError, sum, turned } from "./transport-parts.ts";
import { rowPotentials } from "./transport-projection.ts";
import { planOf, rootOf, slopeOf } from "./transport-regularizer.ts";
import { searchSlope } from "./transport-slope-search.ts";

/** Each stage of the continuation divides the softness by this. */
const STAGE_FACTOR = 4;

/** A stage before the last ends when the relative error of the columns is below this, or after some steps. */
const STAGE_ERROR = 0.1;
const STAGE_STEPS = 10;

/** In the last stage. */
const LAST_STAGE_STEPS = 60;

/** Masses below this share of all are negligible beside the residuals of others. */
const SMALL_MASS = 1e-9;

/** Below this error a step that does not halve it means that rounding is reached. */
const STALL_ERROR = 1e-9;

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

/** The potentials of a batch of problems in units of the cost.
 *
 * Dual Newton on g, with f eliminated exactly, at a softness that falls in stages from one at which the
 * plan is dense. One round of the loop is one step; problems that are done stay as they are. */
export function solvePotentials(problem: Transport): { f: Value; g: Value; steps: Value } {
  const { cost, softness, wanted, mode } = problem;
  const eye = identityFor(cost);
  const costT = mode === "smooth" ? undefined : turned(cost);
  const first = op.where(wanted, firstSoftness(problem), softness);
  const none = op.mul(first, 0);
  const init = [
    op.mul(largest(cost, 2), 0),
    op.mul(largest(cost, 1), 0),
    first,
    op.add(none, 1),
    op.add(none, Number.POSITIVE_INFINITY),
    none,
    wanted,
    none,
  ];
  const [f, g, reached, , , , , steps] = op.loop(
    problem.maxIterations,
    init,
    (_, f, g, softnessNow, error, entryError, age, active, steps) => {
      const advance = op.and(
        op.greater(softnessNow, softness),
        op.or(op.less(error, STAGE_ERROR), op.greaterOrEqual(age, STAGE_STEPS)),
      );
      const lowered = op.max(op.div(softnessNow, STAGE_FACTOR), softness);
      const next = op.where(advance, lowered, softnessNow);
      const ratio = op.div(softnessNow, next);
      const scaled = op.div(cost, next);
      const scaledT = costT === undefined ? undefined : op.div(costT, next);
      const point = project(problem, scaled, scaledT, op.mul(f, ratio), op.mul(g, ratio));
      const step = newtonStep(problem, scaled, point, eye);
      const stepAge = op.add(op.where(advance, 0, age), 1);
      const before = op.where(advance, Number.POSITIVE_INFINITY, entryError);
      const stalled = op.and(
        op.less(step.entryError, STALL_ERROR),
        op.greaterOrEqual(step.entryError, op.mul(before, 0.5)),
      );
      const done = op.and(
        op.lessOrEqual(next, softness),
        op.or(
          op.or(op.lessOrEqual(step.entryError, problem.tolerance), stalled),
          op.greaterOrEqual(stepAge, LAST_STAGE_STEPS),
        ),
      );
      const still = allOf(active, op.not(done), op.lessOrEqual(step.error, 1e200));
      const keep = (fresh: Value, old: Value) => op.where(active, fresh, old);
      return {
        state: [
          keep(step.f, f),
          keep(step.g, g),
          keep(next, softnessNow),
          keep(step.error, error),
          keep(step.entryError, entryError),
          keep(stepAge, age),
          still,
          op.add(steps, op.cast(active, "float64")),
        ],
        proceed: anywhere(still),
      };
    },
  ) as [Value, Value, Value, Value, Value, Value, Value, Value];
  const exact = attachSmallColumns(problem, op.div(cost, reached), f, g);
  return { f: op.mul(f, reached), g: op.mul(exact, reached), steps };
}

/** Columns of next to no mass are wrong by up to 1% of it; to correct them changes no row. */
function attachSmallColumns({ b, mode }: Transport, cost: Value, f: Value, g: Value): Value {
  const small = op.less(b, op.mul(sum(b, 2), SMALL_MASS));
  return op.ifElse(
    anywhere(small),
    () => {
      const v = turned(op.sub(f, cost));
      const exact = turned(rowPotentials(v, turned(b), turned(g), mode));
      return [op.where(small, exact, g)];
    },
    () => [op.identity(g)],
  )[0] as Value;
}

/** The softness at which every cell of the plan is positive, or nearly so in mode smooth. */
function firstSoftness({ cost, softness, mode }: Transport): Value {
  const range = largest(cost, [1, 2]);
  const cells = op.mul(countOf(cost, 1), countOf(cost, 2));
  const dense = mode === "smooth" ? range : op.mul(range, rootOf(cells, mode));
  return op.where(op.greater(dense, softness), dense, softness);
}

/** A point of the iteration in units of the softness, f exact for g. */
export interface Point {
  readonly f: Value;
  readonly g: Value;
  /** f + g - cost. */
  readonly s: Value;
}

/** One alternation: brings every column back to the support. */
function project(
  { a, b, mode }: Transport,
  cost: Value,
  costT: Value | undefined,
  f: Value,
  g: Value,
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

function newtonStep(problem: Transport, cost: Value, point: Point, eye: Value) {
  const { b, mode } = problem;
  const w = slopeOf(point.s, mode);
  const plan = mode === "smooth" ? w : planOf(point.s, mode);
  const r = op.sub(b, sum(plan, 1));
  const size = largest(b, 2);
  const error = op.div(largest(op.abs(r), 2), size);
  const rows = sum(w, 2);
  const d = direction(w, rows, r, error, eye);
  const slope = sum(op.mul(r, d), 2);
  const along = op.neg(op.div(op.matmul(w, turned(d)), rows));
  const found = searchSlope({ problem, cost, point, d, along, slope, error, size });
  const entryError = largestError(found.r, b, 2);
  return { ...found, error: op.div(largest(op.abs(found.r), 2), size), entryError };
}

/** The Newton direction of g: (diag(W'1) - W' diag(1/W1) W) d = r, shifted against the null directions of
 * a support that falls apart, in which there is only rounding. */
function direction(w: Value, rows: Value, r: Value, error: Value, eye: Value): Value {
  const columns = sum(w, 1);
  // Rows of the matrix sum to 0, which gives its diagonal without cancellation.
  const outside = op.mul(op.matmul(turned(w), op.div(w, rows)), op.sub(1, eye));
  const shift = op.mul(columns, op.add(op.mul(op.min(error, 1), 1e-3), 1e-10));
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
