import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { isLiteral } from "../builder/tensor.ts";
import { type Feed, readNpy, type Tensor, writeNpy } from "../node.ts";

/** A feed from the command line: a .npy or .json file, or JSON as it stands. */
export async function readFeed(word: string): Promise<Feed> {
  if (word.endsWith(".npy")) return readNpy(word);
  const file = word.endsWith(".json");
  return literal(parse(file ? await readFile(word, "utf8") : word, word), word);
}

/** All feeds of a JSON file. */
export async function readFeeds(path: string): Promise<Record<string, Feed>> {
  const value = parse(await readFile(path, "utf8"), path);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Error(`${path}: expected an object of feeds by name`);
  }
  const entries = Object.entries(value).map(([name, feed]) => {
    return [name, literal(feed, `${path}: "${name}"`)] as const;
  });
  return Object.fromEntries(entries);
}

/** Writes NAME.npy of each tensor into a folder, which is made if it is not there.
 * @returns the paths
 * @throws Error for texts, which are not written so */
export async function writeResults(
  folder: string,
  results: Readonly<Record<string, Tensor>>,
): Promise<string[]> {
  const texts = Object.keys(results).find((name) => results[name]?.type === "string");
  if (texts !== undefined) throw new Error(`"${texts}" holds texts: leave out -o to print them`);
  await mkdir(folder, { recursive: true });
  const files: string[] = [];
  for (const [name, tensor] of Object.entries(results)) {
    // Names of outputs may look like paths.
    const file = join(folder, `${name.replaceAll(/[/\\]/g, "_")}.npy`);
    await writeNpy(file, tensor);
    files.push(file);
  }
  return files;
}

function parse(json: string, place: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw new Error(`${place}: expected a .npy file, a .json file or JSON`);
  }
}

function literal(value: unknown, place: string): Feed {
  if (isLiteral(value)) return value;
  throw new Error(`${place}: expected numbers, texts or nested lists of them`);
}
