import * as op from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import { int64Vector } from "../indices.ts";
import type { KernelType } from "./family.ts";

/** The layers of a bitonic network (Batcher 1968) over rows of a power of two, as tables that a Loop reads
 * one row of in each round; all are computed by the model, whatever n is.
 *
 * Layer l compares the entries i and i + d of each block of 2d. The blocks of 2h entries around it rise
 * and fall in turn: h = d in the first layer of each phase, and both double from phase to phase. */
export interface Layers {
  /** k (k + 1) / 2 for n = 2^k, int64 [1]. */
  readonly count: Value;
  /** [layers, 4]: the rows as [batch, blocks, 2, d], which split into the two sides of all pairs. */
  readonly pairs: Value;
  /** [layers, 4]: [batch, blocks, 1, d], one side. */
  readonly sides: Value;
  /** [layers]: the phase of each layer, from 0. */
  readonly phases: Value;
  /** [phases, n / 2], float: 1 for each pair that is to rise in this phase, -1 where it is to fall. */
  readonly signs: Value;
  /** [batch, n / 2]: one number a pair, in the order of every layer. */
  readonly packed: Value;
  /** [batch, n] */
  readonly whole: Value;
}

/** More than fit in any memory. */
const MOST_PHASES = 40;

/** @param whole the sizes [batch, n] as an int64 vector, n a power of two
 * @param dtype that of the signs */
export function layersOf(whole: Value, dtype: KernelType): Layers {
  const [batch, n] = op.split(whole, { parts: 2 }) as [Value, Value];
  const powers = powersOfTwo(whole);
  const depth = depthOf(n);
  const count = op.div(op.mul(depth, op.add(depth, 1)), 2);
  const { phase, step } = phasesOf(count);
  const d = op.gather(powers, op.sub(phase, step));
  const half = op.div(n, 2);
  const blocks = op.div(half, d);
  const rows = op.expand(batch, op.shape(d));
  const one = op.expand(int64Vector(whole.graph, [1]), op.shape(d));
  return {
    count,
    pairs: table(rows, blocks, op.mul(one, 2), d),
    sides: table(rows, blocks, one, d),
    phases: phase,
    signs: signsOf(half, depth, dtype),
    packed: op.concat([batch, half], { axis: 0 }),
    whole,
  };
}

/** The number of times that 1 is doubled to reach n.
 * @param n int64 [1]
 * @returns int64 [1]: for other than powers of two the next whole number */
export function depthOf(n: Value): Value {
  const below = op.cast(op.less(powersOfTwo(n), n), "int64");
  return op.reduceSum(below, { axes: 0, keepdims: true });
}

/** 2^0, 2^1, … as an int64 vector. */
export function powersOfTwo({ graph }: Value): Value {
  const powers = Array.from({ length: MOST_PHASES }, (_, i) => 2 ** i);
  return graph.constant(powers, [MOST_PHASES], "int64");
}

/** Columns side by side: [layers, columns]. */
function table(...columns: readonly Value[]): Value {
  return op.concat(
    columns.map((column) => op.unsqueeze(column, 1)),
    { axis: 1 },
  );
}

/** Layer l is step s of phase p, with l = p (p + 1) / 2 + s and s <= p. */
function phasesOf(count: Value): { readonly phase: Value; readonly step: Value } {
  const layer = op.range(0, count);
  const root = op.sqrt(op.add(op.mul(op.cast(layer, "float64"), 8), 1));
  // Exact: 8 l + 1 is the square of an odd number where a phase begins, and the root is right to rounding.
  const phase = op.cast(op.floor(op.mul(op.sub(root, 1), 0.5)), "int64");
  const first = op.div(op.mul(phase, op.add(phase, 1)), 2);
  return { phase, step: op.sub(layer, first) };
}

/** Pair i lies in the block floor(i / 2^p) of phase p. */
function signsOf(half: Value, depth: Value, dtype: KernelType): Value {
  const sizes = op.slice(powersOfTwo(half), 0, depth);
  const block = op.div(op.range(0, half), op.unsqueeze(sizes, 1));
  const odd = op.cast(op.mod(block, 2), dtype);
  return op.sub(1, op.mul(odd, 2));
}
