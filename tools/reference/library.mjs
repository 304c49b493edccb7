import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { ROOT } from "./paths.mjs";

/** The library as it is in src/, whatever dist/ holds. */
export async function loadLibrary() {
  const folder = join(ROOT, "out", "reference");
  mkdirSync(folder, { recursive: true });
  const outfile = join(folder, `softonnx-${process.pid}.mjs`);
  await build({
    entryPoints: [join(ROOT, "src", "index.ts")],
    outfile,
    bundle: true,
    packages: "external",
    format: "esm",
    platform: "node",
    target: "node20",
    logLevel: "error",
  });
  return import(pathToFileURL(outfile).href);
}
