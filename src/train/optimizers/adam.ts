import type { Value } from "../../builder/value.ts";
import { adamStep, type Decay } from "../../ops/kernels/optimizer-steps.ts";
import { type Optimizer, optimizerOptions, type Rate, type Slot } from "./optimizer.ts";

/** Options of adam and adamw. */
export interface AdamOptions {
  /** Default 0.001. */
  readonly rate?: Rate;
  /** Of the running mean of the gradient. Default 0.9. */
  readonly beta1?: number;
  /** Of the running mean of its square. Default 0.999. */
  readonly beta2?: number;
  /** Added to the root of that mean. Default 1e-8. */
  readonly epsilon?: number;
  /** Default 0 for adam, 0.01 for adamw. */
  readonly weightDecay?: number;
}

export const adamDefaults: Readonly<Required<AdamOptions>> = Object.freeze({
  rate: 1e-3,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0,
});

export const adamwDefaults: Readonly<Required<AdamOptions>> = Object.freeze({
  ...adamDefaults,
  weightDecay: 1e-2,
});

type Resolved = Required<AdamOptions>;

/** Adam (Kingma and Ba 2015, arXiv 1412.6980, algorithm 1). Weight decay is added to the gradient, as
 * torch.optim.Adam does it; adamw keeps it apart.
 *
 * ```ts
 * optimizers.optimize(g, loss, { optimizer: optimizers.adam({ rate: 3e-4 }) });
 * ```
 * @throws GraphError for options that are wrong */
export function adam(options: AdamOptions = {}): Optimizer {
  const resolved = optimizerOptions("adam", options, adamDefaults, ["beta1", "beta2"]);
  const { rate, weightDecay } = resolved;
  return { name: "adam", rate, weightDecay, next: (slot) => next(slot, resolved, "coupled") };
}

/** Adam with weight decay apart from the gradient (Loshchilov and Hutter 2019, arXiv 1711.05101, algorithm
 * 2), as torch.optim.AdamW: the weights shrink by rate times weightDecay.
 *
 * ```ts
 * optimizers.optimize(g, loss, { optimizer: optimizers.adamw({ rate: 3e-4, weightDecay: 0.1 }) });
 * ```
 * @throws GraphError for options that are wrong */
export function adamw(options: AdamOptions = {}): Optimizer {
  const resolved = optimizerOptions("adamw", options, adamwDefaults, ["beta1", "beta2"]);
  const { rate, weightDecay } = resolved;
  return { name: "adamw", rate, weightDecay, next: (slot) => next(slot, resolved, "decoupled") };
}

function next(slot: Slot, { beta1, beta2, epsilon }: Resolved, kind: Decay): Value {
  const { parameter, gradient, weightDecay } = slot;
  const constant = (x: number) => parameter.graph.constant(x, [], parameter.dtype);
  // 1 - beta^t, as a state: computed as a power it would lose its digits in float32.
  const weight = (name: string, beta: number) =>
    slot.keepScalar(name, 0, (old) => old.mul(beta).add(1 - beta)).next;
  const decay = weightDecay === 0 ? "none" : kind;
  const factors = {
    none: undefined,
    coupled: constant(weightDecay),
    decoupled: slot.rate.mul(-weightDecay).add(1),
  };
  const scalars = {
    rate: slot.rate.div(weight("weight1", beta1)),
    root: weight("weight2", beta2).sqrt(),
    enter1: constant(1 - beta1),
    beta2: constant(beta2),
    enter2: constant(1 - beta2),
    epsilon: constant(epsilon),
    decay: factors[decay],
  };
  let result = parameter;
  slot.keepAll({ mean: 0, square: 0 }, (old) => {
    const step = adamStep({ parameter, ...old }, gradient, decay, scalars);
    result = step.parameter;
    return step;
  });
  return result;
}
