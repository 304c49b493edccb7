// Shows that building, differentiating and serializing take time in proportion to the number of nodes.
// Run after `npm run build`: node bench/growth.mjs
import { performance } from "node:perf_hooks";
import { Graph, grad } from "softonnx";

const SIZES = [1_000, 2_000, 5_000, 10_000, 20_000, 50_000];
const REPEATS = 5;

/** The time of each phase, in milliseconds. */
function measure(size) {
  const t0 = performance.now();
  const g = new Graph("chain");
  const x = g.input("x", "float32", ["n"]);
  const w = g.parameter("w", 0.5);
  let y = x;
  while (g.root.nodes.length < size) y = y.mul(w).add(x).tanh().sub(0.25);
  const t1 = performance.now();
  const loss = y.square().mean();
  const [dw] = grad(loss, [w]);
  const t2 = performance.now();
  const model = g
    .output("loss", loss)
    .update(w, w.sub(dw.mul(0.1)))
    .toModel();
  const t3 = performance.now();
  Graph.fromModel(model);
  const t4 = performance.now();
  return [t1 - t0, t2 - t1, t3 - t2, t4 - t3];
}

/** The median of each phase over the repeats. */
function medians(size) {
  const runs = Array.from({ length: REPEATS }, () => measure(size));
  return runs[0].map((_, phase) => {
    const times = runs.map((run) => run[phase]).sort((a, b) => a - b);
    return times[REPEATS >> 1];
  });
}

const row = (cells) => console.log(cells.map((cell) => String(cell).padStart(14)).join(""));

measure(5_000); // Lets the compiler of JavaScript settle.
row(["nodes", "build ms", "gradient ms", "serialize ms", "read ms", "total µs/node"]);
for (const size of SIZES) {
  const times = medians(size);
  const total = times.reduce((sum, time) => sum + time, 0);
  row([size, ...times.map((time) => time.toFixed(1)), ((total * 1000) / size).toFixed(2)]);
}
