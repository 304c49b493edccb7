import type { Emission } from "./assembly.ts";
import type { Node } from "./block.ts";
import { type Shape, sameDim, sameShape } from "./dim.ts";
import type { Graph } from "./graph.ts";
import { type TensorData, tensorOf } from "./tensor.ts";
import type { Value } from "./value.ts";

/** Elements of a constant that are looked at: what fullLike writes out. Larger ones are weights. */
const MOST_COMPARED = 1024;

/** What stands for a node that need not be made. */
export type Simplified =
  /** One of its inputs, or a constant. */
  | { readonly value: Value }
  /** The same from other inputs. */
  | { readonly inputs: readonly (Value | undefined)[] };

/** Finds what a node would only say in a longer way: arithmetic of constants, factors of one, and what is
 * repeated to the shape of the other operand. The results are the same to the last bit. */
export function simplify({ op, domain = "", inputs }: Emission): Simplified | undefined {
  if (domain !== "") return undefined;
  if (op === "Where") return simplerWhere(inputs as readonly Value[]);
  const [x, y] = inputs;
  if (op === "Neg") return negated(x as Value);
  if (inputs.length !== 2 || x === undefined || y === undefined || !isArithmetic(op)) {
    return undefined;
  }
  const folded = foldedOf(op, x, y);
  if (folded !== undefined) return { value: x.graph.lifted(folded) };
  if (op === "Mul" && isOne(x) && fits(x, y)) return { value: y };
  if ((op === "Mul" || op === "Div") && isOne(y) && fits(y, x)) return { value: x };
  // Of two repeated numbers one has to give the shape.
  const a = unrepeated(x, y);
  if (a !== undefined) return { inputs: [a, y] };
  const b = unrepeated(y, x);
  return b === undefined ? undefined : { inputs: [x, b] };
}

function negated(x: Value): Simplified | undefined {
  const number = numberIn(x);
  if (number === undefined) return undefined;
  return { value: x.graph.lifted(tensorOf("neg", "x", -number, x.dtype, x.data?.dims)) };
}

function simplerWhere([condition, x, y]: readonly Value[]): Simplified | undefined {
  if (condition === undefined || x === undefined || y === undefined) return undefined;
  const [a, b] = [unrepeated(x, condition), unrepeated(y, condition)];
  return a === undefined && b === undefined ? undefined : { inputs: [condition, a ?? x, b ?? y] };
}

type Arithmetic = keyof typeof arithmetic;

const arithmetic = {
  Add: (a: number, b: number) => a + b,
  Sub: (a: number, b: number) => a - b,
  Mul: (a: number, b: number) => a * b,
  Div: (a: number, b: number) => a / b,
};

function isArithmetic(op: string): op is Arithmetic {
  return Object.hasOwn(arithmetic, op);
}

/** The one number that a constant holds; undefined for anything else. */
function numberIn(value: Value): number | undefined {
  const data = value.data;
  if (data === undefined || data.external || data.size !== 1) return undefined;
  const floating = data.dtype === "float32" || data.dtype === "float64";
  return floating ? data.toNumbers()[0] : undefined;
}

/** What two constants give together, each of one number. */
function foldedOf(op: Arithmetic, x: Value, y: Value): TensorData | undefined {
  if (x.data === undefined || y.data === undefined || x.dtype !== y.dtype) return undefined;
  const [a, b] = [repeatedIn(x.data), repeatedIn(y.data)];
  const dims = dimsOfBoth(x.data, y.data);
  if (a === undefined || b === undefined || dims === undefined) return undefined;
  // Rounded once to double and then to float is rounded right, for these four.
  return tensorOf(op, "x", arithmetic[op](a, b), x.dtype, dims);
}

/** Those of the larger of two tensors, if the other one is of one element. */
function dimsOfBoth(x: TensorData, y: TensorData): readonly number[] | undefined {
  const [one, other] = x.size === 1 ? [x, y] : [y, x];
  const [few, many] = [one.dims.length, other.dims.length];
  if (one.size !== 1 || (few > many && other.size !== 1)) return undefined;
  return few > many ? one.dims : other.dims;
}

function isOne(value: Value): boolean {
  return numberIn(value) === 1;
}

/** Whether combining a constant of one element with another value leaves that one's shape. */
function fits(constant: Value, other: Value): boolean {
  const rank = constant.data?.dims.length ?? 0;
  return rank === 0 || (other.shape !== undefined && rank <= other.shape.length);
}

/** What a value repeats, if the other operand has the value's shape as well: combined with that one it is
 * repeated anyway. */
function unrepeated(value: Value, other: Value): Value | undefined {
  const rank = value.shape?.length ?? 0;
  if (rank === 0 || sameShape(value.shape, other.shape) !== true) return undefined;
  const one = numberRepeated(value);
  if (one?.shape !== undefined && one.shape.length <= rank) return one;
  const from = producerOf(value, "Expand")?.inputs[0];
  return from !== undefined && surelyRepeats(from.shape, other.shape as Shape) ? from : undefined;
}

/** Whether a shape is known to broadcast to another one. */
function surelyRepeats(from: Shape | undefined, to: Shape): boolean {
  if (from === undefined || from.length > to.length) return false;
  const lead = to.length - from.length;
  return from.every((dim, i) => dim === 1 || sameDim(dim, to[lead + i]) === true);
}

/** The one number, a constant or computed, that all elements of a value are, if that can be seen. */
function numberRepeated(value: Value): Value | undefined {
  for (let at = value; ; ) {
    if (at.data !== undefined) return numberOf(at.graph, at.data);
    const fill = producerOf(at, "ConstantOfShape")?.attributes.value;
    if (fill?.type === "tensor") return numberOf(at.graph, fill.value);
    const from = REPEATING.map((op) => producerOf(at, op)).find((node) => node)?.inputs[0];
    if (from === undefined) return undefined;
    if (from.data === undefined && from.shape?.every((dim) => dim === 1)) return from;
    at = from;
  }
}

/** Operators whose results have no elements but those of their first operand. */
const REPEATING = ["Expand", "Unsqueeze", "Squeeze", "Reshape", "Transpose"];

/** The node that makes a value, if it is of an operator and nobody else's: what was read is not passed by. */
function producerOf({ producer }: Value, op: string): Node | undefined {
  if (producer?.op !== op || producer.domain !== "" || producer.source !== undefined)
    return undefined;
  return producer;
}

/** The one number that all elements are, as a scalar. */
function numberOf(graph: Graph, data: TensorData): Value | undefined {
  const number = repeatedIn(data);
  return number === undefined
    ? undefined
    : graph.lifted(tensorOf("fullLike", "fill", number, data.dtype));
}

/** The one number that all elements are. */
function repeatedIn(data: TensorData): number | undefined {
  if (data.external || data.size === 0 || data.size > MOST_COMPARED) return undefined;
  if (data.dtype !== "float32" && data.dtype !== "float64") return undefined;
  const elements = data.elements as ArrayLike<number>;
  for (let i = 1; i < data.size; i++) if (!Object.is(elements[i], elements[0])) return undefined;
  return elements[0];
}
