// Measures what each soft operator costs, by method and mode, in stock onnxruntime-node on one thread, and
// writes the table into README.md. Run after `npm run build`:
//
//   node bench/costs.mjs            prints the table
//   node bench/costs.mjs --write    also puts it into README.md
import { readFile, writeFile } from "node:fs/promises";
import { performance } from "node:perf_hooks";
import { Graph, soft, vjp } from "softonnx";
import { createSession, Tensor } from "softonnx/node";

const SIZES = [256, 4096];
const MODES = ["smooth", "c0", "c1", "c2"];
const BUDGET_MS = 250;
/** A single run above this is not repeated, and its gradient is not asked for. */
const TOO_LONG_MS = 20_000;

const square = "n²";
const axisWise = {
  softsort: square,
  neuralsort: square,
  ot: `${square} a step`,
  fastSoftSort: "n log n",
  smoothSort: "n a step",
  sortingNetwork: "n log² n",
};
/** Where a method makes fewer rows than n, it costs less than its square. */
const fewRows = { softsort: "k n", neuralsort: square, ot: "k n a step" };

const operators = [
  { name: "sort", cost: axisWise, call: (x, o) => soft.sort(x, o) },
  { name: "rank", cost: axisWise, call: (x, o) => soft.rank(x, o) },
  {
    name: "argsort",
    cost: { ...axisWise, sortingNetwork: "n² log² n" },
    call: (x, o) => soft.argsort(x, o),
  },
  { name: "max", cost: { ...axisWise, ...fewRows }, call: (x, o) => soft.max(x, { dim: 1, ...o }) },
  {
    name: "topk, k = 10",
    cost: { ...axisWise, ...fewRows },
    call: (x, o) => soft.topk(x, 10, o).values,
  },
  {
    name: "median",
    cost: { ...axisWise, ...fewRows },
    call: (x, o) => soft.median(x, { dim: 1, ...o }),
  },
];

/** One timed cell: milliseconds forward, and forward with gradient; undefined where there is no such
 * method or mode, or it takes too long. */
async function measure(call, options, n) {
  const values = Float32Array.from({ length: n }, (_, i) => Math.sin(i * 12.9898) * 2);
  const g = new Graph("cost");
  const x = g.input("x", "float32", [1, n]);
  let y;
  try {
    y = call(x, options);
  } catch {
    return undefined;
  }
  const forward = await time(g, { y }, values, n);
  if (forward === undefined) return undefined;
  const [dx] = vjp(y, [x]);
  return { forward, gradient: await time(g, { y, dx }, values, n) };
}

async function time(graph, outputs, values, n) {
  const session = await createSession(graph.toModel({ outputs }), {
    backend: "cpu",
    intraOpNumThreads: 1,
  });
  const feeds = { x: new Tensor("float32", values, [1, n]) };
  const once = async () => {
    const start = performance.now();
    await session.run(feeds);
    return performance.now() - start;
  };
  let best = await once();
  for (let spent = best; best < TOO_LONG_MS && spent < BUDGET_MS; ) {
    const next = await once();
    spent += next;
    best = Math.min(best, next);
  }
  await session.dispose();
  return best;
}

function cell(result) {
  if (result === undefined) return "";
  const text = (ms) => (ms >= 100 ? ms.toFixed(0) : ms.toPrecision(2));
  return `${text(result.forward)} / ${text(result.gradient)}`;
}

async function table(n) {
  const lines = [
    `| n = ${n} | method | cost | ${MODES.join(" | ")} |`,
    `|---|---|---|${MODES.map(() => "--:").join("|")}|`,
  ];
  for (const { name, cost, call } of operators) {
    for (const [method, order] of Object.entries(cost)) {
      const cells = [];
      for (const mode of MODES) {
        process.stderr.write(`\r\x1b[K${name} ${method} ${mode} n = ${n}`);
        cells.push(cell(await measure(call, { method, mode }, n)));
      }
      if (cells.every((text) => text === "")) continue;
      lines.push(`| ${name} | ${method} | ${order} | ${cells.join(" | ")} |`);
    }
  }
  process.stderr.write("\r\x1b[K");
  return lines.join("\n");
}

const tables = [];
for (const n of SIZES) tables.push(await table(n));
const text = tables.join("\n\n");
console.log(text);

if (process.argv.includes("--write")) {
  const path = new URL("../README.md", import.meta.url);
  const readme = await readFile(path, "utf8");
  const marked = /(<!-- costs -->\n)[\s\S]*(<!-- end of costs -->)/;
  if (!marked.test(readme)) throw new Error("README.md has no place for the table");
  await writeFile(path, readme.replace(marked, `$1\n${text}\n\n$2`));
}
