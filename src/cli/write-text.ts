import { saveModel } from "../runtime/files.ts";

/** Writes a text file that appears, or replaces an older one, when it is complete. */
export function writeText(path: string, text: string): Promise<void> {
  return saveModel(path, new TextEncoder().encode(text));
}
