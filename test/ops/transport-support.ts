import { Graph, soft, type Value } from "softonnx";
import { evaluate, Tensor } from "softonnx/node";

export const modes = ["smooth", "c0", "c1", "c2"] as const;
export type SoftMode = (typeof modes)[number];

/** Always the same numbers between 0 and 1. */
export function uniform(count: number, seed = 1): number[] {
  let state = seed;
  return Array.from({ length: count }, () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  });
}

/** A batch of problems: cost[k][i][j]; masses of each, or of all. */
export interface Problems {
  readonly cost: readonly (readonly (readonly number[])[])[];
  readonly a: readonly number[];
  readonly b: readonly number[];
  readonly softness: number;
}

export interface Found {
  readonly plan: number[][][];
  readonly f: number[][];
  readonly g: number[][];
  readonly regularizedCost: number[];
  readonly steps: number[];
  readonly residual: number[];
}

/** Stock ONNX Runtime, where kernel operators run their bodies: those are what is tested here. */
export const STOCK = { backend: "cpu" } as const;

type Feeds = Parameters<typeof evaluate>[1];

const graphs = new Map<SoftMode, Record<string, Value>>();

/** One graph a mode, with every size named, so that its session is kept. */
function graphOf(mode: SoftMode): Record<string, Value> {
  let outputs = graphs.get(mode);
  if (outputs === undefined) {
    const graph = new Graph("transport");
    const cost = graph.input("cost", "float64", ["batch", "n", "m"]);
    const a = graph.input("a", "float64", ["n"]);
    const b = graph.input("b", "float64", ["m"]);
    const softness = graph.input("softness", "float64", []);
    outputs = { ...soft.transport(cost, a, b, { mode, softness }) };
    graphs.set(mode, outputs);
  }
  return outputs;
}

export async function transport(mode: SoftMode, problems: Problems): Promise<Found> {
  const { cost, a, b, softness } = problems;
  const [n, m] = [a.length, b.length];
  const tensor = (data: readonly number[], dims: readonly number[]) =>
    new Tensor("float64", Float64Array.from(data), dims);
  const feeds = {
    cost: tensor(cost.flat(2), [cost.length, n, m]),
    a: tensor(a, [n]),
    b: tensor(b, [m]),
    softness: tensor([softness], []),
  };
  const found = await evaluate(graphOf(mode), feeds as Feeds, STOCK);
  const numbers = (name: keyof Found) =>
    Array.from(found[name]?.data as ArrayLike<number | bigint>, Number);
  return {
    plan: chunks(chunks(numbers("plan"), m), n),
    f: chunks(numbers("f"), n),
    g: chunks(numbers("g"), m),
    regularizedCost: numbers("regularizedCost"),
    steps: numbers("steps"),
    residual: numbers("residual"),
  };
}

export function chunks<Item>(all: readonly Item[], size: number): Item[][] {
  const parts: Item[][] = [];
  for (let at = 0; at < all.length; at += size) parts.push(all.slice(at, at + size));
  return parts;
}

/** How far a result is from the conditions of optimality: the plan is phi of the potentials, and each sum
 * of the plan is its mass to 1e-12, or to what rounding of the potentials makes of it: 1 is all that.
 * Masses are positive. */
export function optimality(mode: SoftMode, problems: Problems, found: Found): number {
  const { a, b, softness } = problems;
  const off = problems.cost.flatMap((cost, k) => {
    const [f, g] = [found.f[k] as number[], found.g[k] as number[]];
    const plan = found.plan[k] as number[][];
    const cells = cost.map((row, i) =>
      row.map((c, j) => {
        const s = ((f[i] as number) + (g[j] as number) - c) / softness;
        const size = Math.abs(f[i] as number) + Math.abs(g[j] as number) + Math.abs(c);
        const noise = (slope(mode, s) * size * 2 ** -52) / softness;
        const p = plan[i]?.[j] as number;
        return { p, noise, off: Math.abs(p - phi(mode, s)) / (4 * noise + 1e-15 * p + 1e-300) };
      }),
    );
    const sums = (line: readonly { p: number; noise: number }[], mass: number) => {
      const noise = line.reduce((sum, cell) => sum + cell.noise, 0);
      const error = Math.abs(line.reduce((sum, cell) => sum + cell.p, 0) - mass);
      return error / (1e-12 * mass + 10 * noise);
    };
    return [
      ...cells.flat().map((cell) => cell.off),
      ...cells.map((row, i) => sums(row, a[i] as number)),
      ...b.map((mass, j) =>
        sums(
          cells.map((row) => row[j] as (typeof row)[number]),
          mass,
        ),
      ),
    ];
  });
  return Math.max(...off);
}

/** phi'(s), with that of a cell at most one step of rounding away from the support. */
function slope(mode: SoftMode, s: number): number {
  if (mode === "smooth") return Math.exp(s);
  if (mode === "c0") return s > -1e-12 ? 1 : 0;
  return mode === "c1" ? 2 * Math.max(s, 0) : 3 * Math.max(s, 0) ** 2;
}

/** The largest relative error of the sums of a plan, of masses that stand for none relative to 1% of the
 * mean. */
export function marginalError(plan: readonly (readonly number[])[], a: number[], b: number[]) {
  const rows = plan.map((row) => row.reduce((sum, p) => sum + p, 0));
  const columns = b.map((_, j) => plan.reduce((sum, row) => sum + (row[j] as number), 0));
  return Math.max(worst(rows, a), worst(columns, b));
}

function worst(sums: readonly number[], masses: readonly number[]): number {
  const least = 0.01 / masses.length;
  const errors = sums.map((sum, i) => {
    const mass = masses[i] as number;
    return Math.abs(sum - mass) / (mass < 1e-9 ? least : mass);
  });
  // Math.max has NaN for NaN.
  return Math.max(...errors);
}

export function phi(mode: SoftMode, s: number): number {
  if (mode === "smooth") return Math.exp(s);
  return Math.max(s, 0) ** { c0: 1, c1: 2, c2: 3 }[mode];
}

/** R(P), by its definition. */
export function regularizer(mode: SoftMode, p: number): number {
  if (mode === "smooth") return p > 0 ? p * (Math.log(p) - 1) : 0;
  const power = { c0: 2, c1: 3 / 2, c2: 4 / 3 }[mode];
  return p ** power / power;
}

/** A plan by another way: alternating projections, each potential by bisection. Slow, for small ones. */
export function alternating(
  mode: SoftMode,
  cost: readonly (readonly number[])[],
  a: readonly number[],
  b: readonly number[],
  softness: number,
): number[][] {
  const f = a.map(() => 0);
  const g = b.map(() => 0);
  const s = (i: number, j: number) =>
    ((f[i] as number) + (g[j] as number) - (cost[i]?.[j] as number)) / softness;
  const settle = (values: number[], k: number, mass: number, sum: () => number) => {
    let [low, high] = [-100, 100];
    for (let round = 0; round < 70; round++) {
      values[k] = (low + high) / 2;
      if (sum() > mass) high = values[k] as number;
      else low = values[k] as number;
    }
  };
  for (let round = 0; round < 400; round++) {
    for (const [j, mass] of b.entries()) {
      settle(g, j, mass, () => a.reduce((sum, _, i) => sum + phi(mode, s(i, j)), 0));
    }
    for (const [i, mass] of a.entries()) {
      settle(f, i, mass, () => b.reduce((sum, _, j) => sum + phi(mode, s(i, j)), 0));
    }
  }
  return a.map((_, i) => b.map((__, j) => phi(mode, s(i, j))));
}
