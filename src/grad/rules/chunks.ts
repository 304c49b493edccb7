import { capturesOfNode, type Node } from "../../builder/block.ts";
import { cloneBody } from "../../builder/clone.ts";
import type { Graph } from "../../builder/graph.ts";
import { type Iteration, isSteady, leadingInputs, roundsOf } from "../../builder/iteration.ts";
import {
  add,
  div,
  gather,
  loop,
  min,
  moveAxis,
  mul,
  multiplySizes,
  pad,
  reshape,
  sizeOf,
  sizesOf,
  slice,
  sub,
  subtractSizes,
} from "../../builder/operators/index.ts";
import { asScalar, type Size } from "../../builder/operators/sizes.ts";
import type { Value } from "../../builder/value.ts";
import { flipped, type Reading, restore } from "./readings.ts";
import { countOf } from "./record.ts";
import { type Cotangents, isMissing, type Missing, type Walk } from "./rule.ts";

/** Loops over chunks, which are not cut into chunks again. */
const chunked = new WeakSet<Node>();

/** Whether a loop goes round more than `most` times, as far as one can tell, and is not cut already. */
export function isLong({ node, body, index }: Iteration, most: number): boolean {
  if (chunked.has(node)) return false;
  if (index === undefined) return true;
  const [count, condition] = node.inputs;
  const rounds = roundsOf(body, count, condition);
  if (typeof rounds === "number") return rounds > most;
  const bounds = count?.producer?.op === "Min" ? count.producer.inputs : [count];
  return !bounds.some((bound) => {
    const known = bound?.elements?.[0];
    return typeof known === "number" && known <= most;
  });
}

/** The gradient of a loop of which not every state is kept: that of a loop over chunks of its rounds, with
 * a loop over the rounds of a chunk inside. The rule of the outer one keeps the states that chunks start
 * from, and goes through each chunk again before it goes back through it (Griewank and Walther 2008,
 * chapter 12, with one level of checkpoints). */
export function pullThroughChunks(
  node: Walk,
  iteration: Iteration,
  size: number,
  asked: {
    readonly readings: readonly Reading[];
    readonly summed: readonly Value[];
    readonly collected: readonly number[];
  },
): Cotangents | Missing {
  const { states, collected } = iteration;
  const rows = asked.readings.map((reading) => {
    const rounds = reading.backwards ? countOf(iteration, undefined) : 0;
    return inOrder(node.graph, reading, rounds);
  });
  const ordered = rows.map((each) => inChunks(each, size));
  const results = loopOverChunks(node, iteration, size, asked, ordered);

  const ys: Value[] = [];
  const seeds: Value[] = [];
  states.forEach((_, k) => {
    const seed = node.cotangent(k);
    if (seed === undefined) return;
    ys.push(results[k] as Value);
    seeds.push(seed);
  });
  asked.collected.forEach((k, i) => {
    const { axis, reversed } = collected[k] as { axis: number; reversed: boolean };
    const stack = results[states.length + i] as Value;
    const cotangent = node.cotangent(states.length + k) as Value;
    const parts = moveAxis(cotangent, axis, 0);
    ys.push(stack);
    seeds.push(inChunks(reversed ? flipped(parts) : parts, size));
  });
  const lead = leadingInputs(node.node);
  const inits = states.flatMap(({ init }, k) => (node.wants(lead + k) ? [init] : []));
  const xs = [...new Set([...inits, ...asked.summed, ...ordered])];
  const found = node.pullInBody(ys, xs, seeds);
  if (isMissing(found)) return found;

  // A value that is read in two places has its whole cotangent at the first.
  const left = new Map(xs.map((x, i) => [x, found[i]] as const));
  const take = (value: Value | undefined) => {
    const cotangent = value && left.get(value);
    if (value !== undefined) left.delete(value);
    return cotangent;
  };
  const cotangents = new Map<number | Value, Value>();
  asked.readings.forEach((reading, i) => {
    const slices = take(ordered[i]);
    if (slices === undefined) return;
    const at = reading.input ?? reading.whole;
    const length = sizeOf(rows[i] as Value, 0);
    const whole = restore(outOfChunks(slices, length), reading, {
      rounds: length,
      fromLast: false,
    });
    const before = cotangents.get(at);
    cotangents.set(at, before === undefined ? whole : add(before, whole));
  });
  return [
    ...node.node.inputs.map((input, i) =>
      i < lead ? undefined : (cotangents.get(i) ?? take(input)),
    ),
    ...capturesOfNode(node.node).map((captured) => cotangents.get(captured) ?? take(captured)),
  ];
}

/** The last states, then the asked-for collected results in the order of the rounds, `[chunks, size, …]`,
 * the last chunk filled up with zeros. */
