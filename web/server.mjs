import { createReadStream } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, sep } from "node:path";
import { POLICY } from "./policy.mjs";

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".json": "application/json",
  ".wasm": "application/wasm",
  ".onnx": "application/octet-stream",
};

const HEADERS = {
  // With these two a page is isolated, and WebAssembly may use threads.
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "cross-origin-resource-policy": "same-origin",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cache-control": "no-cache",
};

/** Serves the files of a folder, and nothing outside it, to this machine alone.
 *
 * @param port 0 for one that is free
 * @param policy what its pages may do
 * @returns the server, listening */
export async function serveFolder(folder, port, policy = POLICY.header) {
  const root = await realpath(folder);
  const headers = { ...HEADERS, "content-security-policy": policy };
  const server = createServer(async (request, response) => {
    const found = await findFile(root, request).catch(() => undefined);
    const refused = request.method !== "GET" && request.method !== "HEAD";
    if (refused || found === undefined) {
      response.writeHead(refused ? 405 : 404, { ...headers, "content-type": "text/plain" });
      response.end(refused ? "GET and HEAD only\n" : "not here\n");
      return;
    }
    response.writeHead(200, {
      ...headers,
      "content-type": TYPES[extname(found.path)],
      "content-length": found.size,
    });
    if (request.method === "HEAD") response.end();
    else
      createReadStream(found.path)
        .on("error", () => response.destroy())
        .pipe(response);
  });
  await new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return server;
}

/** The file that a request is for: undefined if there is none, it is of no kind that the site has, or its path
 * leads out of the folder, be it by dots, by an encoded separator or by a link. */
async function findFile(root, request) {
  const name = decodeURIComponent((request.url ?? "/").split("?", 1)[0]);
  if (name.includes("\0") || name.includes("\\")) return undefined;
  const path = await realpath(join(root, name.endsWith("/") ? `${name}index.html` : name));
  if (!path.startsWith(root + sep) || TYPES[extname(path)] === undefined) return undefined;
  const { size, isFile } = await stat(path).then((facts) => ({
    size: facts.size,
    isFile: facts.isFile(),
  }));
  return isFile ? { path, size } : undefined;
}
