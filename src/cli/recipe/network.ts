import type { Value } from "../../builder/value.ts";
import {
  argMax,
  cast,
  concat,
  elu,
  equal,
  Graph,
  gather,
  gelu,
  layers,
  losses,
  relu,
  selu,
  sigmoid,
  softmax,
  softplus,
  tanh,
} from "../../index.ts";
import type { ColumnRecipe, LayerRecipe, Recipe } from "./recipe.ts";

/** Mean and deviation of a column of numbers. */
export interface Scale {
  readonly mean: number;
  readonly deviation: number;
}

/** What a recipe makes: the graph with an input for each column, and what is trained on it. */
export interface Network {
  readonly graph: Graph;
  readonly loss: Value;
  readonly metrics: Readonly<Record<string, Value>>;
  /** What the model gives to those who use it. */
  readonly outputs: Readonly<Record<string, Value>>;
}

/** Texts can be compared from this opset on. */
const OPSET = 19;

const activations = { relu, tanh, sigmoid, gelu, elu, selu, softplus } as const;

/** Losses that only look at the order of predictions, which have no unit then. */
const RANKING = new Set(["softSpearman", "softNdcg"]);

/** Builds the network of a recipe. Columns of numbers are standardised inside, and categories become 0 and
 * 1 there: the model takes what the table holds.
 *
 * @param scales of the columns of numbers, by name */
export function buildNetwork(recipe: Recipe, scales: ReadonlyMap<string, Scale>): Network {
  const graph = new Graph("trained", { opset: OPSET });
  const features = recipe.inputs.map((column) => feature(graph, column, scales));
  const width = features.reduce((sum, { width: own }) => sum + own, 0);
  let x = concat(
    features.map(({ value }) => value),
    { axis: 1 },
  );
  let size = width;
  for (const layer of recipe.network) {
    x = applied(graph, x, size, layer, recipe.seed);
    if (layer.kind === "dense") size = layer.size;
  }
  const { categories } = recipe.target;
  const last = layers.dense(graph, size, categories?.length ?? 1, {
    seed: recipe.seed,
    name: "output",
  })(x);
  return categories === undefined
    ? numbers(graph, last, recipe, scales)
    : classes(graph, last, recipe, categories);
}

function feature(
  graph: Graph,
  { column, categories }: ColumnRecipe,
  scales: ReadonlyMap<string, Scale>,
): { readonly value: Value; readonly width: number } {
  if (categories === undefined) {
    const { mean, deviation } = scales.get(column) as Scale;
    const x = graph.input(column, "float32", ["n"]);
    return { value: x.sub(mean).div(deviation).unsqueeze(1), width: 1 };
  }
  const x = graph.input(column, "string", ["n"]).unsqueeze(1);
  return { value: cast(equal(x, [...categories]), "float32"), width: categories.length };
}

function applied(graph: Graph, x: Value, size: number, layer: LayerRecipe, seed: number): Value {
  if (layer.kind === "norm") return layers.layerNorm(graph, size)(x);
  return activations[layer.activation](layers.dense(graph, size, layer.size, { seed })(x));
}

function numbers(
  graph: Graph,
  last: Value,
  { target, loss: { name, options } }: Recipe,
  scales: ReadonlyMap<string, Scale>,
): Network {
  const { mean, deviation } = scales.get(target.column) as Scale;
  const given = graph.input(target.column, "float32", ["n"]);
  const y = given.sub(mean).div(deviation);
  const score = last.squeeze(1);
  const by = losses[name as "mse"];
  if (RANKING.has(name)) {
    // Gains are of the target as it stands; ranks are the same in any unit.
    const loss = by(score, given, options);
    return { graph, loss, metrics: {}, outputs: { score } };
  }
  const prediction = score.mul(deviation).add(mean);
  return {
    graph,
    loss: by(score, y, options),
    metrics: { mae: losses.mae(prediction, given) },
    outputs: { prediction },
  };
}

function classes(
  graph: Graph,
  logits: Value,
  { target, loss: { name, options } }: Recipe,
  categories: readonly string[],
): Network {
  const given = graph.input(target.column, "string", ["n"]).unsqueeze(1);
  const right = cast(equal(given, [...categories]), "float32");
  const { distribution = [1], ...rest } = options as { readonly distribution?: readonly number[] };
  const loss =
    name === "topkCrossEntropy"
      ? losses.topkCrossEntropy(logits, right, distribution, rest)
      : losses.crossEntropy(logits, right, options);
  const best = argMax(logits, { axis: 1, keepdims: false });
  return {
    graph,
    loss,
    metrics: { accuracy: equal(best, argMax(right, { axis: 1, keepdims: false })) },
    outputs: {
      probabilities: softmax(logits),
      label: gather(graph.constant([...categories]), best),
    },
  };
}
