import { failArgument } from "../../builder/errors.ts";
import type { Operand } from "../../builder/lift.ts";
import { abs, add, max, min, mul, sub } from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import { type ReluOptions, relu } from "../../ops/elementwise.ts";
import { checkLossOptions, type LossOptions, pairOf, reduced } from "./loss.ts";

/** The squared error, (prediction - target)².
 *
 * ```ts
 * const loss = losses.mse(prediction, y, { weights: w });
 * ```
 * @param prediction floats of any shape
 * @param target of the same shape
 * @throws GraphError if the shapes differ or an option is wrong */
export function mse(prediction: Operand, target: Operand, options: LossOptions = {}): Value {
  checkLossOptions("mse", options);
  const [x, y] = pairOf("mse", prediction, target);
  const error = sub(x, y);
  return reduced("mse", mul(error, error), options);
}

/** The absolute error, |prediction - target|. Its slope at 0 is 0.
 *
 * @throws GraphError if the shapes differ or an option is wrong */
export function mae(prediction: Operand, target: Operand, options: LossOptions = {}): Value {
  checkLossOptions("mae", options);
  const [x, y] = pairOf("mae", prediction, target);
  return reduced("mae", abs(sub(x, y)), options);
}

/** Options of huber. */
export interface HuberOptions extends LossOptions {
  /** Where the parabola becomes a line. Default 1. */
  readonly delta?: number;
}

/** Half the square of small errors, delta (|error| - delta / 2) of others (Huber 1964); torch's HuberLoss.
 *
 * @throws GraphError if the shapes differ or an option is wrong */
export function huber(prediction: Operand, target: Operand, options: HuberOptions = {}): Value {
  checkLossOptions("huber", options, ["delta"]);
  const { delta = 1 } = options;
  if (!(delta > 0 && delta < Number.POSITIVE_INFINITY)) {
    failArgument("huber", "delta", "a positive number", delta);
  }
  const [x, y] = pairOf("huber", prediction, target);
  const size = abs(sub(x, y));
  const inner = min(size, delta);
  const losses = add(mul(mul(inner, inner), 0.5), mul(sub(size, inner), delta));
  return reduced("huber", losses, options);
}

/** Options of pinball. */
export interface PinballOptions extends LossOptions, Pick<ReluOptions, "softness" | "mode"> {
  /** The quantile that is aimed at, between 0 and 1. Default 0.5. */
  readonly quantile?: number;
}

/** The loss that is smallest in expectation where the prediction is a quantile of the target: quantile
 * times the error of those too low, 1 - quantile times that of those too high (Koenker and Bassett 1978,
 * equation 2.2). In the modes that soften, both sides are soft.relu of the error, which rounds the kink by
 * `softness` in the units of the target.
 *
 * ```ts
 * const low = losses.pinball(prediction, y, { quantile: 0.05 });
 * const smooth = losses.pinball(prediction, y, { quantile: 0.9, mode: "smooth", softness: 0.2 });
 * ```
 * @param options `mode` by default "hard", `softness` 0.1
 * @throws GraphError if the shapes differ or an option is wrong */
export function pinball(prediction: Operand, target: Operand, options: PinballOptions = {}): Value {
  checkLossOptions("pinball", options, ["quantile", "softness", "mode"]);
  const { quantile = 0.5, softness = 0.1, mode = "hard" } = options;
  if (!(quantile > 0 && quantile < 1)) {
    failArgument("pinball", "quantile", "a number between 0 and 1", quantile);
  }
  const [x, y] = pairOf("pinball", prediction, target);
  const [low, high] = [sub(y, x), sub(x, y)];
  const losses =
    mode === "hard"
      ? max(mul(low, quantile), mul(high, 1 - quantile))
      : add(
          mul(relu(low, { softness, mode }), quantile),
          mul(relu(high, { softness, mode }), 1 - quantile),
        );
  return reduced("pinball", losses, options);
}
