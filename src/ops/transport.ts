import { failArgument, GraphError } from "../builder/errors.ts";
import type { Operand } from "../builder/lift.ts";
import * as op from "../builder/operators/index.ts";
import type { Value } from "../builder/value.ts";
import { planExponents, transportPlan } from "./kernels/transport-plan.ts";
import { conjugateOf, regularizerOf } from "./kernels/transport-regularizer.ts";
import { marginalOf, scalarSoftness, solverDefaults, solveTransport } from "./marginals.ts";
import { floatingAll, positiveSoftness } from "./operands.ts";
import { MODES, resolveOptions, type SoftMode, type Softness } from "./options.ts";

/** Options of transport. */
export interface TransportOptions {
  /** Strength of the regulariser, in units of the cost. Default 0.1. */
  readonly softness?: Softness;
  /** The regulariser: "smooth" entropy, "c0" squares, "c1" and "c2" powers 3/2 and 4/3. Default "smooth". */
  readonly mode?: SoftMode;
  /** A problem is solved when every entry of both marginals is right to this share of it. Default 1e-12,
   * which is rounding: where even that is out of reach the solver stops at the best there is. */
  readonly tolerance?: number;
  /** Steps at most, as `steps` counts them. Default 200; 2 to 30 are usual. */
  readonly maxIterations?: number;
}

export const transportDefaults: Readonly<Required<TransportOptions>> = Object.freeze({
  softness: 0.1,
  mode: "smooth",
  ...solverDefaults,
});

/** What transport gives. */
export interface Transport {
  /** [..., n, m]: what goes from source i to target j. */
  readonly plan: Value;
  /** [..., n]: the dual potential of the sources, in units of the cost, with sum f = sum g. */
  readonly f: Value;
  /** [..., m]: that of the targets. */
  readonly g: Value;
  /** [...]: the minimum, sum_ij C_ij P_ij + softness R(P). */
  readonly regularizedCost: Value;
  /** [...] int64: steps taken. A step is one of Newton's with the alternation before it; of plain
   * alternations, which the native kernel of mode smooth prefers where they converge fast, four count as
   * one. So the native count may differ from that of the body; neither exceeds `maxIterations`. */
  readonly steps: Value;
  /** [...]: the largest error of the plan's marginals, each relative to its entry; entries below 1e-9 of
   * their sum count as 1% of their mean. */
  readonly residual: Value;
}

/** Regularised optimal transport between two marginals: the plan P that minimises the cost and a
 * regulariser, with its dual potentials f and g. Other than in mode smooth it is sparse. As softness falls
 * it becomes the unregularised plan.
 *
 * Formula: argmin_P sum_ij C_ij P_ij + softness R(P), sum_j P_ij = a_i, sum_i P_ij = b_j, P >= 0
 *   P_ij = phi(s_ij) with s_ij = (f_i + g_j - C_ij) / softness
 *   smooth   R(P) = sum P (log P - 1)   phi(s) = exp(s)
 *   c0       R(P) = 1/2 sum P²          phi(s) = max(s, 0)
 *   c1       R(P) = 2/3 sum P^(3/2)     phi(s) = max(s, 0)²
 *   c2       R(P) = 3/4 sum P^(4/3)     phi(s) = max(s, 0)³
 *
 * ```ts
 * const { plan, regularizedCost } = soft.transport(cost, a, b, { softness: 0.05 });
 * const [pull] = grad(reduceSum(regularizedCost), [cost]);        // the plan itself
 * ```
 * Marginals are divided by their sums; entries of 0 become 1e-12. Solved in float64 whatever the type.
 *
 * Gradients are implicit, exact, and can be differentiated again, by cost, both marginals and softness.
 * The gradient of regularizedCost costs nothing: P by the cost, f and g by the marginals, R(P) by the
 * softness. f and g are free up to a constant, f + c and g - c: theirs is chosen by sum f = sum g. Where a
 * sparse plan falls into parts that share no row or column the constant is free for each part: f and g are
 * some solution, and gradients by the marginals, which do not exist there, are those of least norm. On the
 * boundary of the support gradients are those of the side on which the cell is empty.
 *
 * NaN or infinity in the cost or negative masses give NaN for that problem, a softness Value that is not
 * positive for all.
 *
 * Method: Newton on the dual of the smaller side with a continuation in softness. Cost: for m <= n
 * O(n m^2 + m^3) time a step and O(n m) memory a problem; 256 by 256 takes about 20 to 100 ms.
 * Sources: Cuturi 2013 (arXiv 1306.0895) and Peyré and Cuturi 2019 (arXiv 1803.00567, chapter 4) for the
 * entropy; Blondel, Seguy and Rolet 2018 (arXiv 1710.06276) for squares; Paulus et al. 2026 (arXiv
 * 2603.08824) for the other powers.
 * @param cost [..., n, m]
 * @param a [..., n] or [n]: masses of the sources, not negative
 * @param b [..., m] or [m]: masses of the targets
 * @returns the plan [..., n, m] and what belongs to it; see Transport
 * @throws GraphError for options that are wrong or shapes that do not fit */
