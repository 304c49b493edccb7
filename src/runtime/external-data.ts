import {
  closeSync,
  constants,
  copyFileSync,
  fstatSync,
  openSync,
  readSync,
  realpathSync,
} from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { GraphError } from "../builder/errors.ts";
import type { ExternalData } from "../builder/external.ts";
import type { Graph } from "../builder/graph.ts";
import { temporaryName } from "./temporary.ts";

/** Where graphs were loaded from whose weights lie in files beside the model. */
const folders = new WeakMap<Graph, string>();

/** Reads weights that lie in files beside a model, when they are asked for.
 *
 * Nothing outside the model's folder is read, whatever the model says: no absolute paths, none that go up,
 * no links that lead out, and only regular files. */
export function readerBeside(folder: string): (data: ExternalData) => Uint8Array<ArrayBuffer> {
  return ({ name, location, offset, length }) => {
    const file = openSync(pathWithin(folder, name, location), constants.O_RDONLY | NO_FOLLOW);
    try {
      const { size } = fstatSync(file);
      const count = length ?? size - offset;
      if (offset + count > size) {
        const found = `the file "${location}" has ${size} bytes, not ${offset + count}`;
        throw new GraphError("loadModel", `"${name}": ${found}`);
      }
      return readWhole(file, offset, count);
    } finally {
      closeSync(file);
    }
  };
}

/** Opening fails for a link that was put in a file's place after it was looked at. Windows has no such flag. */
const NO_FOLLOW = constants.O_NOFOLLOW ?? 0;

/** One read gives 2 GB at most. */
const MOST_READ = 2 ** 30;

function readWhole(file: number, offset: number, count: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(count);
  for (let at = 0; at < count; ) {
    const got = readSync(file, bytes, at, Math.min(count - at, MOST_READ), offset + at);
    if (got === 0) throw new GraphError("loadModel", "a file of weights became shorter");
    at += got;
  }
  return bytes;
}

/** The real path of a file that a model names.
 * @throws GraphError if it is not a regular file within the folder */
function pathWithin(folder: string, name: string, location: string): string {
  const refuse = (why: string): never => {
    throw new GraphError(
      "loadModel",
      `"${name}" has its elements in ${JSON.stringify(location)}: ${why}`,
    );
  };
  const parts = location.split(/[/\\]/);
  const absolute =
    location.startsWith("/") || location.startsWith("\\") || /^[a-z]:/i.test(location);
  if (location === "" || absolute || parts.includes("..") || location.includes("\0")) {
    refuse("expected a path below the model's folder");
  }
  let real: string;
  try {
    real = realpathSync(join(folder, ...parts));
  } catch {
    return refuse("there is no such file beside the model");
  }
  if (!real.startsWith(realpathSync(folder).replace(/[/\\]$/, "") + sep)) {
    refuse("it leads out of the model's folder");
  }
  const file = openSync(real, constants.O_RDONLY | NO_FOLLOW | (constants.O_NONBLOCK ?? 0));
  try {
    if (!fstatSync(file).isFile()) refuse("it is not a regular file");
  } finally {
    closeSync(file);
  }
  return real;
}

/** Looks whether all weights that a model keeps in files can be read, without reading them, and remembers
 * where they are.
 * @throws GraphError naming one that cannot */
export function rememberFolder(graph: Graph, folder: string): void {
  const all = graph.source?.external ?? [];
  for (const { name, location } of unique(all)) pathWithin(folder, name, location);
  if (all.length > 0) folders.set(graph, resolve(folder));
}

/** Copies the files that a graph's weights lie in to beside a model that is written elsewhere. */
export async function copyWeights(graph: Graph, folder: string): Promise<void> {
  const from = folders.get(graph);
  if (from === undefined || resolve(folder) === from) return;
  for (const { name, location } of unique(graph.source?.external ?? [])) {
    const target = join(folder, location);
    await mkdir(dirname(target), { recursive: true });
    const temporary = temporaryName(target);
    try {
      copyFileSync(pathWithin(from, name, location), temporary, constants.COPYFILE_FICLONE);
      await rename(temporary, target);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }
}

function unique(all: readonly ExternalData[]): ExternalData[] {
  return [...new Map(all.map((each) => [each.location, each])).values()];
}
