import type { Server } from "node:http";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build, type Metafile } from "esbuild";
import { Graph, grad, losses, optimizers, soft } from "../../src/index.ts";
import { createStepper, createTrainer, evaluate, type Tensor } from "../../src/node.ts";
import { addressOf, inChromium, launch, type Resource, serve } from "../support/browser.ts";
import { fileIn, listen, RUNTIME } from "../support/page.ts";
import { ROOT } from "./consumer.ts";

jest.setTimeout(120_000);

/** Kilobytes of our own code that a page may load. The protobuf library adds twenty where graphs are written
 * or read, onnxruntime-web its own. */
const pages = [
  {
    name: "softonnx/web, all of it with the trainer",
    code: 'export * from "./dist/web.js";',
    limit: 60,
  },
  {
    name: "a page that runs a model",
    code: 'import { createSession } from "./dist/web.js"; console.log(createSession);',
    limit: 12,
  },
  {
    name: "a page that trains, with a gradient of elementwise operators",
    code: `import { Graph, grad } from "./dist/core.js"; import * as soft from "./dist/ops/soft.js";
      import { createStepper } from "./dist/web.js"; console.log(Graph, grad, soft.abs, createStepper);`,
    limit: 54,
  },
  {
    name: "a page that trains, with a soft median, its gradient and adam",
    code: `import { Graph, grad } from "./dist/core.js"; import * as soft from "./dist/ops/soft.js";
      import * as optimizers from "./dist/train/optimizers/index.js";
      import { createStepper } from "./dist/web.js";
      console.log(Graph, grad, soft.median, optimizers.adam, createStepper);`,
    limit: 78,
  },
];

describe("softonnx/web", () => {
  test.each(pages)("$name: under $limit KB of ours, gzipped", async ({ name, code, limit }) => {
    const { text } = await bundle(code, ["onnx-buf", "@bufbuild/protobuf", "onnxruntime-web"]);
    const size = gzipSync(text).length / 1024;
    process.stdout.write(`${name}: ${size.toFixed(1)} KB gzipped of ours\n`);
    expect(size).toBeLessThan(limit);
  });

  test("has nothing of Node, and needs no package to load", async () => {
    const { metafile } = await bundle('export * from "./dist/web.js";', ["onnxruntime-web"]);
    const imports = Object.values(metafile.inputs).flatMap((input) => input.imports);
    const packages = imports.filter(({ external }) => external);
    expect(packages).toEqual([{ path: "onnxruntime-web", kind: "dynamic-import", external: true }]);
    expect(Object.keys(metafile.inputs).filter((path) => path.includes("node_modules"))).toEqual(
      [],
    );
  });
});

const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; worker-src 'self' blob:";

const PAGE = `<!doctype html>
<html lang="en">
  <head><meta charset="utf-8"><title>page</title></head>
  <body><script type="module" src="/page.js"></script></body>
</html>`;

/** What both pages do with the functions they have got: run, train and refuse. */
const JOB = `
globalThis.job = async ({ createSession, createStepper }) => {
  const rows = { X: ${JSON.stringify([
    [1, 2],
    [3, 1],
    [0, 1],
  ])}, y: [1, 2, 3] };
  const session = await createSession("/model.onnx");
  const { prediction } = await session.run({ X: rows.X });
  const refused = await session.run({ Y: 1 }).catch((error) => error.message);
  const missing = await createSession("/nothing.onnx").catch((error) => error.message);
  const damaged = await createSession(new Uint8Array([1, 2, 3])).catch(() => "damaged");
  const stepper = await createStepper("/step.onnx", { state: { w: [0, 0] } });
  const losses = [];
  for (let i = 0; i < 20; i++) losses.push((await stepper.step(rows)).loss.data[0]);
  const { w } = await stepper.state();
  await Promise.all([session.dispose(), stepper.dispose()]);
  return { prediction: [...prediction.data], losses, w: [...w.data], refused, missing, damaged };
};
document.documentElement.dataset.ready = "true";
`;

/** A linear model that learns to rank, in batches: what a page runs too, so it uses nothing from here.
 * @param where to keep a checkpoint and go back to it */
async function train(
  create: typeof createTrainer,
  Class: typeof Graph,
  adam: typeof optimizers.adam,
  spearman: typeof losses.softSpearman,
  where?: string,
): Promise<number[]> {
  const g = new Class("ranker");
  const x = g.input("x", "float32", ["n", 3]);
  const y = g.input("y", "float32", ["n"]);
  const w = g.parameter("w", [0.1, 0.2, -0.1]);
  const prediction = x.matmul(w);
  const trainer = create(g, {
    loss: spearman(prediction, y),
    optimizer: adam({ rate: 0.05 }),
    outputs: { prediction },
    seed: 7,
  });
  const rows = Array.from({ length: 24 }, (_, i) => [0, 1, 2].map((k) => Math.sin(3 * i + k * i)));
  const targets = rows.map(([a, b, c]) => (a as number) - 2 * (b as number) + 0.5 * (c as number));
  const options = { epochs: 2, batchSize: 8 };
  const records = await trainer.fit({ x: rows, y: targets }, options).all();
  if (where !== undefined) {
    await trainer.save(where);
    await trainer.fit({ x: rows, y: targets }, options).all();
    await trainer.restore(where);
  }
  records.push(...(await trainer.fit({ x: rows, y: targets }, options).all()));
  await trainer.dispose();
  return records.map(({ loss }) => loss);
}

