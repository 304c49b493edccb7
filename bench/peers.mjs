// Compares the soft operators with PyTorch (eager), both on this machine's CPU, in one run:
//
//   npm run bench -- [--rows REGEX] [--seconds S] [--no-growth] [--no-kernels]
//
// Times are milliseconds of one call, forward / forward and gradient: the least over what fits in S seconds
// (0.5), ours through a session from JavaScript. "bodies" is the same file on onnxruntime-node as it is. PyTorch is
// looked for with $PYTHON, python3 and /usr/bin/python3; without it, its columns stay empty.
import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, cpus } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { nativeStatus } from "softonnx/node";
import { rows } from "./peer-rows.mjs";

const { values: options } = parseArgs({
  options: {
    rows: { type: "string", default: "" },
    seconds: { type: "string", default: "0.5" },
    growth: { type: "boolean", default: true },
    kernels: { type: "boolean", default: true },
  },
  allowNegative: true,
});
const seconds = Number(options.seconds);
const wanted = rows.filter(({ name }) => new RegExp(options.rows).test(name));
const native = nativeStatus();

/** Where a size takes longer than this, larger ones are not tried. */
const TOO_LONG_MS = 500;

const python = findPython();

printVersions();
for (const threads of [1, 0]) await printComparison(threads);
if (options.growth) await printGrowth();
if (options.kernels) printKernels();

function findPython() {
  return [process.env.PYTHON, "python3", "/usr/bin/python3"].find(
    (program) => program && spawnSync(program, ["-c", "import torch"]).status === 0,
  );
}

function printVersions() {
  const version = (file) => JSON.parse(readFileSync(file, "utf8")).version;
  const require = createRequire(import.meta.url);
  const stock = join(dirname(require.resolve("onnxruntime-node/package.json")), "package.json");
  console.log(`${cpus()[0]?.model ?? process.arch}, ${availableParallelism()} cores`);
  console.log(`Node ${process.versions.node}, onnxruntime-node ${version(stock)}`);
  console.log(`softonnx ${version(new URL("../package.json", import.meta.url))}`);
  if (!native.available) console.log(`native kernels skipped: ${native.reason}`);
  if (!python) {
    console.log(
      "PyTorch skipped: not installed (apt-get install python3-torch python3-numba python3-pot)",
    );
  }
}

async function printComparison(threads) {
  const cells = wanted.flatMap(({ name, sizes }) => sizes.map(([batch, n]) => [name, batch, n]));
  const own = native.available ? await times("native", threads, cells) : new Map();
  const bodies = await times("cpu", threads, cells);
  const torch = python ? await torchTimes(threads) : new Map();
  const judged = threads === 1;
  console.log(`\n### ${judged ? "One thread" : "All threads"}\n`);
  table(
    ["operator", "batch x n", "ours", "on native", "bodies", "PyTorch", "PyTorch / ours"].concat(
      judged ? ["at least", ""] : [],
    ),
    wanted.flatMap(({ name, peer, sizes }) =>
      sizes.map(([batch, n, ...goals]) => {
        const [a, b] = [own, bodies].map((found) => found.get(keyOf(name, batch, n)));
        const c = torch.get(keyOf(peer ?? name, batch, n));
        const ratios = ratio(c, a ?? b);
        const line = [
          name,
          `${batch} x ${n}`,
          pair(a),
          a?.via ?? "",
          pair(b),
          pair(c),
          pair(ratios),
        ];
        return judged ? [...line, goals.join(" / "), verdict(ratios, goals)] : line;
      }),
    ),
  );
}

