import { randomUUID } from "node:crypto";
import { open, readFile, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { failArgument } from "../builder/errors.ts";
import "../builder/every.ts";
import { Graph } from "../builder/graph.ts";
import type { FromModelOptions } from "../builder/read.ts";

/** Writes a model to a file. The file appears, or replaces an older one, when it is complete: whoever
 * reads it meanwhile, or after a crash, finds a whole model.
 *
 * ```ts
 * await saveModel("median.onnx", g.toModel({ outputs: { y } }));
 * ```
 * @param model a Graph (which is exported as by `toModel()`) or the bytes of a model
 * @throws Error if the folder does not exist or cannot be written to */
export async function saveModel(path: string, model: Graph | Uint8Array): Promise<void> {
  const bytes = model instanceof Uint8Array ? model : model?.toModel?.();
  if (bytes === undefined) failArgument("saveModel", "model", "a Graph or bytes", model);
  // A rename replaces only within one file system, hence beside the target.
  const temporary = join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`);
  try {
    await writeDurably(temporary, bytes);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Reads a model file into a graph, as `Graph.fromModel`.
 *
 * @throws Error if the file cannot be read, ModelFormatError if it is no ONNX model */
export async function loadModel(path: string, options?: FromModelOptions): Promise<Graph> {
  return Graph.fromModel(await readFile(path), options);
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
