// Times our side of bench/peers.mjs through sessions from JavaScript, and prints a JSON object a line. A
// process of its own for each backend: once the native kernels are registered in a process, sessions that
// ask for the portable bodies may not get them.
//
//   node bench/peer-times.mjs '{"backend":"native","threads":1,"seconds":1,"cells":[["abs/smooth",1,1024]]}'
import { performance } from "node:perf_hooks";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import { InferenceSession } from "onnxruntime-node";
import { createSession, registerNative, Tensor } from "softonnx/node";
import { modelsOf, normal, rows } from "./peer-rows.mjs";

const { backend, threads, seconds, cells } = JSON.parse(process.argv[2]);

/** Timers are read around this much work, which must be long beside a turn of the event loop. */
const BATCH_MS = 2;
/** Elements of an n x n matrix; a gradient keeps several dozen such. */
const LARGEST_MATRIX = 2 ** 26;

for (const [name, batch, n] of cells) {
  const row = rows.find((candidate) => candidate.name === name);
  const place = { row: name, batch, n };
  try {
    console.log(JSON.stringify({ ...place, ...(await measure(row, batch, n)) }));
  } catch (error) {
    console.log(JSON.stringify({ ...place, skipped: error.message.slice(0, 200) }));
  }
}

async function measure(row, batch, n) {
  const models = modelsOf(row, batch, n);
  const via = backend === "native" ? await kernelsOf(models.gradient) : "portable bodies";
  if (row.matrixUnless && !row.matrixUnless.test(via) && batch * n * n > LARGEST_MATRIX) {
    return { via, skipped: "the n x n matrix would take gigabytes" };
  }
  const feeds = { x: new Tensor("float32", normal(batch * n), [batch, n]) };
  const before = process.memoryUsage().rss;
  const into = () => new Tensor("float32", new Float32Array(batch * n), [batch, n]);
  const forward_ms = await best(models.forward, feeds, row.into && { y: into() });
  const grad_ms = await best(models.gradient, feeds, row.into && { loss: null, dx: into() });
  const peak_mb = process.resourceUsage().maxRSS / 2 ** 10 - before / 2 ** 20;
  return { via, forward_ms, grad_ms, peak_mb };
}

/** The least time of a run, in milliseconds, over what fits in the budget.
 *
 * @param into the tensors that results are written into, if any */
async function best(model, feeds, into) {
  const session = await open(model, into !== undefined);
  const time = async (count) => {
    const start = performance.now();
    for (let i = 0; i < count; i++) await session.run(feeds, into);
    return (performance.now() - start) / count;
  };
  const end = performance.now() + seconds * 1e3;
  let least = await time(1);
  do least = Math.min(least, await time(Math.ceil(BATCH_MS / least)));
  while (performance.now() < end);
  await session.dispose();
  return least;
}

/** A session, for results into tensors ONNX Runtime's own interface, which takes them. */
async function open(model, takesTensors) {
  if (!takesTensors) return createSession(model, { backend, intraOpNumThreads: threads });
  const provider = backend === "native" ? "softonnx" : "cpu";
  if (backend === "native") registerNative();
  const session = await InferenceSession.create(model, {
    executionProviders: [provider],
    intraOpNumThreads: threads,
  });
  return { run: (feeds, into) => session.run(feeds, into), dispose: () => session.release() };
}

/** The kernel operators of a model, and which of them have no native kernel and run their bodies. One is
 * there where the model loads without the operator's body. */
async function kernelsOf(model) {
  const names = fromBinary(ModelProtoSchema, model).functions.map(({ name }) => name);
  const found = new Set();
  for (const name of names) {
    const family = name.split("_")[0];
    found.add((await loadsWithout(model, name)) ? family : `${family} (body)`);
  }
  return found.size === 0 ? "standard operators" : [...found].join(", ");
}

async function loadsWithout(model, name) {
  const message = fromBinary(ModelProtoSchema, model);
  message.functions = message.functions.filter((candidate) => candidate.name !== name);
  const bytes = toBinary(ModelProtoSchema, message);
  try {
    await (await createSession(bytes, { backend, logSeverityLevel: 4 })).dispose();
    return true;
  } catch {
    return false;
  }
}
