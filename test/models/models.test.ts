import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import { createSession, nativeStatus } from "../../src/node.ts";
import { addressOf, inChromium, launch, type Resource, serve } from "../support/browser.ts";
import { fileIn, listen, RUNTIME } from "../support/page.ts";
import {
  ndcgLoss,
  sinkhorn,
  slopes,
  softMedian,
  softRank,
  softSort,
  topKMask,
} from "./reference.ts";

jest.setTimeout(120_000);

const ROOT = join(import.meta.dirname, "../..");
const MODELS = join(ROOT, "models");
const NAMES = readdirSync(MODELS).filter((file) => file.endsWith(".onnx"));

type Numbers = number | readonly Numbers[];

interface Case {
  readonly model: string;
  readonly feeds: Readonly<Record<string, Numbers>>;
  readonly expected: Readonly<Record<string, Numbers>>;
}

/** Rows of several batches and lengths, with ties and an entry alone. */
const SAMPLES: readonly (readonly number[][])[] = [
  [[0.3, -1.2, 2.5, 0.9]],
  [
    [5, 1, 1],
    [-2, 0, 7],
  ],
  [[4]],
  [Array.from({ length: 33 }, (_, i) => 3 * Math.sin(7.3 * i))],
];

const cases: readonly Case[] = [
  ...SAMPLES.flatMap((x) =>
    [0.03, 0.1, 1].flatMap((softness): Case[] => [
      {
        model: "soft-rank",
        feeds: { x, softness },
        expected: { ranks: x.map((row) => softRank(row, softness)) },
      },
      {
        model: "soft-sort",
        feeds: { x, softness },
        expected: { sorted: x.map((row) => softSort(row, softness)) },
      },
      {
        model: "soft-median",
        feeds: { x, softness },
        expected: { median: x.map((row) => softMedian(row, softness)) },
      },
      {
        model: "soft-top-k-mask",
        feeds: { x, k: Math.ceil((x[0] as number[]).length / 2), softness },
        expected: {
          mask: x.map((row) => topKMask(row, Math.ceil(row.length / 2), softness)),
        },
      },
    ]),
  ),
  ...[0.1, 1].map((softness): Case => {
    const cost = [
      [0, 1, 2],
      [1, 0.2, 1],
    ];
    const turned = [...cost].reverse();
    const [a, b] = [
      [1, 3],
      [2, 1, 1],
    ];
    return {
      model: "sinkhorn",
      feeds: { cost: [cost, turned], a: [a, a], b: [b, b], softness },
      expected: {
        plan: [sinkhorn(cost, a, b, softness), sinkhorn(turned, a, b, softness)],
      },
    };
  }),
  ...[0.1, 0.5].map((softness): Case => {
    const scores = [
      [0.2, 1.4, -0.3, 0.8, 0.5],
      [1, 2, 3, 4, 5.5],
    ];
    const relevance = [
      [3, 0, 1, 2, 0],
      [0, 1, 0, 0, 2],
    ];
    const pairs = scores.map((row, i) => [row, relevance[i] as number[]] as const);
    return {
      model: "ndcg-loss",
      feeds: { scores, relevance, softness },
      expected: {
        loss: pairs.map(([s, r]) => ndcgLoss(s, r, softness)),
        gradient: pairs.map(([s, r]) => slopes((xs) => ndcgLoss(xs, r, softness), s)),
      },
    };
  }),
];

test("they are what models/definitions.mjs makes, and have a card each", () => {
  const { stdout, stderr } = spawnSync("node", [join(MODELS, "build.mjs"), "--check"], {
    encoding: "utf8",
  });
  expect(stderr + stdout).toBe("");
});

test.each(NAMES)("%s is ordinary ONNX of opset 21 at most, and small", (file) => {
  const bytes = readFileSync(join(MODELS, file));
  const { opsetImport, functions, graph } = fromBinary(ModelProtoSchema, bytes);
  const opset = opsetImport.find(({ domain }) => domain === "")?.version;
  expect(Number(opset)).toBeLessThanOrEqual(21);
  const bodies = new Set(functions.map(({ domain, name }) => `${domain}:${name}`));
  const custom = graph?.node.filter(({ domain }) => domain !== "") ?? [];
  expect(custom.filter(({ domain, opType }) => !bodies.has(`${domain}:${opType}`))).toEqual([]);
  expect(bytes.length).toBeLessThan(64 * 1024);
});

test("every model has a case below", () => {
  const tried = new Set(cases.map(({ model }) => `${model}.onnx`));
  expect(NAMES.filter((name) => !tried.has(name))).toEqual([]);
});

const BACKENDS = nativeStatus().available ? (["cpu", "native"] as const) : (["cpu"] as const);

