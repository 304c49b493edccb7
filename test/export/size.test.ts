import { performance } from "node:perf_hooks";
import { Graph, grad, type Value } from "softonnx";

/** Wide enough for a busy machine that a slow run is no failure; a quadratic pass is far beyond it. */
const LIMIT_MS = 3000;

describe("a graph of 5,000 nodes", () => {
  test("is built, differentiated and serialized in moments", () => {
    const times: string[] = [];
    const start = performance.now();
    let last = start;
    const lap = (what: string) => {
      const now = performance.now();
      times.push(`${what} ${Math.round(now - last)} ms`);
      last = now;
    };

    const g = new Graph("chain");
    const x = g.input("x", "float32", ["n"]);
    const w = g.parameter("w", 0.5);
    let y: Value = x;
    while (g.root.nodes.length < 5000) y = y.mul(w).add(x).tanh().sub(0.25);
    lap("build");
    const forward = g.root.nodes.length;
    const loss = y.square().mean();
    const [dw] = grad(loss, [w]) as [Value];
    lap("differentiate");
    const model = g
      .output("loss", loss)
      .update(w, w.sub(dw.mul(0.1)))
      .toModel();
    lap("serialize");

    process.stdout.write(
      `${forward} nodes, ${g.root.nodes.length} with gradients, ${model.length >> 10} KB: ${times.join(", ")}\n`,
    );
    expect(forward).toBeGreaterThanOrEqual(5000);
    expect(last - start).toBeLessThan(LIMIT_MS);
  });
});
