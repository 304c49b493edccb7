// Feature selection. Of ten features that a model reads three matter; a mask of the three highest scores
// is learned by the error that the model makes with the mask on.
import { mkdir, readFile } from "node:fs/promises";
import { Graph, grad, soft } from "softonnx";
import { createStepper, evaluate, saveModel } from "softonnx/node";

const file = await readFile(new URL("data/topk-feature-selection.json", import.meta.url));
const { weights, ...data } = JSON.parse(file);
const fixed = (tensor) => `[${Array.from(tensor.data, (v) => (v + 0).toFixed(4)).join(", ")}]`;

const g = new Graph("topk_feature_selection");
const X = g.input("X", "float64", ["n", 10]);
const y = g.input("y", "float64", ["n"]);
const scores = g.parameter("scores", new Array(10).fill(0), "float64");
const lossIn = (mode) => {
  const { indices } = soft.topk(scores, 3, { mode, gatedGrad: false });
  const mask = indices.sum(0);
  return soft.abs(X.mul(mask).matmul(weights).sub(y)).mean();
};

const [hardGradient] = grad(lossIn("hard"), [scores]);
const loss = lossIn("smooth");
const [gradient] = grad(loss, [scores]);
const start = await evaluate({ hardGradient, gradient }, data);
console.log("hard gradient", fixed(start.hardGradient));
console.log("soft gradient", fixed(start.gradient));

g.output("loss", loss).update(scores, scores.sub(gradient.mul(0.001)));
const stepper = await createStepper(g);
for (let i = 0; i < 5; i++) await stepper.step(data);
const learned = Array.from((await stepper.state()).scores.data);
const ranking = [...learned.keys()].sort((a, b) => learned[b] - learned[a]);
console.log("selected features", `[${ranking.slice(0, 3).join(", ")}]`);

await mkdir("out/examples", { recursive: true });
await saveModel("out/examples/topk-feature-selection.onnx", g);
await stepper.dispose();