test.each(BACKENDS)("onnxruntime-node, %s: the plain numbers", async (backend) => {
  const wrong: string[] = [];
  for (const { model, feeds, expected } of cases) {
    const session = await createSession(join(MODELS, `${model}.onnx`), { backend });
    const results = await session.run(feeds as never);
    for (const [name, tensor] of Object.entries(results)) {
      const found = Array.from(tensor.data as Float32Array, Number);
      wrong.push(...differences(`${model} ${name}`, found, expected[name] as Numbers));
    }
    await session.dispose();
  }
  expect(wrong).toEqual([]);
});

const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; worker-src 'self'";

const PAGE = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>models</title></head>
<body><script type="module" src="/page.js"></script></body></html>`;

const SCRIPT = `
import { webStatus, withRuntime } from "/dist/web.js";
const backend = new URLSearchParams(location.search).get("backend");
const ort = await import(backend === "wasm" ? "/runtime/ort.wasm.min.mjs" : "/runtime/ort.min.mjs");
ort.env.wasm.wasmPaths = "/runtime/";
ort.env.wasm.numThreads = 1;
const { createSession } = withRuntime(ort);
globalThis.runAll = async (cases) => {
  const results = [];
  const sessions = {};
  for (const { model, feeds } of cases) {
    sessions[model] ??= await createSession("/models/" + model + ".onnx", { backend });
    const session = sessions[model];
    const outputs = Object.entries(await session.run(feeds));
    results.push(Object.fromEntries(outputs.map(([name, { data }]) => [name, Array.from(data)])));
  }
  for (const session of Object.values(sessions)) await session.dispose();
  return results;
};
globalThis.missing = backend === "wasm" ? [] : (await webStatus()).missing;
document.documentElement.dataset.ready = "true";
`;

inChromium("onnxruntime-web, by WebAssembly: the plain numbers", () => inPage("wasm"));

inChromium("onnxruntime-web, by WebGPU: the plain numbers, to 1e-3", () => inPage("webgpu"));

async function inPage(backend: "wasm" | "webgpu"): Promise<void> {
  const find = (path: string): Resource | undefined => {
    if (path.startsWith("/?")) return { type: "text/html", body: PAGE };
    if (path === "/page.js") return { type: "text/javascript", body: SCRIPT };
    const [, folder = "", rest = ""] = /^\/(\w+)(\/.*)$/.exec(path) ?? [];
    const folders: Record<string, string> = {
      runtime: RUNTIME,
      dist: join(ROOT, "dist"),
      models: MODELS,
    };
    const at = folders[folder];
    return at === undefined ? undefined : fileIn(at, rest);
  };
  const server = await serve(find, POLICY);
  const browser = await launch({ gpu: backend === "webgpu" });
  try {
    const page = await browser.newPage();
    const complaints = listen(page);
    await page.goto(`${addressOf(server)}?backend=${backend}`);
    await page.waitForSelector("html[data-ready]", { state: "attached" });
    const missing = ((await page.evaluate("missing")) as string[]).filter((each) =>
      each.includes("WebGPU"),
    );
    if (missing.length > 0) {
      process.stdout.write(`not tested by WebGPU: ${missing.join(" ")}\n`);
      return;
    }
    // A graphics adapter in software takes its time: one case a model.
    const one = cases.filter(
      (each, i) => cases.findIndex(({ model }) => model === each.model) === i,
    );
    const tried = backend === "webgpu" ? one : cases;
    const asked = tried.map(({ model, feeds }) => ({ model, feeds }));
    const results = (await page.evaluate(`runAll(${JSON.stringify(asked)})`)) as Record<
      string,
      number[]
    >[];
    const tolerance = backend === "wasm" ? 2e-5 : 1e-3;
    const wrong = tried.flatMap(({ model, expected }, i) =>
      Object.entries(expected).flatMap(([name, numbers]) =>
        differences(`${model} ${name}`, results[i]?.[name] ?? [], numbers, tolerance),
      ),
    );
    expect(wrong).toEqual([]);
    expect(complaints).toEqual([]);
  } finally {
    await browser.close();
    server.close();
  }
}

/** Where float32 results are off by more than a share of the largest number. */
function differences(
  what: string,
  found: readonly number[],
  expected: Numbers,
  tolerance = 2e-5,
): string[] {
  const numbers = [expected].flat(4) as number[];
  if (found.length !== numbers.length) return [`${what}: ${found.length} numbers`];
  const allowed = tolerance * Math.max(1, ...numbers.map(Math.abs));
  const off = numbers.findIndex((x, i) => !(Math.abs(x - (found[i] as number)) <= allowed));
  return off < 0 ? [] : [`${what}[${off}] is ${found[off]}, not ${numbers[off]}`];
}
