// Makes the API reference in docs/reference from the comments in src/, and its pictures from exported models.
//
//   npm run docs               writes pages and pictures
//   npm run docs -- --pages    leaves the pictures as they are
//   npm run docs -- --check    says what is stale; pictures are not drawn, only looked for
//
// Either fails with a list if something that the package exports is not documented.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { readDeclarations } from "./declarations.mjs";
import { SOFT_FAMILIES } from "./families.mjs";
import { loadLibrary } from "./library.mjs";
import { missingDefaults, missingDocs } from "./missing.mjs";
import { defaultsOf, pagesOf } from "./pages.mjs";
import { PAGES, ROOT } from "./paths.mjs";
import { captionsOf, picturesOf } from "./pictures/pictures.mjs";
import { samplesOf } from "./pictures/samples.mjs";

const FOLDER = join(ROOT, PAGES);
/** Larger ones load slowly where there are several on a page. */
const MOST_BYTES = 30_000;

const library = await loadLibrary();
const {
  "src/index.ts": main,
  "src/node.ts": node,
  "src/web.ts": web,
} = readDeclarations(["src/index.ts", "src/node.ts", "src/web.ts"]);
const operators = main
  .find(({ name }) => name === "soft")
  .members.filter(({ kind }) => kind === "function");
const samples = samplesOf(library);

fail("Not documented:", [
  ...missingDocs(main),
  ...missingDocs(node, "softonnx/node: "),
  ...missingDocs(web, "softonnx/web: "),
  ...operators.flatMap((each) => missingDefaults(each, defaultsOf(each, library.soft))),
  ...unplaced(),
]);

const pages = pagesOf({ main, node, web, soft: library.soft, samples });
const pictures = operators.flatMap(({ name }) => captionsOf(name, samples[name]));

if (process.argv.includes("--check")) check();
else await write(!process.argv.includes("--pages"));

/** Operators without a family or a sample. */
function unplaced() {
  const families = Object.values(SOFT_FAMILIES).flat();
  return operators.flatMap(({ name }) => [
    ...(families.includes(name)
      ? []
      : [`soft.${name} has no family in tools/reference/families.mjs`]),
    ...(name in samples
      ? []
      : [`soft.${name} has no sample in tools/reference/pictures/samples.mjs`]),
  ]);
}

async function write(withPictures) {
  for (const path of filesThere()) {
    if (withPictures || !path.startsWith("pictures/")) rmSync(join(FOLDER, path));
  }
  for (const [path, text] of Object.entries(pages)) put(path, text);
  if (withPictures) await writePictures();
  process.stdout.write(
    `${PAGES}: ${Object.keys(pages).length} pages, ${pictures.length} pictures\n`,
  );
}

async function writePictures() {
  const tooLarge = [];
  for (const { name } of operators) {
    for (const { file, svg } of await picturesOf(library, name, samples[name])) {
      if (svg.length > MOST_BYTES) tooLarge.push(`${file}: ${svg.length} bytes`);
      put(`pictures/${file}`, svg);
    }
  }
  fail(`Pictures above ${MOST_BYTES} bytes:`, tooLarge);
}

function filesThere() {
  if (!existsSync(FOLDER)) return [];
  return readdirSync(FOLDER, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(FOLDER, join(entry.parentPath, entry.name)).replaceAll("\\", "/"));
}

function put(path, text) {
  const full = join(FOLDER, path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, text);
}

function check() {
  const wanted = new Set([
    ...Object.keys(pages),
    ...pictures.map(({ file }) => `pictures/${file}`),
  ]);
  const there = filesThere();
  const stale = Object.entries(pages)
    .filter(([path, text]) => there.includes(path) && read(path) !== text)
    .map(([path]) => `${path} is stale`);
  fail("The reference is stale (npm run docs):", [
    ...stale,
    ...[...wanted].filter((path) => !there.includes(path)).map((path) => `${path} is missing`),
    ...there.filter((path) => !wanted.has(path)).map((path) => `${path} is of nothing any more`),
  ]);
  process.stdout.write(`${PAGES} is up to date\n`);
}

function read(path) {
  return readFileSync(join(FOLDER, path), "utf8");
}

function fail(title, problems) {
  if (problems.length === 0) return;
  process.stderr.write(`${title}\n${problems.map((problem) => `  ${problem}\n`).join("")}`);
  process.exit(1);
}
