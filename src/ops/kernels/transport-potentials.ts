import {
  type Definition,
  defineFamily,
  type Pullback,
  SOFTONNX_DOMAIN,
} from "../../builder/definition.ts";
import { sameDim } from "../../builder/dim.ts";
import { GraphError } from "../../builder/errors.ts";
import * as op from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import type { SoftMode } from "../options.ts";
import { solvePotentials } from "./transport-continuation.ts";
import { countOf, largestError, sizeScalar, sum, turned } from "./transport-parts.ts";
import { planExponents, transportPlan } from "./transport-plan.ts";
import { planOf, slopeOf } from "./transport-regularizer.ts";
import { transportSolve } from "./transport-solve.ts";

/** What the operator gives. */
export interface Potentials {
  /** [batch, n] and [batch, m], in units of the cost, with sum f = sum g. */
  readonly f: Value;
  readonly g: Value;
  /** Newton steps taken, int64 [batch]; a native kernel may alternate instead, four times to a step. */
  readonly steps: Value;
  /** The largest relative error of a marginal, [batch]; those below 1e-9 of all count as
   * 1% of the mean. */
  readonly residual: Value;
}

/** The potentials of regularised transport between two marginals: f and g such that
 *
 *     P_ij = phi((f_i + g_j - C_ij) / softness),   sum_j P_ij = a_i,   sum_i P_ij = b_j
 *
 * with phi(s) = exp(s) | max(s, 0) | max(s, 0)^2 | max(s, 0)^3 in modes smooth, c0, c1, c2. (Cuturi 2013;
 * Blondel, Seguy and Rolet 2018, section 4.)
 *
 * A cost with NaN or infinity and marginals that are not positive give NaN for their problem, a softness
 * that is not positive for all.
 *
 * Method: damped Newton on the dual of the smaller side with the other eliminated exactly, by
 * continuation in the softness; O(n m^2 + m^3) a step for m <= n, 2 to 20 steps. Where an entry of b
 * stands for none (1e-12 beside 1) its error is measured against 1% of their mean, and it is corrected at
 * the end.
 *
 * Gradient: implicit, by transportSolve, for cost, a, b and softness; written from f and g, so that it
 * can be differentiated again. f and g are unique up to a constant while the support of P is connected.
 * Where it is not (a sparse plan at small softness) P and its derivatives by cost and softness are unique
 * all the same, those by a and b do not exist, and the ones of least norm are given. On the boundary of
 * the support the derivatives are those of the piece without the cell.
 *
 * @param cost float64 [batch, n, m]
 * @param a float64 [batch, n], or [1, n] for all
 * @param b float64 [batch, m] or [1, m]; the sums of a and b are equal
 * @param softness float64 scalar
 * @param tolerance of the largest relative error of a marginal, float64 scalar
 * @param maxIterations the most that `steps` may be, int64 scalar */
export function transportPotentials(
  cost: Value,
  a: Value,
  b: Value,
  softness: Value,
  tolerance: Value,
  maxIterations: Value,
  mode: SoftMode,
): Potentials {
  const definition = definitionOf(mode);
  const [f, g, steps, residual] = cost.graph.emit({
    op: definition.name,
    domain: definition.domain,
    inputs: [cost, a, b, softness, tolerance, maxIterations],
    operator: "transportPotentials",
    definition,
    outputs: 4,
    hint: "potentials",
  }).outputs as readonly [Value, Value, Value, Value];
  return { f, g, steps, residual };
}

const definitions = new Map<string, Definition>();

function definitionOf(mode: SoftMode): Definition {
  const name = `TransportPotentials_${mode}_float64`;
  let definition = definitions.get(name);
  if (definition === undefined) {
    const dtype = "float64";
    definition = {
      name,
      domain: SOFTONNX_DOMAIN,
      version: 1,
      inputs: ["cost", "a", "b", "softness", "tolerance", "maxIterations"],
      outputs: ["f", "g", "steps", "residual"],
      infer,
      body: (inputs) => body(inputs as Inputs, mode),
      vjp: (node) => vjp(node, mode),
      signature: [
        { dtype, shape: ["batch", "n", "m"] },
        { dtype, shape: ["rows", "n"] },
        { dtype, shape: ["columns", "m"] },
        { dtype, shape: [] },
        { dtype, shape: [] },
        { dtype: "int64", shape: [] },
      ],
      life: "always",
    };
    definitions.set(name, definition);
  }
  return definition;
}

defineFamily("TransportPotentials", 1, (name) => {
  const match = /^TransportPotentials_(smooth|c0|c1|c2)_float64$/.exec(name);
  return match === null ? undefined : definitionOf(match[1] as SoftMode);
});

type Inputs = readonly [Value, Value, Value, Value, Value, Value];

function infer(inputs: readonly Value[]) {
  const [cost, a, b, softness, tolerance, maxIterations] = inputs as Inputs;
  const [batch, n, m] = cost.shape ?? [];
  check("cost", cost, "float64 [batch, n, m]", cost.dtype === "float64" && rankIs(cost, 3));
  for (const [name, value, size] of [["a", a, n] as const, ["b", b, m] as const]) {
    const rows = value.shape?.[0];
    const fits =
      rankIs(value, 2) &&
      (rows === 1 || sameDim(rows, batch) !== false) &&
      sameDim(value.shape?.[1], size) !== false;
    check(
      name,
      value,
      `float64, one row or a row for each problem of ${cost}`,
      fits && value.dtype === "float64",
    );
  }
  check(
    "softness",
    softness,
    "a float64 scalar",
    softness.dtype === "float64" && rankIs(softness, 0),
  );
  check(
    "tolerance",
    tolerance,
    "a float64 scalar",
    tolerance.dtype === "float64" && rankIs(tolerance, 0),
  );
  check(
    "maxIterations",
    maxIterations,
    "an int64 scalar",
    maxIterations.dtype === "int64" && rankIs(maxIterations, 0),
  );
  const dtype = "float64" as const;
  return [
    { dtype, shape: [batch, n] },
    { dtype, shape: [batch, m] },
    { dtype: "int64" as const, shape: [batch] },
    { dtype, shape: [batch] },
  ];
}

