import type { TensorType } from "../../builder/definition.ts";
import { GraphError } from "../../builder/errors.ts";
import * as op from "../../builder/operators/index.ts";
import type { Size } from "../../builder/operators/sizes.ts";
import type { Value } from "../../builder/value.ts";
import { oddSlope, oddStep, ramp, rampBySoftness, step, stepSlope } from "../curves.ts";
import type { SoftMode, Softness } from "../options.ts";
import { softRound, softRoundBySoftness, softRoundSlope } from "../round-sum.ts";
import {
  applyKernel,
  hasKernels,
  KERNEL_TYPES,
  type KernelParts,
  type KernelType,
  kernelFamily,
  kernelType,
  SOFT_MODES,
} from "./family.ts";

// The elementwise operators as kernel operators: one pass over memory instead of one for each of their
// nodes. Of each there are the curve itself, its product with a cotangent, and the cotangent of the softness,
// which is only made where it is asked for.

/** A function of x and the softness, elementwise. */
type Curve = (x: Value, softness: Softness, mode: SoftMode, radius: Size) => Value;

interface Curves {
  readonly value: Curve;
  /** The derivative by x. */
  readonly slope: Curve;
  /** The derivative by the softness. */
  readonly bySoftness: Curve;
}

const CURVES = {
  SoftStep: { value: step, slope: stepSlope, bySoftness: stretched(stepSlope) },
  SoftSign: { value: oddStep, slope: oddSlope, bySoftness: stretched(oddSlope) },
  SoftAbs: timesX(oddStep, oddSlope),
  SoftRelu: {
    value: (x, softness, mode) => ramp(x, softness, mode, false),
    slope: step,
    bySoftness: rampBySoftness,
  },
  SoftGatedRelu: timesX(step, stepSlope),
  SoftRound: { value: softRound, slope: softRoundSlope, bySoftness: softRoundBySoftness },
} as const satisfies Readonly<Record<string, Curves>>;

export type CurveName = keyof typeof CURVES;

export const curveNames = Object.keys(CURVES) as readonly CurveName[];

/** What a function of x / softness alone changes by with the softness, from its slope: -x slope / softness. */
function stretched(slope: Curve): Curve {
  return (x, softness, mode, radius) =>
    op.neg(op.mul(op.div(x, softness), slope(x, softness, mode, radius)));
}

function timesX(value: Curve, slope: Curve): Curves {
  const bySoftness = stretched(slope);
  return {
    value: (x, ...rest) => op.mul(x, value(x, ...rest)),
    slope: (x, ...rest) => op.add(value(x, ...rest), op.mul(x, slope(x, ...rest))),
    bySoftness: (x, ...rest) => op.mul(x, bySoftness(x, ...rest)),
  };
}

/** One of the elementwise curves: a node of its own where there are kernel operators for x, and the softness
 * is one number; else its standard operators.
 *
 * @param x [...]
 * @param radius of SoftRound: whole numbers on either side of floor(x) that take part
 * @returns [...] */
export function softCurve(
  name: CurveName,
  x: Value,
  softness: Softness,
  mode: SoftMode,
  radius = 0,
): Value {
  const { graph } = x;
  const one = typeof softness === "number" || softness.shape?.length === 0;
  if (!one || !hasKernels(x)) return CURVES[name].value(x, softness, mode, radius);
  const definition = FAMILIES[name](mode, kernelType(name, "x", x));
  const tau = typeof softness === "number" ? graph.constant(softness, [], x.dtype) : softness;
  const reach = name === "SoftRound" ? [graph.constant(radius, [], "int64")] : [];
  const inputs = [x, tau, ...reach];
  return applyKernel(definition, inputs, name, hintOf(name))[0] as Value;
}

type Key = [SoftMode, KernelType];
const CHOICES = [SOFT_MODES, KERNEL_TYPES] as const;

const FAMILIES = Object.fromEntries(curveNames.map((name) => [name, familiesOf(name)])) as Readonly<
  Record<CurveName, ReturnType<typeof familiesOf>>
>;

function familiesOf(name: CurveName) {
  const { value, slope, bySoftness }: Curves = CURVES[name];
  const round = name === "SoftRound";
  const parameters = round ? ["softness", "radius"] : ["softness"];
  const scalar = (dtype: TensorType["dtype"]) => ({ dtype, shape: [] });
  const signature = (dtype: KernelType): TensorType[] => [
    { dtype, shape: undefined },
    scalar(dtype),
    ...(round ? [scalar("int64")] : []),
  ];
  const withCotangent = (mode: SoftMode, dtype: KernelType, curve: Curve, sum: boolean) =>
    ({
      inputs: ["x", ...parameters, "dy"],
      outputs: [sum ? "dsoftness" : "dx"],
      infer: ([x]) => [sum ? scalar(dtype) : typeOf(name, x as Value)],
      body: (inputs) => {
        const [x, softness, radius] = inputs as [Value, Value, Value];
        const product = op.mul(inputs.at(-1) as Value, curve(x, softness, mode, radius));
        return [sum ? op.reduceSum(product) : product];
      },
      signature: [...signature(dtype), { dtype, shape: undefined }],
    }) satisfies KernelParts;
  // Neither gradient has a rule of its own: their bodies are made of operators that have.
  const gradient = kernelFamily<Key>(`${name}Grad`, CHOICES, (mode, dtype) =>
    withCotangent(mode, dtype, slope, false),
  );
  const softnessGradient = kernelFamily<Key>(`${name}SoftnessGrad`, CHOICES, (mode, dtype) =>
    withCotangent(mode, dtype, bySoftness, true),
  );
  return kernelFamily<Key>(name, CHOICES, (mode, dtype) => ({
    inputs: ["x", ...parameters],
    outputs: ["y"],
    infer: ([x]) => [typeOf(name, x as Value)],
    body: (inputs) => {
      const [x, softness, radius] = inputs as [Value, Value, Value];
      return [value(x, softness, mode, radius)];
    },
    vjp: ({ inputs, dy, wants }) => {
      const given = [...(inputs as Value[]), dy];
      return [gradient, softnessGradient].map((of, i) =>
        wants(i) ? applyKernel(of(mode, dtype), given, name, "cotangent")[0] : undefined,
      );
    },
    signature: signature(dtype),
  }));
}

function typeOf(operator: string, x: Value): TensorType {
  if (x.dtype === "float32" || x.dtype === "float64") return { dtype: x.dtype, shape: x.shape };
  throw new GraphError(operator, `x: expected float32 or float64, got ${x}`);
}

function hintOf(name: CurveName): string {
  return name.replace("Soft", "").toLowerCase();
}
