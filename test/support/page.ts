import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, normalize, sep } from "node:path";
import type { Page } from "playwright-core";
import type { Resource } from "./browser.ts";

const require = createRequire(import.meta.url);

/** The files of onnxruntime-web. */
export const RUNTIME = dirname(require.resolve("onnxruntime-web/wasm"));

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html",
  js: "text/javascript",
  mjs: "text/javascript",
  css: "text/css",
  json: "application/json",
  svg: "image/svg+xml",
  wasm: "application/wasm",
};

/** A file below a folder, to serve; undefined for what is not there. */
export function fileIn(folder: string, path: string): Resource | undefined {
  const file = normalize(join(folder, path));
  if (!file.startsWith(folder + sep) || !existsSync(file)) return undefined;
  const type = TYPES[file.slice(file.lastIndexOf(".") + 1)] ?? "application/octet-stream";
  return { type, body: readFileSync(file) };
}

/** What a page says that it should not: console messages, errors, and requests to elsewhere. */
export function listen(page: Page): string[] {
  const complaints: string[] = [];
  page.on("console", (message) => complaints.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (request) => {
    const url = new URL(request.url());
    const here =
      url.protocol === "blob:" || url.protocol === "data:" || url.hostname === "127.0.0.1";
    if (!here) complaints.push(`a request to ${url.href}`);
  });
  return complaints;
}
