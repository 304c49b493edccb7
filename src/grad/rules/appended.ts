import { capturesOfNode } from "../../builder/block.ts";
import { cloneBody } from "../../builder/clone.ts";
import {
  type Collected,
  type Iteration,
  isSteady,
  leadingInputs,
  type State,
} from "../../builder/iteration.ts";
import { loop, splitToSequence } from "../../builder/operators/index.ts";
import { asScalar } from "../../builder/operators/sizes.ts";
import type { Value } from "../../builder/value.ts";
import { type Cotangents, isMissing, type Missing, missing, type Walk } from "./rule.ts";

const OTHERWISE = missing(
  "it hands a sequence from round to round, and does more than append to it",
);

/** The gradient of a Loop that appends to empty sequences, as scripts collect results in lists: that of the
 * same loop with what is appended collected as tensors, of which the sequences are the slices. */
export function pullThroughAppended(node: Walk, iteration: Iteration): Cotangents | Missing {
  const { states, collected, index } = iteration;
  if (index === undefined) return OTHERWISE;
  const appended = new Map<number, Value>();
  for (const [k, state] of states.entries()) {
    if (state.init.container === undefined) continue;
    const part = appendedTo(iteration, state);
    if (part === undefined) return OTHERWISE;
    appended.set(k, part);
  }
  const results = collecting(node, iteration, appended);
  const reached = [...states, ...collected].flatMap((_, i) => {
    const seed = node.cotangent(i);
    return seed === undefined ? [] : [{ y: results[i] as Value, seed }];
  });
  const lead = leadingInputs(node.node);
  const inits = states.flatMap(({ init }, k) => (node.wants(lead + k) ? [init] : []));
  const captures = capturesOfNode(node.node);
  const xs = [...new Set([...inits, ...captures.filter(node.reaches)])];
  const found = node.pullInBody(
    reached.map(({ y }) => y),
    xs,
    reached.map(({ seed }) => seed),
  );
  if (isMissing(found)) return found;
  // A value that is read in two places has its whole cotangent at the first.
  const left = new Map(xs.map((x, i) => [x, found[i]] as const));
  return [...node.node.inputs, ...captures].map((read, i) => {
    if (read === undefined || i < lead) return undefined;
    const cotangent = left.get(read);
    left.delete(read);
    return cotangent;
  });
}

/** What is put behind an empty sequence in each round, if that is all that is done to it. */
function appendedTo({ body }: Iteration, { init, argument, next }: State): Value | undefined {
  if (init.producer?.op !== "SequenceEmpty" || next.producer?.op !== "SequenceInsert")
    return undefined;
  const [sequence, part, position] = next.producer.inputs;
  if (sequence !== argument || position !== undefined) return undefined;
  const uses = (value: Value) =>
    body.nodes.filter((node) => [...node.inputs, ...capturesOfNode(node)].includes(value)).length +
    body.outputs.filter((output) => output === value).length;
  return uses(argument) === 1 && uses(next) === 1 ? part : undefined;
}

/** The results of the loop, of one that collects what is appended. */
function collecting(
  { graph, node }: Walk,
  { body, states, collected, index, go }: Iteration,
  appended: ReadonlyMap<number, Value>,
): readonly Value[] {
  const [count, condition] = node.inputs;
  const steady = isSteady(body, count, condition);
  const kept = states.flatMap((_, k) => (appended.has(k) ? [] : [k]));
  const parts = [...collected.map(({ part }: Collected) => part), ...appended.values()];
  const found = loop(
    count && asScalar(count),
    kept.map((k) => (states[k] as State).init),
    (round, ...current) => {
      const given = new Map<Value, Value>([[index as Value, round]]);
      if (go !== undefined) given.set(go, graph.constant(true));
      for (const [k, { argument, init }] of states.entries()) {
        given.set(argument, current[kept.indexOf(k)] ?? init);
      }
      const copy = cloneBody(graph, body, given);
      return {
        state: kept.map((k) => copy.of((states[k] as State).next)),
        collect: parts.map(copy.of),
        ...(steady ? {} : { proceed: copy.outputs[0] as Value }),
      };
    },
    condition === undefined ? {} : { condition },
  );
  const stacks = found.slice(kept.length);
  const places = [...appended.keys()];
  const results = states.map((_, k) => {
    if (!appended.has(k)) return found[kept.indexOf(k)] as Value;
    const stack = stacks[collected.length + places.indexOf(k)] as Value;
    return splitToSequence(stack, { axis: 0, keepdims: false });
  });
  return [...results, ...stacks.slice(0, collected.length)];
}
