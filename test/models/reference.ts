/** The models once more, in plain numbers, one row at a time and the slow way. */

const sum = (xs: readonly number[]) => xs.reduce((total, x) => total + x, 0);
const mean = (xs: readonly number[]) => sum(xs) / xs.length;

export function softmax(xs: readonly number[]): number[] {
  const top = Math.max(...xs);
  const weights = xs.map((x) => Math.exp(x - top));
  return weights.map((weight) => weight / sum(weights));
}

/** The logistic function of the entries less their mean, over their deviation. */
export function squash(xs: readonly number[]): number[] {
  const center = mean(xs);
  const deviation = Math.sqrt(mean(xs.map((x) => (x - center) ** 2)) + 1e-6);
  return xs.map((x) => 1 / (1 + Math.exp(-(x - center) / deviation)));
}

/** Ranks by SoftSort, from 1 for the largest. */
export function softRank(xs: readonly number[], softness: number): number[] {
  const squashed = squash(xs);
  const sorted = [...squashed].sort((a, b) => b - a);
  return squashed.map((x) =>
    sum(softmax(sorted.map((s) => -Math.abs(x - s) / softness)).map((p, i) => (i + 1) * p)),
  );
}

/** The entries in ascending order by SoftSort. */
export function softSort(xs: readonly number[], softness: number): number[] {
  const squashed = squash(xs);
  return [...squashed]
    .sort((a, b) => a - b)
    .map((s) => {
      const weights = softmax(squashed.map((x) => -Math.abs(s - x) / softness));
      return sum(weights.map((p, j) => p * (xs[j] as number)));
    });
}

/** The lower of the two in the middle of an even number. */
export function softMedian(xs: readonly number[], softness: number): number {
  return softSort(xs, softness)[Math.floor((xs.length - 1) / 2)] as number;
}

/** The nearest point to x / softness with entries from 0 to 1 that sum to k. */
export function topKMask(xs: readonly number[], k: number, softness: number): number[] {
  const maskAt = (t: number) => xs.map((x) => Math.min(1, Math.max(0, x / softness - t)));
  let [low, high] = [Math.min(...xs) / softness - 1, Math.max(...xs) / softness];
  for (let i = 0; i < 200; i++) {
    const middle = (low + high) / 2;
    if (sum(maskAt(middle)) > k) low = middle;
    else high = middle;
  }
  return maskAt((low + high) / 2);
}

/** The entropic plan by alternating scalings (Sinkhorn 1967). */
export function sinkhorn(
  cost: readonly (readonly number[])[],
  a: readonly number[],
  b: readonly number[],
  softness: number,
): number[][] {
  const kernel = cost.map((row) => row.map((c) => Math.exp(-c / softness)));
  let v = b.map(() => 1);
  let u = a.map(() => 1);
  for (let i = 0; i < 5_000; i++) {
    u = kernel.map((row, i) => (a[i] as number) / sum(a) / sum(row.map((k, j) => k * (v[j] ?? 0))));
    v = b.map(
      (mass, j) => mass / sum(b) / sum(kernel.map((row, i) => (row[j] ?? 0) * (u[i] ?? 0))),
    );
  }
  return kernel.map((row, i) => row.map((k, j) => (u[i] ?? 0) * k * (v[j] ?? 0)));
}

export function ndcgLoss(
  scores: readonly number[],
  relevance: readonly number[],
  softness: number,
): number {
  const gains = relevance.map((r) => 2 ** r - 1);
  const ranks = softRank(scores, softness);
  const gained = sum(gains.map((gain, i) => gain / Math.log2(1 + (ranks[i] as number))));
  const best = sum([...gains].sort((a, b) => b - a).map((gain, i) => gain / Math.log2(2 + i)));
  return 1 - gained / best;
}

/** By central differences. */
export function slopes(f: (xs: readonly number[]) => number, xs: readonly number[]): number[] {
  const step = 1e-6;
  const at = (i: number, x: number) => f(xs.map((other, j) => (i === j ? x : other)));
  return xs.map((x, i) => (at(i, x + step) - at(i, x - step)) / (2 * step));
}
