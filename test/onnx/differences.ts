import { numbersIn } from "./floats.ts";
import type { NodeSession, Tensors } from "./session.ts";

/** What central differences are taken of: the sum of some outputs, each times fixed weights. */
export interface Weighted {
  readonly session: NodeSession;
  readonly feeds: Tensors;
  readonly weights: Readonly<Record<string, ArrayLike<number>>>;
}

/** How far to step, and how well the slopes must then agree. */
export interface Steps {
  readonly length: number;
  /** The most that the slopes to either side may differ, relative above 1: where they differ by more there
   * is a kink. */
  readonly sides: number;
  /** The same for the slopes over two lengths. */
  readonly lengths: number;
}

/** The derivative by element `at` of an input; undefined at a kink, or where the function ends. */
export async function slopeAt(
  { session, feeds, weights }: Weighted,
  name: string,
  at: number,
  { length, sides, lengths }: Steps,
): Promise<number | undefined> {
  const tensor = feeds[name] as Tensors[string];
  const elements = tensor.elements as Float64Array;
  const here = elements[at] as number;
  // Longer where the numbers are coarser, but not as long as they are large: what is computed of large
  // numbers often depends on their differences.
  const h = length * Math.cbrt(Math.max(1, Math.abs(here)));
  const valueAt = async (by: number) => {
    const moved = elements.slice();
    moved[at] = here + by;
    const results = await session.run({ ...feeds, [name]: { ...tensor, elements: moved } });
    // What float32 makes of the step is the step.
    return { step: (moved[at] as number) - here, sum: weightedSum(results, weights) };
  };
  const points: Awaited<ReturnType<typeof valueAt>>[] = [];
  try {
    for (const steps of [-2, -1, 0, 1, 2]) points.push(await valueAt(steps * h));
  } catch {
    // ONNX Runtime checks some arguments, such as the ratio of a Dropout, which may be at the edge.
    return undefined;
  }
  const slope = (i: number, j: number) => {
    const [a, b] = [points[i], points[j]] as [(typeof points)[0], (typeof points)[0]];
    return (b.sum - a.sum) / (b.step - a.step);
  };
  const [near, far] = [slope(1, 3), slope(0, 4)];
  const away = (i: number, j: number) => Math.abs(slope(i, j) - near) / Math.max(1, Math.abs(near));
  const aside = [away(0, 1), away(1, 2), away(2, 3), away(3, 4)];
  // Also false where one is not a number.
  const smooth = away(0, 4) <= lengths && aside.every((each) => each <= sides);
  if (!smooth) return undefined;
  return (4 * near - far) / 3;
}

function weightedSum(results: Tensors, weights: Weighted["weights"]): number {
  let sum = 0;
  for (const [name, row] of Object.entries(weights)) {
    const numbers = numbersIn(results[name] as Tensors[string]);
    // Weights of 0 are for what is not a number.
    for (const [i, weight] of Array.from(row).entries()) {
      if (weight !== 0) sum += weight * (numbers[i] as number);
    }
  }
  return sum;
}

/** Fixed numbers between -1.5 and 1.5, none near 0. */
export function weightsOf(length: number, phase: number): Float64Array {
  return Float64Array.from({ length }, (_, i) => {
    const wave = Math.cos(1.7 * i + phase);
    return wave + (wave < 0 ? -0.5 : 0.5);
  });
}

/** Up to `most` places of a row of `length`, spread over it. */
export function placesIn(length: number, most: number): number[] {
  if (length <= most) return Array.from({ length }, (_, i) => i);
  // Steps of the golden ratio: no place twice, and no pattern of rows and columns met again and again.
  const places = new Set<number>();
  for (let i = 1; places.size < most; i++)
    places.add(Math.floor(((i * 0.618033988749895) % 1) * length));
  return [...places].sort((a, b) => a - b);
}
