import { existsSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { type Browser, chromium } from "playwright-core";
import { ROOT } from "./consumer.ts";

jest.setTimeout(120_000);

/** Kilobytes of our own code, everything in it; the protobuf library adds some twenty. */
const OWN_LIMIT = 60;

const CHROMIUM = process.env.CHROMIUM_PATH ?? "/usr/bin/chromium";

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
  bundle = await bundleForBrowsers();
});

test("the portable bundle is small", async () => {
  const kilobytes = (code: string) => gzipSync(code).length / 1024;
  const own = kilobytes(await bundleForBrowsers(["onnx-buf", "@bufbuild/protobuf"]));
  const all = kilobytes(bundle);
  process.stdout.write(
    `portable bundle, gzipped: ${all.toFixed(1)} KB with everything, ${own.toFixed(1)} KB of it ours\n`,
  );
  expect(own).toBeLessThan(OWN_LIMIT);
});

inChromium("a plain module page builds, differentiates and exports a model", async () => {
  const server = await serve({
    "/": { type: "text/html", body: PAGE },
    "/page.js": { type: "text/javascript", body: SCRIPT },
    "/softonnx.js": { type: "text/javascript", body: bundle },
  });
  const browser = await launch();
  try {
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => complaints.push(`${message.type()}: ${message.text()}`));
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
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

/** Where nobody promised a browser the test is skipped, and says so; under CI it fails. */
function inChromium(name: string, body: () => Promise<void>): void {
  if (existsSync(CHROMIUM) || process.env.CI === "true") {
    test(name, body);
    return;
  }
  process.stdout.write(
    `no Chromium at ${CHROMIUM} (CHROMIUM_PATH sets another): not tested there\n`,
  );
  test.skip(name, body);
}

async function bundleForBrowsers(external: string[] = []): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(ROOT, "dist", "index.js")],
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

interface Resource {
  readonly type: string;
  readonly body: string;
}

function serve(resources: Readonly<Record<string, Resource>>): Promise<Server> {
  const server = createServer((request, response) => {
    const resource = resources[request.url ?? ""];
    if (resource === undefined) {
      // A browser asks for an icon of its own accord; that must not look like an error.
      response.writeHead(204).end();
      return;
    }
    response.writeHead(200, {
      "content-type": `${resource.type}; charset=utf-8`,
      "content-security-policy": POLICY,
    });
    response.end(resource.body);
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}
