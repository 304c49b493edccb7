// Fits miles per gallon to the weight of cars when a tenth of the rows is wrong: once by least squares,
// once by the soft median of the absolute residuals. Each fit is one ONNX model that does a whole
// training step; ONNX Runtime does the rest.
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import cliProgress from "cli-progress";
import { concat, Graph, grad, reduceMean, soft } from "softonnx";
import { createSession, createStepper, saveModel } from "softonnx/node";
import { meanAndDeviation, spoiledCars } from "./data.mjs";
import { drawFits } from "./picture.mjs";

const STEPS = 400;
const out = fileURLToPath(new URL("../out/", import.meta.url));

const losses = {
  "least squares": (residuals) => reduceMean(residuals.square()),
  "soft median": (residuals) => soft.median(soft.abs(residuals)),
};
const rates = { "least squares": 0.02, "soft median": 0.05 };

const cars = await spoiledCars();
const scale = meanAndDeviation(cars.map((car) => car.weight));
const feeds = {
  weight: cars.map((car) => car.weight),
  mpg: cars.map((car) => car.noted),
};
await mkdir(out, { recursive: true });
console.log(`${cars.length} cars, ${cars.filter((car) => !car.clean).length} of them spoiled\n`);

const fits = [];
for (const name of Object.keys(losses)) fits.push(await train(name));

console.log("\nmean absolute error on the clean rows, miles per gallon");
for (const { name, error } of fits) console.log(`  ${name.padEnd(14)} ${error.toFixed(2)}`);

await writeFile(`${out}fits.svg`, await drawFits(cars, fits));
await checkInFreshProcess(fits);
console.log(`\nwrote ${fits.flatMap(({ files }) => files).join(", ")} and fits.svg to out/`);

/** Trains one model and writes its training step and its inference model. */
async function train(name) {
  const { graph, prediction } = trainingStep(name);
  const slug = name.replace(" ", "-");
  await saveModel(`${out}${slug}.step.onnx`, graph);

  const stepper = await createStepper(graph);
  const bar = new cliProgress.SingleBar(
    { format: `${name.padEnd(14)} {bar} {value}/{total} steps, loss {loss}`, noTTYOutput: true },
    cliProgress.Presets.shades_grey,
  );
  bar.start(STEPS, 0, { loss: "" });
  const history = [];
  for (let step = 0; step < STEPS; step++) {
    // The last third settles: a median has a kink where it is smallest.
    const rate = rates[name] * Math.min(1, (3 * (STEPS - step)) / STEPS);
    const { loss } = await stepper.step({ ...feeds, rate });
    history.push(loss.data[0]);
    bar.update(step + 1, { loss: loss.data[0].toPrecision(4) });
  }
  bar.stop();
  const model = graph.toModel({ outputs: { prediction }, state: await stepper.state() });
  await stepper.dispose();
  await saveModel(`${out}${slug}.onnx`, model);

  const weights = [...feeds.weight].sort((a, b) => a - b);
  const session = await createSession(model);
  const line = await session.run({ weight: weights });
  const fitted = await session.run({ weight: feeds.weight });
  await session.dispose();
  return {
    name,
    weights,
    predictions: [...line.prediction.data],
    fitted: [...fitted.prediction.data],
    error: meanAbsoluteError(fitted.prediction.data),
    losses: history,
    files: [`${slug}.step.onnx`, `${slug}.onnx`],
  };
}

/** One step of gradient descent with momentum, as a graph: a parabola in the weight. */
function trainingStep(name) {
  const graph = new Graph(name.replace(" ", "_"));
  const weight = graph.input("weight", "float32", ["n"]);
  const mpg = graph.input("mpg", "float32", ["n"]);
  const rate = graph.input("rate", "float32", []);
  const w = graph.parameter("w", [20, 0, 0]);
  const velocity = graph.parameter("velocity", [0, 0, 0]);

  const z = weight.sub(scale.mean).div(scale.deviation).unsqueeze(1);
  const features = concat([z.pow(0), z, z.square()], { axis: 1 });
  const prediction = features.matmul(w);
  const loss = losses[name](mpg.sub(prediction));
  const [dw] = grad(loss, [w]);

  const next = velocity.mul(0.9).sub(dw.mul(rate));
  graph.output("loss", loss).update(velocity, next).update(w, w.add(next));
  return { graph, prediction };
}

function meanAbsoluteError(predictions) {
  let [sum, count] = [0, 0];
  for (const [i, car] of cars.entries()) {
    if (!car.clean) continue;
    sum += Math.abs(predictions[i] - car.mpg);
    count++;
  }
  return sum / count;
}

/** The files must give the same numbers to someone who has only ONNX Runtime. */
async function checkInFreshProcess(fits) {
  const script = fileURLToPath(new URL("./stock.mjs", import.meta.url));
  for (const { name, files, fitted } of fits) {
    const path = `${out}${files.at(-1)}`;
    const run = promisify(execFile)(process.execPath, [script, path]);
    run.child.stdin.end(JSON.stringify(feeds.weight));
    const { stdout, stderr } = await run;
    const stock = JSON.parse(stdout);
    const worst = Math.max(...fitted.map((y, i) => Math.abs(y - stock[i])));
    if (stderr !== "" || !(worst <= 1e-4)) {
      throw new Error(`${name}: stock ONNX Runtime differs by ${worst}\n${stderr}`);
    }
    console.log(`${name}: stock onnxruntime-node agrees to ${worst.toExponential(0)}`);
  }
}
