import {
  type Definition,
  defineFamily,
  type Pullback,
  SOFTONNX_DOMAIN,
} from "../../builder/definition.ts";
import { sameDim } from "../../builder/dim.ts";
import { GraphError } from "../../builder/errors.ts";
import {
  abs,
  add,
  cast,
  div,
  equal,
  exp,
  greater,
  isNaN as isNotNumber,
  log,
  loop,
  mul,
  neg,
  not,
  pow,
  reduceMax,
  reduceSum,
  relu,
  sqrt,
  sub,
  where,
} from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import type { SoftMode } from "../options.ts";

/** The element types that there is a kernel for. */
export type ThresholdType = "float32" | "float64";

/** Newton rounds at most. From the left the product of residual and slope falls fourfold a round, which
 * bounds the rounds for any row that fits in memory; 4 to 10 are usual. */
const MOST_ROUNDS = 60;

/** In c1 and c2: relative residual at which one more step is exact to rounding, about sqrt(eps). */
const TOLERANCE = { float32: 1e-4, float64: 1e-8 } as const;

/** The threshold of the projection onto the simplex: for each row of v the t with
 *
 *     sum_j phi(v_j - t) = mass,   phi(r) = exp(r) | max(r, 0) | max(r, 0)^2 | max(r, 0)^3
 *
 * in modes smooth, c0, c1, c2. The projection itself is phi(v - t).
 *
 * A row with NaN or +infinity, and a mass that is not positive, give NaN; -infinity has no share.
 *
 * Method: logsumexp; in the others Newton on the alpha-norm of (v - t)_+, which is convex and falls with
 * t, from t = max v - mass^(1/alpha), which is left of the root: monotone, no safeguard. Cost: O(n) a
 * round.
 *
 * @param v [batch, n]
 * @param mass [batch, 1], or [1, 1] for all rows
 * @returns t [batch, 1] */
export function simplexThreshold(v: Value, mass: Value, mode: SoftMode): Value {
  if (v.dtype !== "float32" && v.dtype !== "float64") {
    throw new GraphError("simplexThreshold", `v: expected float32 or float64, got ${v}`);
  }
  const definition = definitionOf(mode, v.dtype);
  return v.graph.emit({
    op: definition.name,
    domain: definition.domain,
    inputs: [v, mass],
    operator: "simplexThreshold",
    definition,
    hint: "threshold",
  }).outputs[0] as Value;
}

const definitions = new Map<string, Definition>();

function definitionOf(mode: SoftMode, dtype: ThresholdType): Definition {
  const name = `SimplexThreshold_${mode}_${dtype}`;
  let definition = definitions.get(name);
  if (definition === undefined) {
    definition = {
      name,
      domain: SOFTONNX_DOMAIN,
      version: 1,
      inputs: ["v", "mass"],
      outputs: ["t"],
      infer: ([v, mass]) => infer(v as Value, mass as Value, dtype),
      body: ([v, mass]) => [body(v as Value, mass as Value, mode, dtype)],
      vjp: (node) => vjp(node, mode),
      signature: [
        { dtype, shape: ["batch", "n"] },
        { dtype, shape: ["rows", 1] },
      ],
      life: "always",
    };
    definitions.set(name, definition);
  }
  return definition;
}

defineFamily("SimplexThreshold", 1, (name) => {
  const match = /^SimplexThreshold_(smooth|c0|c1|c2)_(float32|float64)$/.exec(name);
  return match === null ? undefined : definitionOf(match[1] as SoftMode, match[2] as ThresholdType);
});

function infer(v: Value, mass: Value, dtype: ThresholdType) {
  for (const [name, value] of Object.entries({ v, mass })) {
    if (value.dtype !== dtype || (value.shape !== undefined && value.shape.length !== 2)) {
      const expected = name === "v" ? `${dtype} [batch, n]` : `${dtype} [batch, 1] or [1, 1]`;
      throw new GraphError("simplexThreshold", `${name}: expected ${expected}, got ${value}`);
    }
  }
  const [rows, one] = mass.shape ?? [];
  const perRow = rows === 1 ? true : sameDim(rows, v.shape?.[0]);
  if (sameDim(one, 1) === false || perRow === false) {
    throw new GraphError(
      "simplexThreshold",
      `mass: expected one column and one row or those of v, got ${mass} beside ${v}`,
    );
  }
  return [{ dtype, shape: [v.shape?.[0], 1] }];
}

