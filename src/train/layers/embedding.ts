import type { Graph } from "../../builder/graph.ts";
import { gather } from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import { type Initializer, normal } from "../initializers.ts";
import { checkCount, type LayerOptions, Parameters } from "./parameters.ts";

/** Options of embedding. */
export interface EmbeddingOptions extends LayerOptions {
  /** Of the rows. Default normal with deviation 1. */
  readonly initializer?: Initializer;
}

/** A table from which rows are taken. */
export interface Embedding {
  /** Whole numbers from 0, int64 or int32 [...], to [..., size] */
  (numbers: Value): Value;
  /** [count, size] */
  readonly weight: Value;
}

/** Makes vectors of numbers that stand for words, users or things.
 *
 * ```ts
 * const words = layers.embedding(g, 10_000, 64);
 * const x = words(g.input("words", "int64", ["batch", "length"]));
 * ```
 * @param count how many things there are
 * @param size of the vector of each
 * @throws GraphError for sizes or options that are wrong, or a name that is taken */
export function embedding(
  graph: Graph,
  count: number,
  size: number,
  options: EmbeddingOptions = {},
): Embedding {
  const parameters = new Parameters(graph, "embedding", options, ["initializer"]);
  checkCount("embedding", "count", count);
  checkCount("embedding", "size", size);
  const { initializer = normal({ deviation: 1 }) } = options;
  const weight = parameters.trained("weight", [count, size], initializer, { in: count, out: size });
  return Object.assign((numbers: Value) => gather(weight, numbers), { weight });
}
