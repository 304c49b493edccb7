import type { FunctionProto } from "onnx-buf";
import type { Node } from "./block.ts";
import { formatShape, type Shape } from "./dim.ts";
import type { DType } from "./dtype.ts";
import type { Graph } from "./graph.ts";
import type { Value } from "./value.ts";

/** Domain of the operators that this package defines. */
export const SOFTONNX_DOMAIN = "ai.softonnx";

/** The type of a value that is no tensor but holds some; its own dtype and shape are unknown. */
export interface Container {
  readonly kind: "sequence" | "optional";
  /** The type of each entry of a sequence, of which shapes may differ; of what an optional may hold. */
  readonly of: TensorType;
}

/** What is known of a value before it exists. */
export interface TensorType {
  readonly dtype: DType;
  readonly shape: Shape | undefined;
  /** The elements of a small integer tensor that says sizes, where they are known as dimensions. */
  readonly elements?: readonly (number | string | undefined)[] | undefined;
  /** Set where the value is a sequence or an optional. */
  readonly container?: Container | undefined;
}

/** `float32 [n, 3]`, `sequence of float32 […]`. */
export function formatType({ dtype, shape, container }: TensorType): string {
  if (container === undefined) return `${dtype} ${formatShape(shape)}`;
  return `${container.kind} of ${formatType(container.of)}`;
}

/** What a gradient rule is given: one node on the path, in normal form. */
export interface Application<Attributes = unknown> {
  readonly graph: Graph;
  readonly node: Node;
  readonly attributes: Attributes;
  /** Input i, which the operator requires. */
  input(i: number): Value;
  /** Input i, or undefined where it was left out. */
  optional(i: number): Value | undefined;
  readonly inputs: readonly (Value | undefined)[];
  readonly outputs: readonly Value[];
  /** The first output. */
  readonly y: Value;
}

/** What a vector-Jacobian rule is given besides: cotangents, one an output, with its shape. */
export interface Pullback<Attributes = unknown> extends Application<Attributes> {
  /** The cotangent of the first output (zeros where only others have one). */
  readonly dy: Value;
  /** The cotangent of output i, undefined where nothing depends on it. */
  cotangent(i: number): Value | undefined;
  /** Whether the cotangent of input i is asked for. A rule may give others as well. */
  wants(i: number): boolean;
}

/** Cotangents of the inputs in order; undefined, or a missing tail, means zero. Written with builder
 * operators only, so that a rule's result can be differentiated again. */
export type VjpRule<Attributes = unknown> = (
  node: Pullback<Attributes>,
) => readonly (Value | undefined)[];

/** What an operator computes, in other operators that have rules: how its gradient is found, and how it is
 * written for types that ONNX Runtime has no kernel for.
 *
 * @param attributes in normal form
 * @returns its outputs in order; undefined for one that nothing is known of */
export type Expansion<Attributes> = (
  inputs: readonly (Value | undefined)[],
  attributes: Attributes,
) => readonly (Value | undefined)[];

/** An operator that this package defines, for one mode and element type. It has a body in standard
 * operators, which travels with each model as a FunctionProto, and a gradient rule. */
export interface Definition {
  /** Unique in the domain, mode and type included: `SimplexThreshold_c1_float64`. */
  readonly name: string;
  readonly domain: string;
  readonly version: number;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** From this output on, those that nothing reads have no name in a model, so that a kernel need not make
   * them. */
  readonly optionalFrom?: number;
  readonly infer: (inputs: readonly Value[]) => readonly TensorType[];
  /** The outputs in standard operators. Traced once for each opset on a graph of its own. */
  readonly body: (inputs: readonly Value[]) => readonly Value[];
  /** Its gradient rule. Left out where the body's own will do: it is then applied once more, in the open,
   * and differentiated. */
  readonly vjp?: VjpRule;
  /** The types to trace the body with; by default those of the first application. */
  readonly signature?: readonly TensorType[];
  /** Where it is at work. "always": exported as a function. "training": means something to the
   * gradient pass alone, so an inference export replaces its outputs by `passes`. "building": cannot be
   * written to a file (it closes over JavaScript) and is always replaced. */
  readonly life: "always" | "training" | "building";
  /** The function that it is in the model it was read with, which is written back as it was. */
  readonly source?: FunctionProto;
  /** For the lives other than "always": the input that each output equals. */
  readonly passes?: readonly number[];
  /** In an inference export, where that is another one. */
  readonly inferencePasses?: readonly number[];
}

type Family = (name: string) => Definition | undefined;

const families = new Map<string, Family>();

/** Makes the definitions of one kernel operator findable for imported models: `resolve` is given the
 * full name and answers for the modes and types that exist. */
export function defineFamily(family: string, version: number, resolve: Family): void {
  families.set(`${family}@${version}`, resolve);
}

/** The definition with this domain, name and version; undefined if it is not ours. */
export function findDefinition(
  domain: string,
  name: string,
  version: number,
): Definition | undefined {
  if (domain !== SOFTONNX_DOMAIN) return undefined;
  const family = name.split("_", 1)[0] as string;
  return families.get(`${family}@${version}`)?.(name);
}
