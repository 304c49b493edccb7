import { readFile } from "node:fs/promises";
import { type Backend, createSession, type Feed, type Tensor } from "../../node.ts";
import { type Command, type Given, UsageError } from "../command.ts";
import { readFeed, readFeeds, writeResults } from "../tensors.ts";

const BACKENDS: readonly Backend[] = ["native", "cpu", "cuda", "webgpu"];

export const runCommand: Command = {
  name: "run",
  summary: "run a model once",
  usage: "MODEL [--feed NAME=FILE ...] [--feeds FILE] [-o FOLDER]",
  details: `
Feeds come from .npy files, from JSON (nested lists of numbers), or from one JSON object with all of them.
Prints all outputs as JSON; with -o it writes NAME.npy of each into a folder instead.

  softonnx run model.onnx --feed x=x.npy --feed rate=0.1
  softonnx run model.onnx --feeds feeds.json -o results`,
  options: [
    {
      name: "feed",
      short: "f",
      value: "NAME=FILE",
      many: true,
      about: "a .npy or .json file, or JSON itself",
    },
    { name: "feeds", value: "FILE", about: "a JSON object of feeds by name" },
    { name: "output", short: "o", value: "FOLDER", about: "write .npy files instead of printing" },
    { name: "backend", value: "NAME", about: `one of ${BACKENDS.join(", ")}` },
  ],
  operands: [1, 1],
  run: async (given, terminal) => {
    const path = given.operands[0] as string;
    const feeds = await feedsOf(given);
    const backend = backendOf(given);
    // What is not there is said by its name, not by ONNX Runtime.
    const session = await createSession(
      await readFile(path),
      backend === undefined ? {} : { backend },
    );
    try {
      const results = await session.run(feeds);
      const folder = given.text("output");
      if (folder === undefined) terminal.print(asJson(results));
      else for (const file of await writeResults(folder, results)) terminal.note(`wrote ${file}`);
    } finally {
      await session.dispose();
    }
  },
};

async function feedsOf(given: Given): Promise<Record<string, Feed>> {
  const all = given.text("feeds");
  const feeds = all === undefined ? {} : await readFeeds(all);
  for (const word of given.texts("feed")) {
    const at = word.indexOf("=");
    if (at < 1) throw new UsageError(`--feed: expected NAME=FILE, got "${word}"`);
    feeds[word.slice(0, at)] = await readFeed(word.slice(at + 1));
  }
  return feeds;
}

function backendOf(given: Given): Backend | undefined {
  const name = given.text("backend");
  const backend = BACKENDS.find((each) => each === name);
  if (name === undefined || backend !== undefined) return backend;
  throw new UsageError(`--backend: expected one of ${BACKENDS.join(", ")}, got "${name}"`);
}

/** Each output with its type and shape, a line each; what JSON has no number for as a text. */
function asJson(results: Readonly<Record<string, Tensor>>): string {
  const lines = Object.entries(results).map(([name, { type, dims, data }]) => {
    const elements = Array.from(data as ArrayLike<unknown>, plain);
    const tensor = JSON.stringify({ dtype: type, shape: dims, data: elements });
    return `  ${JSON.stringify(name)}: ${tensor}`;
  });
  return `{\n${lines.join(",\n")}\n}`;
}

function plain(element: unknown): unknown {
  if (typeof element === "bigint") {
    return Number.isSafeInteger(Number(element)) ? Number(element) : String(element);
  }
  return typeof element === "number" && !Number.isFinite(element) ? String(element) : element;
}
