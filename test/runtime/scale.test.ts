import { spawnSync } from "node:child_process";
import { resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "../..");

/** A tenth of what bench/scale.mjs measures. */
const SMALL = { SOFTONNX_SCALE_NODES: "10000", SOFTONNX_SCALE_GB: "0.2" };

test.each(["nodes", "weights"])(
  "a large model of %s is read, differentiated and written in seconds and little memory",
  (kind) => {
    const { stdout, stderr, status } = spawnSync(
      process.execPath,
      ["--expose-gc", "bench/scale.mjs", kind],
      { cwd: ROOT, encoding: "utf8", env: { ...process.env, ...SMALL } },
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const [, read, differentiate, write, memory] =
      stdout.match(
        /read ([\d.]+) s, differentiate ([\d.]+) s, write ([\d.]+) s.*; (\d+) MB more/,
      ) ?? [];
    // Tenths of a second on a quiet machine.
    for (const seconds of [read, differentiate, write]) expect(Number(seconds)).toBeLessThan(5);
    expect(Number(memory)).toBeLessThan(kind === "nodes" ? 400 : 100);
  },
);
