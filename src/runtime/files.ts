import { open, readdir, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Tensor } from "onnxruntime-common";
import { failArgument } from "../builder/errors.ts";
import "../builder/every.ts";
import { Graph } from "../builder/graph.ts";
import type { FromModelOptions } from "../builder/read.ts";
import { copyWeights, readerBeside, rememberFolder } from "./external-data.ts";
import { formatNpy, NpyError, parseNpy } from "./npy.ts";
import { tensorClass } from "./onnxruntime-node.ts";
import { temporaryName, temporaryPrefix } from "./temporary.ts";

/** Writes a model to a file. The file appears, or replaces an older one, when it is complete: whoever
 * reads it meanwhile, or after a crash, finds a whole model.
 *
 * ```ts
 * await saveModel("median.onnx", g.toModel({ outputs: { y } }));
 * ```
 * Weights that a graph was loaded with from files beside its model are copied to beside the new one, if that
 * is in another folder.
 *
 * @param model a Graph (which is exported as by `toModel()`) or the bytes of a model
 * @throws Error if the folder does not exist or cannot be written to */
export async function saveModel(path: string, model: Graph | Uint8Array): Promise<void> {
  const bytes = model instanceof Uint8Array ? model : model?.toModel?.();
  if (bytes === undefined) failArgument("saveModel", "model", "a Graph or bytes", model);
  // Before the model, which names them.
  if (!(model instanceof Uint8Array)) await copyWeights(model, dirname(path));
  await replaceFile(path, bytes);
}

/** Reads a model file into a graph, as `Graph.fromModel`. Weights that it keeps in files beside it are looked
 * for now and read when their elements are asked for, so that a model larger than memory can be
 * differentiated; nothing outside its folder is read.
 *
 * @throws Error if the file cannot be read, ModelFormatError if it is no ONNX model, GraphError if it names
 * a file of weights that is not there, or not in its folder */
export async function loadModel(path: string, options: FromModelOptions = {}): Promise<Graph> {
  const folder = dirname(path);
  const bytes = await readFile(path);
  const graph = Graph.fromModel(bytes, { external: readerBeside(folder), ...options });
  rememberFolder(graph, folder);
  return graph;
}

/** Reads an array that NumPy saved: a .npy file.
 *
 * ```ts
 * const images = await readNpy("images.npy");
 * ```
 * @throws NpyError for a file that is none, and for arrays of objects, texts or records; Error if it cannot
 * be read */
export async function readNpy(path: string): Promise<Tensor> {
  const bytes = await readFile(path);
  try {
    return parseNpy(bytes, tensorClass());
  } catch (error) {
    throw error instanceof NpyError ? new NpyError(`${path}: ${error.message}`) : error;
  }
}

/** Writes a tensor as a .npy file, which NumPy loads. It appears, or replaces an older one, when it is
 * complete.
 *
 * @throws GraphError for texts, and for types that NumPy lacks */
export async function writeNpy(path: string, tensor: Tensor): Promise<void> {
  await replaceFile(path, formatNpy(tensor));
}

/** undefined if there is no such file. */
export async function readFileIfThere(path: string): Promise<Uint8Array | undefined> {
  return readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
}

/** Writes a file that appears, or replaces an older one, when it is complete and on the disk. */
export async function replaceFile(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = temporaryName(path);
  try {
    await writeDurably(temporary, bytes);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
}

/** Removes what writers of a file left behind that were killed. */
export async function removeLeftovers(path: string): Promise<void> {
  const prefix = temporaryPrefix(path);
  for (const name of await readdir(dirname(path)).catch(() => [])) {
    if (name.startsWith(prefix) && name.endsWith(".tmp")) await rm(join(dirname(path), name));
  }
}

async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, "wx");
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** So that the new name outlasts a crash of the machine, where a folder can be opened for that. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r").catch(() => undefined);
  try {
    await folder?.sync();
  } catch {
    // Some systems have no such thing for folders.
  } finally {
    await folder?.close();
  }
}
