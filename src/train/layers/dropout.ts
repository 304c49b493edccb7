import { isStatic } from "../../builder/dim.ts";
import { checkOptions, failArgument } from "../../builder/errors.ts";
import type { Graph } from "../../builder/graph.ts";
import { isValue, type Operand, requireValue } from "../../builder/lift.ts";
import {
  add,
  cast,
  floor,
  greaterOrEqual,
  mul,
  range,
  reduceProd,
  reshape,
  shape,
  sub,
  trainingForm,
  where,
} from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";

/** Options of dropout. */
export interface DropoutOptions {
  /** The share of entries that is dropped, from 0 and below 1. Default 0.5. */
  readonly rate?: number;
  /** An integer scalar, another in every training step: an input, or stepCounter(g). Left out, nothing is
   * dropped. */
  readonly seed?: Value | undefined;
}

/** Sets entries to 0 at random and makes the others larger by as much, so that the expectation stays
 * (Srivastava et al. 2014).
 *
 * ```ts
 * const prediction = output(layers.dropout(relu(hidden(x)), { rate: 0.2, seed: stepCounter(g) }));
 * const loss = losses.mse(prediction, y);
 * ```
 * An inference export drops nothing.
 *
 * Which entries are dropped is computed in the graph from the seed, the entry's number and how many
 * dropouts the graph has before: the same on every machine, in every runtime, and when a run is resumed.
 * ONNX's Dropout leaves its generator to the runtime, and draws anew in each run of the same model.
 *
 * @param x floats of any shape
 * @throws GraphError for options that are wrong */
export function dropout(x: Operand, options: DropoutOptions = {}): Value {
  checkOptions("dropout", options, ["rate", "seed"]);
  const value = requireValue("dropout", "x", x);
  const { rate = 0.5, seed } = options;
  if (!(rate >= 0 && rate < 1)) {
    failArgument("dropout", "rate", "a number from 0, below 1", rate);
  }
  if (seed !== undefined && (!isValue(seed) || (seed.shape?.length ?? 0) > 0)) {
    failArgument("dropout", "seed", "an integer scalar", seed);
  }
  if (seed === undefined || rate === 0) return value;
  return value.graph.operation("dropout", () => {
    const bits = randomLike(value, seed, nextStream(value.graph));
    const keep = greaterOrEqual(bits, rate * PRIME);
    return trainingForm(where(keep, mul(value, 1 / (1 - rate)), 0), value);
  });
}

const streams = new WeakMap<Graph, number>();

/** Dropouts of one graph draw from different streams. */
function nextStream(graph: Graph): number {
  const stream = streams.get(graph) ?? 0;
  streams.set(graph, stream + 1);
  return stream;
}

// A counter-based generator in operators that every runtime computes alike: the keyed permutation MiMC
// (Albrecht et al. 2016, eprint 2016/492, section 2.1), x -> (x + key)^3 modulo a prime in each round. It is
// cut to three rounds, which mask noise needs no more than, and to a prime below 2^25, so that float64
// holds every product exactly. Cubing permutes the residues because 3 does not divide PRIME - 1.

const PRIME = 33554393;

/** Whole numbers from 0 to PRIME, one for each entry of x. */
function randomLike(x: Value, seed: Value, stream: number): Value {
  const { graph } = x;
  const number = cast(seed, "float64");
  const high = floor(mul(number, 1 / PRIME));
  const first = cubed(reduced(number), graph.constant(stream + 1, "float64"));
  const second = cubed(first, reduced(high));
  const third = cubed(second, first);
  const keys = [first, second, third];
  const size = isStatic(x.shape) ? x.shape.reduce((a, b) => a * b, 1) : undefined;
  const limit =
    size === undefined ? cast(reduceProd(shape(x)), "float64") : graph.constant(size, "float64");
  const zero = graph.constant(0, "float64");
  const counter = range(zero, limit, graph.constant(1, "float64"));
  const start = size !== undefined && size <= PRIME ? counter : reduced(counter);
  return reshape(keys.reduce(cubed, start), shape(x));
}

/** (x + key)³ modulo PRIME. */
function cubed(x: Value, key: Value): Value {
  const sum = add(x, key);
  return reduced(mul(reduced(mul(sum, sum)), sum));
}

/** x modulo PRIME, or PRIME for 0 and -1 for PRIME - 1 where the quotient is rounded: the same residue. */
function reduced(x: Value): Value {
  return sub(x, mul(floor(mul(x, 1 / PRIME)), PRIME));
}
