import type { TensorType } from "../../builder/definition.ts";
import { sameDim } from "../../builder/dim.ts";
import { GraphError } from "../../builder/errors.ts";
import * as op from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import type { SoftMode } from "../options.ts";
import { applyKernel, kernelFamily, SOFT_MODES } from "./family.ts";
import { sum } from "./transport-parts.ts";
import { planOf, slopeOf } from "./transport-regularizer.ts";

/** The plan of potentials, for regularised transport or a part of its rows or columns:
 *
 *     P_ij = phi(s_ij),   s_ij = (f_i + g_j - C_ij) / softness
 *
 * with phi as for transportPotentials. One pass over the cost instead of one for each operation.
 *
 * Gradient: another such pass, with W_ij = phi'(s_ij) dP_ij / softness: its sums over rows and columns for f
 * and g, -W for the cost; written from the same operands, so that it can be differentiated again.
 *
 * @param cost float64 [batch, n, m]
 * @param f float64 [batch, n]
 * @param g float64 [batch, m]
 * @param softness float64 scalar
 * @returns [batch, n, m] */
export function transportPlan(
  cost: Value,
  f: Value,
  g: Value,
  softness: Value,
  mode: SoftMode,
): Value {
  const inputs = [cost, f, g, softness];
  return applyKernel(planFamily(mode, "float64"), inputs, "transportPlan", "plan")[0] as Value;
}

/** The argument s of phi, [batch, n, m]. */
export function planExponents(cost: Value, f: Value, g: Value, softness: Value): Value {
  return op.div(op.sub(op.add(op.unsqueeze(f, 2), op.unsqueeze(g, 1)), cost), softness);
}

type Inputs = readonly [Value, Value, Value, Value];

const CHOICES = [SOFT_MODES, ["float64"]] as const;

const PROBLEM: readonly TensorType[] = [
  { dtype: "float64", shape: ["batch", "n", "m"] },
  { dtype: "float64", shape: ["batch", "n"] },
  { dtype: "float64", shape: ["batch", "m"] },
  { dtype: "float64", shape: [] },
];

const planFamily = kernelFamily<[SoftMode, "float64"]>("TransportPlan", CHOICES, (mode) => ({
  inputs: ["cost", "f", "g", "softness"],
  outputs: ["plan"],
  infer: (inputs) => [checked(inputs)[0] as TensorType],
  body: (inputs) => [planOf(planExponents(...(inputs as Inputs)), mode)],
  vjp: ({ inputs, dy, wants }) => {
    const given = [...(inputs as Value[]), dy];
    const definition = gradientFamily(mode, "float64");
    const [cost, f, g] = applyKernel(definition, given, "transportPlan", "cotangent");
    // -W s over all cells, which are of one order where f, g and the cost may be far larger.
    const softness = () =>
      op.reduceSum(op.mul(cost as Value, planExponents(...(inputs as Inputs))));
    return [cost, f, g, wants(3) ? softness() : undefined];
  },
  signature: PROBLEM,
}));

// Without a rule of its own: its body is differentiated.
const gradientFamily = kernelFamily<[SoftMode, "float64"]>(
  "TransportPlanGrad",
  CHOICES,
  (mode) => ({
    inputs: ["cost", "f", "g", "softness", "dplan"],
    outputs: ["dcost", "df", "dg"],
    infer: checked,
    body: (inputs) => {
      const dplan = inputs[4] as Value;
      const slope = slopeOf(planExponents(...(inputs as unknown as Inputs)), mode);
      const w = op.div(op.mul(slope, dplan), inputs[3] as Value);
      return [op.neg(w), op.squeeze(sum(w, 2), 2), op.squeeze(sum(w, 1), 1)];
    },
    signature: [...PROBLEM, PROBLEM[0] as TensorType],
  }),
);

/** The types of the cost, f and g, once it is sure that they go together. */
function checked(inputs: readonly Value[]): TensorType[] {
  const [cost, f, g, softness, dplan] = inputs as readonly [Value, Value, Value, Value, Value?];
  const [batch, n, m] = cost.shape ?? [];
  const wanted = { cost: [batch, n, m], f: [batch, n], g: [batch, m], softness: [] };
  const given = { cost, f, g, softness, ...(dplan !== undefined && { dplan }) };
  for (const [name, value] of Object.entries(given)) {
    const expected = name === "dplan" ? wanted.cost : wanted[name as keyof typeof wanted];
    const fits =
      value.shape === undefined ||
      (value.shape.length === expected.length &&
        value.shape.every((dim, i) => sameDim(dim, expected[i]) !== false));
    if (value.dtype !== "float64" || !fits) {
      throw new GraphError(
        "transportPlan",
        `${name}: expected float64 to go with ${cost}, got ${value}`,
      );
    }
  }
  return [wanted.cost, wanted.f, wanted.g].map((shape) => ({ dtype: "float64" as const, shape }));
}
