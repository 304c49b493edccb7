// Makes the ready-made models and their cards, models/README.md.
//
//   npm run models               writes what has changed
//   npm run models -- --check    says what is stale
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as library from "../dist/index.js";
import { cardsOf } from "./cards.mjs";
import { definitionsOf } from "./definitions.mjs";

const FOLDER = dirname(fileURLToPath(import.meta.url));

const made = Object.entries(definitionsOf(library)).map(([name, definition]) => {
  const graph = definition.build();
  return { ...definition, name, graph, bytes: graph.toModel() };
});
const files = new Map(made.map(({ name, bytes }) => [`${name}.onnx`, bytes]));
files.set("README.md", Buffer.from(cardsOf(made)));

const stale = [...files].filter(([name, bytes]) => {
  const path = join(FOLDER, name);
  return !existsSync(path) || !readFileSync(path).equals(Buffer.from(bytes));
});

if (process.argv.includes("--check")) {
  for (const [name] of stale) console.log(`stale: models/${name}; run npm run models`);
  process.exitCode = stale.length === 0 ? 0 : 1;
} else {
  for (const [name, bytes] of stale) {
    const path = join(FOLDER, name);
    writeFileSync(`${path}.tmp`, bytes);
    renameSync(`${path}.tmp`, path);
    console.log(`models/${name}: ${(bytes.length / 1024).toFixed(1)} KB`);
  }
}
