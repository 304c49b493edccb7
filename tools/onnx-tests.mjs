// Runs ONNX's backend node tests through reading, writing, inference and gradients, and prints a table:
//
//   npm run onnx-tests -- FOLDER [FILTER]
//
// FOLDER is onnx/backend/test/data/node of a checkout of onnx/onnx that still has it; FILTER a part of the
// names to run.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { runTypeScript } from "./typescript.mjs";

const [folder, filter] = process.argv.slice(2);
if (folder === undefined || !existsSync(folder)) {
  console.error("usage: npm run onnx-tests -- FOLDER [FILTER]");
  process.exit(2);
}
const { printTable } = await runTypeScript(join(import.meta.dirname, "../test/onnx/table.ts"));
process.exitCode = (await printTable(folder, filter)) ? 0 : 1;