function rankIs(value: Value, rank: number): boolean {
  return value.shape === undefined || value.shape.length === rank;
}

function check(name: string, value: Value, expected: string, holds: boolean): void {
  if (!holds)
    throw new GraphError("transportPotentials", `${name}: expected ${expected}, got ${value}`);
}

function body([cost, a, b, softness, tolerance, maxIterations]: Inputs, mode: SoftMode): Value[] {
  const [rows, columns] = [op.unsqueeze(a, 2), op.unsqueeze(b, 1)];
  const tau = op.where(op.greater(softness, 0), softness, Number.NaN);
  const wanted = op.and(
    // NaN compares false, and what is infinite gives NaN.
    op.equal(sum(op.mul(cost, 0), [1, 2]), 0),
    op.and(allPositive(rows, 1), allPositive(columns, 2)),
  );
  // What is constant along an axis goes into the potentials: what is left has more digits.
  const finite = op.where(wanted, cost, 0);
  const rowLeast = op.reduceMin(finite, { axes: 2, keepdims: true });
  const partly = op.sub(finite, rowLeast);
  const columnLeast = op.reduceMin(partly, { axes: 1, keepdims: true });
  const flat = op.sub(partly, columnLeast);
  const [mass, columnMass] = [op.where(wanted, rows, 1), op.where(wanted, columns, 1)];
  const problem = { mode, softness: tau, tolerance, maxIterations, wanted };
  const wide = op.greater(sizeScalar(cost, 2), sizeScalar(cost, 1));
  const [narrow, less, more] = op.ifElse(
    wide,
    () => [turned(flat), turned(columnMass), turned(mass)],
    () => [op.identity(flat), op.identity(mass), op.identity(columnMass)],
  ) as [Value, Value, Value];
  const solved = solvePotentials({ ...problem, cost: narrow, a: less, b: more });
  const [f, g] = op.ifElse(
    wide,
    () => [turned(solved.g), turned(solved.f)],
    () => [op.identity(solved.f), op.identity(solved.g)],
  ) as [Value, Value];
  const plan = planOf(op.div(op.sub(op.add(f, g), flat), tau), mode);
  const residual = op.max(relativeError(plan, mass, 2), relativeError(plan, columnMass, 1));
  const [fGauged, gGauged] = gauged(
    op.where(wanted, op.add(f, rowLeast), Number.NaN),
    op.where(wanted, op.add(g, columnLeast), Number.NaN),
  );
  return [
    op.squeeze(fGauged, 2),
    op.squeeze(gGauged, 1),
    op.cast(op.squeeze(solved.steps, [1, 2]), "int64"),
    op.squeeze(op.where(wanted, residual, Number.NaN), [1, 2]),
  ];
}

function allPositive(mass: Value, axis: number): Value {
  const fine = op.and(op.greater(mass, 0), op.less(mass, Number.POSITIVE_INFINITY));
  return op.equal(sum(op.cast(op.not(fine), "float32"), axis), 0);
}

function relativeError(plan: Value, mass: Value, axis: 1 | 2): Value {
  return largestError(op.sub(sum(plan, axis), mass), mass, axis === 1 ? 2 : 1);
}

/** f + c and g - c with equal sums. */
function gauged(f: Value, g: Value): [Value, Value] {
  const count = op.add(countOf(f, 1), countOf(g, 2));
  const shift = op.div(op.sub(sum(g, 2), sum(f, 1)), count);
  return [op.add(f, shift), op.sub(g, shift)];
}

function vjp(node: Pullback, mode: SoftMode): (Value | undefined)[] {
  const [cost, a, b, softness] = [0, 1, 2, 3].map((i) => node.input(i)) as [
    Value,
    Value,
    Value,
    Value,
  ];
  const [f, g] = node.outputs as readonly [Value, Value];
  const fbar = node.cotangent(0) ?? op.zerosLike(f);
  const gbar = node.cotangent(1) ?? op.zerosLike(g);
  const s = planExponents(cost, f, g, softness);
  // In units of the softness: W is phi' / softness, and u, v are softness times what is solved for. Where
  // phi' is phi it is the plan, which may have been asked for before.
  const w = mode === "smooth" ? transportPlan(cost, f, g, softness, mode) : slopeOf(s, mode);
  const { u, v } = transportSolve(w, fbar, gbar);
  const costbar = op.mul(w, op.add(op.unsqueeze(u, 2), op.unsqueeze(v, 1)));
  return [
    node.wants(0) ? costbar : undefined,
    node.wants(1) ? likeMass(op.mul(u, softness), a) : undefined,
    node.wants(2) ? likeMass(op.mul(v, softness), b) : undefined,
    node.wants(3) ? op.reduceSum(op.mul(costbar, s)) : undefined,
  ];
}

function likeMass(cotangent: Value, mass: Value): Value {
  const shared = mass.shape?.[0] === 1 && cotangent.shape?.[0] !== 1;
  return shared ? op.reduceSum(cotangent, { axes: 0, keepdims: true }) : cotangent;
}
