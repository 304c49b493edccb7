import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Where a provider of ONNX Runtime has a kernel. */
export type Kernel = "double" | "single" | "none";

const HERE = "test/compatibility";

/** Operators that no provider has as kernels, or needs to: ONNX Runtime takes them apart, or away, when it
 * loads a model. */
const TAKEN_APART = new Set([
  "Constant",
  "CastLike",
  "GroupNormalization",
  "MeanVarianceNormalization",
]);

/** What the CUDA provider has, by ONNX Runtime's own table. */
export function cudaKernels(): (op: string) => Kernel {
  const { double, others } = json<{ double: string[]; others: string[] }>("cuda.json");
  const [doubles, singles] = [new Set(double), new Set(others)];
  return (op) => {
    if (TAKEN_APART.has(op) || doubles.has(op)) return "double";
    return singles.has(op) ? "single" : "none";
  };
}

/** What ONNX Runtime's CPU provider ran of ONNX's own tests, when this was measured. */
export interface Measured {
  readonly runtime: string;
  readonly kernels: Readonly<Record<string, Kernel>>;
}

export function measuredKernels(): Measured {
  return json<Measured>("cpu.json");
}

/** What the WebGPU provider in JavaScript has, by the table that comes with onnxruntime-web. */
export function webgpuOperators(): ReadonlySet<string> {
  const table = readFileSync("node_modules/onnxruntime-web/docs/webgpu-operators.md", "utf8");
  const rows = table.matchAll(/^\| (\w+) \| .*ai\.onnx\(/gm);
  return new Set([...rows].map(([, op]) => op as string));
}

function json<Content>(file: string): Content {
  return JSON.parse(readFileSync(join(HERE, file), "utf8")) as Content;
}