function loopOverChunks(
  node: Walk,
  iteration: Iteration,
  size: number,
  asked: { readonly readings: readonly Reading[]; readonly collected: readonly number[] },
  ordered: readonly Value[],
): readonly Value[] {
  const { graph } = node;
  const { body, states, sequences, collected, go, index } = iteration;
  const [count, condition] = index === undefined ? [] : node.inputs;
  const steady = index === undefined || isSteady(body, count, condition);
  const total = steady ? countOf(iteration, undefined) : count && asScalar(count);
  const inits = states.map(({ init }) => init);
  const results = loop(
    total === undefined ? undefined : chunksOf(total, size),
    inits,
    (chunk, ...starts) => {
      const first = mul(chunk, size);
      const left = total === undefined ? size : sub(constantOr(graph, total), first);
      const rows = ordered.map((slices) => gather(slices, chunk));
      const yes = graph.constant(true);
      const inner = loop(
        typeof left === "number" || isMultiple(total, size) ? size : min(left, size),
        steady ? starts : [...starts, yes],
        (round, ...current) => {
          const given = new Map<Value, Value>();
          if (index !== undefined) given.set(index, add(first, round));
          if (go !== undefined) given.set(go, yes);
          states.forEach(({ argument }, k) => {
            given.set(argument, current[k] as Value);
          });
          asked.readings.forEach(({ part }, i) => {
            given.set(part, gather(rows[i] as Value, round));
          });
          for (const { whole, argument, axis, reversed } of sequences) {
            if (given.has(argument)) continue;
            const place = add(first, round);
            const at = reversed ? sub(sub(constantOr(graph, total as Size), 1), place) : place;
            given.set(argument, gather(whole, at, { axis }));
          }
          const copy = cloneBody(graph, body, given);
          const proceed = copy.outputs[0] as Value;
          const next = states.map((state) => copy.of(state.next));
          return {
            state: steady ? next : [...next, proceed],
            ...(steady ? {} : { proceed }),
            collect: asked.collected.map((k) => copy.of((collected[k] as { part: Value }).part)),
          };
        },
      );
      const ends = inner.slice(0, states.length);
      const stacks = inner.slice(steady ? states.length : states.length + 1);
      return {
        state: ends,
        ...(steady ? {} : { proceed: inner[states.length] as Value }),
        collect: stacks.map((stack) => filledUp(stack, size)),
      };
    },
    condition === undefined ? {} : { condition },
  );
  const made = results[0]?.producer;
  if (made !== undefined) chunked.add(made);
  return results;
}

function constantOr(graph: Graph, size: Size): Value {
  return typeof size === "number" ? graph.constant(size, "int64") : size;
}

function chunksOf(total: Size, size: number): Size {
  if (typeof total === "number") return Math.ceil(total / size);
  return div(add(total, size - 1), size);
}

function isMultiple(total: Size | undefined, size: number): boolean {
  return typeof total === "number" && total % size === 0;
}

/** A stack with zeros at its end, up to a number of entries. */
function filledUp(stack: Value, entries: Size): Value {
  const more = subtractSizes(entries, sizeOf(stack, 0));
  const none: readonly [Size, Size] = [0, 0];
  const pads = Array.from({ length: stack.rank }, () => none);
  return pad(stack, [[0, more], ...pads.slice(1)]);
}

/** `[n, …]` as `[chunks, size, …]`, the last chunk filled up with zeros. */
function inChunks(rows: Value, size: number): Value {
  const chunks = chunksOf(sizeOf(rows, 0), size);
  const whole = filledUp(rows, multiplySizes(chunks, size));
  return reshape(whole, [chunks, size, ...sizesOf(rows).slice(1)]);
}

/** The first rows of what `inChunks` made of so many. */
function outOfChunks(chunks: Value, rows: Size): Value {
  const [first, second, ...rest] = sizesOf(chunks) as [Size, Size, ...Size[]];
  const whole = reshape(chunks, [multiplySizes(first, second), ...rest]);
  if (sizeOf(whole, 0) === rows) return whole;
  return slice(whole, 0, rows, { axes: 0 });
}

/** What a reading reads, along its first axis in the order of the rounds. */
function inOrder(graph: Graph, { whole, axis, backwards, input }: Reading, rounds: Size): Value {
  const at = axis < 0 ? axis + whole.rank : axis;
  const rows = moveAxis(whole, at, 0);
  if (!backwards) return rows;
  if (input !== undefined) return flipped(rows);
  const last = sub(constantOr(graph, rounds), 1);
  return slice(rows, last, Number.NEGATIVE_INFINITY, { axes: 0, steps: -1 });
}
