import { existsSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type Browser, chromium } from "playwright-core";

const CHROMIUM = process.env.CHROMIUM_PATH ?? "/usr/bin/chromium";

/** A test in a headless Chromium. Where nobody promised one it is skipped, and says so; under CI it fails. */
export function inChromium(name: string, body: () => Promise<void>, timeout?: number): void {
  if (existsSync(CHROMIUM) || process.env.CI === "true") {
    test(name, body, timeout);
    return;
  }
  process.stdout.write(
    `no Chromium at ${CHROMIUM} (CHROMIUM_PATH sets another): not tested there\n`,
  );
  test.skip(name, body);
}

/** @param gpu with WebGPU, by a graphics adapter in software: right and slow */
export function launch({ gpu = false } = {}): Promise<Browser> {
  const software = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [
      "--no-sandbox",
      ...(gpu ? software : ["--disable-gpu"]),
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

export interface Resource {
  readonly type: string;
  readonly body: string | Uint8Array;
}

/** Serves resources by their path, with a content policy, on this machine alone.
 *
 * @param find undefined for what is not there */
export function serve(
  find: (path: string) => Resource | undefined,
  policy: string,
): Promise<Server> {
  const server = createServer((request, response) => {
    const resource = find(request.url ?? "");
    if (resource === undefined) {
      // A browser asks for an icon of its own accord; that must not look like an error.
      response.writeHead(request.url === "/favicon.ico" ? 204 : 404).end();
      return;
    }
    response.writeHead(200, {
      "content-type": resource.type.startsWith("text/")
        ? `${resource.type}; charset=utf-8`
        : resource.type,
      "content-security-policy": policy,
    });
    response.end(resource.body);
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

export function addressOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}