/** Growth with the length of one row, and with the number of rows of 64. */
async function printGrowth() {
  const backend = native.available ? "native" : "cpu";
  console.log(`\n### Growth, backend ${backend}, one thread\n`);
  const lengths = [256, 1024, 4096, 16384].map((n) => [1, n]);
  const batches = [1, 16, 256, 4096].map((batch) => [batch, 64]);
  const lines = [];
  for (const { name } of wanted) {
    for (const sizes of [lengths, batches]) {
      const found = [];
      // A process for each: its peak is that of this size alone.
      for (const [batch, n] of sizes) {
        if (found.at(-1)?.grad_ms > TOO_LONG_MS) break;
        const cell = await times(backend, 1, [[name, batch, n]], seconds / 5);
        found.push(cell.get(keyOf(name, batch, n)));
      }
      lines.push([
        name,
        sizes === lengths ? "n, batch 1" : "batch, n = 64",
        [...new Set(found.map((cell) => cell?.via ?? "nothing"))].join("; "),
        ...sizes.map((_, i) => (found[i]?.peak_mb === undefined ? "skipped" : growthOf(found[i]))),
      ]);
    }
  }
  table(
    ["operator", "grows", "on native", "256 or 1", "1024 or 16", "4096 or 256", "16384 or 4096"],
    lines,
  );
  console.log(
    "\nA cell: ms forward / with gradient, and the most memory that the process took on for it.",
  );
}

/** The kernels alone, beside their goals. */
function printKernels() {
  console.log("\n### Kernels alone, one thread\n");
  const program = join(import.meta.dirname, "native-kernels.mjs");
  const { status } = spawnSync(process.execPath, [program], { stdio: "inherit" });
  if (status !== 0)
    console.log("skipped: they were not built (they need a C++ compiler) or failed");
}

function growthOf(cell) {
  return `${pair(cell)}, ${Math.max(0, cell.peak_mb).toFixed(0)} MB`;
}

function times(backend, threads, cells, budget = seconds) {
  const program = join(import.meta.dirname, "peer-times.mjs");
  const request = JSON.stringify({ backend, threads, seconds: budget, cells });
  return results(`${backend}, ${threads || "all"} threads`, process.execPath, [program, request]);
}

function torchTimes(threads) {
  const program = join(import.meta.dirname, "torch_baseline.py");
  const sized = ["--seconds", String(seconds), "--threads", String(threads)];
  return results("PyTorch", python, [program, "--rows", options.rows, ...sized]);
}

/** What a process prints, by row and size. */
async function results(what, program, parameters) {
  const found = new Map();
  const child = spawn(program, parameters, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => child.on("close", resolve));
  for await (const line of createInterface({ input: child.stdout })) {
    const cell = JSON.parse(line);
    if (cell.versions) {
      const list = Object.entries(cell.versions).filter(([, version]) => version !== null);
      console.log(`${what}: ${list.map(([name, version]) => `${name} ${version}`).join(", ")}`);
      continue;
    }
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${what}: ${cell.row} ${cell.n}`);
    if (cell.skipped) {
      console.log(`${what}: ${cell.row} ${cell.batch} x ${cell.n} skipped: ${cell.skipped}`);
    }
    found.set(keyOf(cell.row, cell.batch, cell.n), cell);
  }
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  const status = await ended;
  if (status !== 0) console.log(`${what}: stopped early (${status ?? "killed"})`);
  return found;
}

function keyOf(name, batch, n) {
  return `${name} ${batch} ${n}`;
}

function ratio(theirs, ours) {
  if (theirs?.forward_ms === undefined || ours?.forward_ms === undefined) return undefined;
  return {
    forward_ms: theirs.forward_ms / ours.forward_ms,
    grad_ms: theirs.grad_ms / ours.grad_ms,
  };
}

function verdict(ratios, goals) {
  if (goals.length === 0 || ratios === undefined) return "";
  const met = [ratios.forward_ms >= goals[0], ratios.grad_ms >= goals[1]];
  if (met.every(Boolean)) return "met";
  return met.some(Boolean) ? `short ${met[0] ? "with gradient" : "forward"}` : "short";
}

function pair(cell) {
  if (cell?.forward_ms === undefined) return "";
  return `${short(cell.forward_ms)} / ${short(cell.grad_ms)}`;
}

function short(value) {
  return value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(2)));
}

function table(head, lines) {
  for (const line of [head, head.map(() => "---"), ...lines])
    console.log(`| ${line.join(" | ")} |`);
}
