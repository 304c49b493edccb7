import {
  decayedGradient,
  type Optimizer,
  optimizerOptions,
  type Rate,
  type Slot,
} from "./optimizer.ts";

/** Options of adagrad. */
export interface AdagradOptions {
  /** Default 0.01. */
  readonly rate?: Rate;
  /** The rate is divided by 1 + rateDecay t after t steps. Default 0. */
  readonly rateDecay?: number;
  /** What the sum of squares starts from. Default 0. */
  readonly initial?: number;
  /** Added to the root of that sum. Default 1e-10. */
  readonly epsilon?: number;
  /** Default 0. */
  readonly weightDecay?: number;
}

export const adagradDefaults: Readonly<Required<AdagradOptions>> = Object.freeze({
  rate: 1e-2,
  rateDecay: 0,
  initial: 0,
  epsilon: 1e-10,
  weightDecay: 0,
});

/** Gradients over the root of the sum of all their squares (Duchi, Hazan and Singer 2011, figure 1,
 * diagonal form). As torch.optim.Adagrad.
 *
 * @throws GraphError for options that are wrong */
export function adagrad(options: AdagradOptions = {}): Optimizer {
  const resolved = optimizerOptions("adagrad", options, adagradDefaults);
  const { rate, rateDecay, initial, epsilon, weightDecay } = resolved;
  const next = (slot: Slot) => {
    const gradient = decayedGradient(slot);
    const sum = slot.keep("square", initial, (old) => old.add(gradient.square())).next;
    const step =
      rateDecay === 0
        ? slot.rate
        : slot.rate.div(slot.keepScalar("slowing", 1, (old) => old.add(rateDecay)).old);
    return slot.parameter.sub(gradient.div(sum.sqrt().add(epsilon)).mul(step));
  };
  return { name: "adagrad", rate, weightDecay, next };
}
