// Which films take most? A small net scores films by what is known before they open; only the order of its
// scores is wanted. It is trained three times from the same weights: on the squared error of the takings,
// on that of their logarithms (for those who know that takings want one), and on a soft rank correlation,
// which looks at the order alone.
import { mkdir, writeFile } from "node:fs/promises";
import { Graph, layers, losses, optimizers, relu } from "softonnx";
import { createSession, createTrainer, saveModel } from "softonnx/node";
import { readFilms } from "./films.mjs";
import { drawOrders } from "./picture.mjs";

const { training, validation, heldOut } = readFilms();
const width = training.features[0].length;

const goals = [
  {
    name: "squared error",
    lossOf: (score, takings) => losses.mse(score, standard(takings, training.takings)),
  },
  {
    name: "squared error of logarithms",
    lossOf: (score, takings) =>
      losses.mse(score, standard(takings.log(), training.takings.map(Math.log))),
  },
  {
    name: "soft rank correlation",
    lossOf: (score, takings) => losses.softSpearman(score, takings, { method: "fastSoftSort" }),
  },
];

await mkdir("out/examples", { recursive: true });
const results = [];
for (const goal of goals) results.push(await train(goal));

console.log(`\nrank correlation with the takings of ${heldOut.takings.length} films held out`);
for (const { name, correlation } of results)
  console.log(`  ${name.padEnd(28)} ${correlation.toFixed(3)}`);
await writeFile("out/examples/movies.svg", await drawOrders(heldOut.takings, results));
console.log("\nwrote movies.onnx and movies.svg to out/examples/");

async function train({ name, lossOf }) {
  const graph = new Graph("movies");
  const x = graph.input("features", "float32", ["n", width]);
  const takings = graph.input("takings", "float32", ["n"]);
  const hidden = relu(layers.dense(graph, width, 32, { seed: 1 })(x));
  const deeper = relu(layers.dense(graph, 32, 16, { seed: 1 })(hidden));
  const score = layers.dense(graph, 16, 1, { seed: 1 })(deeper).squeeze(1);
  const hardRanks = losses.softSpearman(score, takings, { mode: "hard" });

  const trainer = createTrainer(graph, {
    loss: lossOf(score, takings),
    optimizer: optimizers.adam({ rate: 0.003, weightDecay: 1e-4 }),
    metrics: { correlation: hardRanks.mul(-1).add(1) },
    outputs: { score },
    seed: 1,
  });
  const records = await trainer
    .fit(training, {
      epochs: 40,
      batchSize: 128,
      validation,
      earlyStopping: { monitor: "correlation", goal: "max", patience: 12, restoreBest: true },
    })
    .all();
  const model = await trainer.export();
  await trainer.dispose();
  console.log(`${name}: ${records.length} epochs`);
  await saveModel("out/examples/movies.onnx", model);

  const session = await createSession(model);
  const { score: scores } = await session.run({ features: heldOut.features });
  await session.dispose();
  return {
    name,
    records,
    scores: [...scores.data],
    correlation: rankCorrelation([...scores.data], heldOut.takings),
  };
}

/** In units of their own deviation, about their own mean. */
function standard(value, known) {
  const mean = known.reduce((sum, x) => sum + x, 0) / known.length;
  const variance = known.reduce((sum, x) => sum + (x - mean) ** 2, 0) / known.length;
  return value.sub(mean).div(Math.sqrt(variance));
}

/** Spearman's, of lists without ties. */
function rankCorrelation(a, b) {
  const ranks = (list) => {
    const order = list.map((_, i) => i).sort((i, j) => list[i] - list[j]);
    const ranked = new Array(list.length);
    order.forEach((i, rank) => {
      ranked[i] = rank;
    });
    return ranked;
  };
  const [u, v] = [ranks(a), ranks(b)];
  const squares = u.reduce((sum, rank, i) => sum + (rank - v[i]) ** 2, 0);
  return 1 - (6 * squares) / (a.length * (a.length ** 2 - 1));
}
