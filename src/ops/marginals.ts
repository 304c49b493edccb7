import type { Graph } from "../builder/graph.ts";
import * as op from "../builder/operators/index.ts";
import type { Value } from "../builder/value.ts";
import { type Potentials, transportPotentials } from "./kernels/transport-potentials.ts";
import type { SoftMode, Softness } from "./options.ts";

/** Entries of a marginal are at least this, so that each has a finite potential. */
const LEAST_MASS = 1e-12;

/** A marginal of sum 1 without zeros.
 *
 * @param mass [..., n], not negative */
export function marginalOf(mass: Value): Value {
  const positive = op.max(mass, LEAST_MASS);
  return op.div(positive, op.reduceSum(positive, { axes: -1, keepdims: true }));
}

export interface SolverOptions {
  readonly tolerance: number;
  readonly maxIterations: number;
}

/** Relative error of a marginal, and steps at most. */
export const solverDefaults: SolverOptions = Object.freeze({
  tolerance: 1e-12,
  maxIterations: 200,
});

/** A batch of transport problems in float64, [batch, n, m] with marginals [batch or 1, ...]. */
export function solveTransport(
  cost: Value,
  a: Value,
  b: Value,
  softness: Value,
  mode: SoftMode,
  { tolerance, maxIterations }: SolverOptions = solverDefaults,
): Potentials {
  const { graph } = cost;
  const limit = graph.constant(maxIterations, [], "int64");
  return transportPotentials(
    cost,
    a,
    b,
    softness,
    graph.constant(tolerance, [], "float64"),
    limit,
    mode,
  );
}

/** A softness as a float64 scalar. */
export function scalarSoftness(graph: Graph, softness: Softness): Value {
  if (typeof softness === "number") return graph.constant(softness, [], "float64");
  const scalar = softness.shape?.length === 0 ? softness : op.reshape(softness, []);
  return op.cast(scalar, "float64");
}
