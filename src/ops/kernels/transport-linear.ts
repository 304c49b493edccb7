import * as op from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import { anywhere, safely, sizeScalar, sum } from "./transport-parts.ts";

/** Systems up to this size are solved by elimination, larger ones by conjugate gradients. */
const LARGEST_ELIMINATED = 16;

/** The identity matrix of the last axis of x, [m, m]. */
export function identityFor(x: Value): Value {
  const places = op.range(0, sizeScalar(x, -1));
  return op.cast(op.equal(op.unsqueeze(places, 1), places), "float64");
}

/** Solves A x = r for symmetric, positive definite A with a diagonal of ones.
 *
 * @param a [batch, m, m]
 * @param r [batch, m, 1]
 * @param accuracy relative to r, of conjugate gradients: [batch, 1, 1] or a number
 * @returns [batch, m, 1] */
export function solveDefinite(a: Value, r: Value, eye: Value, accuracy: Value | number): Value {
  const small = op.lessOrEqual(sizeScalar(a, -1), LARGEST_ELIMINATED);
  return op.ifElse(
    small,
    () => [eliminate(a, r, eye)],
    () => [conjugateGradients(a, r, accuracy)],
  )[0] as Value;
}

/** Gauss-Jordan without pivoting, which a definite matrix does not need: round k takes the multiple of
 * row k from all rows that leaves column k of the identity. */
function eliminate(a: Value, r: Value, eye: Value): Value {
  const count = sizeScalar(a, -1);
  const [reduced] = op.loop(count, [op.concat([a, r], { axis: 2 })], (k, rows) => {
    const at = op.unsqueeze(k, 0);
    const column = op.gather(rows, at, { axis: 2 });
    const pivot = op.gather(column, at, { axis: 1 });
    const row = op.div(op.gather(rows, at, { axis: 1 }), pivot);
    const rest = op.sub(column, op.gather(eye, at, { axis: 1 }));
    return [op.sub(rows, op.mul(rest, row))];
  });
  return op.gather(reduced as Value, op.unsqueeze(count, 0), { axis: 2 });
}

/** Conjugate gradients from 0 (Hestenes and Stiefel 1952). A problem of the batch stops at its accuracy,
 * and where a direction has no curvature left but rounding. */
function conjugateGradients(a: Value, r: Value, accuracy: Value | number): Value {
  const most = op.add(op.mul(sizeScalar(a, -1), 2), 50);
  const start = sum(op.mul(r, r), 1);
  const enough = op.mul(op.mul(start, accuracy), accuracy);
  const [x] = op.loop(most, [op.mul(r, 0), r, r, start], (_, x, left, direction, size) => {
    const image = op.matmul(a, direction);
    const curvature = sum(op.mul(direction, image), 1);
    const least = op.mul(sum(op.mul(direction, direction), 1), 1e-13);
    const open = op.and(op.greater(size, enough), op.greater(curvature, least));
    const step = op.where(open, safely(size, curvature), 0);
    const next = op.sub(left, op.mul(image, step));
    const nextSize = op.where(open, sum(op.mul(next, next), 1), 0);
    const turn = op.add(next, op.mul(direction, safely(nextSize, size)));
    return {
      state: [op.add(x, op.mul(direction, step)), next, turn, nextSize],
      proceed: anywhere(op.greater(nextSize, enough)),
    };
  });
  return x as Value;
}
