import type { Block } from "../block.ts";
import type { TensorType } from "../definition.ts";
import { addDims, type Shape, sameDim } from "../dim.ts";
import { type DType, dtypeCode, dtypeOfCode, isDType } from "../dtype.ts";
import { checkOptions, failArgument, GraphError } from "../errors.ts";
import type { Graph } from "../graph.ts";
import { isValue, lift, liftAll, type Operand, requireValue } from "../lift.ts";
import { inputOf, intOf, type NodeFacts, none, resolveAxis, type Schemas } from "../schema.ts";
import { int64Data } from "../tensor.ts";
import type { Value } from "../value.ts";
import { axisAttribute, intVector, requireOpset } from "./axes.ts";
import { common } from "./control.ts";
import { checkType, emitOne, optionalInt } from "./emit.ts";
import { entryType } from "./sequence-map.ts";
import { asScalar, type Size } from "./sizes.ts";

/** A sequence of the given values, all of one type; their shapes may differ. */
export function sequenceConstruct(...values: readonly Operand[]): Value {
  const named = Object.fromEntries(values.map((value, i) => [`value ${i}`, value]));
  const lifted = liftAll("sequenceConstruct", named);
  requireOpset("sequenceConstruct", (lifted[0] as Value).graph, 11);
  return emitOne("SequenceConstruct", lifted, {}, "sequenceConstruct");
}

/** A sequence of no tensors.
 *
 * @param dtype of those that may be put in; by default float32 */
export function sequenceEmpty(graph: Graph, dtype: DType = "float32"): Value {
  if (!isDType(dtype)) failArgument("sequenceEmpty", "dtype", "an element type", dtype);
  requireOpset("sequenceEmpty", graph, 11);
  const attributes = optionalInt("dtype", dtypeCode(dtype), 1);
  const { outputs } = graph.emit({ op: "SequenceEmpty", inputs: [], attributes });
  return outputs[0] as Value;
}

/** The entry of a sequence at a position; negative ones count from the end. */
export function sequenceAt(sequence: Value, position: Size): Value {
  const list = requireSequence("sequenceAt", sequence);
  return emitOne("SequenceAt", [list, positionOf(list, position)], {}, "sequenceAt");
}

/** A sequence with a tensor put in before a position; at the end by default. */
export function sequenceInsert(sequence: Value, tensor: Operand, position?: Size): Value {
  const list = requireSequence("sequenceInsert", sequence);
  const { dtype } = entryType(list);
  const known = dtype === "unknown" ? undefined : dtype;
  const value = lift("sequenceInsert", "tensor", tensor, known, list.graph);
  const at = position === undefined ? [] : [positionOf(list, position)];
  return emitOne("SequenceInsert", [list, value, ...at], {}, "sequenceInsert");
}

/** A sequence without the entry at a position; without the last by default. */
export function sequenceErase(sequence: Value, position?: Size): Value {
  const list = requireSequence("sequenceErase", sequence);
  const at = position === undefined ? [] : [positionOf(list, position)];
  return emitOne("SequenceErase", [list, ...at], {}, "sequenceErase");
}

/** The number of entries of a sequence, an int64 scalar. */
export function sequenceLength(sequence: Value): Value {
  return emitOne("SequenceLength", [requireSequence("sequenceLength", sequence)]);
}

/** Options of splitToSequence. */
export interface SplitToSequenceOptions {
  /** By default 0; negative ones count from the end. */
  readonly axis?: number;
  /** The size of all parts but perhaps the last, or of each. By default 1. */
  readonly sizes?: number | readonly number[] | Value;
  /** Whether parts keep the axis, where no sizes are given. Default true. */
  readonly keepdims?: boolean;
}

/** x cut along an axis, as a sequence. */
export function splitToSequence(x: Operand, options: SplitToSequenceOptions = {}): Value {
  checkOptions("splitToSequence", options, ["axis", "sizes", "keepdims"]);
  const value = requireValue("splitToSequence", "x", x);
  requireOpset("splitToSequence", value.graph, 11);
  const { axis = 0, sizes, keepdims = true } = options;
  const split =
    sizes === undefined
      ? []
      : typeof sizes === "number"
        ? [value.graph.lifted(int64Data(sizes))]
        : isValue(sizes) && sizes.shape?.length === 0
          ? [sizes]
          : [intVector("splitToSequence", "sizes", sizes, value.graph)];
  const attributes = {
    ...axisAttribute("splitToSequence", axis),
    ...optionalInt("keepdims", keepdims, 1),
  };
  return emitOne("SplitToSequence", [value, ...split], attributes, "splitToSequence");
}

/** The entries of a sequence one after the other along an axis.
 *
 * @param options `axis` counts from the end where it is negative; `newAxis: true` stacks the entries along
 * an axis of their own */
export function concatFromSequence(
  sequence: Value,
  options: { readonly axis: number; readonly newAxis?: boolean },
): Value {
  checkOptions("concatFromSequence", options, ["axis", "newAxis"]);
  const list = requireSequence("concatFromSequence", sequence);
  const attributes = {
    ...axisAttribute("concatFromSequence", options.axis),
    ...optionalInt("new_axis", options.newAxis ?? false, 0),
  };
  return emitOne("ConcatFromSequence", [list], attributes, "concatFromSequence");
}

