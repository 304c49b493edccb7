import { randomOf } from "../train/random.ts";

/** The numbers from 0 below `count`, in an order that follows from the seed and the stream alone: Fisher
 * and Yates's shuffle, as Durstenfeld (1964) has it. */
export function shuffled(count: number, seed: number, stream: string): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  const random = randomOf(seed, stream);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(random.uniform() * (i + 1));
    const last = order[i] as number;
    order[i] = order[j] as number;
    order[j] = last;
  }
  return order;
}
