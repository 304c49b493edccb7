import { capturesOfNode, type Node } from "../../builder/block.ts";
import { isStatic, sameDim } from "../../builder/dim.ts";
import {
  behindIdentity,
  type Iteration,
  isSteady,
  leadingInputs,
  roundsOf,
} from "../../builder/iteration.ts";
import {
  moveAxis,
  pad,
  reshape,
  sizeOf,
  slice,
  subtractSizes,
  zerosLike,
} from "../../builder/operators/index.ts";
import type { Size } from "../../builder/operators/sizes.ts";
import type { Axis } from "../../builder/schema.ts";
import type { Value } from "../../builder/value.ts";

/** A value that a loop reads one slice of in each round, each slice once. Its cotangent is collected slice
 * by slice: summed up in a state of its full size it would cost its size in every round. */
export interface Reading {
  readonly whole: Value;
  /** The slice, in the body. */
  readonly part: Value;
  readonly axis: number;
  /** Whether the first round reads the last slice. */
  readonly backwards: boolean;
  /** The input of a Scan that is read; undefined for what a Loop's body gathers from outside. */
  readonly input: number | undefined;
}

/** The readings of those values that are asked for. */
export function readingsOf(iteration: Iteration, asked: (whole: Value) => boolean): Reading[] {
  const { node, states, sequences } = iteration;
  const first = leadingInputs(node) + states.length;
  const sliced = sequences.map(({ whole, argument, axis, reversed }, k): Reading => {
    return { whole, part: argument, axis, backwards: reversed, input: first + k };
  });
  return [...sliced, ...gatheredReadings(iteration)].filter(({ whole }) => asked(whole));
}

/** What a Loop's body reads from outside only as the slice with the number of the round, counted from the
 * first or the last. */
function gatheredReadings(iteration: Iteration): Reading[] {
  const { body, index } = iteration;
  if (index === undefined) return [];
  const others = new Set<Value>(body.outputs);
  const readings: Reading[] = [];
  for (const node of body.nodes) {
    const reading = gatheredReading(iteration, node);
    if (reading !== undefined) readings.push(reading);
    for (const [i, input] of node.inputs.entries()) {
      if (input !== undefined && !(i === 0 && reading !== undefined)) others.add(input);
    }
    for (const captured of capturesOfNode(node)) others.add(captured);
  }
  return readings.filter(({ whole }) => !others.has(whole));
}

function gatheredReading(iteration: Iteration, node: Node): Reading | undefined {
  const [whole, at] = node.inputs;
  if (node.op !== "Gather" || node.domain !== "" || whole?.shape === undefined) return undefined;
  if (at?.shape?.length !== 0 || whole.block === iteration.body) return undefined;
  const place = behindIdentity(at);
  const backwards = place !== iteration.index;
  if (backwards && !countsBack(iteration, place)) return undefined;
  const { axis } = node.normal as Axis;
  const [part] = node.outputs;
  return part && { whole, part, axis, backwards, input: undefined };
}

/** Whether a number is that of the last round less that of the current one. */
function countsBack({ node, body, index }: Iteration, place: Value): boolean {
  const { producer } = place;
  const [count, condition] = node.inputs;
  if (producer?.op !== "Sub" || producer.inputs[1] !== index) return false;
  if (count === undefined || !isSteady(body, count, condition)) return false;
  const last = producer.inputs[0] as Value;
  const rounds = roundsOf(body, count, condition);
  if (typeof rounds === "number") return last.elements?.[0] === rounds - 1;
  return (
    last.producer?.op === "Sub" &&
    last.producer.inputs[0] === count &&
    last.producer.inputs[1]?.elements?.[0] === 1
  );
}

/** The cotangents of slices, one a round, as that of the whole.
 *
 * @param slices along the first axis, in the order of the rounds or from the last to the first
 * @param order `rounds`: how many there are; a whole may be longer than what is read of it */
export function restore(
  slices: Value,
  { whole, axis, backwards, input }: Reading,
  { rounds, fromLast }: { readonly rounds: Size; readonly fromLast: boolean },
): Value {
  const rank = whole.shape?.length ?? 1;
  const at = axis < 0 ? axis + rank : axis;
  if (input === undefined && rounds === 0) return zerosLike(whole);
  let rows = slices;
  if (input === undefined && typeof rounds !== "number" && !isStatic(slices.shape?.slice(1))) {
    // A Loop of no rounds collects an empty tensor whose other sizes may be wrong.
    const others = whole.shape?.flatMap((_, i) => (i === at ? [] : [sizeOf(whole, i)])) ?? [];
    rows = reshape(rows, [sizeOf(rows, 0), ...others]);
  }
  if (fromLast !== backwards) rows = flipped(rows);
  const moved = at === 0 ? rows : moveAxis(rows, 0, at);
  if (input !== undefined || hasLength(whole, at, rounds)) return moved;
  const left = subtractSizes(sizeOf(whole, at), rounds);
  const none: readonly [Size, Size] = [0, 0];
  const pads = Array.from({ length: rank }, (_, i) => (i === at ? ([0, left] as const) : none));
  return pad(moved, pads);
}

/** From the last entry to the first. */
export function flipped(rows: Value): Value {
  return slice(rows, -1, Number.NEGATIVE_INFINITY, { axes: 0, steps: -1 });
}

/** Whether a value has certainly as many slices as there were rounds. */
function hasLength(whole: Value, axis: number, rounds: Size): boolean {
  const size = whole.shape?.[axis];
  if (typeof rounds === "number") return size === rounds;
  if (sameDim(size, rounds.elements?.[0]) === true) return true;
  // The number of rounds of an earlier loop, and what it collected.
  const counted =
    rounds.producer?.op === "Gather" ? rounds.producer.inputs[0]?.producer : undefined;
  const measured = counted?.op === "Shape" ? counted.inputs[0] : undefined;
  const source = whole.producer;
  return axis === 0 && source?.op === "Loop" && measured?.producer === source;
}
