// Shows that large models are read, differentiated and written in seconds and in memory close to their size:
// 100,000 nodes, and 1.9 GB of weights in a file beside the model. Each runs in a process of its own.
// Run after `npm run build`: node bench/scale.mjs
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  ModelProtoSchema,
  StringStringEntryProtoSchema,
  TensorProto_DataLocation,
  TensorProtoSchema,
} from "onnx-buf";
import { Graph, grad, reduceMean } from "softonnx";
import { loadModel, saveModel } from "softonnx/node";

const NODES = Number(process.env.SOFTONNX_SCALE_NODES ?? 100_000);
const GIGABYTES = Number(process.env.SOFTONNX_SCALE_GB ?? 1.9);

/** A chain of layers that is closed by a mean. */
function chain(nodes) {
  const g = new Graph("chain");
  const x = g.input("x", "float32", ["n", 8]);
  let y = x;
  while (g.root.nodes.length < nodes - 4) y = y.mul(0.5).add(x).tanh().sub(0.25);
  return g.output("loss", reduceMean(y.square()));
}

/** A model of matrices of 64 MB, their elements in "weights.bin": a file with holes, which takes no room. */
function wide(folder, gigabytes) {
  const size = 4096;
  const bytes = 4 * size * size;
  const count = Math.max(1, Math.floor((gigabytes * 1e9) / bytes));
  const g = new Graph("wide");
  let y = g.input("x", "float32", ["n", size]);
  const names = Array.from({ length: count }, (_, i) => `w${i}`);
  for (const name of names) y = y.matmul(g.input(name, "float32", [size, size])).tanh();
  g.output("loss", reduceMean(y.square()));
  writeFileSync(join(folder, "weights.bin"), "");
  truncateSync(join(folder, "weights.bin"), count * bytes);
  writeFileSync(join(folder, "model.onnx"), withExternal(g.toModel(), names, size, bytes));
  return { weights: names, bytes: count * bytes };
}

/** The same model with the matrices as initialisers, not inputs. */
function withExternal(model, names, size, bytes) {
  const proto = fromBinary(ModelProtoSchema, model);
  const tensors = names.map((name, i) =>
    create(TensorProtoSchema, {
      name,
      dims: [BigInt(size), BigInt(size)],
      dataType: 1,
      dataLocation: TensorProto_DataLocation.EXTERNAL,
      externalData: Object.entries({
        location: "weights.bin",
        offset: String(i * bytes),
        length: String(bytes),
      }).map(([key, value]) => create(StringStringEntryProtoSchema, { key, value })),
    }),
  );
  proto.graph.input = proto.graph.input.filter(({ name }) => !names.includes(name));
  proto.graph.initializer.push(...tensors);
  return toBinary(ModelProtoSchema, proto);
}

async function measure(kind) {
  const folder = mkdtempSync(join(tmpdir(), "softonnx-scale-"));
  const times = {};
  // Of the processor: a busy machine does not lengthen it.
  const now = () => Object.values(process.cpuUsage()).reduce((a, b) => a + b, 0) / 1000;
  let at = now();
  const lap = (name) => {
    times[name] = now() - at;
    at = now();
  };
  try {
    let weights = ["x"];
    let size = 0;
    const model = join(folder, "model.onnx");
    if (kind === "nodes") writeFileSync(model, chain(NODES).toModel());
    else ({ weights, bytes: size } = wide(folder, GIGABYTES));
    size += statSync(model).size;
    globalThis.gc();
    const before = process.memoryUsage().rss;
    at = now();
    const g = await loadModel(model);
    lap("read");
    const gradients = grad(
      g.value("loss"),
      weights.map((name) => g.value(name)),
    );
    lap("differentiate");
    gradients.forEach((dw, i) => {
      g.output(`gradient_${i}`, dw);
    });
    await saveModel(join(folder, "gradient.onnx"), g);
    lap("write");
    const peak = peakBytes();
    const seconds = Object.entries(times).map(
      ([name, ms]) => `${name} ${(ms / 1000).toFixed(2)} s`,
    );
    console.log(
      `${kind === "nodes" ? `${g.root.nodes.length} nodes` : `${(size / 1e9).toFixed(2)} GB`}: ` +
        `${seconds.join(", ")} of one core; ${((peak - before) / 1e6).toFixed(0)} MB more than before, ` +
        `the model has ${(size / 1e6).toFixed(0)} MB`,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The most that this process has held. On Linux the usual count begins with that of the process which
 * started this one. */
function peakBytes() {
  try {
    const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"));
    return Number(kilobytes) * 1024;
  } catch {
    return process.resourceUsage().maxRSS * 1024;
  }
}

const [kind] = process.argv.slice(2);
if (kind !== undefined) await measure(kind);
else {
  for (const each of ["nodes", "weights"]) {
    const flags = ["--expose-gc", process.argv[1], each];
    const { status } = spawnSync(process.execPath, flags, { stdio: "inherit" });
    if (status !== 0) process.exitCode = 1;
  }
}