function body(v: Value, mass: Value, mode: SoftMode, dtype: ThresholdType): Value {
  const positive = where(greater(mass, 0), mass, Number.NaN);
  const largest = reduceMax(v, { axes: 1, keepdims: true });
  // Relative to the largest entry, so that neither exp nor the tolerance sees the size of v.
  const shifted = sub(v, largest);
  const t =
    mode === "smooth"
      ? sub(log(sum(exp(shifted))), log(positive))
      : solve(shifted, positive, mode, dtype);
  // Relu may lose a NaN on the way, but not the sum of the row, which for -infinity is only -infinity.
  return where(isNotNumber(sum(shifted)), Number.NaN, add(t, largest));
}

/** The root for rows whose largest entry is 0. One loop over all rows: those that have converged stay
 * where they are, since their step is rounding noise. NaN ends the loop, because it is not above the
 * tolerance. */
function solve(u: Value, mass: Value, mode: "c0" | "c1" | "c2", dtype: ThresholdType): Value {
  const radius = mode === "c0" ? mass : mode === "c1" ? sqrt(mass) : pow(mass, 1 / 3);
  // As wide as the batch, also where one mass serves all rows.
  const start = sub(reduceMax(u, { axes: 1, keepdims: true }), radius);
  if (mode === "c0") return solveByCounts(u, radius, start);
  const [root] = loop(MOST_ROUNDS, [start], (_, t) => {
    const r = relu(sub(u, t));
    const square = mul(r, r);
    const norm = mode === "c1" ? sqrt(sum(square)) : pow(sum(mul(square, r)), 1 / 3);
    const residual = sub(norm, radius);
    const slope = mode === "c1" ? div(sum(r), norm) : div(sum(square), mul(norm, norm));
    const open = greater(abs(residual), mul(radius, TOLERANCE[dtype]));
    return { state: [add(t, divide(residual, slope))], proceed: anyOf(open) };
  });
  return root as Value;
}

/** The norm is piecewise linear, so the step is exact once the support is the same before and after. */
function solveByCounts(u: Value, mass: Value, start: Value): Value {
  const [root] = loop(MOST_ROUNDS, [start, mul(start, 0)], (_, t, before) => {
    const r = relu(sub(u, t));
    const count = sum(cast(greater(r, 0), u.dtype));
    const next = add(t, divide(sub(sum(r), mass), count));
    return { state: [next, count], proceed: anyOf(not(equal(count, before))) };
  });
  return root as Value;
}

/** x / y without 0 / 0 in rows that have nothing left to do. */
function divide(x: Value, y: Value): Value {
  return div(x, where(greater(y, 0), y, 1));
}

/** Summed rather than maximised, so that an empty batch has an answer: no. */
function anyOf(condition: Value): Value {
  return greater(reduceSum(cast(condition, "float32")), 0);
}

function sum(x: Value): Value {
  return reduceSum(x, { axes: 1, keepdims: true });
}

/** Implicit differentiation of sum phi(v - t) = mass: with w = phi'(v - t),
 * vbar = tbar w / sum w and massbar = -tbar / sum w. Written from the node t, so that w is
 * differentiated again at the next order (a rule from the projection alone gives NaN there). */
function vjp({ input, y: t, dy, wants }: Pullback, mode: SoftMode): (Value | undefined)[] {
  const [v, mass] = [input(0), input(1)];
  const w = derivative(sub(v, t), mode);
  const share = div(dy, sum(w));
  const massbar = neg(share);
  const shared = mass.shape?.[0] === 1 && v.shape?.[0] !== 1;
  return [
    mul(share, w),
    wants(1) ? (shared ? reduceSum(massbar, { axes: 0, keepdims: true }) : massbar) : undefined,
  ];
}

function derivative(r: Value, mode: SoftMode): Value {
  if (mode === "smooth") return exp(r);
  if (mode === "c0") return cast(greater(r, 0), r.dtype);
  const positive = relu(r);
  return mode === "c1" ? mul(positive, 2) : mul(mul(positive, positive), 3);
}
