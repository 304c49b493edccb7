import { capturesOfNode, currentValue } from "../../builder/block.ts";
import { cloneBody } from "../../builder/clone.ts";
import { sameShape } from "../../builder/dim.ts";
import {
  type Collected,
  type Iteration,
  iterationOf,
  leadingInputs,
  type State,
} from "../../builder/iteration.ts";
import { add, gather, loop, sub } from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import { addCotangents, zeroCotangent } from "../cotangents.ts";
import { carriesGradient, pathBetween } from "../path.ts";
import { pullThroughAppended } from "./appended.ts";
import { isLong, pullThroughChunks } from "./chunks.ts";
import { randomInBodies } from "./random-bodies.ts";
import { type Reading, readingsOf, restore } from "./readings.ts";
import { hasVarying, type Journey, loosened, markVarying, ofShape, record } from "./record.ts";
import { type Cotangents, isMissing, type Missing, missing, type Walk } from "./rule.ts";

/** The gradient of a Loop or Scan: a Loop that goes through its rounds from the last to the first. In each
 * the body is computed again, from the states that were kept, as far as its gradient needs it. Carried are
 * the cotangents of the states, and the sums of those of what the body reads from outside; those of what
 * it reads one slice a round of are collected. A Loop again, so there is a gradient of it too. */
export function iterationRule(node: Walk): Cotangents | Missing {
  const iteration = iterationOf(node.node);
  if (iteration === undefined) return missing("its body does not fit its inputs");
  const containers = iteration.states.flatMap(({ init }) => init.container?.kind ?? []);
  if (containers.includes("optional")) return missing("it hands an optional from round to round");
  if (containers.length > 0) {
    const found = randomInBodies(node.node) ?? pullThroughAppended(node, iteration);
    if (found !== undefined) return found;
  }
  const asked = askedOf(node, iteration);
  if (asked.carried.length + asked.readings.length + asked.summed.length === 0) return [];
  if (asked.summed.some(({ container }) => container?.kind === "optional")) {
    return missing("its body reads an optional from outside");
  }
  const random = randomInBodies(node.node);
  if (random !== undefined) return random;
  const { keepEvery = 1 } = node.options;
  const inChunks = keepEvery > 1 && isLong(iteration, keepEvery) && hasRanks(iteration, asked);
  if (inChunks && !hasVarying(iteration)) {
    return pullThroughChunks(node, iteration, keepEvery, asked);
  }
  return pullThrough(node, iteration, asked, record(node.graph, iteration));
}

/** What of a loop its gradient concerns. */
interface Asked {
  /** The places of states whose cotangents are carried. */
  readonly carried: readonly number[];
  readonly readings: readonly Reading[];
  /** Values from outside whose cotangents are summed. */
  readonly summed: readonly Value[];
  /** The places of collected results that have cotangents. */
  readonly collected: readonly number[];
}

/** Whether the rank of all that would be cut into chunks is known. */
function hasRanks({ collected }: Iteration, asked: Asked): boolean {
  return (
    asked.readings.every(({ whole }) => whole.shape !== undefined) &&
    asked.collected.every((k) => collected[k]?.part.shape !== undefined)
  );
}

/** Carried are the states that what is differentiated by reaches in some round, and that reach what has a
 * cotangent. */
