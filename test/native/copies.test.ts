import { spawnSync } from "node:child_process";
import { cpSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { buildSync } from "esbuild";
import { nativeStatus } from "../../src/runtime/native.ts";

const native = nativeStatus().available ? test : test.skip;

const out = join(__dirname, "..", "..", "out", "native");

/** Copies an installed package, without the libraries of other platforms. */
function copy(name: string, into: string): void {
  const home = dirname(createRequire(__filename).resolve(name)).replace(/[\\/]dist.*$/, "");
  const foreign = /[\\/]bin[\\/][^\\/]+[\\/](?:linux|darwin|win32)[\\/]?/;
  cpSync(home, join(into, "node_modules", name), {
    recursive: true,
    filter: (file) => !foreign.test(file) || file.includes(process.platform),
  });
}

native(
  "another copy of onnxruntime-node, loaded before ours, does no harm",
  () => {
    const copies = join(out, "copies");
    const program = join(out, "copies.mjs");
    copy("onnxruntime-node", copies);
    copy("onnxruntime-common", copies);
    buildSync({
      entryPoints: [join(__dirname, "copies-program.ts")],
      outfile: program,
      bundle: true,
      format: "esm",
      platform: "node",
      packages: "external",
    });
    const { stdout } = spawnSync(process.execPath, [program, copies], { encoding: "utf8" });
    rmSync(copies, { recursive: true });
    expect(JSON.parse(stdout)).toEqual({ differ: true, available: true, results: [1, 2, 3] });
  },
  60_000,
);
