import { type Attribute, type Attributes, attribute, Block } from "./block.ts";
import { failArgument } from "./errors.ts";
import { TensorData } from "./tensor.ts";

/** An attribute as a user writes it. A whole number is an int, a fraction a float, of lists too (one
 * fraction makes floats); `{ float: 1 }` and `{ floats: [1, 2] }` say float of whole numbers. */
export type AttributeLiteral =
  | number
  | bigint
  | boolean
  | string
  | readonly number[]
  | readonly string[]
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | TensorData
  | Block;

/** @throws GraphError for anything that is no attribute. */
export function attributesOf(
  operator: string,
  literals: Readonly<Record<string, AttributeLiteral>>,
): Attributes {
  return Object.fromEntries(
    Object.entries(literals).map(([name, literal]) => [name, attributeOf(operator, name, literal)]),
  );
}

function attributeOf(operator: string, name: string, literal: AttributeLiteral): Attribute {
  if (typeof literal === "number") {
    return Number.isInteger(literal) ? attribute.int(literal) : attribute.float(literal);
  }
  if (typeof literal === "bigint" || typeof literal === "boolean") return attribute.int(literal);
  if (typeof literal === "string") return attribute.string(literal);
  if (Array.isArray(literal)) return listOf(literal);
  if (literal instanceof TensorData) return attribute.tensor(literal);
  if (literal instanceof Block) return attribute.graph(literal);
  if (typeof literal === "object" && literal !== null) {
    if ("float" in literal) return attribute.float(literal.float);
    if ("floats" in literal) return attribute.floats(literal.floats);
  }
  failArgument(operator, name, "a number, text, list, tensor or subgraph", literal);
}

function listOf(list: readonly (number | string)[]): Attribute {
  if (typeof list[0] === "string") return attribute.strings(list as readonly string[]);
  const numbers = list as readonly number[];
  return numbers.every(Number.isInteger) ? attribute.ints(numbers) : attribute.floats(numbers);
}
