// Training steps a second in a page: SoftONNX, jax-js and TensorFlow.js doing the same step, in the same
// browser, in one run, behind the same headers. Each reads its loss at every step.
//
//   npm run bench:web               prints the table
//   npm run bench:web -- --write    also puts it into docs/web.md
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { chromium } from "playwright-core";
import { POLICY } from "../web/policy.mjs";
import { serveFolder } from "../web/server.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = dirname(HERE);
const OUT = join(ROOT, "out/bench-web");
const SCRIPTS = join(HERE, "web");
const PEERS = join(SCRIPTS, "peers");
const SIZES = [64, 256, 1024];
const SETTING = { softness: 0.1, rate: 1 };
/** Rounds in which each library has its turn; the table has the medians. */
const ROUNDS = 5;
const ROUND_MS = 1500;
const MARKS = ["<!-- steps in a page -->", "<!-- end of steps in a page -->"];

/** In the page: `begin` loads a library and takes a few steps, `rate` takes as many as it can for a while. */
const PAGE = `
let step;
globalThis.begin = async (library, n, setting) => {
  const { start } = await import("./scripts/" + library + ".mjs");
  const target = Float32Array.from({ length: n }, (_, i) => 1 - i / n);
  step = await start(n, target, setting);
  const losses = [];
  for (let i = 0; i < 20; i++) losses.push(await step());
  return losses;
};
globalThis.rate = async (ms) => {
  const began = performance.now();
  let [count, now] = [0, began];
  while (now - began < ms) {
    await step();
    count++;
    now = performance.now();
  }
  return (1000 * count) / (now - began);
};
document.documentElement.dataset.ready = "true";
`;

if (!existsSync(join(PEERS, "node_modules"))) {
  execFileSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
    cwd: PEERS,
    stdio: "inherit",
  });
}
const ours = createRequire(import.meta.url);
const theirs = createRequire(join(PEERS, "package.json"));
const versionOf = (path) => JSON.parse(readFileSync(path, "utf8")).version;
const packageOf = (name) => join(PEERS, "node_modules", name);
const runtime = dirname(ours.resolve("onnxruntime-web/wasm"));
const LIBRARIES = {
  softonnx: `SoftONNX on onnxruntime-web ${versionOf(join(dirname(runtime), "package.json"))}`,
  jax: `jax-js ${versionOf(join(packageOf("@jax-js/jax"), "package.json"))}, jit, wasm`,
  tfjs: `TensorFlow.js ${versionOf(join(packageOf("@tensorflow/tfjs-core"), "package.json"))}, wasm`,
};

await buildPages();
// The peers make their threads of scripts that they write themselves.
const policy = POLICY.header.replace(/(worker-src|script-src) 'self'/g, "$1 'self' blob:");
const server = await serveFolder(OUT, 0, policy);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM_PATH ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--no-first-run"],
});
try {
  const table = [];
  for (const n of SIZES) table.push(await measure(n));
  const text = tableOf(table, await browser.version());
  console.log(text);
  if (process.argv.includes("--write")) writeTable(text);
} finally {
  await browser.close();
  server.close();
}

async function buildPages() {
  rmSync(OUT, { recursive: true, force: true });
  for (const folder of ["scripts", "runtime"]) mkdirSync(join(OUT, folder), { recursive: true });
  await build({
    entryPoints: Object.keys(LIBRARIES).map((name) => join(SCRIPTS, `${name}.mjs`)),
    outdir: join(OUT, "scripts"),
    outExtension: { ".js": ".mjs" },
    bundle: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    minify: true,
    external: ["onnxruntime-web"],
    nodePaths: [join(PEERS, "node_modules")],
    tsconfigRaw: "{}",
    logLevel: "error",
  });
  for (const file of [
    "ort.wasm.min.mjs",
    "ort-wasm-simd-threaded.mjs",
    "ort-wasm-simd-threaded.wasm",
  ]) {
    copyFileSync(join(runtime, file), join(OUT, "runtime", file));
  }
  const tfjs = dirname(theirs.resolve("@tensorflow/tfjs-backend-wasm"));
  for (const name of ["", "-simd", "-threaded-simd"]) {
    const file = `tfjs-backend-wasm${name}.wasm`;
    copyFileSync(join(tfjs, file), join(OUT, "runtime", file));
  }
  writeFileSync(join(OUT, "page.js"), PAGE);
  writeFileSync(
    join(OUT, "index.html"),
    '<!doctype html><html lang="en"><title>bench</title><script type="module" src="page.js"></script>',
  );
}

/** The median steps a second of each library, by turns, each in a page of its own. */
async function measure(n) {
  const pages = {};
  for (const name of Object.keys(LIBRARIES)) {
    const page = await browser.newPage();
    page.on("pageerror", (error) => console.error(`${name}: ${error.message}`));
    await page.goto(`http://127.0.0.1:${server.address().port}/`);
    await page.waitForSelector("html[data-ready]", { state: "attached" });
    const losses = await page.evaluate(
      ([library, size, setting]) => globalThis.begin(library, size, setting),
      [name, n, SETTING],
    );
    pages[name] = { page, losses, rates: [] };
  }
  const [first, ...others] = Object.entries(pages);
  for (const [name, { losses }] of others) {
    losses.forEach((loss, i) => {
      const expected = first[1].losses[i];
      if (!(Math.abs(loss - expected) <= 1e-3 * expected)) {
        throw new Error(
          `n = ${n}, step ${i}: ${name} has the loss ${loss}, ${first[0]} ${expected}`,
        );
      }
    });
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const { page, rates } of Object.values(pages)) {
      rates.push(await page.evaluate((ms) => globalThis.rate(ms), ROUND_MS));
    }
  }
  for (const { page } of Object.values(pages)) await page.close();
  const median = (rates) => [...rates].sort((a, b) => a - b)[(rates.length - 1) / 2];
  const medians = Object.entries(pages).map(([name, { rates }]) => [name, median(rates)]);
  return { n, rates: Object.fromEntries(medians) };
}

function tableOf(rows, chromiumVersion) {
  const names = Object.keys(LIBRARIES);
  const head = ["steps a second", ...names.map((name) => LIBRARIES[name])];
  const lines = rows.map(({ n, rates }) => {
    const cells = names.map((name) => `${Math.round(rates[name])}`);
    return `| n = ${n} | ${cells.join(" | ")} |`;
  });
  return [
    `| ${head.join(" | ")} |`,
    `|---|${names.map(() => "--:|").join("")}`,
    ...lines,
    "",
    `Chromium ${chromiumVersion}, headless.`,
  ].join("\n");
}

function writeTable(text) {
  const path = join(ROOT, "docs/web.md");
  const page = readFileSync(path, "utf8");
  const [before, rest] = page.split(MARKS[0]);
  const [, after] = rest.split(MARKS[1]);
  writeFileSync(path, `${before}${MARKS[0]}\n\n${text}\n\n${MARKS[1]}${after}`);
}