function requireSequence(operator: string, sequence: unknown): Value {
  const value = requireValue(operator, "sequence", sequence);
  const certain = value.container?.kind !== "sequence" && value.dtype !== "unknown";
  if (certain) failArgument(operator, "sequence", "a sequence", value);
  requireOpset(operator, value.graph, 11);
  return value;
}

function positionOf(sequence: Value, position: Size): Value {
  return isValue(position) ? asScalar(position) : sequence.graph.lifted(int64Data(position));
}

function sequenceOf(of: TensorType): TensorType {
  const { dtype, shape, container } = of;
  return { ...UNKNOWN, container: { kind: "sequence", of: { dtype, shape, container } } };
}

const UNKNOWN: TensorType = { dtype: "unknown", shape: undefined };

/** The type of x's parts. */
function partType(node: NodeFacts): TensorType {
  const x = inputOf(node, 0);
  const split = node.inputs[1];
  const { shape } = x;
  const axis = shape && resolveAxis(node.operator, intOf(node, "axis", 0), shape.length);
  if (split === undefined) {
    const kept = intOf(node, "keepdims", 1) === 1;
    const one = (dims: Shape) => dims.map((dim, i) => (i === axis ? 1 : dim));
    const parts = kept ? shape && one(shape) : shape?.filter((_, i) => i !== axis);
    return { dtype: x.dtype, shape: parts };
  }
  const { elements } = split;
  const [first] = elements ?? [];
  const even = split.shape?.length === 1 && elements?.every((size) => sameDim(size, first));
  const parts = shape?.map((dim, i) => (i === axis ? (even ? first : undefined) : dim));
  return { dtype: x.dtype, shape: parts };
}

function joinedShape(node: NodeFacts, stacks: boolean): Shape | undefined {
  const { shape } = entryType(inputOf(node, 0));
  if (shape === undefined) return undefined;
  const axis = resolveAxis(node.operator, intOf(node, "axis", 0), shape.length + (stacks ? 1 : 0));
  if (stacks) return [...shape.slice(0, axis), undefined, ...shape.slice(axis)];
  return shape.map((dim, i) => (i === axis ? addDims(dim, undefined) : dim));
}

/** The body of a SequenceMap. */
export function bodyOf(node: { readonly attributes: NodeFacts["attributes"] }): Block {
  const body = node.attributes.body;
  if (body?.type === "graph") return body.value;
  throw new GraphError("SequenceMap", "body: expected a subgraph, got none");
}

export const sequenceSchemas: Schemas<
  | "SequenceConstruct"
  | "SequenceEmpty"
  | "SequenceAt"
  | "SequenceInsert"
  | "SequenceErase"
  | "SequenceLength"
  | "SplitToSequence"
  | "ConcatFromSequence"
  | "SequenceMap"
> = {
  SequenceConstruct: {
    arity: [1, Number.POSITIVE_INFINITY],
    normal: none,
    infer: (node) => {
      const types = node.inputs.map((_, i): TensorType => inputOf(node, i));
      const [first = inputOf(node, 0), ...others] = types;
      return [sequenceOf(others.reduce(common, first))];
    },
  },
  SequenceEmpty: {
    arity: 0,
    normal: (node) => ({ dtype: dtypeOfCode(intOf(node, "dtype", 1)) }),
    infer: (_, { dtype }) => [sequenceOf({ dtype, shape: undefined })],
  },
  SequenceAt: {
    arity: 2,
    normal: none,
    infer: (node) => {
      checkType(node.operator, "position", inputOf(node, 1), "integer");
      return [entryType(inputOf(node, 0))];
    },
  },
  SequenceInsert: {
    arity: [2, 3],
    normal: none,
    infer: (node) => {
      const [list, tensor] = [inputOf(node, 0), inputOf(node, 1)];
      // Into an empty sequence, of which no shape is known.
      return [sequenceOf(common(entryType(list), tensor))];
    },
  },
  SequenceErase: {
    arity: [1, 2],
    normal: none,
    infer: (node) => [sequenceOf(entryType(inputOf(node, 0)))],
  },
  SequenceLength: { arity: 1, normal: none, infer: () => [{ dtype: "int64", shape: [] }] },
  SplitToSequence: {
    arity: [1, 2],
    normal: (node) => ({
      axis: intOf(node, "axis", 0),
      keepdims: node.inputs[1] !== undefined || intOf(node, "keepdims", 1) === 1,
    }),
    infer: (node) => [sequenceOf(partType(node))],
  },
  ConcatFromSequence: {
    arity: 1,
    normal: (node) => ({
      axis: intOf(node, "axis", 0),
      stacks: intOf(node, "new_axis", 0) === 1,
    }),
    infer: (node, { stacks }) => {
      const { dtype } = entryType(inputOf(node, 0));
      return [{ dtype, shape: joinedShape(node, stacks) }];
    },
  },
  SequenceMap: {
    arity: [1, Number.POSITIVE_INFINITY],
    normal: none,
    infer: (node) => bodyOf(node).outputs.map(sequenceOf),
  },
};