function askedOf(node: Walk, iteration: Iteration): Asked {
  const { body, states, collected } = iteration;
  const readings = readingsOf(iteration, (whole) => node.reaches(whole));
  const read = new Set(
    readings.filter(({ input }) => input === undefined).map(({ whole }) => whole),
  );
  const summed = capturesOfNode(node.node).filter(
    (captured) => node.reaches(captured) && !read.has(captured),
  );
  const outside = [...readings.map(({ part }) => part), ...summed];
  const lead = leadingInputs(node.node);
  const active = new Set(states.flatMap((_, k) => (node.wants(lead + k) ? [k] : [])));
  const argumentsOf = (places: Iterable<number>) =>
    [...places].map((k) => states[k]?.argument as Value);
  grow(active, () => {
    const { values } = pathBetween(body.outputs, [...argumentsOf(active), ...outside], body);
    return states.flatMap(({ next }, k) => (values.has(currentValue(next)) ? [k] : []));
  });
  const has = (i: number) => node.cotangent(i) !== undefined;
  const seeded = collected.flatMap((_, k) => (has(states.length + k) ? [k] : []));
  const useful = new Set(states.flatMap((_, k) => (has(k) ? [k] : [])));
  grow(useful, () => {
    const ys = [
      ...[...useful].map((k) => states[k]?.next as Value),
      ...seeded.map((k) => collected[k]?.part as Value),
    ];
    const reads = readsOn(ys, [...argumentsOf(active), ...outside], iteration);
    return states.flatMap(({ argument }, k) => (reads.has(argument) ? [k] : []));
  });
  const carried = [...active].filter((k) => useful.has(k)).sort((a, b) => a - b);
  return { carried, readings, summed, collected: seeded };
}

function readsOn(ys: readonly Value[], xs: readonly Value[], { body }: Iteration): Set<Value> {
  const { nodes } = pathBetween(ys, xs, body);
  const reads = new Set(ys);
  for (const each of nodes) {
    for (const input of each.inputs) if (input !== undefined) reads.add(input);
    for (const captured of capturesOfNode(each)) reads.add(captured);
  }
  return reads;
}

/** Adds what `more` finds until it finds nothing new. */
function grow(set: Set<number>, more: () => readonly number[]): void {
  for (let before = -1; before !== set.size; ) {
    before = set.size;
    for (const each of more()) set.add(each);
  }
}

/** Goes through the rounds of a journey from the last to the first. */
function pullThrough(
  node: Walk,
  iteration: Iteration,
  asked: Asked,
  journey: Journey,
): Cotangents | Missing {
  const { graph } = node;
  const { states } = iteration;
  const { carried, readings, summed } = asked;
  const { rounds } = journey;
  // As a value, for a loop without states does not tell its graph.
  const count = typeof rounds === "number" ? graph.constant(rounds, "int64") : rounds;
  const last = typeof rounds === "number" ? graph.constant(rounds - 1, "int64") : sub(rounds, 1);
  let problem: Missing | undefined;
  const reached = new Set<Reading | Value>();
  const varying = hasVarying(iteration);
  const init = [
    ...carried.map((k) => {
      const { init: start, argument, result } = states[k] as State;
      const like = varying ? (result ?? (journey.before(count)[k] as Value)) : start;
      const cotangent = node.cotangent(k) ?? zeroCotangent(like);
      if (varying) return loosened(cotangent);
      // Files declare other ranks for what loops give than it has.
      const isDeclaredWell = sameShape(cotangent.shape, argument.shape) !== false;
      return isDeclaredWell ? cotangent : ofShape(cotangent, argument.shape);
    }),
    ...summed.map(zeroCotangent),
  ];
  const results = loop(count, init, (round, ...totals) => {
    const back = new RoundBack(node, iteration, asked, journey, round, sub(last, round));
    const found = graph.outsideWherePossible(() => back.pull(totals.slice(0, carried.length)));
    if (isMissing(found)) {
      problem = found;
      return totals;
    }
    const sums = summed.map((captured, i) => {
      const total = totals[carried.length + i] as Value;
      const more = found[carried.length + readings.length + i];
      if (more === undefined) return total;
      reached.add(captured);
      return addCotangents(total, more);
    });
    const collect = readings.flatMap((reading, i) => {
      const cotangent = found[carried.length + i];
      if (cotangent === undefined) return [];
      reached.add(reading);
      return [cotangent];
    });
    const state = carried.map(
      (k, i) => found[i] ?? zeroCotangent(varying ? back.before(k) : (totals[i] as Value)),
    );
    return { state: [...state, ...sums], collect };
  });
  if (problem !== undefined) return problem;
  if (varying) markVarying(results);

  const lead = leadingInputs(node.node);
  const given = new Map<number | Value, Value>();
  carried.forEach((k, i) => {
    given.set(lead + k, results[i] as Value);
  });
  summed.forEach((captured, i) => {
    if (reached.has(captured)) given.set(captured, results[carried.length + i] as Value);
  });
  let next = init.length;
  for (const reading of readings) {
    if (!reached.has(reading)) continue;
    const whole = restore(results[next++] as Value, reading, { rounds, fromLast: true });
    const at = reading.input ?? reading.whole;
    const before = given.get(at);
    given.set(at, before === undefined ? whole : add(before, whole));
  }
  return [
    ...node.inputs.map((_, i) => given.get(i)),
    ...capturesOfNode(node.node).map((captured) => given.get(captured)),
  ];
}

