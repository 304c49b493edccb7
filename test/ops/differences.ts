/** Central differences take values at these multiples of a step around a place. */
export const STEPS = [1, -1, 2, -2] as const;

/** The derivative that the values at STEPS tell, to fourth order; undefined where it depends on the step:
 * then a kink, or another piece of a piecewise function, lies between them.
 *
 * @param size what the two differences may differ by 1e-4 of */
export function derivative(
  values: readonly number[],
  step: number,
  size: number,
): number | undefined {
  const [a, b, c, d] = values as [number, number, number, number];
  const [near, far] = [(a - b) / (2 * step), (c - d) / (4 * step)];
  return Math.abs(near - far) <= 1e-4 * size ? (4 * near - far) / 3 : undefined;
}
