// Robust regression. One target of twenty is a million; the median of the absolute residuals does not
// feel it, and a soft median has a gradient in which every row takes part.
import { mkdir, readFile } from "node:fs/promises";
import { Graph, grad, soft } from "softonnx";
import { createStepper, evaluate, saveModel } from "softonnx/node";

const data = JSON.parse(await readFile(new URL("data/median-regression.json", import.meta.url)));
const fixed = (tensor) => `[${Array.from(tensor.data, (v) => (v + 0).toFixed(4)).join(", ")}]`;

const g = new Graph("median_regression");
const X = g.input("X", "float64", ["n", 3]);
const y = g.input("y", "float64", ["n"]);
const w = g.parameter("w", [0, 0, 0], "float64");
const residuals = y.sub(X.matmul(w));
const medianIn = (mode) => soft.median(soft.abs(residuals, { mode }), { mode });

const [hardGradient] = grad(medianIn("hard"), [w]);
const loss = medianIn("smooth");
const [gradient] = grad(loss, [w]);
const start = await evaluate({ hardGradient, gradient }, data);
console.log("hard gradient", fixed(start.hardGradient));
console.log("soft gradient", fixed(start.gradient));

g.output("loss", loss).update(w, w.sub(gradient.mul(0.1)));
const stepper = await createStepper(g);
for (let i = 0; i < 50; i++) await stepper.step(data);
const state = await stepper.state();
console.log("learned w", fixed(state.w), "true w [1, -2, 0.5]");

await mkdir("out/examples", { recursive: true });
await saveModel("out/examples/median-regression.onnx", g);
await stepper.dispose();
