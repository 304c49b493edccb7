import { broadcastShapes, type Dim, formatShape, type Shape, sameShape } from "../dim.ts";
import { failArgument, GraphError } from "../errors.ts";
import type { Value } from "../value.ts";

/** An Einsum equation taken apart: the subscripts of each operand and of the result, each a letter or
 * "..." for the axes between. */
export interface Equation {
  readonly operands: readonly (readonly string[])[];
  readonly result: readonly string[];
}

/** The subscript for any axes. */
export const ELLIPSIS = "...";

/** Takes an equation apart. An output left out is "..." and then every letter that occurs once, in
 * alphabetical order.
 * @throws GraphError for anything that is no equation */
export function parseEquation(operator: string, equation: string): Equation {
  if (typeof equation !== "string") failArgument(operator, "equation", "a text", equation);
  const sides = equation.replaceAll(/\s/g, "").split("->");
  if (sides.length > 2) failArgument(operator, "equation", 'at most one "->"', equation);
  const operands = (sides[0] as string).split(",").map((term) => subscripts(operator, term));
  const all = operands.flat();
  if (sides[1] === undefined) {
    const once = all.filter((s) => s !== ELLIPSIS && all.indexOf(s) === all.lastIndexOf(s)).sort();
    return { operands, result: all.includes(ELLIPSIS) ? [ELLIPSIS, ...once] : once };
  }
  const result = subscripts(operator, sides[1]);
  for (const [i, subscript] of result.entries()) {
    if (result.indexOf(subscript) !== i) {
      failArgument(operator, "equation", `"${subscript}" once in the output`, equation);
    }
    if (!all.includes(subscript)) {
      failArgument(operator, "equation", `"${subscript}" of the output in an operand`, equation);
    }
  }
  if (all.includes(ELLIPSIS) && !result.includes(ELLIPSIS)) {
    failArgument(operator, "equation", '"..." in the output as in the operands', equation);
  }
  return { operands, result };
}

/** The equation written out: no spaces, the output named. */
export function printEquation({ operands, result }: Equation): string {
  return `${operands.map((term) => term.join("")).join(",")}->${result.join("")}`;
}

/** The same sum without "...": each axis under it gets a letter, and an axis of size 1 that broadcasts is
 * to be dropped from its operand. ONNX Runtime 1.30 crashes where ellipses stand for different ranks, and
 * infers wrong shapes where 1 stands beside n.
 *
 * @param shapes of the operands, which fit the equation
 * @returns the equation, and for each operand the axes to drop; as it was where a rank is unknown */
export function withoutEllipsis(
  equation: Equation,
  shapes: readonly (Shape | undefined)[],
): { readonly equation: Equation; readonly dropped: readonly (readonly number[])[] } {
  const hidden = equation.operands.map((term, i) => {
    const at = term.indexOf(ELLIPSIS);
    const shape = shapes[i];
    if (at < 0) return [];
    return shape?.slice(at, at + shape.length - term.length + 1);
  });
  const known = hidden.filter((dims) => dims !== undefined);
  if (!equation.result.includes(ELLIPSIS) || known.length < hidden.length) {
    return { equation, dropped: shapes.map(() => []) };
  }
  const rank = Math.max(...known.map((dims) => dims.length));
  const letters = freeLetters(equation, rank);
  // Axes are counted from the last, as they broadcast.
  const wide = letters.map((_, axis) => known.some((dims) => (dims.at(axis - rank) ?? 1) !== 1));
  const dropped: number[][] = [];
  const operands = equation.operands.map((term, i) => {
    const dims = known[i] as Shape;
    const at = term.indexOf(ELLIPSIS);
    const axes = dims.map((_, j) => rank - dims.length + j);
    const drops = (axis: number) => dims.at(axis - rank) === 1 && wide[axis] === true;
    dropped.push(axes.filter(drops).map((axis) => at + axis - (rank - dims.length)));
    const kept = axes.filter((axis) => !drops(axis)).map((axis) => letters[axis] as string);
    return term.flatMap((subscript) => (subscript === ELLIPSIS ? kept : [subscript]));
  });
  const result = equation.result.flatMap((s) => (s === ELLIPSIS ? letters : [s]));
  return { equation: { operands, result }, dropped };
}

function freeLetters({ operands }: Equation, count: number): string[] {
  const used = new Set(operands.flat());
  const free = [..."abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"];
  return free.filter((letter) => !used.has(letter)).slice(0, count);
}

function subscripts(operator: string, term: string): string[] {
  const found: string[] = term.match(/\.\.\.|[A-Za-z]/g) ?? [];
  if (found.join("") !== term || found.indexOf(ELLIPSIS) !== found.lastIndexOf(ELLIPSIS)) {
    failArgument(operator, "equation", 'letters and at most one "..." an operand', term);
  }
  return found;
}

/** The shape of the result; undefined where an ellipsis stands for axes of an unknown rank.
 * @throws GraphError if a rank or a dimension does not fit */
export function einsumShape(
  operator: string,
  equation: Equation,
  values: readonly Value[],
): Shape | undefined {
  const sizes = new Map<string, Shape | undefined>();
  for (const [i, value] of values.entries()) {
    const term = equation.operands[i] as readonly string[];
    for (const [subscript, dims] of assign(operator, term, value, i)) {
      const known = sizes.get(subscript);
      const merged = sizes.has(subscript) ? merge(subscript, known, dims) : { shape: dims };
      if ("clash" in merged) {
        throw new GraphError(
          operator,
          `"${subscript}" is ${formatShape(known)} before and ${formatShape(dims)} in operand ${i}, ${value}`,
        );
      }
      sizes.set(subscript, merged.shape);
    }
  }
  const result: Dim[] = [];
  for (const subscript of equation.result) {
    const dims = sizes.get(subscript);
    if (dims === undefined) return undefined;
    result.push(...dims);
  }
  return result;
}

/** Only what "..." stands for broadcasts. ONNX Runtime also takes 1 for n under a letter, and then infers
 * a wrong shape. */
function merge(subscript: string, a: Shape | undefined, b: Shape | undefined) {
  const clashes = subscript !== ELLIPSIS && sameShape(a, b) === false;
  return clashes ? { clash: 0 } : broadcastShapes(a, b);
}

/** The axes of one operand that each subscript stands for. */
function assign(
  operator: string,
  term: readonly string[],
  value: Value,
  i: number,
): [string, Shape | undefined][] {
  const at = term.indexOf(ELLIPSIS);
  const { shape } = value;
  if (shape === undefined) {
    return term.map((s) => [s, s === ELLIPSIS ? undefined : [undefined]]);
  }
  const letters = term.length - (at < 0 ? 0 : 1);
  if (at < 0 ? shape.length !== letters : shape.length < letters) {
    const expected = `${letters}${at < 0 ? "" : " or more"} dimensions for "${term.join("")}"`;
    failArgument(operator, `operand ${i}`, expected, value);
  }
  const hidden = shape.length - letters;
  return term.map((s, j) => {
    const from = at >= 0 && j > at ? j - 1 + hidden : j;
    return [s, shape.slice(from, from + (j === at ? hidden : 1))];
  });
}
