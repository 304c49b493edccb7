import { type DType, isFloating } from "./dtype.ts";
import { failArgument, GraphError } from "./errors.ts";
import type { Graph } from "./graph.ts";
import {
  dtypeOfLiteral,
  hasFraction,
  isLiteral,
  isTypedArray,
  type Literal,
  tensorOf,
} from "./tensor.ts";
import type { Value } from "./value.ts";

/** Marks a Value for every copy of this package that may be loaded beside this one. */
export const VALUE: unique symbol = Symbol.for("softonnx.value") as never;

/** What an operator takes: a value, or numbers that become a constant of the other operand's type. */
export type Operand = Value | Literal;

export function isValue(operand: unknown): operand is Value {
  return typeof operand === "object" && operand !== null && VALUE in operand;
}

/** The graph that the operands belong to.
 * @throws GraphError if none is a Value, or two belong to different graphs. */
export function graphOf(operator: string, operands: readonly unknown[]): Graph {
  let graph: Graph | undefined;
  for (const operand of operands) {
    if (!isValue(operand)) continue;
    if (graph !== undefined && operand.graph !== graph) {
      throw new GraphError(
        operator,
        `its operands belong to different graphs, "${graph.name}" and "${operand.graph.name}"`,
      );
    }
    graph = operand.graph;
  }
  if (graph === undefined) {
    throw new GraphError(
      operator,
      "at least one operand must be a Value; make one with graph.constant(…)",
    );
  }
  return graph;
}

/** Checks one operand that must be a Value. */
export function requireValue(operator: string, argument: string, operand: unknown): Value {
  if (isValue(operand)) return operand;
  failArgument(operator, argument, "a Value", operand);
}

/** Turns the literals among operands of one type into constants. Numbers take the type of the Values;
 * where there is none, float32.
 *
 * @param argumentsByName operands by the names to use in errors, in order
 * @param graph where to put them if no operand is a Value
 * @throws GraphError for a fraction against an integer Value, or Values of different types. */
export function liftAll(
  operator: string,
  argumentsByName: Readonly<Record<string, Operand>>,
  graph: Graph = graphOf(operator, Object.values(argumentsByName)),
): Value[] {
  const names = Object.keys(argumentsByName);
  const operands = Object.values(argumentsByName);
  const dtype = commonType(operator, names, operands);
  return operands.map((operand, i) => lift(operator, names[i] as string, operand, dtype, graph));
}

/** Turns one operand into a Value of the given type (its own for a Value, which is not cast). */
export function lift(
  operator: string,
  argument: string,
  operand: unknown,
  dtype: DType | undefined,
  graph: Graph,
): Value {
  if (isValue(operand)) return operand;
  if (!isLiteral(operand)) {
    failArgument(operator, argument, "a Value, a number, an array or a typed array", operand);
  }
  const own = dtypeOfLiteral(operand);
  if (dtype !== undefined && !isFloating(dtype) && hasFraction(operand)) {
    failArgument(operator, argument, `whole numbers beside ${dtype}`, operand);
  }
  // A plain JavaScript array has no element type, a typed array has: it must not change silently.
  const wanted = isTypedArray(operand) ? own : (dtype ?? own);
  return graph.lifted(tensorOf(operator, argument, operand, wanted));
}

function commonType(
  operator: string,
  names: readonly string[],
  operands: readonly unknown[],
): DType | undefined {
  let first: { name: string; dtype: DType } | undefined;
  for (const [i, operand] of operands.entries()) {
    const dtype = isValue(operand)
      ? operand.dtype
      : isTypedArray(operand)
        ? dtypeOfLiteral(operand)
        : undefined;
    if (dtype === undefined || dtype === "unknown") continue;
    const name = names[i] as string;
    first ??= { name, dtype };
    if (first.dtype !== dtype) {
      throw new GraphError(
        operator,
        `types differ: ${first.name} is ${first.dtype}, ${name} is ${dtype}; ` +
          `write ${name}.cast("${first.dtype}")`,
      );
    }
  }
  return first?.dtype;
}
