import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import type { Page } from "playwright-core";
import { type Sample, spread } from "../export/spread.ts";
import { addressOf, inChromium, launch, type Resource, serve } from "../support/browser.ts";

const require = createRequire(import.meta.url);
const RUNTIME = dirname(require.resolve("onnxruntime-web/wasm"));

/** What a page needs to run a model: its own scripts, and leave to compile WebAssembly. */
const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; worker-src 'self'";

const PAGE = `<!doctype html>
<html lang="en">
  <head><meta charset="utf-8"><title>onnxruntime-web</title></head>
  <body><script type="module" src="/page.js"></script></body>
</html>`;

const SCRIPT = `
import * as ort from "/runtime/ort.wasm.min.mjs";

ort.env.wasm.wasmPaths = "/runtime/";
ort.env.wasm.numThreads = 1;

globalThis.runModel = async (path, feeds) => {
  const response = await fetch(path);
  const session = await ort.InferenceSession.create(new Uint8Array(await response.arrayBuffer()));
  try {
    const tensors = feeds.map(({ name, type, data, dims }) => [
      name,
      new ort.Tensor(type, type === "float64" ? Float64Array.from(data) : Float32Array.from(data), dims),
    ]);
    const results = await session.run(Object.fromEntries(tensors));
    return Object.entries(results).map(([name, { type, data, dims }]) => ({
      name, type, dims, data: Array.from(data, Number),
    }));
  } finally {
    await session.release();
  }
};
document.documentElement.dataset.ready = "true";
`;

/** A tensor that can go into the page and back. */
interface Plain {
  readonly name: string;
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: readonly number[];
}

const TOLERANCE: Readonly<Record<string, number>> = { float32: 1e-5, float64: 1e-9 };

/** The logits of neuralsort are n / softness times as large as x, here 150: so is their rounding. */
const NEURALSORT_FACTOR = 10;

const samples: readonly Sample[] = [...spread()].filter(({ name }) =>
  name.includes("training step"),
);

inChromium(
  "onnxruntime-web's wasm build gives the values and gradients of onnxruntime-node",
  async () => {
    const server = await serve(find, POLICY);
    const browser = await launch();
    try {
      const page = await browser.newPage();
      const complaints: string[] = [];
      page.on("console", (message) => complaints.push(`${message.type()}: ${message.text()}`));
      page.on("pageerror", (error) => complaints.push(error.message));
      await page.goto(addressOf(server));
      await page.waitForSelector("html[data-ready]", { state: "attached" });

      const wrong: string[] = [];
      for (const [i, { name, model }] of samples.entries()) {
        const { feeds, expected } = await runInNode(model);
        const found = await runInPage(page, `/models/${i}`, feeds);
        const factor = name.includes("neuralsort") ? NEURALSORT_FACTOR : 1;
        wrong.push(...differences(expected, found, factor).map((what) => `${name}: ${what}`));
      }
      expect(wrong).toEqual([]);
      expect(complaints).toEqual([]);
    } finally {
      await browser.close();
      server.close();
    }
  },
  600_000,
);

function find(path: string): Resource | undefined {
  const [, folder = "", file = ""] = /^\/(?:(\w+)\/)?(.*)$/.exec(path) ?? [];
  if (folder === "models") {
    return { type: "application/octet-stream", body: samples[Number(file)]?.model ?? "" };
  }
  if (folder === "runtime" && /^[\w.-]+\.(mjs|wasm)$/.test(file)) {
    const type = file.endsWith(".wasm") ? "application/wasm" : "text/javascript";
    return { type, body: readFileSync(join(RUNTIME, file)) };
  }
  if (file === "") return { type: "text/html", body: PAGE };
  return file === "page.js" ? { type: "text/javascript", body: SCRIPT } : undefined;
}

/** Feeds a model in Node. */
async function runInNode(model: Uint8Array): Promise<{ feeds: Plain[]; expected: Plain[] }> {
  const session = await InferenceSession.create(model);
  try {
    const feeds = session.inputMetadata.map(numbersFor);
    const tensors = feeds.map(({ name, type, data, dims }) => {
      const elements = type === "float64" ? Float64Array.from(data) : Float32Array.from(data);
      return [name, new Tensor(elements, dims)] as const;
    });
    const results = await session.run(Object.fromEntries(tensors));
    const expected = Object.entries(results).map(([name, { type, data, dims }]) => ({
      name,
      type,
      dims,
      data: Array.from(data as Float32Array, Number),
    }));
    return { feeds, expected };
  } finally {
    await session.release();
  }
}

/** Numbers for an input of a model: distinct, and none at a kink. */
function numbersFor(input: InferenceSession.ValueMetadata, k: number): Plain {
  if (!input.isTensor) throw new Error(`${input.name} is no tensor`);
  const named: Readonly<Record<string, number>> = { rows: 3, n: 5 };
  const dims = input.shape.map((dim) => (typeof dim === "number" ? dim : (named[dim] ?? 1)));
  const count = dims.reduce((product, dim) => product * dim, 1);
  const data = Array.from({ length: count }, (_, i) => Math.sin(7.3 * i + 2.1 * k + 0.4) * 0.9);
  return { name: input.name, type: input.type, dims, data };
}

function runInPage(page: Page, path: string, feeds: readonly Plain[]): Promise<Plain[] | string> {
  return page.evaluate(
    async ([at, given]) => {
      const run = (globalThis as unknown as { runModel: (...args: unknown[]) => Promise<Plain[]> })
        .runModel;
      return run(at, given).catch((error: unknown) => String(error));
    },
    [path, feeds] as const,
  );
}

/** Where two runs of a model differ: in relation to the largest entry of the tensor, or to 1.
 * @param factor on the tolerance of float32 */
function differences(
  expected: readonly Plain[],
  found: readonly Plain[] | string,
  factor: number,
): string[] {
  if (typeof found === "string") return [found];
  return expected.flatMap(({ name, type, dims, data }) => {
    const other = found.find((each) => each.name === name);
    if (other === undefined) return [`${name} is missing`];
    if (other.type !== type || String(other.dims) !== String(dims)) {
      return [`${name} is ${other.type} [${other.dims}], not ${type} [${dims}]`];
    }
    const tolerance = (TOLERANCE[type] ?? 0) * (type === "float32" ? factor : 1);
    const allowed = tolerance * Math.max(1, ...data.map(Math.abs));
    const off = data.findIndex(
      (value, i) => !(Math.abs(value - (other.data[i] as number)) <= allowed),
    );
    return off < 0 ? [] : [`${name}[${off}] is ${other.data[off]}, not ${data[off]}`];
  });
}
