import { readFileSync } from "node:fs";
import { spread } from "../export/spread.ts";
import { decodeModel } from "../onnx/case.ts";
import { compatibilityDocument, rows } from "./document.ts";
import { cudaKernels, measuredKernels } from "./kernels.ts";

const all = rows();

/** Without a CUDA kernel, and small enough or rare enough to run on the CPU in between. */
const ON_THE_CPU: Readonly<Record<string, string>> = JSON.parse(
  readFileSync("test/compatibility/on-the-cpu.json", "utf8"),
);

test("COMPATIBILITY.md is what npm run compatibility makes", () => {
  const found = readFileSync("COMPATIBILITY.md", "utf8");
  const result = found.slice(found.indexOf("Its last result:\n\n") + 18).trimEnd();
  expect(found).toBe(compatibilityDocument(all, result));
});

test("whatever a gradient is made of has a CUDA kernel, or a reason to run on the CPU", () => {
  const cuda = cudaKernels();
  const { kernels } = measuredKernels();
  const emitted = new Set(all.flatMap((row) => [...(row.emitted?.operators ?? [])]));
  const without = [...emitted].filter((op) => cuda(op) === "none");
  expect(without.filter((op) => !Object.hasOwn(ON_THE_CPU, op)).sort()).toEqual([]);
  expect(without.filter((op) => kernels[op] === "none")).toEqual([]);
});

test("so has whatever the soft operators are made of, in every mode and method", () => {
  const cuda = cudaKernels();
  const emitted = new Set<string>();
  for (const { model } of spread()) {
    const { graph, functions } = decodeModel(model);
    for (const { opType, domain } of [
      ...(graph?.node ?? []),
      ...functions.flatMap((f) => f.node),
    ]) {
      if (domain === "") emitted.add(opType);
    }
  }
  const without = [...emitted].filter((op) => cuda(op) === "none");
  expect(without.filter((op) => !Object.hasOwn(ON_THE_CPU, op)).sort()).toEqual([]);
});
