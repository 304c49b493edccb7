import { symlinkSync, writeFileSync } from "node:fs";
import { type IncomingHttpHeaders, request } from "node:http";
import { join } from "node:path";
import { type Site, startSite } from "./site.ts";

let site: Site;

beforeAll(async () => {
  site = await startSite();
}, 60_000);

afterAll(() => site.close());

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Asks with the path as it stands: `fetch` would tidy it up first. */
function ask(path: string, method = "GET"): Promise<Answer> {
  const { hostname, port } = new URL(site.address);
  return new Promise((resolve, reject) => {
    const asked = request({ hostname, port, path, method }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => {
        body += part;
      });
      response.on("end", () =>
        resolve({ status: response.statusCode, headers: response.headers, body }),
      );
    });
    asked.on("error", reject);
    asked.end();
  });
}

test("pages come with the headers that threads need and a strict policy", async () => {
  const { status, headers, body } = await ask("/");
  expect(status).toBe(200);
  expect(body).toMatch(/<h1>/);
  expect(headers).toMatchObject({
    "content-type": "text/html; charset=utf-8",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "x-content-type-options": "nosniff",
  });
  const policy = headers["content-security-policy"];
  expect(policy).toContain("script-src 'self' 'wasm-unsafe-eval';");
  expect(policy).not.toMatch(/unsafe-inline|'unsafe-eval'|\*|https?:/);
  expect((await ask("/runtime/ort-wasm-simd-threaded.wasm", "HEAD")).headers["content-type"]).toBe(
    "application/wasm",
  );
});

test("nothing outside the folder is served, whatever the path looks like", async () => {
  writeFileSync(join(site.folder, "../secret.html"), "secret");
  symlinkSync(join(site.folder, "../secret.html"), join(site.folder, "link.html"));
  for (const path of [
    "/../secret.html",
    "/..%2fsecret.html",
    "/%2e%2e/secret.html",
    "/pages/../../secret.html",
    "/pages/%2e%2e%2f%2e%2e%2fsecret.html",
    "/..%5csecret.html",
    "//secret.html",
    "/link.html",
    "/secret.html%00",
    "/%",
    "/pages",
    "/nothing.html",
  ]) {
    const { status, body } = await ask(path);
    expect({ path, status }).toEqual({ path, status: 404 });
    expect(body).not.toContain("secret");
  }
});

test("it answers no method but GET and HEAD, and goes on", async () => {
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
    expect((await ask("/", method)).status).toBe(405);
  }
  expect((await ask("/", "HEAD")).body).toBe("");
  expect((await ask("/")).status).toBe(200);
});
