// Measures for costs.mjs, in a process that can be ended when it takes too long or too much memory.
import { performance } from "node:perf_hooks";
import { Graph, vjp } from "softonnx";
import { createSession, Tensor } from "softonnx/node";
import { ROWS } from "./cost-rows.mjs";

/** Runs are repeated for this long, short ones at least three times, and the fastest counts. */
const BUDGET_MS = 250;
const SHORT_MS = 2000;

async function measure({ operator, method, mode, n, gradient }) {
  const g = new Graph("cost");
  const x = g.input("x", "float32", [1, n]);
  const y = ROWS[operator].call(x, { method, mode });
  const outputs = gradient ? { y, dx: vjp(y, [x])[0] } : { y };
  const session = await createSession(g.toModel({ outputs }), {
    backend: "cpu",
    intraOpNumThreads: 1,
  });
  const values = Float32Array.from({ length: n }, (_, i) => Math.sin(i * 12.9898) * 2);
  const feeds = { x: new Tensor("float32", values, [1, n]) };
  const once = async () => {
    const start = performance.now();
    await session.run(feeds);
    return performance.now() - start;
  };
  process.send({ loaded: true });
  let best = await once();
  for (let spent = best, runs = 1; spent < BUDGET_MS || (runs < 3 && best < SHORT_MS); runs++) {
    const next = await once();
    spent += next;
    best = Math.min(best, next);
  }
  await session.dispose();
  return best;
}

process.on("message", async (job) => {
  try {
    process.send({ ms: await measure(job) });
  } catch (error) {
    process.send({ error: String(error) });
  }
});
