import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

export const ROOT = resolve(import.meta.dirname, "../..");

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
}

interface Finished {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The paths inside the tarball that `npm pack` makes, without the leading "package/". */
export interface Tarball {
  readonly path: string;
  readonly files: readonly string[];
}

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), "softonnx-"));
}

export function remove(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}

/** Packs what `npm publish` would send. The compiled files must be there: scripts do not run. */
export function pack(folder: string): Tarball {
  const answer = npm(["pack", "--json", "--ignore-scripts", "--pack-destination", folder], ROOT);
  const packed: unknown = JSON.parse(answer);
  const [only] = Array.isArray(packed) ? packed : Object.values(packed as object);
  const { filename, files } = only as { filename: string; files: { path: string }[] };
  return { path: join(folder, filename), files: files.map(({ path }) => path) };
}

/**
 * A project of a stranger who installed the tarball and onnxruntime-node. npm finds the other
 * packages in node_modules already, so it downloads nothing. They are copies: through links Node
 * would find our own dependencies where a stranger has none.
 */
export function installInto(folder: string, tarball: Tarball): void {
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as Manifest;
  for (const name of Object.keys(dependencies)) {
    copyPackage(name, folder, ["."]);
  }
  writeFileSync(
    join(folder, "package.json"),
    JSON.stringify({ name: "consumer", private: true, type: "module" }),
  );
  npm(["install", "--offline", "--no-audit", "--no-fund", tarball.path], folder);
  const binaries = join("bin", "napi-v6", process.platform, process.arch);
  copyPackage("onnxruntime-node", folder, ["package.json", "dist", "lib", binaries]);
}

function copyPackage(name: string, folder: string, parts: readonly string[]): void {
  for (const part of parts) {
    cpSync(join(ROOT, "node_modules", name, part), join(folder, "node_modules", name, part), {
      recursive: true,
    });
  }
}

/** Compiling C++ has its own tests; here an install has to be quick. */
const ENVIRONMENT = { ...process.env, SOFTONNX_NATIVE: "skip", NODE_OPTIONS: "" };

export function node(args: readonly string[], folder: string): Finished {
  return spawnSync(process.execPath, args, { cwd: folder, env: ENVIRONMENT, encoding: "utf8" });
}

export function tsc(args: readonly string[], folder: string): Finished {
  return node([join(ROOT, "node_modules", "typescript", "bin", "tsc"), ...args], folder);
}

function npm(args: readonly string[], folder: string): string {
  // On Windows npm is a script, which only a shell can start.
  return execFileSync("npm", args, {
    cwd: folder,
    env: ENVIRONMENT,
    encoding: "utf8",
    shell: process.platform === "win32",
    stdio: ["ignore", "pipe", "pipe"],
  });
}
