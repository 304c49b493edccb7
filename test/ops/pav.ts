import type { SoftMode } from "../../src/ops/options.ts";

/** What isotonic regression must give, by pooling neighbours one after the other. */
export interface Pooling {
  /** Where each block starts, and n. */
  readonly starts: readonly number[];
  readonly v: readonly number[];
  readonly y: readonly number[];
}

/** Pools adjacent violators of rows that descend. Equal levels are pooled as well.
 *
 * @param slack levels this close, relative to the larger, count as equal */
export function pool(
  s: readonly number[],
  w: readonly number[],
  mode: SoftMode,
  slack = 0,
): Pooling {
  const blocks: { from: number; to: number; level: number }[] = [];
  for (let i = 0; i < s.length; i++) {
    blocks.push({ from: i, to: i + 1, level: levelOf(s.slice(i, i + 1), w.slice(i, i + 1), mode) });
    for (let last = blocks.at(-1), before = blocks.at(-2); last && before; ) {
      const size = Math.max(1, Math.abs(last.level), Math.abs(before.level));
      if (before.level > last.level + slack * size) break;
      const [from, to] = [before.from, last.to];
      blocks.splice(-2, 2, {
        from,
        to,
        level: levelOf(s.slice(from, to), w.slice(from, to), mode),
      });
      [last, before] = [blocks.at(-1), blocks.at(-2)];
    }
  }
  const v = blocks.flatMap(({ from, to, level }) => new Array<number>(to - from).fill(level));
  const y = blocks.flatMap(({ from, to }) => valuesOf(s.slice(from, to), w.slice(from, to), mode));
  return { starts: [...blocks.map(({ from }) => from), s.length], v, y };
}

function levelOf(s: readonly number[], w: readonly number[], mode: SoftMode): number {
  return (s[0] as number) - shiftOf(s, w, mode);
}

/** y of one block. Written about its first entry, since s - v loses digits where s is large. */
function valuesOf(s: readonly number[], w: readonly number[], mode: SoftMode): number[] {
  const shift = shiftOf(s, w, mode);
  return s.map((x) => dualOf(x - (s[0] as number) + shift, mode));
}

/** y of t = s - v. */
export function dualOf(t: number, mode: SoftMode): number {
  return mode === "c1" ? t * Math.abs(t) : mode === "c2" ? t ** 3 : t;
}

/** The first entry less the level. */
function shiftOf(s: readonly number[], w: readonly number[], mode: SoftMode): number {
  const near = s.map((x) => x - (s[0] as number));
  if (mode === "smooth") return logSumExp(w) - logSumExp(near);
  const total = sum(w);
  if (mode === "c0") return (total - sum(near)) / s.length;
  // The sum of what the block would be rises with the shift: bisection until it stands still.
  const root = mode === "c1" ? Math.sqrt : Math.cbrt;
  const own = w.map((x, i) => Math.sign(x) * root(Math.abs(x)) - (near[i] as number));
  let [low, high] = [Math.min(...own), Math.max(...own)];
  for (let i = 0; i < 200; i++) {
    const middle = low + (high - low) / 2;
    if (middle === low || middle === high) break;
    if (sum(near.map((x) => dualOf(x + middle, mode))) < total) low = middle;
    else high = middle;
  }
  return high;
}

function logSumExp(x: readonly number[]): number {
  const most = Math.max(...x);
  return most + Math.log(sum(x.map((one) => Math.exp(one - most))));
}

/** Compensated: what is summed last must not count for less. */
function sum(x: readonly number[]): number {
  let [total, rest] = [0, 0];
  for (const one of x) {
    const next = total + one;
    rest += Math.abs(total) >= Math.abs(one) ? total - next + one : one - next + total;
    total = next;
  }
  return total + rest;
}
