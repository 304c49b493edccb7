import { GraphError } from "../../builder/errors.ts";
import { add, cast, clip, min, reduceSum, sqrt } from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";

/** How gradients are kept in bounds. */
export interface ClipOptions {
  /** Scales all gradients together so that the root of the sum of all their squares is at most this
   * (Pascanu, Mikolov and Bengio 2013, arXiv 1211.5063, algorithm 1; torch's clip_grad_norm_). */
  readonly norm?: number;
  /** Cuts every entry to -value … value, after the norm. */
  readonly value?: number;
}

/** The root of the sum of the squares of all entries, a scalar of the first one's type.
 *
 * ```ts
 * const norm = globalNorm(grad(loss, [w, b]));
 * ```
 * @throws GraphError if there are none */
export function globalNorm(values: readonly Value[]): Value {
  const [first] = values;
  if (first === undefined) throw new GraphError("globalNorm", "values: expected at least one");
  const squares = values.map((value) => cast(reduceSum(value.square()), first.dtype));
  return sqrt(squares.reduce((a, b) => add(a, b)));
}

/** Gradients in bounds. */
export function clipped(gradients: readonly Value[], options: ClipOptions): Value[] {
  const { norm, value } = options;
  const scaled = norm === undefined ? [...gradients] : scaledToNorm(gradients, norm);
  return value === undefined ? scaled : scaled.map((gradient) => clip(gradient, -value, value));
}

/** Added to the norm before dividing by it, as PyTorch does. */
const NORM_FLOOR = 1e-6;

function scaledToNorm(gradients: readonly Value[], most: number): Value[] {
  if (gradients.length === 0) return [];
  const total = globalNorm(gradients);
  const factor = min(total.add(NORM_FLOOR).reciprocal().mul(most), 1);
  return gradients.map((gradient) => gradient.mul(cast(factor, gradient.dtype)));
}
