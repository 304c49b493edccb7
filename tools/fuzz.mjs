// Reads, writes and differentiates mutated models:
//
//   npm run fuzz [-- COUNT [SEED]]
//
// 100,000 by default. Each has to end in a model or in an error of ours, within a second, and all of them
// within 1 GB.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { runTypeScript } from "./typescript.mjs";

const [count = "100000", seed = "1"] = process.argv.slice(2);
if (process.env.SOFTONNX_FUZZ !== "child") {
  const { status } = spawnSync(
    process.execPath,
    ["--max-old-space-size=1024", ...process.argv.slice(1)],
    { stdio: "inherit", env: { ...process.env, SOFTONNX_FUZZ: "child" } },
  );
  process.exit(status ?? 1);
}
const { survive } = await runTypeScript(join(import.meta.dirname, "../test/onnx/fuzz.ts"));
const { models, differentiated, refused, slowest, faults } = survive(
  Number(count),
  Number(seed),
  1000,
);
const memory = process.resourceUsage().maxRSS / 1024;
console.log(
  `${count} mutated models: ${models} read and written, ${differentiated} of them differentiated, ` +
    `${refused} refused; the slowest took ${slowest.toFixed(0)} ms, all together ${memory.toFixed(0)} MB`,
);
for (const fault of faults) console.error(fault);
if (faults.length > 0 || memory > 1024) process.exitCode = 1;
