// A rule, "some feature lies in [lo, hi]", whose bounds are learned. Straight through: the loss is that of
// the hard rule, the gradient that of the soft one.
import { mkdir, readFile } from "node:fs/promises";
import { Graph, grad, soft, straightThrough } from "softonnx";
import { createStepper, evaluate, saveModel } from "softonnx/node";

const data = JSON.parse(await readFile(new URL("data/rule-classifier.json", import.meta.url)));
const fixed = (tensor) => `[${Array.from(tensor.data, (v) => (v + 0).toFixed(4)).join(", ")}]`;

const g = new Graph("rule_classifier");
const x = g.input("x", "float64", ["n", 2]);
const labels = g.input("labels", "float64", ["n"]);
const bounds = g.parameter("bounds", [0, 1], "float64");
const lossIn = ({ mode }) => {
  const above = soft.greater(x, bounds.gather(0), { mode });
  const below = soft.less(x, bounds.gather(1), { mode });
  const prediction = soft.any(soft.logicalAnd(above, below));
  return prediction.sub(labels).square().sum();
};

const [hardGradient] = grad(lossIn({ mode: "hard" }), [bounds]);
const loss = straightThrough(lossIn)();
const [gradient] = grad(loss, [bounds]);
const start = await evaluate({ hardGradient, gradient, loss }, data);
console.log("hard gradient", fixed(start.hardGradient));
console.log("soft gradient", fixed(start.gradient));
console.log("loss", fixed(start.loss), "is that of the hard rule");

g.output("loss", loss).update(bounds, bounds.sub(gradient.mul(0.01)));
const stepper = await createStepper(g);
for (let i = 0; i < 20; i++) await stepper.step(data);
console.log("learned [lo, hi]", fixed((await stepper.state()).bounds));

await mkdir("out/examples", { recursive: true });
await saveModel("out/examples/rule-classifier.onnx", g);
await stepper.dispose();
