import { capturesOfNode, currentValue, type Node, readsOf } from "../builder/block.ts";
import { findDefinition } from "../builder/definition.ts";
import { sameShape, sizeOfShape } from "../builder/dim.ts";
import { isFloating } from "../builder/dtype.ts";
import { checkOptions, failArgument, GraphError } from "../builder/errors.ts";
import type { Graph } from "../builder/graph.ts";
import { graphOf, isValue, lift, type Operand, requireValue } from "../builder/lift.ts";
import { standIn } from "../builder/operators/gradient.ts";
import { fullLike, onesLike, zerosLike } from "../builder/operators/index.ts";
import { fusionOf } from "../builder/operators/known.ts";
import { raiseGraph } from "../builder/raise.ts";
import { simplify } from "../builder/simplify.ts";
import type { Value } from "../builder/value.ts";
import { reshapeLike } from "./broadcast.ts";
import { addCotangents, zeroCotangent } from "./cotangents.ts";
import { checkRules, customRule, type GradientRules, operatorOf } from "./custom-rules.ts";
import { type PullNode, pushForward } from "./forward.ts";
import { NodeWalk } from "./node-walk.ts";
import { carriesGradient, isQuantized, type Path, pathBetween } from "./path.ts";
import { ruleOf } from "./rules/known.ts";
import {
  byExpansion,
  type Cotangents,
  isMissing,
  type Missing,
  missing,
  type Rule,
  type Walk,
  zero,
} from "./rules/rule.ts";

/** The opset that rules are written for. Graphs of earlier ones are raised to it. */
const LEAST_OPSET = 13;

/** How gradients are computed. */
export interface GradOptions {
  /** Of the states that a Loop or Scan goes through keep only every so many, and compute those between
   * again on the way back: a loop of n rounds then holds n / k + k states in place of n, and runs its
   * rounds once more. Default 1: all are kept. */
  readonly keepEvery?: number;
  /** Gradient rules by operator, for operators that have none, such as those of other domains in imported
   * models, or in place of the ones they have. They hold wherever such a node lies on the way, in bodies of
   * control flow and functions too, for this call alone.
   *
   * ```ts
   * const [dx] = grad(loss, [x], {
   *   rules: { "com.example.Cube": ({ dy, input }) => [dy.mul(input(0).pow(2)).mul(3)] },
   * });
   * ``` */
  readonly rules?: GradientRules;
}

/** One Value for each of a list of Values, a tuple for a tuple: of `[w, b]`, `[Value, Value]`. */
export type OneEach<List extends readonly Value[]> = { -readonly [Place in keyof List]: Value };

/** The gradients of a scalar by some values, as new nodes of the same graph. They are ordinary values:
 * combine them, export them, differentiate them again.
 *
 * A graph below opset 13 is raised to it: its values stay what they are, and `graph.summary()` and the
 * metadata of models written from it (`ai.softonnx.raised_from_opset`) say so.
 *
 * ```ts
 * const [dw, db] = grad(loss, [w, b]);
 * ```
 * @param y a floating value of one element
 * @param xs floating values: inputs, parameters, constants or results of operators, in any order. One
 * that y does not depend on gets exact zeros.
 * @returns one value for each x, of its type and shape
 * @throws GraphError if y is not a scalar, or naming every operator on the way that has no rule */
export function grad<Xs extends readonly Value[] | []>(
  y: Value,
  xs: Xs,
  options: GradOptions = {},
): OneEach<Xs> {
  requireScalar("grad", y);
  return pullBack("grad", [y], xs, options, () => [onesLike(y)]) as OneEach<Xs>;
}

/** A scalar and its gradients, for code that wants both by name.
 *
 * ```ts
 * const { value, grads } = valueAndGrad(loss, [w]);
 * ```
 * @throws GraphError as `grad` does */
export function valueAndGrad<Xs extends readonly Value[] | []>(
  y: Value,
  xs: Xs,
  options: GradOptions = {},
): { readonly value: Value; readonly grads: Readonly<OneEach<Xs>> } {
  requireScalar("valueAndGrad", y);
  return { value: y, grads: grad(y, xs, options) };
}

