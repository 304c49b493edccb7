import { formatShape } from "../builder/dim.ts";
import type { TypedArray } from "../builder/dtype.ts";
import { GraphError } from "../builder/errors.ts";
import type { TensorConstructor, Tensors } from "../runtime/session.ts";

type Tensor = Tensors[string];

/** Results of batches, one after the other along the first axis.
 *
 * @param sizes how many samples each batch had
 * @throws GraphError for a result without an axis of samples, or whose other sizes differ */
export function joined(
  operator: string,
  parts: readonly Tensors[],
  sizes: readonly number[],
  Tensor: TensorConstructor,
): Tensors {
  const result: Tensors = {};
  for (const name of Object.keys(parts[0] ?? {})) {
    const tensors = parts.map((part) => part[name] as Tensor);
    result[name] = joinedTensor(operator, name, tensors, sizes, Tensor);
  }
  return result;
}

function joinedTensor(
  operator: string,
  name: string,
  tensors: readonly Tensor[],
  sizes: readonly number[],
  Tensor: TensorConstructor,
): Tensor {
  const first = tensors[0] as Tensor;
  const rest = String(first.dims.slice(1));
  for (const [i, { dims }] of tensors.entries()) {
    if (dims[0] === sizes[i] && String(dims.slice(1)) === rest) continue;
    throw new GraphError(
      operator,
      `output "${name}": expected [samples, …] and got ${formatShape(dims)} for ${sizes[i]} ` +
        "samples; its results for batches cannot be joined",
    );
  }
  if (tensors.length === 1) return first;
  const dims = [sizes.reduce((a, b) => a + b, 0), ...first.dims.slice(1)];
  const data = concatenated(tensors.map((tensor) => tensor.data as TypedArray | string[]));
  return new Tensor(first.type as "float32", data as Float32Array, dims);
}

function concatenated(parts: readonly (TypedArray | string[])[]): TypedArray | string[] {
  const [first] = parts;
  if (Array.isArray(first)) return (parts as string[][]).flat();
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const all = new ((first as Float32Array).constructor as Float32ArrayConstructor)(length);
  let at = 0;
  for (const part of parts as Float32Array[]) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
