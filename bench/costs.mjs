// Measures what each soft operator costs, by method and mode, in stock onnxruntime-node on one thread, and
// writes the tables into README.md. Run after `npm run build`, on a quiet machine; it takes about a quarter
// of an hour:
//
//   node bench/costs.mjs            prints the tables, for n = 256 and 4096
//   node bench/costs.mjs 256        prints that for one length
//   node bench/costs.mjs --write    also puts them into README.md
//
// A run that takes more than 10 seconds or, on Linux, more than 4 GB of memory is ended, and its cell says
// so. Gradients of what is ended are not tried.
import { fork } from "node:child_process";
import { readFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { MODES, modesOf, ROWS } from "./cost-rows.mjs";

const LIMIT_SECONDS = 10;
/** To build and load a model, which is not measured. */
const LOAD_SECONDS = 60;
const LIMIT_GIGABYTES = 4;
const PAGE_BYTES = 4096;

let worker;

function workerProcess() {
  worker ??= fork(new URL("./cost-worker.mjs", import.meta.url), { stdio: "inherit" });
  return worker;
}

function endWorker() {
  worker?.kill("SIGKILL");
  worker = undefined;
}

/** The time of a run, as { ms }, or what it was ended for, as { over }. */
function measure(job) {
  const child = workerProcess();
  return new Promise((resolve, reject) => {
    const settle = (result) => {
      clearTimeout(timer);
      clearInterval(watch);
      child.removeAllListeners();
      if (result.ms === undefined) endWorker();
      if (result.error) reject(new Error(`${JSON.stringify(job)}: ${result.error}`));
      else resolve(result);
    };
    const after = (seconds, result) => setTimeout(() => settle(result), seconds * 1000);
    let timer = after(LOAD_SECONDS, { over: `${LOAD_SECONDS} s to load` });
    const watch = setInterval(() => {
      if (residentBytes(child.pid) > LIMIT_GIGABYTES * 2 ** 30) {
        settle({ over: `${LIMIT_GIGABYTES} GB` });
      }
    }, 20);
    child.on("message", (message) => {
      if (!message.loaded) return settle(message);
      clearTimeout(timer);
      timer = after(LIMIT_SECONDS, { over: `${LIMIT_SECONDS} s` });
    });
    child.on("exit", (code, signal) => settle({ error: `ended with ${signal ?? code}` }));
    child.send(job);
  });
}

/** What a process holds; 0 where the system does not tell. */
function residentBytes(pid) {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]) * PAGE_BYTES;
  } catch {
    return 0;
  }
}

async function cell(job) {
  const forward = await measure({ ...job, gradient: false });
  if (forward.over) return text(forward);
  return `${text(forward)} / ${text(await measure({ ...job, gradient: true }))}`;
}

function text({ ms, over }) {
  if (over) return `> ${over}`;
  return ms >= 100 ? ms.toFixed(0) : ms.toPrecision(2);
}

async function table(n) {
  const lines = [];
  const add = (line) => {
    progress("");
    console.log(line);
    lines.push(line);
  };
  add(`| n = ${n} | method | cost | ${MODES.join(" | ")} |`);
  add(`|---|---|---|${MODES.map(() => "--:").join("|")}|`);
  for (const [operator, { costs }] of Object.entries(ROWS)) {
    for (const [method, cost] of Object.entries(costs)) {
      const cells = [];
      for (const mode of MODES) {
        progress(`${operator} ${method} ${mode}, n = ${n}`);
        const has = modesOf(method).includes(mode);
        cells.push(has ? await cell({ operator, method, mode, n }) : "");
      }
      add(`| ${operator} | ${method} | ${cost} | ${cells.join(" | ")} |`);
    }
  }
  return lines.join("\n");
}

function progress(what) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${what}`);
}

const sizes = process.argv.slice(2).map(Number).filter(Boolean);
const tables = [];
for (const n of sizes.length > 0 ? sizes : [256, 4096]) tables.push(await table(n));
endWorker();
const markdown = tables.join("\n\n");

if (process.argv.includes("--write")) {
  const path = new URL("../README.md", import.meta.url);
  const readme = await readFile(path, "utf8");
  const marked = /(<!-- costs -->\n)[\s\S]*(<!-- end of costs -->)/;
  if (!marked.test(readme)) throw new Error("README.md has no place for the tables");
  await writeFile(path, readme.replace(marked, `$1\n${markdown}\n\n$2`));
}