/** The vector-Jacobian product: the gradient of `sum over i of <cotangents[i], ys[i]>` by some values,
 * for results that are not scalars.
 *
 * ```ts
 * const [dx] = vjp(softmax(x), [x], weights);
 * ```
 * @param ys one floating value or several, of any shape
 * @param xs as for `grad`
 * @param cotangents one for each y, with its shape; a number stands for a tensor filled with it. All
 * ones by default.
 * @returns one value for each x, of its type and shape
 * @throws GraphError if a cotangent does not fit its y, or naming every operator that has no rule */
export function vjp<Xs extends readonly Value[] | []>(
  ys: Value | readonly Value[],
  xs: Xs,
  cotangents?: Operand | readonly Operand[],
  options: GradOptions = {},
): OneEach<Xs> {
  const values = requireResults("vjp", ys);
  const given = isValue(ys) ? [cotangents as Operand | undefined] : listOf(cotangents);
  if (given !== undefined && given.length !== values.length) {
    failArgument("vjp", "cotangents", `${values.length}, one for each y`, cotangents);
  }
  const seeds = () => values.map((y, i) => seedOf(y, given?.[i], i));
  return pullBack("vjp", values, xs, options, seeds) as OneEach<Xs>;
}

/** One floating value or several, as a list. */
export function requireResults(operator: string, ys: Value | readonly Value[]): Value[] {
  if (isValue(ys)) return [requireFloat(operator, "ys", ys)];
  if (!Array.isArray(ys) || ys.length === 0) {
    failArgument(operator, "ys", "a Value or a list of Values", ys);
  }
  return (ys as readonly unknown[]).map((y, i) => requireFloat(operator, `ys[${i}]`, y));
}

function listOf(cotangents: Operand | readonly Operand[] | undefined) {
  if (cotangents === undefined) return undefined;
  if (!Array.isArray(cotangents)) failArgument("vjp", "cotangents", "a list", cotangents);
  return cotangents as readonly Operand[];
}

function seedOf(y: Value, cotangent: Operand | undefined, i: number): Value {
  return cotangent === undefined ? onesLike(y) : fitting("vjp", `cotangents[${i}]`, cotangent, y);
}

/** An operand of the type and shape of a value; a number fills that.
 * @throws GraphError if it has another */
export function fitting(operator: string, argument: string, operand: Operand, like: Value): Value {
  if (typeof operand === "number") return fullLike(like, operand);
  const value = lift(operator, argument, operand, like.dtype, like.graph);
  if (value.dtype !== like.dtype || sameShape(value.shape, like.shape) === false) {
    failArgument(operator, argument, `the type and shape of ${like}`, value);
  }
  return value;
}

export function requireFloat(operator: string, argument: string, value: unknown): Value {
  const checked = requireValue(operator, argument, value);
  if (!isFloating(checked.dtype)) failArgument(operator, argument, "a floating value", checked);
  return checked;
}

export function requireScalar(operator: string, y: Value): void {
  requireFloat(operator, "y", y);
  if (y.shape !== undefined && sizeOfShape(y.shape) === 1) return;
  throw new GraphError(
    operator,
    `y: expected a scalar, got ${y}; reduce it, with reduceSum or reduceMean, ` +
      "or use vjp, which takes a cotangent for it",
  );
}

/** Reverse mode: walks the nodes between xs and ys once, youngest first, handing each rule the cotangent
 * of its node and collecting what it gives for the inputs. */
function pullBack(
  operator: string,
  ys: readonly Value[],
  xs: readonly Value[],
  options: GradOptions,
  seed: () => readonly Value[],
): Value[] {
  const graph = checkedGraph(operator, ys, xs, options);
  return differentiating(operator, graph, () =>
    new Reverse(operator, graph, ys, xs, options).run(seed()),
  );
}

