import { randomUUID } from "node:crypto";
import { basename, dirname, join } from "node:path";

/** The name of a file that is being written, beside the one that it will be renamed to: a rename replaces
 * only within one file system. */
export function temporaryName(path: string): string {
  return join(dirname(path), `${temporaryPrefix(path)}${randomUUID()}.tmp`);
}

export function temporaryPrefix(path: string): string {
  return `.${basename(path)}.`;
}
