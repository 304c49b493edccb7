import { type Definition, defineFamily, SOFTONNX_DOMAIN } from "../../builder/definition.ts";
import { GraphError } from "../../builder/errors.ts";
import type { Graph } from "../../builder/graph.ts";
import type { Value } from "../../builder/value.ts";
import type { SoftMode } from "../options.ts";

/** The element types that there are kernels for. */
export type KernelType = "float32" | "float64";

export const KERNEL_TYPES: readonly KernelType[] = ["float32", "float64"];
export const SOFT_MODES: readonly SoftMode[] = ["smooth", "c0", "c1", "c2"];

/** A definition without what follows from its name. */
export type KernelParts = Omit<Definition, "name" | "domain" | "version" | "life">;

/** One kernel operator in all its variants, which are made when they are first asked for, here or by an
 * imported model.
 *
 * @param family the name without the variant
 * @param choices what each further part of the name may be
 * @param make of those parts
 * @returns the definition for some parts: `SwapLayers_Forward_float64` for "Forward", "float64" */
export function kernelFamily<Parts extends readonly string[]>(
  family: string,
  choices: { readonly [I in keyof Parts]: readonly Parts[I][] },
  make: (...parts: Parts) => KernelParts,
): (...parts: Parts) => Definition {
  const made = new Map<string, Definition>();
  const definitionOf = (...parts: Parts): Definition => {
    const name = [family, ...parts].join("_");
    let definition = made.get(name);
    if (definition === undefined) {
      definition = { name, domain: SOFTONNX_DOMAIN, version: 1, life: "always", ...make(...parts) };
      made.set(name, definition);
    }
    return definition;
  };
  defineFamily(family, 1, (name) => {
    const parts = name.split("_").slice(1);
    const known =
      parts.length === choices.length && parts.every((part, i) => choices[i]?.includes(part));
    return known ? definitionOf(...(parts as unknown as Parts)) : undefined;
  });
  return definitionOf;
}

/** Applies a kernel operator.
 * @returns all its outputs */
export function applyKernel(
  definition: Definition,
  inputs: readonly Value[],
  operator: string,
  hint: string,
): readonly Value[] {
  const { name, domain, outputs } = definition;
  const { graph } = inputs[0] as Value & { readonly graph: Graph };
  return graph.emit({
    op: name,
    domain,
    inputs,
    operator,
    definition,
    hint,
    outputs: outputs.length,
  }).outputs;
}

/** Whether kernel operators serve a value: other element types stay with standard operators, and so do models
 * of old opsets, which lack what bodies need. */
export function hasKernels({ dtype, graph }: Value): boolean {
  return (dtype === "float32" || dtype === "float64") && graph.opset >= 13;
}

/** The element type of a kernel's operand.
 * @throws GraphError for others than float32 and float64 */
export function kernelType(operator: string, argument: string, value: Value): KernelType {
  const { dtype } = value;
  if (dtype === "float32" || dtype === "float64") return dtype;
  throw new GraphError(operator, `${argument}: expected float32 or float64, got ${value}`);
}
