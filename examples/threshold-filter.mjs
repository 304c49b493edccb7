// A filter. The sum of the numbers above a threshold shall be 2; a hard comparison gives the threshold
// no gradient, a soft one does.
import { mkdir, readFile } from "node:fs/promises";
import { Graph, grad, soft } from "softonnx";
import { createStepper, evaluate, saveModel } from "softonnx/node";

const file = await readFile(new URL("data/threshold-filter.json", import.meta.url));
const { target, ...data } = JSON.parse(file);
const fixed = (tensor) => (tensor.data[0] + 0).toFixed(4);

const g = new Graph("threshold_filter");
const x = g.input("x", "float64", ["n"]);
const threshold = g.parameter("threshold", 0, "float64");
const lossIn = (mode) => soft.greater(x, threshold, { mode }).mul(x).sum().sub(target).square();

const [hardGradient] = grad(lossIn("hard"), [threshold]);
const loss = lossIn("smooth");
const [gradient] = grad(loss, [threshold]);
const start = await evaluate({ hardGradient, gradient }, data);
console.log("hard gradient", fixed(start.hardGradient));
console.log("soft gradient", fixed(start.gradient));

g.output("loss", loss).update(threshold, threshold.sub(gradient.mul(0.1)));
const stepper = await createStepper(g);
for (let i = 0; i < 20; i++) await stepper.step(data);
console.log("learned threshold", fixed((await stepper.state()).threshold));

await mkdir("out/examples", { recursive: true });
await saveModel("out/examples/threshold-filter.onnx", g);
await stepper.dispose();
