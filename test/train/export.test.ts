import {
  Graph,
  layers,
  losses,
  optimizers,
  relu,
  schedules,
  stepCounter,
  type Value,
} from "softonnx";
import { complaints } from "../support/silent.ts";

/** Layers of every kind on images, in training and in inference. */
function imageNet(opset: number) {
  const g = new Graph("images", { opset });
  const x = g.input("x", "float32", ["n", 1, 8, 8]);
  const labels = g.input("labels", "int64", ["n"]);
  const first = layers.convolution(g, 1, 4, [3, 3], { pads: "same" });
  const second = layers.convolution(g, 4, 8, [3, 3], { strides: 2, group: 2 });
  const norm = layers.batchNorm(g, 4);
  const head = layers.dense(g, 8, 5);
  const net = (seed?: Value) => {
    const h = layers.maxPool(relu(norm(first(x), { training: seed !== undefined })), 2);
    return head(layers.dropout(layers.globalAveragePool(second(h)), { rate: 0.1, seed }));
  };
  const loss = losses.topkCrossEntropy(net(stepCounter(g)), labels, [0.5, 0.5]);
  optimizers.optimize(g.output("loss", loss), loss, {
    optimizer: optimizers.adamw({ rate: schedules.cosine({ rate: 0.1, steps: 10 }) }),
    groups: [{ parameters: [head.bias as Value], weightDecay: 0 }],
    clip: { norm: 1, value: 0.5 },
    accumulate: 2,
    average: 0.99,
  });
  return { g, logits: net() };
}

/** Words and attention. */
function wordNet(opset: number) {
  const g = new Graph("words", { opset });
  const words = g.input("words", "int64", ["n", "m"]);
  const y = g.input("y", "float32", ["n"]);
  const [table, attend] = [layers.embedding(g, 20, 8), layers.attention(g, 8, { heads: 2 })];
  const [norm, head] = [layers.layerNorm(g, 8), layers.dense(g, 8, 1)];
  const h = table(words);
  const score = head(norm(h.add(attend(h, { causal: true }))).mean(1)).squeeze(-1);
  const loss = losses.softSpearman(score, y).add(losses.huber(score, y));
  optimizers.optimize(g.output("loss", loss), loss, { optimizer: optimizers.lion() });
  return { g, score };
}

test("training steps and what they train load in stock ONNX Runtime without a word", () => {
  const models: Record<string, Uint8Array> = {};
  for (const opset of [18, 21]) {
    const [images, words] = [imageNet(opset), wordNet(opset)];
    models[`image step ${opset}`] = images.g.toModel();
    models[`image net ${opset}`] = images.g.toModel({ outputs: { logits: images.logits } });
    models[`word step ${opset}`] = words.g.toModel();
    models[`word net ${opset}`] = words.g.toModel({ outputs: { score: words.score } });
  }
  expect(Object.entries(complaints(models)).filter(([, words]) => words !== "")).toEqual([]);
}, 60_000);

test("nothing of the training is left in the model that it makes", () => {
  const { g, logits } = imageNet(18);
  const trained = Graph.fromModel(g.toModel({ outputs: { logits } }));
  expect([...trained.inputs.keys()]).toEqual(["x"]);
  const ops = trained.root.nodes.map(({ op }) => op).sort();
  expect(ops.filter((op) => /Range|Where|Random|Reduce/.test(op))).toEqual([]);
  expect(ops).toContain("BatchNormalization");
  expect(ops.length).toBeLessThan(12);
});
