import { GraphError } from "../errors.ts";
import type { Value } from "../value.ts";
import { concat } from "./movement.ts";
import { unsqueeze } from "./reshape.ts";
import { pad, slice } from "./slice.ts";
import type { Window } from "./windows.ts";

/** Entries of a window: each is a node. */
const MOST_ENTRIES = 16_384;

/** Every entry of every window side by side: [batch, channels, spatial…] becomes [batch, channels, entries
 * of the window, windows…]. In standard operators that have kernels for every floating type.
 *
 * @param fill what the padding is made of
 * @throws GraphError if a window has more than 16,384 entries */
export function unfold(x: Value, window: Window, fill = 0): Value {
  const { kernel, strides, dilations, pads } = window;
  const count = kernel.reduce((product, size) => product * size, 1);
  if (count > MOST_ENTRIES) {
    const expected = `windows of at most ${MOST_ENTRIES} entries`;
    throw new GraphError("unfold", `expected ${expected}, got ${kernel.join(" x ")}`);
  }
  const padded = pads.flat().every((n) => n === 0)
    ? x
    : pad(x, [[0, 0], [0, 0], ...pads], { value: fill });
  const apart = unsqueeze(padded, 2);
  const axes = kernel.map((_, i) => i + 3);
  const entries = offsets(kernel).map((offset) => {
    const starts = offset.map((k, i) => k * (dilations[i] as number));
    // As far from the end as the entries of the window that come after this one.
    const ends = offset.map((k, i) => {
      const behind = ((kernel[i] as number) - 1 - k) * (dilations[i] as number);
      return behind === 0 ? Number.POSITIVE_INFINITY : -behind;
    });
    return slice(apart, starts, ends, { axes, steps: strides });
  });
  return entries.length === 1 ? (entries[0] as Value) : concat(entries, { axis: 2 });
}

/** All positions in a kernel, the last axis fastest. */
function offsets(kernel: readonly number[]): number[][] {
  return kernel.reduce<number[][]>(
    (found, size) => found.flatMap((at) => Array.from({ length: size }, (_, k) => [...at, k])),
    [[]],
  );
}
