import { type Attributes, attribute } from "../block.ts";
import { type Dim, type Shape, sameDim } from "../dim.ts";
import { failArgument, GraphError } from "../errors.ts";
import type { Graph } from "../graph.ts";
import { isValue } from "../lift.ts";
import {
  constantInts,
  inputOf,
  intOf,
  intsOf,
  type NodeFacts,
  resolveAxes,
  resolveAxis,
} from "../schema.ts";
import { int64Data } from "../tensor.ts";
import type { Value } from "../value.ts";

/** Options of operators that work along one axis. */
export interface AxisOptions {
  /** Negative axes count from the end. */
  readonly axis?: number;
}

/** Lists of int64 longer than this are data, not sizes: `Value.elements` does not follow them. */
export const MOST_ELEMENTS = 64;

/** @throws GraphError if the graph is written in an opset in which the operator, or `what` of it, had
 * another form or none. */
export function requireOpset(operator: string, graph: Graph, least: number, what?: string): void {
  if (!graph.reaches(least)) throw opsetError(operator, graph, least, what);
}

function opsetError(operator: string, graph: Graph, least: number, what?: string): GraphError {
  const subject = what === undefined ? "" : `${what} `;
  return new GraphError(
    operator,
    `${subject}needs opset ${least} or later; this graph is opset ${graph.opset}`,
  );
}

/** A list in the form of the graph's opset: an input from `since` on, an attribute before. */
export function listForm(
  operator: string,
  list: { readonly name: string; readonly attribute: string; readonly since: number },
  given: readonly number[] | Value,
  graph: Graph,
): { readonly inputs: readonly Value[]; readonly attributes: Attributes } {
  const vector = intVector(operator, list.name, given, graph);
  if (graph.opset >= list.since) return { inputs: [vector], attributes: {} };
  const numbers = constantInts(vector);
  if (numbers === undefined) {
    throw opsetError(operator, graph, list.since, `a Value as ${list.name}`);
  }
  return { inputs: [], attributes: { [list.attribute]: attribute.ints(numbers) } };
}

/** One number or several, as a list. */
export function listOf(numbers: number | readonly number[]): readonly number[] {
  return typeof numbers === "number" ? [numbers] : numbers;
}

/** The attribute `axis` as the user gave it; its range is checked where the shape is known. */
export function axisAttribute(operator: string, axis: number): Attributes {
  if (!Number.isInteger(axis)) failArgument(operator, "axis", "a whole number", axis);
  return { axis: attribute.int(axis) };
}

/** The attribute `axis` counted from 0; as it was written where the rank is not known. */
export function axisOf(node: NodeFacts, fallback: number, input = 0): number {
  const axis = intOf(node, "axis", fallback);
  const { shape } = inputOf(node, input);
  return shape === undefined ? axis : resolveAxis(node.operator, axis, shape.length);
}

/** Axes as an attribute (older opsets) or as constant input i (newer ones). */
export function givenAxes(node: NodeFacts, i: number): readonly number[] | "absent" | "computed" {
  const attributed = intsOf(node, "axes");
  if (attributed !== undefined) return attributed;
  const input = node.inputs[i];
  return input === undefined ? "absent" : (constantInts(input) ?? "computed");
}

/** Axes from 0 and rising; undefined where that takes a rank that is not known. */
export function axesFrom0(
  operator: string,
  axes: readonly number[],
  rank: number | undefined,
): readonly number[] | undefined {
  if (rank !== undefined) return resolveAxes(operator, axes, rank);
  return axes.some((axis) => axis < 0) ? undefined : [...axes].sort((a, b) => a - b);
}

/** The int64 vector that a list of whole numbers, or a Value, stands for; a constant where all of it is
 * known. */
export function intVector(
  operator: string,
  argument: string,
  given: number | readonly number[] | Value,
  graph: Graph,
): Value {
  if (isValue(given)) {
    const fits = given.dtype === "int64" || given.dtype === "unknown";
    if (!fits || (given.shape !== undefined && given.shape.length !== 1)) {
      failArgument(operator, argument, "an int64 vector", given);
    }
    const numbers = constantInts(given);
    return numbers === undefined ? given : graph.lifted(int64Data(numbers));
  }
  const list = typeof given === "number" ? [given] : given;
  if (!Array.isArray(list) || !list.every(Number.isInteger)) {
    failArgument(operator, argument, "whole numbers or an int64 vector", given);
  }
  return graph.lifted(int64Data(list));
}

/** The dimension that two must share: whichever is known better; "clash" if they cannot be equal. */
export function mergeDims(a: Dim, b: Dim): Dim | "clash" {
  if (sameDim(a, b) === false) return "clash";
  if (a === undefined || typeof b === "number") return b;
  return a;
}

/** The number of elements of a vector where it is known. Not of one that is far too long to say axes or
 * sizes, as a broken model may have: lists are made of that length. */
export function lengthOf(vector: Value | undefined): number | undefined {
  const length = vector?.elements?.length ?? vector?.shape?.[0];
  return typeof length === "number" && length <= 4096 ? length : undefined;
}

/** The shape that an input of sizes says, as far as it is known. */
export function shapeFrom(sizes: Value): Shape | undefined {
  if (sizes.elements !== undefined) return sizes.elements;
  const length = lengthOf(sizes);
  return length === undefined ? undefined : new Array<Dim>(length).fill(undefined);
}

/** `Value.elements` of a tensor with this shape: only scalars and vectors carry them. */
export function elementsIn(
  shape: Shape | undefined,
  elements: readonly Dim[] | undefined,
): { readonly elements?: readonly Dim[] } {
  const fits = shape !== undefined && shape.length <= 1 && (elements?.length ?? 0) <= MOST_ELEMENTS;
  return fits && elements !== undefined ? { elements } : {};
}