const PLAIN = `
import * as ort from "/runtime/ort.wasm.min.mjs";
import { withRuntime, webStatus } from "/dist/web.js";
ort.env.wasm.wasmPaths = "/runtime/";
ort.env.wasm.numThreads = 1;
globalThis.softonnx = withRuntime(ort);
globalThis.webStatus = webStatus;
${JOB}`;

const BUNDLED = `
import { Graph, optimizers, losses } from "./dist/core.js";
import * as web from "./dist/web.js";
import { env } from "onnxruntime-web";
env.wasm.wasmPaths = "/runtime/";
env.wasm.numThreads = 1;
globalThis.softonnx = web;
globalThis.webStatus = web.webStatus;
globalThis.train = ${train.toString()};
globalThis.trainHere = () => train(web.createTrainer, Graph, optimizers.adam, losses.softSpearman, "ranker");
${JOB}`;

function regression() {
  const g = new Graph("regression");
  const X = g.input("X", "float32", ["n", 2]);
  const y = g.input("y", "float32", ["n"]);
  const w = g.parameter("w", [0, 0]);
  const loss = soft.median(soft.abs(y.sub(X.matmul(w))));
  const [dw] = grad(loss, [w]) as [typeof w];
  return g.output("loss", loss).update(w, w.sub(dw.mul(0.1)));
}

inChromium("a plain module page, and a bundle, run and train as Node does", async () => {
  const g = regression();
  const feeds = {
    X: [
      [1, 2],
      [3, 1],
      [0, 1],
    ],
    y: [1, 2, 3],
  };
  const stepper = await createStepper(g, { backend: "cpu" });
  const history: number[] = [];
  for (let i = 0; i < 20; i++) history.push(Number((await stepper.step(feeds)).loss?.data[0]));
  const { w } = await stepper.state();
  await stepper.dispose();

  const trained = await train(createTrainer, Graph, optimizers.adam, losses.softSpearman);

  const half = new Graph("half");
  const X = half.input("X", "float32", ["n", 2]);
  const prediction = X.matmul(half.constant([0.5, 2]));
  const expected = await evaluate(prediction, { X: feeds.X });
  const binary = (body: Uint8Array): Resource => ({ type: "application/octet-stream", body });
  const html: Resource = { type: "text/html", body: PAGE };
  const { text } = await bundle(BUNDLED, []);
  const common: Readonly<Record<string, Resource>> = {
    "/model.onnx": binary(half.output("prediction", prediction).toModel()),
    "/step.onnx": binary(g.toModel()),
  };
  const scripts = { plain: PLAIN, bundled: text };

  const servers: Server[] = [];
  const browser = await launch();
  try {
    for (const [kind, script] of Object.entries(scripts)) {
      const find = (path: string): Resource | undefined => {
        if (path === "/") return html;
        if (path === "/page.js") return { type: "text/javascript", body: script };
        if (path.startsWith("/runtime/")) return fileIn(RUNTIME, path.slice("/runtime".length));
        if (path.startsWith("/dist/"))
          return fileIn(join(ROOT, "dist"), path.slice("/dist".length));
        return common[path];
      };
      const server = await serve(find, POLICY);
      servers.push(server);
      const page = await browser.newPage();
      const complaints = listen(page);
      await page.goto(addressOf(server));
      await page.waitForSelector("html[data-ready]", { state: "attached" });
      const found = await page.evaluate("job(softonnx)");
      expect({ kind, found }).toMatchObject({
        kind,
        found: {
          refused: 'run: there is no input "Y"; did you mean "X"?',
          missing: "createSession: /nothing.onnx answers 404 Not Found",
          damaged: "damaged",
        },
      });
      const numbers = found as Record<"prediction" | "losses" | "w", number[]>;
      expectClose(numbers.prediction, [...(expected.data as Float32Array)]);
      expectClose(numbers.losses, history);
      expectClose(numbers.w, [...((w as Tensor).data as Float32Array)]);
      if (kind === "bundled")
        expectClose((await page.evaluate("trainHere()")) as number[], trained);
      const status = await page.evaluate("webStatus()");
      expect(status).toMatchObject({ webgpu: false, threads: false });
      expect((status as { missing: string[] }).missing).toHaveLength(2);
      // What the page was asked to ask for and is not there: an address, and a graphics adapter.
      const askedFor = /404|No available adapters/;
      expect(complaints.filter((each) => !askedFor.test(each))).toEqual([]);
      await page.close();
    }
  } finally {
    await browser.close();
    for (const server of servers) server.close();
  }
});

function expectClose(found: readonly number[], expected: readonly number[]): void {
  expect(found).toHaveLength(expected.length);
  for (const [i, value] of expected.entries()) {
    expect(Math.abs((found[i] as number) - value)).toBeLessThanOrEqual(1e-5);
  }
}

async function bundle(
  contents: string,
  external: string[],
): Promise<{ readonly text: string; readonly metafile: Metafile }> {
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: ROOT },
    bundle: true,
    external,
    format: "esm",
    platform: "browser",
    target: "es2022",
    minify: true,
    write: false,
    metafile: true,
    logLevel: "silent",
  });
  return { text: outputFiles[0]?.text ?? "", metafile };
}
