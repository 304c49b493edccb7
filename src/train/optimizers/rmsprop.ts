import type { Value } from "../../builder/value.ts";
import {
  decayedGradient,
  movedTowards,
  type Optimizer,
  optimizerOptions,
  type Rate,
  type Slot,
} from "./optimizer.ts";

/** Options of rmsprop. */
export interface RmspropOptions {
  /** Default 0.01. */
  readonly rate?: Rate;
  /** Of the running mean of the squared gradient. Default 0.99. */
  readonly alpha?: number;
  /** Added to the root of that mean. Default 1e-8. */
  readonly epsilon?: number;
  /** Default 0. */
  readonly momentum?: number;
  /** Divide by the deviation of the gradient instead of its root mean square. Default false. */
  readonly centered?: boolean;
  /** Default 0. */
  readonly weightDecay?: number;
}

export const rmspropDefaults: Readonly<Required<RmspropOptions>> = Object.freeze({
  rate: 1e-2,
  alpha: 0.99,
  epsilon: 1e-8,
  momentum: 0,
  centered: false,
  weightDecay: 0,
});

/** Gradients over their running root mean square (Tieleman and Hinton 2012, lecture 6.5); centred form by
 * Graves 2013 (arXiv 1308.0850, section 4.2). As torch.optim.RMSprop.
 *
 * @throws GraphError for options that are wrong */
export function rmsprop(options: RmspropOptions = {}): Optimizer {
  const resolved = optimizerOptions("rmsprop", options, rmspropDefaults, ["alpha", "momentum"]);
  const { rate, momentum, weightDecay } = resolved;
  const next = (slot: Slot) => {
    const scaled = scaledGradient(slot, resolved);
    const move =
      momentum === 0
        ? scaled
        : slot.keep("momentum", 0, (old) => old.mul(momentum).add(scaled)).next;
    return slot.parameter.sub(move.mul(slot.rate));
  };
  return { name: "rmsprop", rate, weightDecay, next };
}

function scaledGradient(slot: Slot, { alpha, epsilon, centered }: Required<RmspropOptions>): Value {
  const gradient = decayedGradient(slot);
  const square = slot.keep("square", 0, (old) =>
    old.mul(alpha).add(gradient.square().mul(1 - alpha)),
  ).next;
  if (!centered) return gradient.div(square.sqrt().add(epsilon));
  const mean = slot.keep("mean", 0, (old) => movedTowards(old, gradient, alpha)).next;
  return gradient.div(square.sub(mean.square()).sqrt().add(epsilon));
}
