import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const ROOT = join(import.meta.dirname, "../..");

export interface Site {
  /** Its address, with a slash at the end. */
  readonly address: string;
  /** Where its files are. */
  readonly folder: string;
  readonly close: () => void;
}

/** Builds the site in a folder of its own and serves it, as `npm run web` does. */
export async function startSite(): Promise<Site> {
  const parent = mkdtempSync(join(tmpdir(), "softonnx-site-"));
  const folder = join(parent, "site");
  const script = join(ROOT, "web/serve.mjs");
  const child: ChildProcess = spawn("node", [script, "--port", "0", "--out", folder], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const close = () => {
    child.kill();
    rmSync(parent, { recursive: true, force: true });
  };
  try {
    const port = await new Promise<string>((resolve, reject) => {
      createInterface({ input: child.stdout as NodeJS.ReadableStream }).on("line", (line) => {
        const found = /^http:\/\/localhost:(\d+)\/$/.exec(line);
        if (found !== null) resolve(found[1] as string);
      });
      child.once("exit", (code) => reject(new Error(`web/serve.mjs ends with ${code}`)));
    });
    return { address: `http://127.0.0.1:${port}/`, folder, close };
  } catch (error) {
    close();
    throw error;
  }
}
