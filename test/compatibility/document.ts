import { schemas } from "../../src/builder/operators/every.ts";
import type { OperatorName } from "../../src/builder/schema.ts";
import { rules } from "../../src/grad/rules/every.ts";
import type { Rule } from "../../src/grad/rules/rule.ts";
import { casesInArchive } from "../onnx/case.ts";
import { type Emitted, emittedBy } from "./emitted.ts";
import { cudaKernels, type Kernel, measuredKernels, webgpuOperators } from "./kernels.ts";

/** One operator's row. */
export interface Row {
  readonly op: OperatorName;
  readonly gradient: "yes" | "zero" | "no";
  readonly reason: string;
  readonly emitted: Emitted | undefined;
}

export function rows(): Row[] {
  const cases = [...casesInArchive("test/onnx/node-tests.tar.gz")].sort(
    (a, b) => a.model.length - b.model.length,
  );
  const emitted = emittedBy(cases);
  return (Object.keys(schemas) as OperatorName[]).sort().map((op) => {
    const rule = rules[op] as Rule<never>;
    const byName = { op, emitted: emitted.get(op) };
    if (typeof rule === "function") return { ...byName, gradient: "yes", reason: "" };
    return { ...byName, gradient: rule.kind === "zero" ? "zero" : "no", reason: rule.reason };
  });
}

/** The operators that onnxsim has gradient rules for: see the document. */
const ONNXSIM = (
  "Add AveragePool BatchNormalization Clip Concat Conv DepthToSpace DequantizeLinear Div Dropout Erf Exp Gather " +
  "Gemm Identity InstanceNormalization IsNaN LayerNormalization Log MatMul MaxPool Mul Neg Pad QuantizeLinear " +
  "ReduceMean ReduceSum Relu Reshape Sigmoid Slice Softmax Split Sqrt Squeeze Sub Tanh Transpose Unsqueeze Where"
).split(" ");

/** COMPATIBILITY.md. */
export function compatibilityDocument(list: readonly Row[], cudaResult: string): string {
  const [cuda, webgpu, { runtime, kernels }] = [
    cudaKernels(),
    webgpuOperators(),
    measuredKernels(),
  ];
  const width = (kernel: Kernel) => ({ double: "yes", single: "float32", none: "no" })[kernel];
  const gradientOf = (name: string) => list.find(({ op }) => op === name)?.gradient;
  const lines = list.map((row) => {
    const { op, gradient, reason } = row;
    const cells = [
      `\`${op}\``,
      gradient === "yes" ? "yes" : `${gradient}: ${reason}`,
      gradient === "yes" ? (row.emitted?.second ? "yes" : "by the rule") : "",
      width(kernels[op] ?? "none"),
      width(cuda(op)),
      webgpu.has(op) ? "yes" : "no",
    ];
    return `| ${cells.join(" | ")} |`;
  });
  const count = (gradient: Row["gradient"]) =>
    list.filter((row) => row.gradient === gradient).length;
  return `${[
    "# Compatibility",
    "",
    "<!-- Made by npm run compatibility from the tables of the code. Do not edit. -->",
    "",
    `The builder knows ${list.length} operators of ai.onnx, in opsets 7 to 26: it reads and writes each, and infers`,
    `types and shapes. ${count("yes")} have a gradient, of ${count("zero")} it is zero by definition, and for ${count("no")} there`,
    "is none, for the reason given. Operators of other domains are read and written unchanged, and",
    "differentiated where they are functions with a body, or where `grad` is given a rule for them.",
    "",
    `Of the ${ONNXSIM.length} operators that onnxsim differentiates (\`graph_grad.py\` of github.com/onnxsim/onnxsim, commit`,
    `05df3734), ${ONNXSIM.filter((op) => gradientOf(op) === "yes").length} have a gradient here, and of ${ONNXSIM.filter((op) => gradientOf(op) === "zero").length} it is zero. \`node bench/backward.mjs\` compares gradients with`,
    "backward passes that are written out by hand.",
    "",
    "- **Gradient**: as a graph of the same model, for every input that has one.",
    "- **Second order**: `yes` where it was tried on ONNX's own tests of the operator; rules use nothing but",
    "  operators of this table, so that their results can be differentiated again.",
    `- **CPU**: whether ONNX Runtime's CPU provider has a kernel, and whether for float64, measured with ${runtime}.`,
    "  Where it has none for float64, the functions of the builder compose the operator of others; the wasm",
    "  provider is the CPU provider, compiled.",
    "- **CUDA**: by ONNX Runtime's published table (`docs/OperatorKernels.md`, commit `001d12d2`). What has no CUDA",
    "  kernel runs on the CPU in a CUDA session, where it has a kernel there. A test fails when a gradient is made",
    "  of an operator that has neither.",
    "- **WebGPU**: by the table that comes with onnxruntime-web. What has no kernel runs on its wasm provider.",
    "",
    "| Operator | Gradient | Second order | CPU | CUDA | WebGPU |",
    "| --- | --- | --- | --- | --- | --- |",
    ...lines,
    "",
    "## On a GPU",
    "",
    "`npm run test:cuda` runs all goldens on the CUDA provider, where there is one. Its last result:",
    "",
    cudaResult,
  ].join("\n")}\n`;
}
