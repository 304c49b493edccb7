import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "../..");

/** Loads each model at both optimisation levels, with a line on both streams before it: what ONNX Runtime
 * says comes from native code, straight to the streams of the process. */
const LOAD = `
  const { writeSync } = require("node:fs");
  const ort = require("onnxruntime-node");
  (async () => {
    for (const file of process.argv.slice(1)) {
      writeSync(2, "\\n@ " + file + "\\n");
      for (const graphOptimizationLevel of ["disabled", "all"]) {
        try {
          const session = await ort.InferenceSession.create(file, { graphOptimizationLevel });
          await session.release();
        } catch (error) {
          writeSync(2, error.message + "\\n");
        }
      }
    }
  })();
`;

/** What stock onnxruntime-node says when it loads the models, in a process that has never seen the native
 * kernels: errors and warnings by the name of the model. The good answer is "" for each.
 *
 * ```ts
 * expect(complaints({ step: g.toModel() })).toEqual({ step: "" });
 * ``` */
export function complaints(models: Readonly<Record<string, Uint8Array>>): Record<string, string> {
  const folder = mkdtempSync(join(tmpdir(), "softonnx-silent-"));
  try {
    const files = Object.values(models).map((bytes, i) => {
      const file = join(folder, `${i}.onnx`);
      writeFileSync(file, bytes);
      return file;
    });
    const { status, stdout, stderr } = spawnSync(process.execPath, ["-e", LOAD, "--", ...files], {
      cwd: ROOT,
      encoding: "utf8",
      maxBuffer: 2 ** 28,
    });
    if (status !== 0 || stdout !== "") throw new Error(`status ${status}\n${stdout}\n${stderr}`);
    const heard = stderr.split(/^@ .*$/m).slice(1);
    return Object.fromEntries(
      Object.keys(models).map((name, i) => [name, heard[i]?.trim() ?? "not loaded"]),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
