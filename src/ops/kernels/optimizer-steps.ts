import type { TensorType } from "../../builder/definition.ts";
import { sameShape } from "../../builder/dim.ts";
import { GraphError } from "../../builder/errors.ts";
import * as op from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import { applyKernel, hasKernels, KERNEL_TYPES, type KernelType, kernelFamily } from "./family.ts";

// One step of the commonest optimizers as kernel operators: one pass over a parameter and its states.

/** Where weight decay goes: nowhere, into the gradient (the factor is weightDecay), or apart from it into the
 * parameter (the factor is 1 - rate weightDecay). */
export type Decay = "none" | "coupled" | "decoupled";
const DECAYS: readonly Decay[] = ["none", "coupled", "decoupled"];

/** What a step is given as scalars of the parameter's type, in order. */
export interface AdamScalars {
  /** The rate, over 1 - beta1^t. */
  readonly rate: Value;
  /** sqrt(1 - beta2^t) */
  readonly root: Value;
  /** 1 - beta1 */
  readonly enter1: Value;
  readonly beta2: Value;
  /** 1 - beta2 */
  readonly enter2: Value;
  readonly epsilon: Value;
  /** Left out for decay "none". */
  readonly decay: Value | undefined;
}

/** A parameter and the states beside it. */
export interface AdamState {
  readonly parameter: Value;
  readonly mean: Value;
  readonly square: Value;
}

/** mean += (g - mean) (1 - beta1), square = beta2 square + (1 - beta2) g², and then the parameter less
 * rate mean / (sqrt(square) / root + epsilon) (Kingma and Ba 2015, arXiv 1412.6980, algorithm 1).
 *
 * @param gradient of the parameter's type and shape, as are the states */
export function adamStep(
  { parameter, mean, square }: AdamState,
  gradient: Value,
  decay: Decay,
  scalars: AdamScalars,
): AdamState {
  const tensors = [parameter, gradient, mean, square];
  const numbers = ADAM_SCALARS.flatMap((name) => scalars[name] ?? []);
  const outputs = hasKernels(parameter)
    ? applyKernel(adamOf(decay, parameter.dtype as KernelType), [...tensors, ...numbers], ...ADAM)
    : adam([...tensors, ...numbers], decay);
  const [next, nextMean, nextSquare] = outputs as readonly [Value, Value, Value];
  return { parameter: next, mean: nextMean, square: nextSquare };
}

const ADAM = ["adamStep", "step"] as const;
const ADAM_SCALARS = ["rate", "root", "enter1", "beta2", "enter2", "epsilon", "decay"] as const;

const adamOf = kernelFamily<[Decay, KernelType]>(
  "AdamStep",
  [DECAYS, KERNEL_TYPES],
  (decay, dtype) => {
    const scalars = decay === "none" ? ADAM_SCALARS.slice(0, -1) : ADAM_SCALARS;
    return {
      inputs: ["parameter", "gradient", "mean", "square", ...scalars],
      outputs: ["next", "nextMean", "nextSquare"],
      infer: (inputs) => Array(3).fill(typeOf("adamStep", inputs.slice(0, 4))),
      body: (inputs) => adam(inputs, decay),
      signature: signatureOf(dtype, 4, scalars.length),
    };
  },
);

function adam(inputs: readonly Value[], decay: Decay): Value[] {
  const [w, gradient, mean, square] = inputs as [Value, Value, Value, Value];
  const [rate, root, enter1, beta2, enter2, epsilon, factor] = inputs.slice(4) as [
    ...[Value, Value, Value, Value, Value, Value],
    Value | undefined,
  ];
  const g = decay === "coupled" ? withDecay(gradient, w, factor as Value) : gradient;
  const nextMean = op.add(mean, op.mul(op.sub(g, mean), enter1));
  const nextSquare = op.add(op.mul(square, beta2), op.mul(op.mul(g, g), enter2));
  const scale = op.add(op.div(op.sqrt(nextSquare), root), epsilon);
  const move = op.mul(op.div(nextMean, scale), rate);
  const kept = decay === "decoupled" ? op.mul(w, factor as Value) : w;
  return [op.sub(kept, move), nextMean, nextSquare];
}