/** The way back through one round. */
class RoundBack {
  readonly #node: Walk;
  readonly #iteration: Iteration;
  readonly #asked: Asked;
  /** How many rounds lie behind this one, and how many before. */
  readonly #round: Value;
  readonly #place: Value;
  readonly #given = new Map<Value, Value>();

  constructor(
    node: Walk,
    iteration: Iteration,
    asked: Asked,
    journey: Journey,
    round: Value,
    place: Value,
  ) {
    this.#node = node;
    this.#iteration = iteration;
    this.#asked = asked;
    this.#round = round;
    this.#place = place;
    const { index, go, states, sequences } = iteration;
    if (index !== undefined) this.#given.set(index, place);
    if (go !== undefined) this.#given.set(go, node.graph.constant(true));
    const before = journey.before(place);
    states.forEach(({ argument }, k) => {
      this.#given.set(argument, before[k] as Value);
    });
    for (const { whole, argument, axis, reversed } of sequences) {
      this.#given.set(argument, gather(whole, this.#at(reversed), { axis }));
    }
  }

  /** The cotangents of the carried states, of the readings and of what is summed, by those of the carried
   * states after the round. */
  pull(totals: readonly Value[]): Cotangents | Missing {
    const { body, states, collected } = this.#iteration;
    const { carried, readings, summed } = this.#asked;
    const copy = cloneBody(this.#node.graph, body, this.#given);
    const ys: Value[] = [];
    const seeds: Value[] = [];
    carried.forEach((k, i) => {
      ys.push(copy.of((states[k] as State).next));
      seeds.push(totals[i] as Value);
    });
    for (const k of this.#asked.collected) {
      const { part, axis, reversed } = collected[k] as Collected;
      const cotangent = this.#node.cotangent(states.length + k) as Value;
      ys.push(copy.of(part));
      seeds.push(gather(cotangent, this.#at(reversed), { axis }));
    }
    const xs = [
      ...carried.map((k) => copy.of((states[k] as State).argument)),
      ...readings.map(({ part }) => copy.of(part)),
      ...summed,
    ];
    // What the results do not need was not copied, and has no cotangent.
    const own = [...xs, ...this.#others()].filter((x) => x.block !== body);
    const found = this.#node.pullInBody(ys, own, seeds);
    return isMissing(found) ? found : xs.map((x) => found[own.indexOf(x)]);
  }

  /** The states before the round whose cotangents are not carried. They end the way back as well: what makes them
   * again may be a loop beside those that are carried. */
  #others(): Value[] {
    const places = this.#iteration.states.map((_, k) => k);
    return places
      .filter((k) => !this.#asked.carried.includes(k))
      .map((k) => this.before(k))
      .filter(carriesGradient);
  }

  /** A state before the round. */
  before(place: number): Value {
    return this.#given.get((this.#iteration.states[place] as State).argument) as Value;
  }

  #at(fromEnd: boolean): Value {
    return fromEnd ? this.#round : this.#place;
  }
}
