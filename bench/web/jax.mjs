import { defaultDevice, init, jit, lax, nn, numpy as np, valueAndGrad } from "@jax-js/jax";
import { startOf } from "./start.mjs";

/** The same step in jax-js, compiled by jit, on its WebAssembly backend. */
export async function start(n, target, { softness, rate }) {
  await init("wasm");
  defaultDevice("wasm");
  const loss = (x, goal) => {
    // Sorted by a matrix: jit has no gradient of sort.
    const order = np.argsort(lax.stopGradient(x.ref.mul(-1)));
    const chosen = np.equal(order.reshape([n, 1]), np.arange(n).astype(np.int32).reshape([1, n]));
    const sorted = np.dot(chosen.astype(np.float32), x.ref);
    const distances = np.abs(sorted.reshape([n, 1]).sub(x.ref.reshape([1, n])));
    const weights = nn.softmax(distances.mul(-1 / softness), -1);
    return np.mean(np.square(np.dot(weights, x).sub(goal)));
  };
  const step = jit((x, goal) => {
    const [value, dx] = valueAndGrad(loss)(x.ref, goal);
    return [value, x.sub(dx.mul(rate))];
  });
  const goal = np.array(target);
  let x = np.array(startOf(n));
  return async () => {
    const [value, next] = step(x, goal.ref);
    x = next;
    return (await value.data())[0];
  };
}
