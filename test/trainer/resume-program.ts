/**
 * Trains with all that has a state, and prints each record: checkpoint.test.ts runs it in a process of its
 * own, and kills it. Arguments: the path of the checkpoint, and the backend.
 */
import {
  Graph,
  layers,
  losses,
  optimizers,
  relu,
  schedules,
  stepCounter,
} from "../../src/index.ts";
import { type Backend, createTrainer } from "../../src/node.ts";

const [, , path = "", backend = "cpu"] = process.argv;

const g = new Graph("resumed");
const x = g.input("x", "float32", ["n", 3]);
const y = g.input("y", "float32", ["n"]);
const hidden = layers.dense(g, 3, 8, { name: "hidden" });
const norm = layers.batchNorm(g, 8, { name: "norm" });
const output = layers.dense(g, 8, 1, { name: "output" });
const net = (training: boolean) => {
  const h = relu(norm(hidden(x), { training }));
  const dropped = layers.dropout(h, { rate: 0.2, seed: training ? stepCounter(g) : undefined });
  return output(dropped).squeeze(1);
};
const trainer = createTrainer(g, {
  loss: losses.mse(net(true), y),
  metrics: { error: net(false).sub(y).abs() },
  optimizer: optimizers.adam({ rate: schedules.cosine({ rate: 0.02, steps: 60 }) }),
  clip: { norm: 1 },
  accumulate: 2,
  average: 0.9,
  seed: 7,
  backend: backend as Backend,
});
const rows = Array.from({ length: 45 }, (_, i) => [Math.sin(i), Math.cos(3 * i), Math.sin(i * i)]);
const data = { x: rows, y: rows.map(([a = 0, b = 0, c = 0]) => a * b - c) };
const fit = trainer.fit(data, {
  epochs: 6,
  batchSize: 8,
  validation: 0.2,
  earlyStopping: { patience: 5, restoreBest: true },
  checkpoint: { path, everySteps: 2 },
  every: "step",
});
for await (const record of fit) {
  const { seconds: _, ...rest } = { seconds: 0, ...record };
  console.log(JSON.stringify(rest));
  // Time to be killed in.
  await new Promise((resolve) => setTimeout(resolve, 3));
}
const state = Object.entries(await trainer.state()).map(([name, { data: values }]) => {
  return [name, Array.from(values as Float32Array, String)];
});
console.log(JSON.stringify({ state }));
await trainer.dispose();
