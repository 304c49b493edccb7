import { writeFileSync } from "node:fs";
import { toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import { Graph, type Value } from "softonnx";
import { dtypeCode } from "../../src/builder/dtype.ts";
import { schemas } from "../../src/builder/operators/every.ts";
import { casesInArchive, decodeModel, type NodeCase } from "../onnx/case.ts";
import { inPrecision, type Precision } from "../onnx/floats.ts";
import { NodeSession } from "../onnx/session.ts";
import type { Kernel, Measured } from "./kernels.ts";

/** Tries what the CPU provider at hand has kernels for, and writes cpu.json. */
export async function measure(runtime: string): Promise<void> {
  const kernels: Record<string, Kernel> = {};
  for (const op of Object.keys(schemas).sort()) kernels[op] = "none";
  kernels.Constant = "double";
  for (const each of casesInArchive("test/onnx/node-tests.tar.gz")) {
    const { node = [] } = decodeModel(each.model).graph ?? {};
    const ops = node.map(({ opType }) => opType).filter((op) => Object.hasOwn(kernels, op));
    if (ops.every((op) => kernels[op] === "double")) continue;
    const kernel = await kernelsFor(each);
    for (const op of ops) if (kernel !== "none" && kernels[op] !== "double") kernels[op] = kernel;
  }
  for (const [op, apply] of Object.entries(MORE)) kernels[op] = await moreKernels(op, apply);
  const measured: Measured = { runtime, kernels };
  writeFileSync("test/compatibility/cpu.json", `${JSON.stringify(measured, null, 2)}\n`);
}

type Apply = (g: Graph, x: Value, precision: Precision) => readonly Value[];

/** What ONNX's tests in the archive do not show, being too large for it or of another opset. x: [1, 3, 4, 4] */
const MORE: Readonly<Record<string, Apply>> = {
  Bernoulli: (g, x) => g.node("Bernoulli", [x]),
  Celu: (g, x) => g.node("Celu", [x]),
  GlobalLpPool: (g, x) => g.node("GlobalLpPool", [x]),
  LRN: (g, x) => g.node("LRN", [x], { size: 3 }),
  MaxRoiPool: (g, x, precision) =>
    g.node("MaxRoiPool", [x, g.constant([[0, 0, 0, 1, 1]], precision)], { pooled_shape: [1, 1] }),
  Mish: (g, x) => g.node("Mish", [x]),
  RandomNormal: (g, _, precision) =>
    g.node("RandomNormal", [], { shape: [2], dtype: dtypeCode(precision) }),
  RandomNormalLike: (g, x) => g.node("RandomNormalLike", [x]),
  RandomUniform: (g, _, precision) =>
    g.node("RandomUniform", [], { shape: [2], dtype: dtypeCode(precision) }),
  RandomUniformLike: (g, x) => g.node("RandomUniformLike", [x]),
  RoiAlign: (g, x, precision) =>
    g.node("RoiAlign", [x, g.constant([[0, 0, 1, 1]], precision), g.constant([0n])]),
};

async function moreKernels(op: string, apply: Apply): Promise<Kernel> {
  for (const precision of ["float64", "float32"] as const) {
    const g = new Graph(op);
    const [y] = apply(g, g.input("x", precision, [1, 3, 4, 4]), precision);
    if (await loadsBytes(g.toModel({ outputs: { y: y as Value } }))) {
      return precision === "float64" ? "double" : "single";
    }
  }
  return "none";
}

async function kernelsFor(each: NodeCase): Promise<Kernel> {
  if (await loads(each, "float64")) return "double";
  return (await loads(each, "float32")) ? "single" : "none";
}

/** A model without a kernel for one of its nodes is not loaded. */
async function loads({ model }: NodeCase, precision: Precision): Promise<boolean> {
  return loadsBytes(toBinary(ModelProtoSchema, inPrecision(decodeModel(model), precision)));
}

async function loadsBytes(bytes: Uint8Array): Promise<boolean> {
  try {
    await (await NodeSession.of(bytes, "disabled")).release();
    return true;
  } catch {
    return false;
  }
}
