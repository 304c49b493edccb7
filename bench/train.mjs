// What a step of training costs: the whole step, from JavaScript and back, against what ONNX Runtime alone takes
// for the same graph; and steps a second of the trainer against PyTorch (eager), in one run. Adam, batches of 64.
//
//   npm run bench:train -- [--seconds S] [--threads N]
//
// PyTorch is looked for with $PYTHON, python3 and /usr/bin/python3; without it its column stays empty.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { optimizers } from "softonnx";
import { createTrainer, nativeStatus, Tensor } from "softonnx/node";
import { loadNative } from "../dist/runtime/native-addon.js";
import { load } from "../dist/runtime/node.js";
import { stepperOf } from "../dist/runtime/stepper.js";
import { BATCH, dataOf, nets } from "./train-nets.mjs";

const { values: options } = parseArgs({
  options: {
    seconds: { type: "string", default: "2" },
    threads: { type: "string", default: "1" },
  },
});
const seconds = Number(options.seconds);
const threads = Number(options.threads);

const status = nativeStatus();
const backend = status.available ? "native" : "cpu";
if (!status.available) console.log(`native kernels skipped: ${status.reason}`);

const torch = torchRates();
const lines = [];
for (const [name, net] of Object.entries(nets)) {
  const step = status.available ? await stepCost(net) : undefined;
  const ours = await trainerRate(net);
  const theirs = torch?.[name];
  lines.push([
    name,
    step ? step.whole.toFixed(3) : "",
    step ? step.inside.toFixed(3) : "",
    step ? (step.whole / step.inside).toFixed(2) : "",
    ours.toFixed(0),
    theirs ? theirs.toFixed(0) : "",
    theirs ? (ours / theirs).toFixed(2) : "",
  ]);
}
console.log(`\nbackend ${backend}, ${threads} thread${threads === 1 ? "" : "s"}\n`);
print([
  ["net", "ms a step", "inside ORT", "ratio", "steps/s, trainer", "PyTorch", "ratio"],
  ...lines,
]);

/** Milliseconds of a step, all in all and inside ONNX Runtime, in the quickest twenty steps in a row. */
async function stepCost(net) {
  const { g, loss } = net.make();
  optimizers.optimize(g.output("loss", loss), loss, { optimizer: optimizers.adam() });
  const model = await load("bench", g.toModel(), { backend, intraOpNumThreads: threads });
  const stepper = stepperOf(model, g);
  const { addon } = loadNative();
  const { x, labels } = tensorsOf(dataOf(net, 1));
  for (let i = 0; i < 20; i++) await stepper.step({ x, labels });
  const slices = [];
  for (const end = performance.now() + 1000 * seconds; performance.now() < end; ) {
    const [begin, spent] = [performance.now(), addon.timeSpent(model.native)];
    const count = 20;
    for (let i = 0; i < count; i++) await stepper.step({ x, labels });
    const whole = (performance.now() - begin) / count;
    const inside = (addon.timeSpent(model.native) - spent) / count;
    slices.push({ whole, inside });
  }
  await stepper.dispose();
  return slices.reduce((best, slice) => (slice.whole < best.whole ? slice : best));
}

/** Steps a second of fit, shuffling and records included. */
async function trainerRate(net) {
  const { g, loss } = net.make();
  const trainer = createTrainer(g, {
    loss,
    optimizer: optimizers.adam(),
    backend,
    intraOpNumThreads: threads,
  });
  const data = tensorsOf(dataOf(net));
  await trainer.fit(data, { batchSize: BATCH, epochs: 5 }).all();
  const [begin, first] = [performance.now(), trainer.step];
  for await (const _ of trainer.fit(data, { batchSize: BATCH, epochs: 1e6, progress: false })) {
    if (performance.now() - begin > 1000 * seconds) break;
  }
  const rate = (trainer.step - first) / ((performance.now() - begin) / 1000);
  await trainer.dispose();
  return rate;
}

function tensorsOf(data) {
  const type = (array) => (array instanceof BigInt64Array ? "int64" : "float32");
  return Object.fromEntries(
    Object.entries(data).map(([name, { data: elements, dims }]) => {
      return [name, new Tensor(type(elements), elements, dims)];
    }),
  );
}

function torchRates() {
  const program = join(import.meta.dirname, "train_torch.py");
  for (const python of [process.env.PYTHON, "python3", "/usr/bin/python3"]) {
    if (!python || spawnSync(python, ["-c", "import torch"]).status !== 0) continue;
    const args = [program, "--seconds", String(seconds), "--threads", String(threads)];
    const { stdout, status: code, stderr } = spawnSync(python, args, { encoding: "utf8" });
    if (code === 0) return JSON.parse(stdout);
    console.log(`PyTorch skipped: ${stderr.trim().split("\n").at(-1)}`);
    return undefined;
  }
  console.log("PyTorch skipped: not installed (apt-get install python3-torch)");
  return undefined;
}

function print(rows) {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  for (const row of rows) {
    const cells = row.map((cell, i) =>
      i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]),
    );
    console.log(cells.join("  "));
  }
}
