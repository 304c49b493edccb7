// Builds the demo site into out/web: a folder of static files, for any server.
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import { POLICY } from "./policy.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = dirname(HERE);
const require = createRequire(import.meta.url);

const PAGES = {
  index: { title: "SoftONNX: sorting, ranking and comparing with a gradient", script: "home" },
  operators: { title: "Operators · SoftONNX", script: "operators", label: "Operators" },
  rank: { title: "Rank · SoftONNX", script: "rank", label: "Rank" },
  train: { title: "Train · SoftONNX", script: "train", label: "Train" },
  open: { title: "Open a model · SoftONNX", script: "open", label: "Open a model" },
};

/** What the pages load of onnxruntime-web: two builds, each with its WebAssembly. */
const RUNTIME = [
  "ort.wasm.min.mjs",
  "ort-wasm-simd-threaded.mjs",
  "ort-wasm-simd-threaded.wasm",
  "ort.min.mjs",
  "ort-wasm-simd-threaded.jsep.mjs",
  "ort-wasm-simd-threaded.jsep.wasm",
];

const MODELS = ["soft-rank", "soft-median", "ndcg-loss", "soft-top-k-mask"];

/** @param out the folder to make anew */
export async function buildSite(out) {
  await rm(out, { recursive: true, force: true });
  for (const folder of ["pages", "runtime", "models", "data"]) {
    await mkdir(join(out, folder), { recursive: true });
  }
  const runtime = dirname(require.resolve("onnxruntime-web/wasm"));
  await Promise.all([
    buildScripts(join(out, "pages")),
    ...RUNTIME.map((file) => copyFile(join(runtime, file), join(out, "runtime", file))),
    ...MODELS.map((name) =>
      copyFile(join(ROOT, "models", `${name}.onnx`), join(out, "models", `${name}.onnx`)),
    ),
    copyFile(join(HERE, "pages/style.css"), join(out, "style.css")),
    copyFile(join(HERE, "pages/icon.svg"), join(out, "icon.svg")),
    writePages(out),
    writeData(join(out, "data")),
  ]);
}

async function buildScripts(folder) {
  await build({
    entryPoints: Object.values(PAGES).map(({ script }) => join(HERE, `src/${script}.ts`)),
    outdir: folder,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    minify: true,
    // What the package exports, not the sources that tsconfig.json maps its names to.
    tsconfigRaw: "{}",
    external: ["onnxruntime-web"],
    logLevel: "warning",
  });
}

async function writePages(out) {
  const layout = await readFile(join(HERE, "pages/layout.html"), "utf8");
  for (const [name, { title, script }] of Object.entries(PAGES)) {
    const content = await readFile(join(HERE, `pages/${name}.html`), "utf8");
    const nav = Object.entries(PAGES)
      .filter(([, { label }]) => label !== undefined)
      .map(([page, { label }]) => {
        const here = page === name ? ' aria-current="page"' : "";
        return `<a href="${page}.html"${here}>${label}</a>`;
      })
      .join("");
    const values = { title, script, nav, content, policy: POLICY.page };
    await writeFile(
      join(out, `${name}.html`),
      layout.replace(/\{\{(\w+)\}\}/g, (_, key) => values[key]),
    );
  }
}

/** Tables of vega-datasets, with what the pages show of them. */
async function writeData(folder) {
  // The package keeps its data out of its exports; its entry point lies beside them.
  const data = new URL("../data/", pathToFileURL(require.resolve("vega-datasets")));
  const read = async (name) => JSON.parse(await readFile(new URL(name, data), "utf8"));
  const cars = (await read("cars.json"))
    .filter((row) => row.Miles_per_Gallon !== null)
    .map((row) => ({ name: row.Name, weight: row.Weight_in_lbs, mpg: row.Miles_per_Gallon }));
  const movies = (await read("movies.json"))
    .filter((row) => row["Rotten Tomatoes Rating"] !== null && row["Worldwide Gross"] > 1e6)
    .sort((a, b) => b["IMDB Votes"] - a["IMDB Votes"])
    .slice(0, 40)
    .map((row) => ({
      title: String(row.Title),
      year: Number(/\d{4}$/.exec(row["Release Date"])[0]),
      audience: row["IMDB Rating"],
      critics: row["Rotten Tomatoes Rating"],
      gross: row["Worldwide Gross"] / 1e6,
    }));
  await writeFile(join(folder, "cars.json"), JSON.stringify(cars));
  await writeFile(join(folder, "movies.json"), JSON.stringify(movies));
}
