import type { TensorType } from "../../builder/definition.ts";
import type { Dim } from "../../builder/dim.ts";
import { GraphError } from "../../builder/errors.ts";
import * as op from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import {
  makeStandardized,
  makeUnsquashed,
  pullBackStandardize,
  pullBackUnsquash,
  type Scale,
  type Standardized,
} from "../standardization.ts";
import { applyKernel, KERNEL_TYPES, type KernelType, kernelFamily, kernelType } from "./family.ts";

// Standardisation and the way back as kernel operators: one pass over a row instead of ten nodes, and with
// their gradients instead of twenty.

/** standardize as one node. */
export function standardizeByKernel(x: Value): Standardized {
  const definition = standardizeFamily(kernelType("standardize", "x", x));
  return fromOutputs(applyKernel(definition, [x], "standardize", "squashed"));
}

/** unsquash as one node, for y with the leading axes of the scale. */
export function unsquashByKernel(y: Value, { first, offset, deviation }: Scale): Value {
  const definition = unsquashFamily(kernelType("unsquash", "y", y));
  return applyKernel(definition, [y, first, offset, deviation], "unsquash", "entries")[0] as Value;
}

function fromOutputs(outputs: readonly Value[]): Standardized {
  const [squashed, first, offset, deviation] = outputs as readonly [Value, Value, Value, Value];
  return { squashed, scale: { first, offset, deviation } };
}

const standardizeFamily = kernelFamily<[KernelType]>("Standardize", [KERNEL_TYPES], (dtype) => ({
  inputs: ["x"],
  outputs: ["squashed", "first", "offset", "deviation"],
  infer: ([x]) => {
    const type = rowsOf("standardize", x as Value, dtype);
    const each = withLast(type, 1);
    return [type, each, each, each];
  },
  body: ([x]) => {
    const { squashed, scale } = makeStandardized(x as Value);
    return [squashed, scale.first, scale.offset, scale.deviation];
  },
  vjp: ({ input, outputs, cotangent }) => {
    const { squashed, scale } = fromOutputs(outputs);
    const { first, offset, deviation } = scale;
    const given = [input(0), first, offset, deviation, squashed];
    const zeroed = (i: number, like: Value) => cotangent(i) ?? op.zerosLike(like);
    const cotangents = [zeroed(0, squashed), zeroed(2, offset), zeroed(3, deviation)];
    return applyKernel(standardizeGrad(dtype), [...given, ...cotangents], "standardize", "dx");
  },
  signature: [{ dtype, shape: undefined }],
}));

// Neither gradient has a rule of its own: their bodies are made of operators that have.
const standardizeGrad = kernelFamily<[KernelType]>("StandardizeGrad", [KERNEL_TYPES], (dtype) => ({
  inputs: "x first offset deviation squashed dsquashed doffset ddeviation".split(" "),
  outputs: ["dx"],
  infer: ([x]) => [rowsOf("standardize", x as Value, dtype)],
  body: (inputs) => {
    const [x, first, offset, deviation] = inputs as [Value, Value, Value, Value];
    const [squashed, dsquashed, doffset, ddeviation] = inputs.slice(4) as unknown as typeof inputs &
      [Value, Value, Value, Value];
    const n = sizeOfRows(x);
    const dscale = { offset: op.div(doffset, n), deviation: op.div(ddeviation, n) };
    const made = { squashed, scale: { first, offset, deviation } };
    return [pullBackStandardize(x, made, dsquashed, dscale)];
  },
  signature: Array(8).fill({ dtype, shape: undefined }),
}));

const unsquashFamily = kernelFamily<[KernelType]>("Unsquash", [KERNEL_TYPES], (dtype) => ({
  inputs: ["y", "first", "offset", "deviation"],
  outputs: ["entries"],
  infer: ([y]) => [rowsOf("unsquash", y as Value, dtype)],
  body: (inputs) => {
    const [y, first, offset, deviation] = inputs as [Value, Value, Value, Value];
    return [makeUnsquashed(y, { first, offset, deviation })];
  },
  vjp: ({ input, dy }) => {
    const given = [input(0), input(3), dy];
    const [y, offset, deviation] = applyKernel(unsquashGrad(dtype), given, "unsquash", "dy");
    return [y, offset, offset, deviation];
  },
  signature: Array(4).fill({ dtype, shape: undefined }),
}));

const unsquashGrad = kernelFamily<[KernelType]>("UnsquashGrad", [KERNEL_TYPES], (dtype) => ({
  inputs: ["y", "deviation", "dentries"],
  outputs: ["dy", "doffset", "ddeviation"],
  infer: ([y]) => {
    const type = rowsOf("unsquash", y as Value, dtype);
    const each = withLast(type, 1);
    return [type, each, each];
  },
  body: (inputs) => {
    const [y, deviation, dentries] = inputs as [Value, Value, Value];
    const { dy, dscale } = pullBackUnsquash(y, { deviation }, dentries);
    const n = sizeOfRows(y);
    return [dy, op.mul(dscale.offset, n), op.mul(dscale.deviation, n)];
  },
  signature: Array(3).fill({ dtype, shape: undefined }),
}));

function sizeOfRows(x: Value): Value | number {
  const n = op.sizeOf(x, -1);
  return typeof n === "number" ? n : op.cast(n, x.dtype);
}

function rowsOf(operator: string, x: Value, dtype: KernelType): TensorType {
  if (x.dtype === dtype && x.shape?.length !== 0) return { dtype, shape: x.shape };
  throw new GraphError(operator, `expected ${dtype} [..., n], got ${x}`);
}

function withLast({ dtype, shape }: TensorType, size: Dim): TensorType {
  return { dtype, shape: shape && [...shape.slice(0, -1), size] };
}
