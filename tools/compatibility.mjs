// Writes COMPATIBILITY.md from the tables of operators and rules:
//
//   npm run compatibility [-- --measure]
//
// --measure also tries which kernels the installed ONNX Runtime has (test/compatibility/cpu.json).
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runTypeScript } from "./typescript.mjs";

const root = join(import.meta.dirname, "..");
process.chdir(root);
if (process.argv.includes("--measure")) {
  const { version } = JSON.parse(
    readFileSync("node_modules/onnxruntime-node/package.json", "utf8"),
  );
  const { measure } = await runTypeScript(join(root, "test/compatibility/measure.ts"));
  await measure(`onnxruntime-node ${version}`);
}
const NEVER = "Not run so far: no machine with a GPU was at hand.";
const file = "COMPATIBILITY.md";
const before = existsSync(file) ? readFileSync(file, "utf8") : "";
const result = before.split("Its last result:\n\n")[1]?.trimEnd() ?? NEVER;
const { compatibilityDocument, rows } = await runTypeScript(
  join(root, "test/compatibility/document.ts"),
);
writeFileSync(file, compatibilityDocument(rows(), result));
