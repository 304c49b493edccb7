import { checkOptions, failArgument } from "../../builder/errors.ts";
import type { Graph } from "../../builder/graph.ts";
import type { Value } from "../../builder/value.ts";
import type { Fans, Initializer } from "../initializers.ts";
import { randomOf } from "../random.ts";
import { stateParameter } from "../state.ts";

/** Options of every layer that has parameters. */
export interface LayerOptions {
  /** Its parameters are called `name/weight` and so on. By default the layer's own and the first free
   * number: `dense_0`. */
  readonly name?: string;
  /** What its parameters start from follows from this and their names alone. Default 0. */
  readonly seed?: number;
  /** Default "float32". */
  readonly dtype?: "float32" | "float64";
}

export const LAYER_OPTIONS = ["name", "seed", "dtype"] as const;

/** Makes the parameters of one layer. */
export class Parameters {
  readonly #graph: Graph;
  readonly name: string;
  readonly #seed: number;
  readonly #dtype: "float32" | "float64";

  /** @param kind of the layer, for its name and for errors
   * @throws GraphError for options that the layer lacks or that are wrong */
  constructor(graph: Graph, kind: string, options: LayerOptions, more: readonly string[]) {
    checkOptions(kind, options, [...more, ...LAYER_OPTIONS]);
    const { seed = 0, dtype = "float32", name = freePrefix(graph, kind) } = options;
    if (!Number.isSafeInteger(seed) || seed < 0) {
      failArgument(kind, "seed", "a whole number from 0", seed);
    }
    if (dtype !== "float32" && dtype !== "float64") {
      failArgument(kind, "dtype", '"float32" or "float64"', dtype);
    }
    if (typeof name !== "string" || name === "") failArgument(kind, "name", "a text", name);
    this.#graph = graph;
    this.name = name;
    this.#seed = seed;
    this.#dtype = dtype;
  }

  /** A parameter to train, drawn element by element. */
  trained(part: string, shape: readonly number[], initializer: Initializer, fans: Fans): Value {
    const name = `${this.name}/${part}`;
    const random = randomOf(this.#seed, name);
    const size = shape.reduce((product, dim) => product * dim, 1);
    const elements = Float64Array.from({ length: size }, () => initializer(random, fans));
    return this.#graph.parameter(name, elements, shape, this.#dtype);
  }

  /** A parameter that is kept from step to step but not trained. */
  kept(part: string, shape: readonly number[], initial: number): Value {
    return stateParameter(this.#graph, `${this.name}/${part}`, initial, shape, this.#dtype);
  }
}

/** @throws GraphError unless it is a whole number from 1 */
export function checkCount(layer: string, argument: string, count: unknown): void {
  if (!Number.isSafeInteger(count) || (count as number) < 1) {
    failArgument(layer, argument, "a whole number from 1", count);
  }
}

function freePrefix(graph: Graph, kind: string): string {
  const names = [...graph.parameters.keys()];
  for (let count = 0; ; count++) {
    const prefix = `${kind}_${count}`;
    if (!names.some((name) => name.startsWith(`${prefix}/`))) return prefix;
  }
}
