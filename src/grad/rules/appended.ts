import { type Block, capturesOfNode, type Node } from "../../builder/block.ts";
import { type Copy, cloneBody } from "../../builder/clone.ts";
import {
  type Collected,
  type Iteration,
  isSteady,
  leadingInputs,
  type State,
} from "../../builder/iteration.ts";
import { ifElse, loop, splitToSequence } from "../../builder/operators/index.ts";
import { asScalar } from "../../builder/operators/sizes.ts";
import type { Value } from "../../builder/value.ts";
import { type Cotangents, isMissing, type Missing, type Walk } from "./rule.ts";

/** The gradient of a Loop that appends to empty sequences, as scripts collect results in lists: that of the
 * same loop with what is appended collected as tensors, of which the sequences are the slices. undefined for a Loop
 * that does something else with them. */
export function pullThroughAppended(
  node: Walk,
  iteration: Iteration,
): Cotangents | Missing | undefined {
  const { states, collected, index } = iteration;
  if (index === undefined) return undefined;
  const appended = new Map<number, Appended>();
  for (const [k, state] of states.entries()) {
    if (state.init.container === undefined) continue;
    const part = appendedTo(iteration, state);
    if (part === undefined) return undefined;
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

/** What is put behind a sequence in a round: a value, or one of two, as an If decides. */
type Appended = Value | { readonly choice: Node; readonly parts: readonly [Value, Value] };

/** What is put behind an empty sequence in each round, if that is all that is done to it. */
function appendedTo({ body }: Iteration, { init, argument, next }: State): Appended | undefined {
  if (init.producer?.op !== "SequenceEmpty") return undefined;
  if (usesIn(body, argument) !== 1 || usesIn(body, next) !== 1) return undefined;
  const choice = next.producer;
  if (choice?.op !== "If") return behind(argument, next);
  const parts = branchesOf(choice).flatMap((branch) => {
    const longer = branch.outputs[choice.outputs.indexOf(next)];
    if (longer === undefined || usesIn(branch, argument) !== 1) return [];
    return (usesIn(branch, longer) === 1 && behind(argument, longer)) || [];
  });
  return parts.length === 2 ? { choice, parts: parts as [Value, Value] } : undefined;
}

/** What stands in a sequence behind those of another. */
function behind(sequence: Value, { producer }: Value): Value | undefined {
  if (producer?.op !== "SequenceInsert") return undefined;
  const [before, part, position] = producer.inputs;
  return before === sequence && position === undefined ? part : undefined;
}

function usesIn(block: Block, value: Value): number {
  const readers = block.nodes.filter((node) =>
    [...node.inputs, ...capturesOfNode(node)].includes(value),
  );
  return readers.length + block.outputs.filter((output) => output === value).length;
}

function branchesOf(choice: Node): Block[] {
  return ["then_branch", "else_branch"].flatMap((name) => {
    const branch = choice.attributes[name];
    return branch?.type === "graph" ? [branch.value] : [];
  });
}

/** What is appended, in the copy of a body. */
function copyOf(appended: Appended, copy: Copy, body: Block): Value {
  if (!("choice" in appended)) return copy.of(appended);
  const { choice, parts } = appended;
  const { graph } = choice.outputs[0] as Value;
  const copied = body.nodes.flatMap(({ outputs }) => outputs.map((y) => [y, copy.of(y)] as const));
  const given = new Map([...copied, ...body.inputs.map((x) => [x, copy.of(x)] as const)]);
  const partOf = (i: 0 | 1) => () => {
    const branch = cloneBody(graph, branchesOf(choice)[i] as Block, new Map(given));
    return [branch.of(parts[i])];
  };
  return ifElse(copy.of(choice.inputs[0] as Value), partOf(0), partOf(1))[0] as Value;
}

/** The results of the loop, of one that collects what is appended. */
function collecting(
  { graph, node }: Walk,
  { body, states, collected, index, go }: Iteration,
  appended: ReadonlyMap<number, Appended>,
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
        collect: parts.map((part) => copyOf(part, copy, body)),
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
