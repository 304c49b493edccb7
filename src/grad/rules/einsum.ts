import type { Pullback } from "../../builder/definition.ts";
import { parseEquation, printEquation } from "../../builder/operators/einsum.ts";
import {
  and,
  einsum,
  equal,
  expand,
  mul,
  positions,
  reduceSum,
  transpose,
  unsqueeze,
  where,
} from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import { expandLike, sizesFor, sumTo } from "../broadcast.ts";
import { type Cotangents, type Missing, missing, wanted } from "./rule.ts";

/** A value and the name of each of its axes: a letter of the equation, or a number for an axis that an
 * ellipsis stands for, counted from the end so that axes which broadcast together agree. */
interface Labelled {
  readonly value: Value;
  readonly labels: readonly Label[];
}

type Label = string | number;

const ELLIPSIS = "...";

/** Einsum is linear in each operand: its cotangent is the Einsum of the result's cotangent and the other
 * operands, given the operand's own subscripts. What such an Einsum cannot say is added: letters that
 * nothing else has (the operand was summed over them: repeat), letters that come twice (only the diagonal
 * was read: zeros beside it), and axes of size 1 that were broadcast (sum). */
export function einsumRule(node: Pullback<{ readonly equation: string }>): Cotangents | Missing {
  const { operands, result } = parseEquation("einsum", node.attributes.equation);
  if (node.inputs.some((input) => input?.shape === undefined)) {
    return missing("the ranks of its operands are not known when the graph is built");
  }
  const terms = operands.map((term, i) => labelled(node.input(i), term));
  const cotangent = labelled(node.dy, result, node.y.rank);
  return wanted(
    node,
    ...terms.map(
      (term) => () =>
        pullBack(
          term,
          cotangent,
          terms.filter((other) => other !== term),
        ),
    ),
  );
}

function labelled(value: Value, term: readonly string[], rank = value.rank): Labelled {
  const hidden = rank - (term.length - 1);
  const labels = term.flatMap((subscript): Label[] =>
    subscript === ELLIPSIS ? Array.from({ length: hidden }, (_, i) => hidden - i) : [subscript],
  );
  return { value, labels };
}

function pullBack(term: Labelled, cotangent: Labelled, others: readonly Labelled[]): Value {
  const operand = term.value;
  const distinct = [...new Set(term.labels)];
  const found = contract([cotangent, ...others], distinct);
  const known = distinct.filter((label) => found.labels.includes(label));
  const order = known.map((label) => found.labels.indexOf(label));
  const arranged = order.every((axis, i) => axis === i)
    ? found.value
    : transpose(found.value, order);
  // Axes that are still missing, for letters that only this operand has or that come again in it.
  const first = (label: Label, axis: number) => term.labels.indexOf(label) === axis;
  const gaps = term.labels.flatMap((label, axis) =>
    known.includes(label) && first(label, axis) ? [] : [axis],
  );
  const whole = unsqueeze(arranged, gaps);
  if (distinct.length < term.labels.length) {
    return expandLike(where(diagonal(term), whole, 0), operand);
  }
  return sumTo(gaps.length === 0 ? whole : expand(whole, sizesFor(operand)), operand);
}

/** The product of the terms, summed over every axis that is not wanted. */
function contract(terms: readonly Labelled[], kept: readonly Label[]): Labelled {
  // Einsum has no subscripts for a scalar.
  const tensors = terms.filter(({ labels }) => labels.length > 0);
  const scalars = terms.filter(({ labels }) => labels.length === 0).map(({ value }) => value);
  const product = multiply(tensors, kept);
  const values = product === undefined ? scalars : [product.value, ...scalars];
  return { value: values.reduce((a, b) => mul(a, b)), labels: product?.labels ?? [] };
}

function multiply(terms: readonly Labelled[], kept: readonly Label[]): Labelled | undefined {
  const [first] = terms;
  if (first === undefined) return undefined;
  const all = new Set(terms.flatMap(({ labels }) => labels));
  const hidden = [...all].filter((label) => typeof label === "number").sort((a, b) => +b - +a);
  const letters = kept.filter((label) => typeof label === "string" && all.has(label));
  const alone = terms.length === 1 && all.size === first.labels.length;
  if (!alone) {
    const aligned = terms.map((term) => alignHidden(term, hidden.length));
    const equation = printEquation({
      operands: aligned.map(({ labels }) => subscripts(labels)),
      result: subscripts([...hidden, ...letters]),
    });
    const value = einsum(equation, ...aligned.map((term) => term.value));
    return sumOut({ value, labels: [...hidden, ...letters] }, kept);
  }
  return sumOut(first, kept);
}

/** Axes of size 1 where an ellipsis stands for fewer axes than elsewhere: ONNX Runtime 1.30 refuses such
 * an equation, or ends the process. */
function alignHidden({ value, labels }: Labelled, count: number): Labelled {
  const at = labels.findIndex((label) => typeof label === "number");
  if (at < 0) return { value, labels };
  const lacking = Array.from({ length: count - (labels[at] as number) }, (_, i) => count - i);
  return {
    value: unsqueeze(
      value,
      lacking.map((_, i) => at + i),
    ),
    labels: [...labels.slice(0, at), ...lacking, ...labels.slice(at)],
  };
}

function sumOut({ value, labels }: Labelled, kept: readonly Label[]): Labelled {
  const axes = labels.flatMap((label, axis) => (kept.includes(label) ? [] : [axis]));
  return {
    value: reduceSum(value, { axes }),
    labels: labels.filter((label) => kept.includes(label)),
  };
}

/** Labels as an equation writes them: the numbered axes are next to each other. */
function subscripts(labels: readonly Label[]): string[] {
  return labels.flatMap((label, axis) =>
    typeof label === "string" ? [label] : typeof labels[axis - 1] === "number" ? [] : [ELLIPSIS],
  );
}

/** Where all the axes that share a letter have the same position: the part of the operand that was read.
 * It broadcasts to the operand. */
function diagonal({ value, labels }: Labelled): Value {
  const place = (axis: number) => {
    const others = labels.flatMap((_, i) => (i === axis ? [] : [i]));
    return unsqueeze(positions(value, axis), others);
  };
  return labels
    .flatMap((label, axis) => {
      const first = labels.indexOf(label);
      return first === axis ? [] : [equal(place(first), place(axis))];
    })
    .reduce((a, b) => and(a, b));
}
