import { failArgument } from "../../builder/errors.ts";
import { fullLike } from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import { momentumStep } from "../../ops/kernels/optimizer-steps.ts";
import {
  decayedGradient,
  type Optimizer,
  optimizerOptions,
  type Rate,
  type Slot,
} from "./optimizer.ts";

/** Options of sgd. */
export interface SgdOptions {
  /** Default 0.001. */
  readonly rate?: Rate;
  /** How much of the last move goes into the next. Default 0. */
  readonly momentum?: number;
  /** How much of the gradient is left out of the momentum, from the second step on. Default 0. */
  readonly dampening?: number;
  /** Look ahead by one momentum (Nesterov 1983). Default false. */
  readonly nesterov?: boolean;
  /** Default 0. */
  readonly weightDecay?: number;
}

export const sgdDefaults: Readonly<Required<SgdOptions>> = Object.freeze({
  rate: 1e-3,
  momentum: 0,
  dampening: 0,
  nesterov: false,
  weightDecay: 0,
});

/** Gradient descent, with momentum if asked for; formulas and defaults are those of torch.optim.SGD
 * (Sutskever et al. 2013, in the form w - rate v).
 *
 * ```ts
 * optimizers.optimize(g, loss, { optimizer: optimizers.sgd({ rate: 0.1, momentum: 0.9 }) });
 * ```
 * @throws GraphError for options that are wrong, or nesterov without momentum or with dampening */
export function sgd(options: SgdOptions = {}): Optimizer {
  const resolved = optimizerOptions("sgd", options, sgdDefaults, ["momentum"]);
  const { rate, momentum, dampening, nesterov, weightDecay } = resolved;
  if (nesterov && (momentum === 0 || dampening !== 0)) {
    failArgument("sgd", "nesterov", "a momentum and no dampening beside it", nesterov);
  }
  return {
    name: "sgd",
    rate,
    weightDecay,
    next: (slot) => {
      if (momentum === 0) return slot.parameter.sub(decayedGradient(slot).mul(slot.rate));
      if (dampening !== 0) return dampened(slot, momentum, dampening);
      return withMomentum(slot, momentum, nesterov);
    },
  };
}

function withMomentum(slot: Slot, momentum: number, nesterov: boolean): Value {
  const { parameter, gradient, rate, weightDecay } = slot;
  const constant = (x: number) => parameter.graph.constant(x, [], parameter.dtype);
  const decay = weightDecay === 0 ? undefined : constant(weightDecay);
  const scalars = { rate, momentum: constant(momentum), decay };
  let result = parameter;
  slot.keepAll({ momentum: 0 }, ({ momentum: velocity }) => {
    const form = nesterov ? "nesterov" : "heavy";
    const step = momentumStep({ parameter, velocity }, gradient, form, scalars);
    result = step.parameter;
    return { momentum: step.velocity };
  });
  return result;
}

function dampened(slot: Slot, momentum: number, dampening: number): Value {
  // The first gradient enters whole.
  const share = slot.keepScalar("share", 1, (old) => fullLike(old, 1 - dampening));
  const entering = decayedGradient(slot).mul(share.old);
  const { next } = slot.keep("momentum", 0, (old) => old.mul(momentum).add(entering));
  return slot.parameter.sub(next.mul(slot.rate));
}
