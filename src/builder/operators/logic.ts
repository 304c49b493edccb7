import { attribute } from "../block.ts";
import type { TensorType } from "../definition.ts";
import { type DType, dtypeCode, dtypeOfCode, isDType, isFloating } from "../dtype.ts";
import { checkOptions, failArgument } from "../errors.ts";
import { graphOf, lift, liftAll, type Operand, requireValue } from "../lift.ts";
import {
  constantData,
  inputOf,
  intOf,
  type NodeFacts,
  none,
  type Schema,
  type Schemas,
} from "../schema.ts";
import type { Value } from "../value.ts";
import { MOST_ELEMENTS } from "./axes.ts";
import {
  binary,
  binarySchema,
  broadcastAll,
  checkType,
  emitOne,
  optionalInt,
  sameType,
  unary,
} from "./emit.ts";

/** Both, elementwise with broadcasting; booleans. */
export const and = binary("And", "and");

/** Either or both, elementwise with broadcasting; booleans. */
export const or = binary("Or", "or");

/** Exactly one, elementwise with broadcasting; booleans. */
export const xor = binary("Xor", "xor");

/** The opposite; booleans. */
export const not = unary("Not", "not");

/** x == y, elementwise with broadcasting. NaN equals nothing. */
export const equal = binary("Equal", "equal");

/** x < y, elementwise with broadcasting. */
export const less = binary("Less", "less");

/** x <= y, elementwise with broadcasting. */
export const lessOrEqual = binary("LessOrEqual", "lessOrEqual");

/** x > y, elementwise with broadcasting. */
export const greater = binary("Greater", "greater");

/** x >= y, elementwise with broadcasting. */
export const greaterOrEqual = binary("GreaterOrEqual", "greaterOrEqual");

/** True where x is not a number. */
const isNotANumber = unary("IsNaN", "isNaN");

export { isNotANumber as isNaN };

/** True where x is infinite.
 *
 * @param options `negative: false` leaves -infinity out, `positive: false` +infinity */
export function isInf(
  x: Operand,
  options: { readonly negative?: boolean; readonly positive?: boolean } = {},
): Value {
  checkOptions("isInf", options, ["negative", "positive"]);
  const attributes = {
    ...optionalInt("detect_negative", options.negative ?? true, 1),
    ...optionalInt("detect_positive", options.positive ?? true, 1),
  };
  return emitOne("IsInf", [requireValue("isInf", "x", x)], attributes, "isInf");
}

/** x where the condition is true, else y; all three broadcast. */
export function where(condition: Operand, x: Operand, y: Operand): Value {
  const graph = graphOf("where", [condition, x, y]);
  const test = lift("where", "condition", condition, "bool", graph);
  return emitOne("Where", [test, ...liftAll("where", { x, y }, graph)], {}, "where");
}

/** The same elements as another type. Floats are cut towards zero on the way to integers; a cast to an
 * integer or boolean type ends the path of a gradient. Casting to the type it has gives x itself. */
export function cast(x: Operand, dtype: DType): Value {
  const value = requireValue("cast", "x", x);
  if (!isDType(dtype)) failArgument("cast", "dtype", "an element type such as float32", dtype);
  if (value.dtype === dtype) return value;
  return emitOne("Cast", [value], { to: attribute.int(dtypeCode(dtype)) }, "cast");
}

/** The same elements as the type of `like`, as cast does. */
export function castLike(x: Operand, like: Operand): Value {
  return cast(x, requireValue("castLike", "like", like).dtype);
}

/** x itself as the output of a node. */
export const identity = unary("Identity", "identity");

const comparison: Schema<Readonly<Record<never, never>>> = binarySchema("numeric", "bool");

const logical: Schema<Readonly<Record<never, never>>> = binarySchema("bool", "bool");

function testSchema(node: NodeFacts, floats: boolean) {
  const x = inputOf(node, 0);
  checkType(node.operator, "x", x, floats ? "float" : "bool");
  return [{ dtype: "bool", shape: x.shape }] as const;
}

/** The numbers of a constant of sizes that is written in floats, as PyTorch does before opset 9. */
function wholeNumbersIn(x: Value): TensorType["elements"] {
  const data = constantData(x);
  if (data === undefined || data.external || data.size > MOST_ELEMENTS || data.dims.length > 1) {
    return undefined;
  }
  const numbers = data.toNumbers();
  return numbers.every(Number.isSafeInteger) ? numbers : undefined;
}

export const logicSchemas: Schemas<
  | "And"
  | "Or"
  | "Xor"
  | "Not"
  | "Equal"
  | "Less"
  | "LessOrEqual"
  | "Greater"
  | "GreaterOrEqual"
  | "IsNaN"
  | "IsInf"
  | "Where"
  | "Cast"
  | "CastLike"
  | "Identity"
> = {
  And: logical,
  Or: logical,
  Xor: logical,
  Not: { arity: 1, normal: none, infer: (node) => testSchema(node, false) },
  // Equal also compares booleans and strings.
  Equal: binarySchema("any", "bool"),
  Less: comparison,
  LessOrEqual: comparison,
  Greater: comparison,
  GreaterOrEqual: comparison,
  IsNaN: { arity: 1, normal: none, infer: (node) => testSchema(node, true) },
  IsInf: {
    arity: 1,
    normal: (node) => ({
      negative: intOf(node, "detect_negative", 1) === 1,
      positive: intOf(node, "detect_positive", 1) === 1,
    }),
    infer: (node) => testSchema(node, true),
  },
  Where: {
    arity: 3,
    normal: none,
    infer: (node) => {
      const [condition, x, y] = [inputOf(node, 0), inputOf(node, 1), inputOf(node, 2)];
      checkType(node.operator, "condition", condition, "bool");
      return [{ dtype: sameType(node, [x, y]), shape: broadcastAll(node, [condition, x, y]) }];
    },
  },
  Cast: {
    arity: 1,
    normal: (node) => ({ to: dtypeOfCode(intOf(node, "to", 1)) }),
    infer: (node, { to }) => {
      const x = inputOf(node, 0);
      const elements = isFloating(x.dtype) ? wholeNumbersIn(x) : x.elements;
      return [{ dtype: to, shape: x.shape, ...(to === "int64" ? { elements } : {}) }];
    },
  },
  CastLike: {
    arity: 2,
    normal: none,
    infer: (node) => [{ dtype: inputOf(node, 1).dtype, shape: inputOf(node, 0).shape }],
  },
  Identity: {
    arity: 1,
    normal: none,
    infer: (node) => {
      const x = inputOf(node, 0);
      const { dtype, shape, elements, container } = x;
      return [{ dtype, shape, elements, container }];
    },
  },
};
