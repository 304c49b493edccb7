import { basename, dirname, extname, join } from "node:path";

/** The path of a file made from another one: `beside("nets/a.onnx", "grad.onnx")` is
 * `nets/a.grad.onnx`. */
export function beside(path: string, ending: string): string {
  return join(dirname(path), `${basename(path, extname(path))}.${ending}`);
}
