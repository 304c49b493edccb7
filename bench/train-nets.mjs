// The nets that bench/train.mjs and bench/train_torch.py train, as graphs with their losses. Both draw their
// data from the same formula.
import { flatten, Graph, layers, losses, relu } from "softonnx";

export const BATCH = 64;

/** A convolutional net on images as large as MNIST's. */
function convolutional() {
  const g = new Graph("convolutional");
  const x = g.input("x", "float32", ["n", 1, 28, 28]);
  const labels = g.input("labels", "int64", ["n"]);
  const first = layers.convolution(g, 1, 8, [3, 3], { pads: "same" });
  const second = layers.convolution(g, 8, 16, [3, 3], { pads: "same" });
  const output = layers.dense(g, 784, 10);
  const h = layers.maxPool(relu(second(layers.maxPool(relu(first(x)), 2))), 2);
  const logits = output(flatten(h));
  return { g, loss: losses.crossEntropy(logits, labels) };
}

/** Two dense layers on the same images, flat. */
function dense() {
  const g = new Graph("dense");
  const x = g.input("x", "float32", ["n", 784]);
  const labels = g.input("labels", "int64", ["n"]);
  const hidden = layers.dense(g, 784, 128);
  const output = layers.dense(g, 128, 10);
  return { g, loss: losses.crossEntropy(output(relu(hidden(x))), labels) };
}

/** A linear scorer with a soft rank correlation: many small operators. */
function ranking() {
  const g = new Graph("ranking");
  const x = g.input("x", "float32", ["n", 8]);
  const labels = g.input("labels", "float32", ["n"]);
  const scorer = layers.dense(g, 8, 1);
  const score = scorer(x).squeeze(1);
  return { g, loss: losses.softSpearman(score, labels, { method: "softsort" }) };
}

export const nets = {
  "convolutional, 28 x 28": { make: convolutional, shape: [1, 28, 28], classes: 10 },
  "dense, 784-128-10": { make: dense, shape: [784], classes: 10 },
  "soft Spearman, 8 features": { make: ranking, shape: [8], classes: undefined },
};

/** A few batches of samples. */
export function dataOf({ shape, classes }, batches = 8) {
  const count = BATCH * batches;
  const size = shape.reduce((a, b) => a * b, 1);
  const x = Float32Array.from({ length: count * size }, (_, i) => Math.sin(i * 12.9898));
  const labels =
    classes === undefined
      ? Float32Array.from({ length: count }, (_, i) => Math.cos(i))
      : BigInt64Array.from({ length: count }, (_, i) => BigInt((i * 7) % classes));
  return { x: { data: x, dims: [count, ...shape] }, labels: { data: labels, dims: [count] } };
}