function withDecay(gradient: Value, w: Value, weightDecay: Value): Value {
  return op.add(gradient, op.mul(w, weightDecay));
}

/** The forms of gradient descent with momentum: as it is, or looking ahead (Nesterov 1983). */
export type Momentum = "heavy" | "nesterov";
const MOMENTA: readonly Momentum[] = ["heavy", "nesterov"];

/** What a step with momentum is given as scalars of the parameter's type, in order. */
export interface MomentumScalars {
  readonly rate: Value;
  readonly momentum: Value;
  /** The weight decay; left out where there is none. */
  readonly decay: Value | undefined;
}

/** velocity = momentum velocity + g, and then the parameter less rate velocity, or by Nesterov less
 * rate (g + momentum velocity) (Sutskever et al. 2013).
 *
 * @param gradient of the parameter's type and shape, as is the velocity */
export function momentumStep(
  { parameter, velocity }: { readonly parameter: Value; readonly velocity: Value },
  gradient: Value,
  form: Momentum,
  scalars: MomentumScalars,
): { readonly parameter: Value; readonly velocity: Value } {
  const numbers = MOMENTUM_SCALARS.flatMap((name) => scalars[name] ?? []);
  const inputs = [parameter, gradient, velocity, ...numbers];
  const decay = scalars.decay === undefined ? "none" : "coupled";
  const outputs = hasKernels(parameter)
    ? applyKernel(momentumOf(form, decay, parameter.dtype as KernelType), inputs, ...MOMENTUM)
    : move(inputs, form);
  const [next, nextVelocity] = outputs as readonly [Value, Value];
  return { parameter: next, velocity: nextVelocity };
}

const MOMENTUM = ["momentumStep", "step"] as const;
const MOMENTUM_SCALARS = ["rate", "momentum", "decay"] as const;

const momentumOf = kernelFamily<[Momentum, "none" | "coupled", KernelType]>(
  "MomentumStep",
  [MOMENTA, ["none", "coupled"], KERNEL_TYPES],
  (form, decay, dtype) => {
    const scalars = decay === "none" ? MOMENTUM_SCALARS.slice(0, -1) : MOMENTUM_SCALARS;
    return {
      inputs: ["parameter", "gradient", "velocity", ...scalars],
      outputs: ["next", "nextVelocity"],
      infer: (inputs) => Array(2).fill(typeOf("momentumStep", inputs.slice(0, 3))),
      body: (inputs) => move(inputs, form),
      signature: signatureOf(dtype, 3, scalars.length),
    };
  },
);

function move(inputs: readonly Value[], form: Momentum): Value[] {
  const [w, gradient, velocity, rate, momentum, decay] = inputs as [
    ...[Value, Value, Value, Value, Value],
    Value | undefined,
  ];
  const g = decay === undefined ? gradient : withDecay(gradient, w, decay);
  const next = op.add(op.mul(velocity, momentum), g);
  const step = form === "nesterov" ? op.add(g, op.mul(next, momentum)) : next;
  return [op.sub(w, op.mul(step, rate)), next];
}

function signatureOf(dtype: KernelType, tensors: number, scalars: number): TensorType[] {
  return [
    ...Array<TensorType>(tensors).fill({ dtype, shape: undefined }),
    ...Array<TensorType>(scalars).fill({ dtype, shape: [] }),
  ];
}

function typeOf(operator: string, tensors: readonly Value[]): TensorType {
  const [first] = tensors as readonly [Value];
  for (const value of tensors) {
    if (value.dtype !== first.dtype || sameShape(value.shape, first.shape) === false) {
      throw new GraphError(operator, `expected tensors like ${first}, got ${value}`);
    }
  }
  return { dtype: first.dtype, shape: first.shape };
}