export function transport(
  cost: Operand,
  a: Operand,
  b: Operand,
  options: TransportOptions = {},
): Transport {
  const resolved = resolveOptions("transport", options, transportDefaults, SOFT_MODES);
  const [c, from, to] = floatingAll("transport", { cost, a, b }) as [Value, Value, Value];
  if (c.shape === undefined || c.shape.length < 2) {
    failArgument("transport", "cost", "a tensor of rank 2 or more, [..., n, m]", c);
  }
  const softness = positiveSoftness("transport", resolved.softness, c);
  return c.graph.operation("transport", () => {
    const problem = {
      cost: op.cast(op.reshape(c, [-1, op.sizeOf(c, -2), op.sizeOf(c, -1)]), "float64"),
      a: massesOf("a", from, c, -2),
      b: massesOf("b", to, c, -1),
      softness: scalarSoftness(c.graph, softness),
      mode: resolved.mode,
    };
    return restored(c, solved(problem, resolved));
  });
}

const SOFT_MODES = MODES.filter((mode) => mode !== "hard");

/** The masses of one side as [1, size], or as [batch, size] where they differ among the problems. */
function massesOf(name: string, masses: Value, cost: Value, axis: -1 | -2): Value {
  const { shape } = masses;
  if (shape === undefined || (shape.length !== 1 && shape.length !== cost.rank - 1)) {
    const size = axis === -1 ? "m" : "n";
    throw new GraphError(
      "transport",
      `${name}: expected [${size}] or [..., ${size}], got ${masses}`,
    );
  }
  const size = op.sizeOf(cost, axis);
  const all =
    shape.length === 1
      ? op.unsqueeze(masses, 0)
      : op.reshape(op.expand(masses, [...op.sizesOf(cost).slice(0, -2), size]), [-1, size]);
  const exact = op.cast(all, "float64");
  const valid = op.where(op.less(exact, 0), Number.NaN, exact);
  return marginalOf(op.div(valid, op.reduceSum(valid, { axes: -1, keepdims: true })));
}

/** A batch of problems in float64. */
interface Problem {
  readonly cost: Value;
  readonly a: Value;
  readonly b: Value;
  readonly softness: Value;
  readonly mode: SoftMode;
}

function solved(problem: Problem, options: Required<TransportOptions>): Transport {
  const { cost, a, b, softness, mode } = problem;
  const { f, g, steps, residual } = solveTransport(cost, a, b, softness, mode, options);
  const s = planExponents(cost, f, g, softness);
  const plan = transportPlan(cost, f, g, softness, mode);
  const regularizedCost = minimumOf(problem, { f, g, s, plan });
  return { plan, f, g, regularizedCost, steps, residual };
}

interface Solution {
  readonly f: Value;
  readonly g: Value;
  /** The plan's argument of phi. */
  readonly s: Value;
  readonly plan: Value;
}

/** The minimum as the dual has it, which errs by the square of the solution's error. f and g are where the
 * dual is stationary, so that its gradient needs no derivative of theirs. */
function minimumOf({ cost, a, b, softness, mode }: Problem, { f, g, s, plan }: Solution): Value {
  const total = (value: Value) => op.reduceSum(value, { axes: [1, 2] });
  const value = (_: Value, from: Value, to: Value, tau: Value) => {
    const masses = op.add(
      op.reduceSum(op.mul(f, from), { axes: 1 }),
      op.reduceSum(op.mul(g, to), { axes: 1 }),
    );
    return op.sub(masses, op.mul(tau, total(conjugateOf(s, mode))));
  };
  const rule = (inputs: readonly Value[], dy: Value) => {
    const [, from, to] = inputs as readonly [Value, Value, Value, Value];
    const each = op.unsqueeze(dy, 1);
    return [
      op.mul(plan, op.unsqueeze(each, 2)),
      likeMasses(op.mul(f, each), from),
      likeMasses(op.mul(g, each), to),
      op.reduceSum(op.mul(total(regularizerOf(s, mode)), dy)),
    ];
  };
  return op.customGradient(value, rule)(cost, a, b, softness);
}

/** The cotangent of masses that all problems may share. */
function likeMasses(each: Value, masses: Value): Value {
  const shared = masses.shape?.[0] === 1;
  return shared ? op.reduceSum(each, { axes: 0, keepdims: true }) : each;
}

/** Back to the axes and the type of the operand. */
function restored(cost: Value, found: Transport): Transport {
  const leading = op.sizesOf(cost).slice(0, -2);
  const [n, m] = [op.sizeOf(cost, -2), op.sizeOf(cost, -1)];
  const shaped = (value: Value, ...axes: readonly op.Size[]) =>
    op.cast(op.reshape(value, [...leading, ...axes]), cost.dtype);
  return {
    plan: shaped(found.plan, n, m),
    f: shaped(found.f, n),
    g: shaped(found.g, m),
    regularizedCost: shaped(found.regularizedCost),
    steps: op.reshape(found.steps, leading),
    residual: shaped(found.residual),
  };
}
