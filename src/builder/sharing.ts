import { type Attribute, type Attributes, NO_ATTRIBUTES } from "./block.ts";
import type { TensorData } from "./tensor.ts";

/** Operators whose every application gives something new. */
export const RANDOM: ReadonlySet<string> = new Set([
  "RandomNormal",
  "RandomNormalLike",
  "RandomUniform",
  "RandomUniformLike",
  "Multinomial",
  "Bernoulli",
  "Dropout",
]);

/** A text that two nodes share exactly if they compute the same: operator, inputs and attributes.
 * undefined for nodes that must stay apart: random ones, and those with bodies. */
export function sharingKey(node: {
  readonly op: string;
  readonly domain: string;
  readonly attributes: Attributes;
  readonly inputs: readonly (number | undefined)[];
  readonly outputCount: number;
}): string | undefined {
  if (RANDOM.has(node.op)) return undefined;
  let key = `${node.domain}:${node.op}:${node.outputCount}:${node.inputs.join()}`;
  if (node.attributes === NO_ATTRIBUTES) return key;
  for (const name of Object.keys(node.attributes).sort()) {
    const text = attributeKey(node.attributes[name] as Attribute);
    if (text === undefined) return undefined;
    key += `;${name}=${text}`;
  }
  return key;
}

/** A text that two small tensors share exactly if they are bitwise equal; undefined for large ones. */
export function tensorKey(data: TensorData): string | undefined {
  if (data.size > 64 || data.source !== undefined) return undefined;
  // -0 prints as 0, but 1/-0 is not 1/0.
  const elements = Array.from(data.elements as ArrayLike<number | bigint | string>, (element) =>
    Object.is(element, -0) ? "-0" : typeof element === "string" ? JSON.stringify(element) : element,
  );
  return `${data.dtype}[${data.dims.join()}]${elements.join()}`;
}

function attributeKey(attribute: Attribute): string | undefined {
  switch (attribute.type) {
    case "tensor":
      return tensorKey(attribute.value);
    case "graph":
    case "opaque":
      return undefined;
    case "string":
    case "strings":
      return JSON.stringify(attribute.value);
    default:
      return `${attribute.type}(${attribute.value})`;
  }
}