/** @throws GraphError for options that are wrong, and values that cannot be differentiated from here */
function checkedGraph(
  operator: string,
  ys: readonly Value[],
  xs: readonly Value[],
  options: GradOptions,
): Graph {
  checkOptions(operator, options, ["keepEvery", "rules"]);
  const { keepEvery = 1, rules } = options;
  if (!Number.isSafeInteger(keepEvery) || keepEvery < 1) {
    failArgument(operator, "keepEvery", "a whole number from 1", keepEvery);
  }
  if (!Array.isArray(xs)) failArgument(operator, "xs", "a list of Values", xs);
  for (const [i, x] of xs.entries()) requireFloat(operator, `xs[${i}]`, x);
  const graph = graphOf(operator, [...ys, ...xs]);
  checkRules(operator, rules, graph);
  for (const value of [...ys, ...xs]) {
    if (!graph.block.sees(value.block)) {
      throw new GraphError(operator, `${value} is inside a closed subgraph`);
    }
  }
  return graph;
}

/** Makes the nodes of a derivative: in an opset that all rules speak, none twice, and none that can be
 * done without. */
function differentiating<Result>(operator: string, graph: Graph, walk: () => Result): Result {
  const build = () => {
    graph.reaches(LEAST_OPSET);
    return graph.sharing(() => graph.simplifying(simplify, walk));
  };
  return graph.operation(operator, () => graph.raising(raiseGraph, build));
}

/** Forward mode, see pushForward. Where an operator on the way has no rule, undefined: reverse mode names
 * all of them. */
export function pushed(
  operator: string,
  ys: readonly Value[],
  xs: readonly Value[],
  steps: readonly Value[],
  options: GradOptions,
  placeholder: (like: Value) => Value,
): Value[] | undefined {
  const graph = checkedGraph(operator, ys, xs, options);
  const { values } = pathBetween(ys, xs);
  if ([...values].some(({ container }) => container !== undefined)) return undefined;
  const pull: PullNode = (node, reads, seeds) => {
    const ends = node.outputs.filter((_, i) => seeds[i] !== undefined);
    const path = { nodes: [node], values: new Set([...reads, ...node.outputs].map(currentValue)) };
    const given = seeds.filter((seed) => seed !== undefined);
    return new Reverse(operator, graph, ends, reads, options, path).pull(given);
  };
  const transpose = (of: readonly Value[], by: readonly Value[], seeds: readonly Value[]) =>
    new Reverse(operator, graph, of, by, options).run(seeds);
  const isCustom = (node: Node) => customRule(node, options.rules) !== undefined;
  const found = differentiating(operator, graph, () =>
    pushForward(ys, xs, steps, pull, isCustom, placeholder, transpose),
  );
  return isMissing(found) ? undefined : ys.map((y, i) => found[i] ?? zerosLike(y));
}

class Reverse {
  readonly #operator: string;
  readonly #graph: Graph;
  readonly #options: GradOptions;
  readonly #xs: readonly Value[];
  readonly #ends: ReadonlySet<Value>;
  readonly #ys: readonly Value[];
  readonly #nodes: readonly Node[];
  readonly #path: ReadonlySet<Value>;
  readonly #parts = new Map<Value, Value[]>();
  readonly #without: { readonly node: Node; readonly reason: string }[] = [];

  constructor(
    operator: string,
    graph: Graph,
    ys: readonly Value[],
    xs: readonly Value[],
    options: GradOptions,
    { nodes, values }: Path = pathBetween(ys, xs),
  ) {
    this.#operator = operator;
    this.#graph = graph;
    this.#options = options;
    this.#ys = ys.map(currentValue);
    this.#xs = xs.map(currentValue);
    this.#ends = new Set(this.#xs);
    this.#nodes = nodes;
    this.#path = values;
  }

  /** The gradients of the xs, by seeds for the ys. */
  run(seeds: readonly Value[]): Value[] {
    const found = this.pull(seeds);
    if (isMissing(found)) throw new GraphError(this.#operator, withoutRule(this.#without));
    return this.#xs.map((x, i) => found[i] ?? zerosLike(x));
  }

  /** The same, undefined for zero; or what stands in the way. */
  pull(seeds: readonly Value[]): Cotangents | Missing {
    this.#ys.forEach((y, i) => {
      this.#collect(y, seeds[i] as Value);
    });
    this.#walk();
    if (this.#without.length > 0) return missing(`its body has ${listed(this.#without)}`);
    return this.#xs.map((x) => this.#total(x));
  }

