import type { Pullback } from "../../builder/definition.ts";
import { sameShape } from "../../builder/dim.ts";
import { GraphError } from "../../builder/errors.ts";
import * as op from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import { applyKernel, kernelFamily } from "./family.ts";
import { secondDifference, solveRefined, solveSecondDifference } from "./second-difference.ts";

/** Newton steps at most. 5 to 16 are usual, 40 with entries of 1e6 and 1e-6 side by side. */
const MOST_STEPS = 100;

/** A step below this, of exponents, has the next one below rounding. */
const SMALL = 1e-9;

/** How much the dual value may rise by rounding, relative to it. */
const NOISE = 1e-12;

const VECTOR = { dtype: "float64", shape: ["batch", "m"] } as const;

/** The solver under smoothSort: the minimum of the strictly convex
 *
 *     q·beta + sum exp(-(c + L beta)) + sum exp(-beta)
 *
 * with L the second difference, (L x)_i = 2 x_i - x_{i-1} - x_{i+1}. Where q bounds the gaps of a sorted
 * row, d = exp(-beta) are the gaps of the solution and s = exp(-(c + L beta)) the slacks of its partial
 * sums: q = L s + d. A row with NaN or infinity gives NaN.
 *
 * Method: Newton, halved where the value would rise, from half the gap for each of the two, which is
 * always inside. The Hessian L diag(s) L + diag(d) has five diagonals. Cost: O(m log m) a step.
 *
 * @param c float64 [batch, m]
 * @param q float64 [batch, m], positive
 * @returns beta [batch, m] */
export function smoothSort(c: Value, q: Value): Value {
  return applyKernel(smoothSortOf("float64"), [c, q], "smoothSort", "gaps")[0] as Value;
}

const smoothSortOf = kernelFamily<["float64"]>("SmoothSort", [["float64"]], () => ({
  inputs: ["c", "q"],
  outputs: ["beta"],
  infer: (inputs) => inferVectors("smoothSort", ["c", "q"], inputs),
  body: ([c, q]) => [solve(c as Value, q as Value)],
  vjp: smoothSortVjp,
  signature: [VECTOR, VECTOR],
}));

/** (L diag(s) L + diag(d)) u = f, differentiable in all three: with y the solution for the cotangent of u,
 * fbar = y, sbar = -(L y)(L u), dbar = -y u.
 *
 * @param s, d, f float64 [batch, m] */
function solveStep(s: Value, d: Value, f: Value): Value {
  return applyKernel(stepOf("float64"), [s, d, f], "smoothSort", "adjoint")[0] as Value;
}

const stepOf = kernelFamily<["float64"]>("SmoothSortStep", [["float64"]], () => ({
  inputs: ["s", "d", "f"],
  outputs: ["u"],
  infer: (inputs) => inferVectors("smoothSortStep", ["s", "d", "f"], inputs),
  body: ([s, d, f]) => [solveRefined(s as Value, d as Value, f as Value)],
  vjp: stepVjp,
  signature: [VECTOR, VECTOR, VECTOR],
}));

function inferVectors(
  operator: string,
  names: readonly string[],
  inputs: readonly (Value | undefined)[],
) {
  const [first] = inputs as readonly [Value];
  for (const [i, name] of names.entries()) {
    const value = inputs[i] as Value;
    const fits = value.shape === undefined || value.shape.length === 2;
    if (value.dtype !== "float64" || !fits || sameShape(value.shape, first.shape) === false) {
      throw new GraphError(operator, `${name}: expected float64 [batch, m], got ${value}`);
    }
  }
  return [{ dtype: "float64", shape: first.shape } as const];
}

function slacks(c: Value, beta: Value): Value {
  return op.exp(op.neg(op.add(c, secondDifference(beta))));
}

/** The least that q counts as, relative to the largest of its row: it may only be 0 by rounding. */
const LEAST_GAP = 1e-30;

function solve(c: Value, q: Value): Value {
  const along = { axes: 1, keepdims: true };
  const least = op.mul(op.reduceMax(q, along), LEAST_GAP);
  const start = op.neg(op.log(op.mul(op.max(q, least), 0.5)));
  const full = op.onesLike(op.reduceSum(q, along));
  const value = (beta: Value, s: Value, d: Value) =>
    op.reduceSum(op.add(op.mul(q, beta), op.add(s, d)), along);
  const [beta] = op.loop(MOST_STEPS, [start, full], (_, current, share) => {
    const [s, d] = [slacks(c, current as Value), op.exp(op.neg(current as Value))];
    const slope = op.sub(q, op.add(secondDifference(s), d));
    const step = op.neg(solveSecondDifference(s, d, slope));
    const next = op.add(current as Value, op.mul(step, share as Value));
    const [before, after] = [
      value(current as Value, s, d),
      value(next, slacks(c, next), op.exp(op.neg(next))),
    ];
    const better = op.lessOrEqual(after, op.add(before, op.mul(op.abs(before), NOISE)));
    const open = op.greater(op.abs(step), SMALL);
    return {
      state: [
        op.where(better, next, current as Value),
        op.where(better, 1, op.mul(share as Value, 0.5)),
      ],
      proceed: op.greater(op.reduceSum(op.cast(open, "float32")), 0),
    };
  }) as [Value];
  // The iteration stays where it is where it meets NaN.
  const poison = op.reduceSum(op.mul(op.add(c, q), 0), along);
  return op.add(beta, poison);
}

/** From q = L exp(-(c + L beta)) + exp(-beta): with u the solution of H u = betabar, qbar = -u and
 * cbar = -s (L u). */
function smoothSortVjp({ input, y: beta, dy }: Pullback): Value[] {
  const s = slacks(input(0), beta);
  const u = solveStep(s, op.exp(op.neg(beta)), dy);
  return [op.neg(op.mul(s, secondDifference(u))), op.neg(u)];
}

function stepVjp({ input, y: u, dy }: Pullback): Value[] {
  const y = solveStep(input(0), input(1), dy);
  const sbar = op.neg(op.mul(secondDifference(y), secondDifference(u)));
  return [sbar, op.neg(op.mul(y, u)), y];
}
