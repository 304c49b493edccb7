import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { addressOf, inChromium, launch, type Resource, serve } from "../support/browser.ts";
import { ROOT } from "./consumer.ts";

jest.setTimeout(120_000);

const EVERYTHING = 'export * from "./dist/index.js";';

/** Kilobytes of our own code that a program may come to, a little above what it is, so that growth is seen.
 * The protobuf library adds some twenty. */
const programs = [
  { name: "everything", code: EVERYTHING, limit: 148 },
  {
    name: "a soft loss and its gradient",
    code: 'import { Graph, grad, soft } from "./dist/index.js"; console.log(Graph, grad, soft.rank);',
    limit: 126,
  },
];

/** Nothing but our own files: no inline script, no eval, no other host. */
const POLICY = "default-src 'none'; script-src 'self'; img-src 'self'";

const PAGE = `<!doctype html>
<html lang="en">
  <head><meta charset="utf-8"><title>softonnx</title></head>
  <body><script type="module" src="/page.js"></script></body>
</html>`;

const SCRIPT = `
import { Graph, grad, reduceSum, soft } from "/softonnx.js";

const g = new Graph("page");
const x = g.input("x", "float32", [3]);
const loss = reduceSum(soft.sort(x, { softness: 0.1 }).mul([1, 0, 0])).add(reduceSum(x.mul(x)));
const [dx] = grad(loss, [x]);
const bytes = g.output("dx", dx).toModel();

const result = document.createElement("output");
result.id = "result";
result.textContent = JSON.stringify(Array.from(bytes));
document.body.append(result);
`;

let bundle: string;

beforeAll(async () => {
  bundle = await bundleForBrowsers(EVERYTHING);
});

test.each(programs)(
  "$name bundles to under $limit KB of ours, gzipped",
  async ({ name, code, limit }) => {
    const kilobytes = (bundled: string) => gzipSync(bundled).length / 1024;
    const own = kilobytes(await bundleForBrowsers(code, ["onnx-buf", "@bufbuild/protobuf"]));
    const all = kilobytes(await bundleForBrowsers(code));
    process.stdout.write(
      `${name}: ${all.toFixed(1)} KB gzipped, ${own.toFixed(1)} KB of it ours\n`,
    );
    expect(own).toBeLessThan(limit);
  },
);

inChromium("a plain module page builds, differentiates and exports a model", async () => {
  const resources: Readonly<Record<string, Resource>> = {
    "/": { type: "text/html", body: PAGE },
    "/page.js": { type: "text/javascript", body: SCRIPT },
    "/softonnx.js": { type: "text/javascript", body: bundle },
  };
  const server = await serve((path) => resources[path], POLICY);
  const browser = await launch();
  try {
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => complaints.push(`${message.type()}: ${message.text()}`));
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto(addressOf(server));
    const text = await page
      .locator("#result")
      .textContent({ timeout: 15_000 })
      .catch(() => null);
    expect(complaints).toEqual([]);

    const model = Uint8Array.from(JSON.parse(text ?? "[]") as number[]);
    expect(model.length).toBeGreaterThan(0);
    const session = await InferenceSession.create(model);
    const { dx } = await session.run({ x: new Tensor("float32", [1, 2, 4], [3]) });
    expect(dx?.dims).toEqual([3]);
    expect([...(dx?.data ?? [])].every((each) => Number.isFinite(each))).toBe(true);
  } finally {
    await browser.close();
    server.close();
  }
});

async function bundleForBrowsers(contents: string, external: string[] = []): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: ROOT },
    bundle: true,
    external,
    format: "esm",
    platform: "browser",
    target: "es2022",
    minify: true,
    write: false,
    logLevel: "silent",
  });
  return outputFiles[0]?.text ?? "";
}
