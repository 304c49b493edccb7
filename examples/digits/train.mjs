// Reads handwritten digits with a small convolutional net, trained on a top-k cross-entropy: eight parts
// that the right digit comes first, two that it is among the first three. The exported model is checked on
// digits that it has not seen.
import { mkdir, writeFile } from "node:fs/promises";
import { argMax, equal, flatten, Graph, layers, losses, optimizers, relu, softmax } from "softonnx";
import { createSession, createTrainer, saveModel } from "softonnx/node";
import { readDigits } from "./digits.mjs";
import { drawDigits } from "./picture.mjs";

const { training, heldOut } = readDigits();

const graph = new Graph("digits");
const image = graph.input("image", "float32", ["n", 1, 28, 28]);
const digit = graph.input("digit", "int64", ["n"]);
const first = layers.convolution(graph, 1, 8, [5, 5], { pads: "same", seed: 1 });
const second = layers.convolution(graph, 8, 16, [3, 3], { pads: "same", seed: 1 });
const output = layers.dense(graph, 16 * 7 * 7, 10, { seed: 1 });
const coarse = layers.maxPool(relu(first(image)), [2, 2]);
const coarser = layers.maxPool(relu(second(coarse)), [2, 2]);
const logits = output(flatten(coarser));
const best = argMax(logits, { axis: 1, keepdims: false });

const trainer = createTrainer(graph, {
  loss: losses.topkCrossEntropy(logits, digit, [0.8, 0, 0.2]),
  optimizer: optimizers.adam({ rate: 0.003 }),
  metrics: { right: equal(best, digit) },
  outputs: { probabilities: softmax(logits) },
  seed: 1,
});
const records = [];
for await (const record of trainer.fit(training, { epochs: 3, batchSize: 50 })) {
  const { epoch, loss, metrics, seconds } = record;
  console.log(
    `epoch ${epoch}: loss ${loss.toFixed(3)}, ${percent(metrics.right)} right, ${seconds.toFixed(1)} s`,
  );
  records.push(record);
}
await mkdir("out/examples", { recursive: true });
await saveModel("out/examples/digits.onnx", await trainer.export());
await trainer.dispose();

const session = await createSession("out/examples/digits.onnx", { backend: "cpu" });
const { probabilities } = await session.run({ image: heldOut.image });
await session.dispose();

const places = [...heldOut.digit].map((right, i) => {
  const row = probabilities.data.subarray(10 * i, 10 * i + 10);
  return row.filter((p) => p > row[Number(right)]).length;
});
console.log(`\n${places.length} digits held out: right, and right among the first three`);
console.log(`  top 1  ${percent(share(0))}`);
console.log(`  top 3  ${percent(share(2))}`);
const picture = await drawDigits(heldOut, probabilities.data, places);
await writeFile("out/examples/digits.svg", picture);
console.log("\nwrote digits.onnx and digits.svg to out/examples/");

function share(most) {
  return places.filter((place) => place <= most).length / places.length;
}

function percent(part) {
  return `${(100 * part).toFixed(1)} %`;
}
