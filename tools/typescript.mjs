import { rmSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";

/** Imports a TypeScript file of this repository, with what it imports from src/ and test/. */
export async function runTypeScript(file) {
  const root = join(import.meta.dirname, "..");
  // Inside the repository, so that packages are found.
  const bundle = join(root, "out", `${process.pid}-${Date.now()}.mjs`);
  await build({
    entryPoints: [file],
    outfile: bundle,
    bundle: true,
    // package.json says which files of dist/ have effects; of src/ nothing.
    ignoreAnnotations: true,
    packages: "external",
    format: "esm",
    platform: "node",
    target: "node20",
    // As in the tests: what knows every operator is there for its effect.
    inject: [join(root, "test/every-operator.ts")],
    alias: { softonnx: join(root, "src/index.ts") },
    sourcemap: "inline",
    logLevel: "error",
  });
  try {
    return await import(pathToFileURL(bundle).href);
  } finally {
    rmSync(bundle);
  }
}
