import { type Attributes, attribute, NO_ATTRIBUTES } from "../block.ts";
import type { TensorType } from "../definition.ts";
import { broadcastShapes, type Dim, type Shape } from "../dim.ts";
import type { DType } from "../dtype.ts";
import { isFloating, isInteger } from "../dtype.ts";
import { failArgument, formatShapes, GraphError } from "../errors.ts";
import { graphOf, liftAll, type Operand, requireValue } from "../lift.ts";
import { inputOf, type NodeFacts, none, type Schema } from "../schema.ts";
import type { Value } from "../value.ts";

/** Emits a node with one output. */
export function emitOne(
  op: string,
  inputs: readonly (Value | undefined)[],
  attributes: Attributes = NO_ATTRIBUTES,
  operator?: string,
): Value {
  const graph = graphOf(operator ?? op, inputs);
  const named = operator === undefined ? {} : { operator };
  const simpler = graph.simpler({ op, inputs, attributes });
  if (simpler !== undefined && "value" in simpler) return simpler.value;
  if (simpler !== undefined) return emitOne(op, simpler.inputs, attributes, operator);
  return graph.emit({ op, inputs, attributes, ...named }).outputs[0] as Value;
}

/** The normal form of a node that is not made but composed of others, checked as if it were. */
export function normalOf<Normal>(
  schema: Schema<Normal>,
  operator: string,
  inputs: readonly (Value | undefined)[],
  attributes: Attributes,
  opset: number,
): Normal {
  const facts = { operator, inputs, attributes, opset, outputCount: 1 };
  const normal = schema.normal(facts);
  schema.infer(facts, normal);
  return normal;
}

/** The function of a one-input operator. */
export function unary(op: string, operator: string): (x: Operand) => Value {
  return (x) => emitOne(op, [requireValue(operator, "x", x)], NO_ATTRIBUTES, operator);
}

/** The function of a two-input operator with broadcasting; literals take the other operand's type. */
export function binary(op: string, operator: string): (x: Operand, y: Operand) => Value {
  return (x, y) => emitOne(op, liftAll(operator, { x, y }), NO_ATTRIBUTES, operator);
}

export type TypeTest = "numeric" | "float" | "signed" | "bool" | "integer" | "any";

/** Fails unless the value's element type passes; an unknown type always does. */
export function checkType(operator: string, argument: string, value: Value, test: TypeTest): void {
  const { dtype } = value;
  if (dtype === "unknown" || test === "any") return;
  const passes =
    test === "float"
      ? isFloating(dtype)
      : test === "bool"
        ? dtype === "bool"
        : test === "integer"
          ? isInteger(dtype)
          : isFloating(dtype) || isInteger(dtype);
  if (passes) return;
  const expected = {
    numeric: "numbers",
    signed: "numbers",
    float: "floats",
    bool: "booleans",
    integer: "integers",
  }[test];
  failArgument(operator, argument, expected, value);
}

/** The schema of an elementwise operator of one input that keeps type and shape. */
export function unarySchema(test: TypeTest): Schema<Readonly<Record<never, never>>> {
  return {
    arity: 1,
    normal: none,
    infer: (node) => {
      const x = inputOf(node, 0);
      checkType(node.operator, "x", x, test);
      return [{ dtype: x.dtype, shape: x.shape }];
    },
  };
}

/** The schema of an elementwise operator of two inputs of one type, with broadcasting.
 *
 * @param result the output's type, by default the inputs'
 * @param sizes what the operator does to known sizes, for arithmetic on shapes */
export function binarySchema(
  test: TypeTest,
  result?: DType,
  sizes?: (a: Dim, b: Dim) => Dim,
): Schema<Readonly<Record<never, never>>> {
  return {
    arity: 2,
    normal: none,
    infer: (node) => {
      const [x, y] = [inputOf(node, 0), inputOf(node, 1)];
      checkType(node.operator, "x", x, test);
      const dtype = sameType(node, [x, y]);
      const elements = sizes && elementwiseSizes(x, y, sizes);
      return [{ dtype: result ?? dtype, shape: broadcastAll(node, [x, y]), elements }];
    },
  };
}

/** The one type that all the values have. @throws GraphError if two differ. */
export function sameType(node: NodeFacts, values: readonly Value[]): DType {
  let first: Value | undefined;
  for (const value of values) {
    if (value.dtype === "unknown") continue;
    first ??= value;
    if (value.dtype !== first.dtype) {
      throw new GraphError(
        node.operator,
        `types differ: ${first} and ${value}; write .cast("${first.dtype}")`,
      );
    }
  }
  return first?.dtype ?? "unknown";
}

/** The shape that all the values broadcast to. @throws GraphError if two do not. */
export function broadcastAll(
  node: Pick<NodeFacts, "operator">,
  values: readonly Value[],
): Shape | undefined {
  let shape: Shape | undefined = [];
  for (const value of values) {
    const result = broadcastShapes(shape, value.shape);
    if ("clash" in result) {
      throw new GraphError(
        node.operator,
        `shapes do not broadcast: ${formatShapes(...values.map((v) => v.shape))} ` +
          `differ at axis ${result.clash} of the result`,
      );
    }
    shape = result.shape;
  }
  return shape;
}

function elementwiseSizes(
  x: Value,
  y: Value,
  sizes: (a: Dim, b: Dim) => Dim,
): TensorType["elements"] {
  const [a, b] = [x.elements, y.elements];
  if (a === undefined || b === undefined) return undefined;
  if (a.length !== b.length && a.length !== 1 && b.length !== 1) return undefined;
  const length = a.length === 1 ? b.length : a.length;
  return Array.from({ length }, (_, i) =>
    sizes(a[a.length === 1 ? 0 : i], b[b.length === 1 ? 0 : i]),
  );
}

/** An attribute that is left out where it has its default. */
export function optionalInt(name: string, value: number | boolean, fallback: number): Attributes {
  return Number(value) === fallback ? {} : { [name]: attribute.int(value) };
}
