import { capturesOfNode } from "../../builder/block.ts";
import { cloneBody } from "../../builder/clone.ts";
import type { Pullback } from "../../builder/definition.ts";
import {
  add,
  cast,
  concatFromSequence,
  less,
  reduceSum,
  sequenceAt,
  sequenceErase,
  sequenceInsert,
  sequenceLength,
  sequenceMap,
  shape,
  splitToSequence,
  where,
  zerosLike,
} from "../../builder/operators/index.ts";
import { bodyOf } from "../../builder/operators/sequence.ts";
import type { None, OperatorTable } from "../../builder/schema.ts";
import type { Value } from "../../builder/value.ts";
import { zeroCotangent } from "../cotangents.ts";
import {
  type Cotangents,
  isMissing,
  type Missing,
  type Rules,
  type Walk,
  wanted,
  zero,
} from "./rule.ts";

/** A position counted from the start of a sequence. */
function fromStart(position: Value, sequence: Value): Value {
  const at = cast(position, "int64");
  if (at.data !== undefined && (at.elements?.[0] as number) >= 0) return at;
  return where(less(at, 0), add(at, sequenceLength(sequence)), at);
}

/** Zeros for all entries but the one that was read. */
function atRule(node: Pullback<None>): Cotangents {
  const sequence = node.input(0);
  const at = fromStart(node.input(1), sequence);
  return [sequenceInsert(sequenceErase(zeroCotangent(sequence), at), node.dy, at)];
}

function insertRule(node: Pullback<None>): Cotangents {
  const { dy } = node;
  const position = node.optional(2);
  if (position === undefined) {
    return wanted(
      node,
      () => sequenceErase(dy),
      () => sequenceAt(dy, -1),
    );
  }
  const at = fromStart(position, node.input(0));
  return wanted(
    node,
    () => sequenceErase(dy, at),
    () => sequenceAt(dy, at),
  );
}

function eraseRule(node: Pullback<None>): Cotangents {
  const sequence = node.input(0);
  const position = node.optional(1);
  if (position === undefined) {
    return [sequenceInsert(node.dy, zerosLike(sequenceAt(sequence, -1)))];
  }
  const at = fromStart(position, sequence);
  return [sequenceInsert(node.dy, zerosLike(sequenceAt(sequence, at)), at)];
}

/** Cut where the entries were joined. */
function joinRule(node: Pullback<OperatorTable["ConcatFromSequence"]>): Cotangents {
  const { axis, stacks } = node.attributes;
  const { dy } = node;
  if (stacks) return [splitToSequence(dy, { axis, keepdims: false })];
  const sizes = sequenceMap([node.input(0)], (part) => [
    axis < 0
      ? shape(part as Value).slice(axis, axis === -1 ? Number.POSITIVE_INFINITY : axis + 1)
      : shape(part as Value, { start: axis, end: axis + 1 }),
  ])[0] as Value;
  return [splitToSequence(dy, { axis, sizes: concatFromSequence(sizes, { axis: 0 }) })];
}

/** The gradient of the body for each entry. What all entries share gets the sum. */
function mapRule(node: Walk<None>): Cotangents | Missing {
  const { graph } = node;
  const body = bodyOf(node.node);
  const captures = capturesOfNode(node.node);
  const reached = node.outputs.flatMap((_, i) => {
    const seed = node.cotangent(i);
    return seed === undefined ? [] : [{ i, seed }];
  });
  const inputs = node.inputs as readonly Value[];
  const asked = inputs.flatMap((_, i) => (node.wants(i) ? [i] : []));
  const outside = captures.filter(node.reaches);
  let problem: Missing | undefined;
  const results = sequenceMap([...reached.map(({ seed }) => seed), ...inputs], (...entries) => {
    const seeds = entries.slice(0, reached.length);
    const own = entries.slice(reached.length);
    const copy = cloneBody(graph, body, new Map(body.inputs.map((x, i) => [x, own[i] as Value])));
    const xs = [...asked.map((i) => own[i] as Value), ...outside];
    const ys = reached.map(({ i }) => copy.outputs[i] as Value);
    const given = node.pullInBody(ys, xs, seeds);
    if (isMissing(given)) {
      problem = given;
      return xs.map(zeroCotangent);
    }
    return xs.map((x, i) => given[i] ?? zeroCotangent(x));
  });
  if (problem !== undefined) return problem;
  const total = (parts: Value) =>
    reduceSum(concatFromSequence(parts, { axis: 0, newAxis: true }), { axes: 0 });
  const ofInputs = inputs.map((input, i) => {
    const found = results[asked.indexOf(i)];
    if (found === undefined || input.container?.kind === "sequence") return found;
    return total(found);
  });
  const ofCaptures = captures.map((captured) => {
    const at = outside.indexOf(captured);
    return at < 0 ? undefined : total(results[asked.length + at] as Value);
  });
  return [...ofInputs, ...ofCaptures];
}

export const sequenceRules: Rules<
  | "SequenceConstruct"
  | "SequenceEmpty"
  | "SequenceAt"
  | "SequenceInsert"
  | "SequenceErase"
  | "SequenceLength"
  | "SplitToSequence"
  | "ConcatFromSequence"
  | "SequenceMap"
  | "Optional"
  | "OptionalGetElement"
  | "OptionalHasElement"
> = {
  SequenceConstruct: (node) =>
    wanted(node, ...node.inputs.map((_, i) => () => sequenceAt(node.dy, i))),
  SequenceEmpty: zero("it reads nothing"),
  SequenceAt: atRule,
  SequenceInsert: insertRule,
  SequenceErase: eraseRule,
  SequenceLength: zero("its result is a size"),
  SplitToSequence: ({ dy, attributes: { axis, keepdims } }) => [
    concatFromSequence(dy, { axis, newAxis: !keepdims }),
  ],
  ConcatFromSequence: joinRule,
  SequenceMap: mapRule,
  Optional: (node) => [node.dy],
  OptionalGetElement: (node) => [node.dy],
  OptionalHasElement: zero("its result is boolean"),
};
