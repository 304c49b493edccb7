import { Graph, type Value } from "softonnx/core";
import * as losses from "softonnx/core/losses";
import * as optimizers from "softonnx/core/optimizers";
import { FEATURES } from "./movies.ts";
import { randomNumbers } from "./regression.ts";

/** A hidden taste, and how it likes each movie: all that the learner sees is the order of these numbers. */
export function hiddenTaste(features: readonly (readonly number[])[], seed: number) {
  const random = randomNumbers(seed);
  const taste = FEATURES.map(() => 2 * random() - 1);
  const liking = features.map((row) =>
    row.reduce((sum, x, k) => sum + x * (taste[k] as number), 0),
  );
  return { taste, liking };
}

export const RANKER_STEPS = 200;

/** A training step that learns a linear score whose order is that of `liking`: by the soft rank correlation
 * and Adam. */
export function rankerGraph(): { readonly graph: Graph; readonly score: Value } {
  const graph = new Graph("ranker");
  const features = graph.input("features", "float32", ["n", FEATURES.length]);
  const liking = graph.input("liking", "float32", ["n"]);
  const w = graph.parameter(
    "w",
    FEATURES.map(() => 0.1),
  );
  const score = features.matmul(w);
  const loss = losses.softSpearman(score, liking, { softness: 0.1, method: "softsort" });
  optimizers.optimize(graph, loss, { optimizer: optimizers.adam({ rate: 0.05 }) });
  graph.output("loss", loss);
  return { graph, score };
}
