import "@tensorflow/tfjs-core/dist/register_all_gradients.js";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs-core";
import { startOf } from "./start.mjs";

/** The same step in TensorFlow.js, on its WebAssembly backend. */
export async function start(n, target, { softness, rate }) {
  setWasmPaths(new URL("../runtime/", import.meta.url).href);
  await tf.setBackend("wasm");
  await tf.ready();
  const goal = tf.tensor1d(target);
  const choose = tf.customGrad((x) => ({
    value: tf.cast(tf.oneHot(tf.topk(x, n).indices, n), "float32"),
    gradFunc: () => tf.zerosLike(x),
  }));
  const loss = (x) => {
    // Sorted by a matrix: the gradient of gather has no kernel in WebAssembly.
    const chosen = choose(x);
    const column = tf.reshape(x, [n, 1]);
    const distances = tf.abs(tf.sub(tf.matMul(chosen, column), tf.reshape(x, [1, n])));
    const weights = tf.softmax(tf.mul(distances, -1 / softness));
    const soft = tf.reshape(tf.matMul(weights, column), [n]);
    return tf.mean(tf.square(tf.sub(soft, goal)));
  };
  const both = tf.valueAndGrad(loss);
  let x = tf.tensor1d(startOf(n));
  return async () => {
    const [value, next] = tf.tidy(() => {
      const { value, grad } = both(x);
      return [value, tf.sub(x, tf.mul(grad, rate))];
    });
    x.dispose();
    x = next;
    const [result] = await value.data();
    value.dispose();
    return result;
  };
}