  /** Nodes of one scope that follow each other go into one scope of the backward pass. */
  #walk(): void {
    let i = this.#nodes.length - 1;
    while (i >= 0) {
      const { scope } = this.#nodes[i] as Node;
      const steps = () => {
        for (; this.#nodes[i]?.scope === scope; i--) this.#step(this.#nodes[i] as Node);
      };
      if (scope === "") steps();
      else this.#graph.resume(scope, steps);
    }
  }

  #step(node: Node): void {
    const cotangents = node.outputs.map((output) => this.#taken(output));
    if (cotangents.every((cotangent) => cotangent === undefined)) return;
    const rule = customRule(node, this.#options.rules) ?? ruleFor(node, this.#graph);
    const given = typeof rule === "function" ? this.#apply(rule, node, cotangents) : rule;
    if (isMissing(given)) this.#passOver(node, given);
    else if (!("kind" in given)) {
      const captured = capturesOfNode(node);
      const count = node.inputs.length;
      for (const [i, cotangent] of given.entries()) {
        const read = i < count ? node.inputs[i] : captured[i - count];
        if (read === undefined || cotangent === undefined || !this.#has(read)) continue;
        checkCotangent(node, i, read, cotangent);
        this.#collect(currentValue(read), ranked(cotangent, read));
      }
    }
  }

  #apply(
    rule: (node: Walk) => Cotangents | Missing,
    node: Node,
    cotangents: readonly (Value | undefined)[],
  ): Cotangents | Missing {
    try {
      return rule(this.#pullback(node, cotangents));
    } catch (error) {
      // Behind an operator without a rule there may be cotangents that fit nothing: see #passOver.
      if (this.#without.length > 0 && error instanceof GraphError) return [];
      throw error;
    }
  }

  /** Remembers a node without a rule and goes on behind it, so that one error can name them all. */
  #passOver(node: Node, { reason }: Missing): void {
    this.#without.push({ node, reason });
    for (const read of readsOf(node)) {
      if (!this.#has(read)) continue;
      const open = read.dtype === "unknown" && read.container === undefined;
      const some = open ? this.#graph.constant(0) : zeroCotangent(read);
      this.#collect(currentValue(read), some);
    }
  }

  #has(value: Value): boolean {
    return this.#path.has(currentValue(value));
  }

  #pullback(node: Node, cotangents: readonly (Value | undefined)[]): Walk {
    return new NodeWalk(node, cotangents, (walk) => ({
      graph: this.#graph,
      options: this.#options,
      reaches: (value) => this.#has(value),
      pullInBody: (ys, xs, seeds) => {
        const graph = this.#graph;
        const path = pathBetween(ys, xs, graph.block);
        return new Reverse(node.op, graph, ys, xs, this.#options, path).pull(seeds);
      },
      pullThrough: (body) => pullBackThrough(walk, body),
    }));
  }

  #collect(value: Value, cotangent: Value): void {
    if (!this.#path.has(value)) return;
    const parts = this.#parts.get(value);
    if (parts === undefined) this.#parts.set(value, [cotangent]);
    else parts.push(cotangent);
  }

  /** The same for what a node gives, which nothing asks for again unless it is one of the xs. */
  #taken(value: Value): Value | undefined {
    const total = this.#total(value);
    if (!this.#ends.has(value)) this.#parts.delete(value);
    return total;
  }

  /** The sum of all that was collected for a value; final once the nodes that read it are done. */
  #total(value: Value): Value | undefined {
    const parts = this.#parts.get(value);
    if (parts === undefined) return undefined;
    const total = sumInPairs(parts);
    this.#parts.set(value, [total]);
    return total;
  }
}

function ruleFor(node: Node, graph: Graph): Rule<unknown> {
  const definition =
    node.definition ?? findDefinition(node.domain, node.op, graph.opsets.get(node.domain) ?? 0);
  if (definition !== undefined) {
    return (
      definition.vjp ?? ((walk) => walk.pullThrough((inputs) => definition.body(inputs as Value[])))
    );
  }
  const fusion = fusionOf(node.op, node.domain);
  if (fusion?.zero !== undefined) return zero(fusion.zero);
  if (fusion !== undefined && node.normal !== undefined) return byExpansion(fusion.expansion);
  const rule = node.domain === "" ? ruleOf(node.op) : missing("no rule is known for it");
  // In a file it may have attributes or inputs that its operator does not have.
  const misfit = typeof rule === "function" && node.normal === undefined;
  return misfit ? missing("it is not what its operator allows") : rule;
}

/** Whether a node can be differentiated, as far as its operator tells: a rule may still find at the node
 * that it cannot. */
export function gradientStatus(
  node: Node,
  graph: Graph,
): { readonly gradient: "yes" | "zero" | "no"; readonly reason: string } {
  const rule = ruleFor(node, graph);
  if (typeof rule === "function") return { gradient: "yes", reason: "" };
  return { gradient: rule.kind === "zero" ? "zero" : "no", reason: rule.reason };
}

/** The rule of an operator by what it computes, written in other operators. That is applied to stand-ins
 * for the inputs, so that the way from one input to another is not taken twice. */
function pullBackThrough(
  node: Walk,
  body: (inputs: readonly (Value | undefined)[]) => readonly (Value | undefined)[] | Missing,
): Cotangents | Missing {
  // Those that no gradient goes to stay as they are, with what is known of their elements.
  const inputs = node.inputs.map((input, i) => (input && node.wants(i) ? standIn(input) : input));
  const outputs = body(inputs);
  if ("kind" in outputs) return outputs;
  const reached = outputs.flatMap((y, i) => {
    const seed = node.cotangent(i);
    return y === undefined || seed === undefined ? [] : [{ y, seed }];
  });
  const ys = reached.map(({ y }) => y);
  const xs = inputs.filter((_, i) => node.wants(i)) as Value[];
  const seeds = reached.map(({ seed }) => seed);
  const given = new Reverse(node.node.op, node.graph, ys, xs, node.options).pull(seeds);
  if (isMissing(given)) return given;
  return inputs.map((input, i) => (node.wants(i) ? given[xs.indexOf(input as Value)] : undefined));
}

/** Neighbours first, so that a value of many uses loses the logarithm of their number in rounding and
 * not the number itself. */
function sumInPairs(parts: readonly Value[]): Value {
  let row = parts;
  while (row.length > 1) {
    const next: Value[] = [];
    for (let i = 0; i < row.length; i += 2) {
      const [a, b] = [row[i] as Value, row[i + 1]];
      next.push(b === undefined ? a : addCotangents(a, b));
    }
    row = next;
  }
  return row[0] as Value;
}

/** A cotangent whose rank is known if that of its value is: what comes out of an If may have lost it. */
function ranked(cotangent: Value, value: Value): Value {
  const lost = cotangent.shape === undefined && value.shape !== undefined;
  return lost ? reshapeLike(cotangent, value) : cotangent;
}

function checkCotangent(node: Node, i: number, input: Value, cotangent: Value): void {
  const fits =
    isValue(cotangent) &&
    carriesGradient(cotangent) &&
    (cotangent.dtype === input.dtype || input.dtype === "unknown" || isQuantized(input)) &&
    sameShape(cotangent.shape, input.shape) !== false;
  if (fits) return;
  throw new GraphError(
    describeNode(node),
    `its gradient rule gave ${cotangent} for input ${i}, which is ${input}`,
  );
}

function withoutRule(found: readonly { readonly node: Node; readonly reason: string }[]): string {
  return (
    `${found.length === 1 ? "one operator" : `${found.length} operators`} on the way from xs to y ` +
    `cannot be differentiated: ${listed(found)}; give it a rule with the option "rules" or with ` +
    "customGradient, or end the gradient before it with stopGradient"
  );
}

function listed(found: readonly { readonly node: Node; readonly reason: string }[]): string {
  return [...found]
    .reverse()
    .map(({ node, reason }) => `${describeNode(node)} (${reason})`)
    .join(", ");
}

/** `Loop "encoder/loop"`. */
function describeNode(node: Node): string {
  const op = operatorOf(node);
  const hint = node.source?.message.name || node.outputs[0]?.hint || "";
  return `${op} ${JSON.stringify(node.scope === "" ? hint : `${node.scope}/${hint}`)}`;
}
