import { currentValue, type Node, readsOf } from "../builder/block.ts";
import { add, div, matmul, mul, neg, sub, where, zerosLike } from "../builder/operators/index.ts";
import type { Value } from "../builder/value.ts";
import { expandLike } from "./broadcast.ts";
import { carriesGradient, pathBetween } from "./path.ts";
import { type Cotangents, isMissing, type Missing } from "./rules/rule.ts";

/** Takes cotangents back through one node, to the values that it reads. */
export type PullNode = (
  node: Node,
  xs: readonly Value[],
  seeds: readonly (Value | undefined)[],
) => Cotangents | Missing;

/** Linear in their first input, with the others fixed: the tangent goes through the operator itself. */
const LINEAR = new Set([
  "Neg",
  "Identity",
  "Reshape",
  "Transpose",
  "Squeeze",
  "Unsqueeze",
  "Flatten",
  "Slice",
  "Expand",
  "Tile",
  "Split",
  "Trilu",
  "Gather",
  "GatherElements",
  "GatherND",
  "ReduceSum",
  "ReduceMean",
  "CumSum",
  "DepthToSpace",
  "SpaceToDepth",
  "GlobalAveragePool",
]);

/** Operators whose Jacobian is symmetric, above all those of one element at a time: the tangent goes through
 * the rule for cotangents. */
const SYMMETRIC = new Set([
  "Exp",
  "Log",
  "Sqrt",
  "Reciprocal",
  "Abs",
  "Sin",
  "Cos",
  "Tan",
  "Asin",
  "Acos",
  "Atan",
  "Sinh",
  "Cosh",
  "Asinh",
  "Acosh",
  "Atanh",
  "Tanh",
  "Sigmoid",
  "Softplus",
  "Softsign",
  "Relu",
  "LeakyRelu",
  "Elu",
  "Selu",
  "Celu",
  "Gelu",
  "Mish",
  "Swish",
  "HardSigmoid",
  "HardSwish",
  "Erf",
  "Softmax",
]);

/** Forward mode: walks the nodes between xs and ys once, oldest first, and carries the tangent of each value
 * along. Cheap operators have a rule here; of any other the rule for cotangents is transposed where it
 * stands: that is linear in the cotangent, so its own gradient by that is the rule for tangents.
 *
 * @param isCustom whether a node has a rule of the user's: only that, transposed, will do
 * @param placeholder makes a value to differentiate by, in the type and shape of another
 * @param transpose the vector-Jacobian product of values made here by such placeholders
 * @returns the tangents of the ys, undefined for zero; or what stands in the way */
export function pushForward(
  ys: readonly Value[],
  xs: readonly Value[],
  steps: readonly Value[],
  pull: PullNode,
  isCustom: (node: Node) => boolean,
  placeholder: (like: Value) => Value,
  transpose: (ys: readonly Value[], xs: readonly Value[], seeds: readonly Value[]) => Value[],
): Cotangents | Missing {
  const tangents = new Tangents();
  xs.forEach((x, i) => {
    tangents.add(x, steps[i] as Value);
  });
  for (const node of pathBetween(ys, xs).nodes) {
    const short = isCustom(node)
      ? undefined
      : (byRule(node, tangents) ?? bySymmetry(node, tangents, pull));
    const found = short ?? transposed(node);
    if (isMissing(found)) return found;
    node.outputs.forEach((output, i) => {
      const tangent = found[i];
      if (tangent !== undefined && carriesGradient(output)) tangents.add(output, tangent);
    });
  }
  return ys.map((y) => tangents.of(y));

  function transposed(node: Node): Cotangents | Missing {
    const reads = [...new Set(readsOf(node))].filter((read) => tangents.of(read) !== undefined);
    const seeds = node.outputs.map((output) =>
      carriesGradient(output) ? placeholder(output) : undefined,
    );
    const back = pull(node, reads, seeds);
    if (isMissing(back)) return back;
    const moved = reads.flatMap((read, i) => {
      const cotangent = back[i];
      return cotangent === undefined ? [] : [{ cotangent, tangent: tangents.of(read) as Value }];
    });
    if (moved.length === 0) return [];
    const used = seeds.filter((seed) => seed !== undefined);
    const results = transpose(
      moved.map(({ cotangent }) => cotangent),
      used,
      moved.map(({ tangent }) => tangent),
    );
    return seeds.map((seed) => (seed === undefined ? undefined : results[used.indexOf(seed)]));
  }
}

/** The tangents so far. */
class Tangents {
  readonly #of = new Map<Value, Value>();

  of(value: Value | undefined): Value | undefined {
    return value && (this.#of.get(value) ?? this.#of.get(currentValue(value)));
  }

  /** A value that is asked for twice has the sum of its steps. */
  add(value: Value, tangent: Value): void {
    const before = this.of(value);
    this.#of.set(value, before === undefined ? tangent : add(before, tangent));
  }
}

/** The tangents of a node's outputs where they are easily written; undefined for other nodes. */
function byRule(node: Node, tangents: Tangents): Cotangents | undefined {
  if (node.domain !== "" || node.normal === undefined || node.definition !== undefined) {
    return undefined;
  }
  const [a, b, c] = node.inputs;
  const [ta, tb, tc] = [a, b, c].map((input) => tangents.of(input));
  const [y] = node.outputs as readonly [Value];
  const whole = (tangent: Value | undefined) => tangent && expandLike(tangent, y);
  if (LINEAR.has(node.op)) {
    if (node.inputs.some((input, i) => i > 0 && tangents.of(input) !== undefined)) return undefined;
    return again(node, [ta, ...node.inputs.slice(1)]);
  }
  switch (node.op) {
    case "Add":
      return [ta && tb ? add(ta, tb) : whole(ta ?? tb)];
    case "Sub":
      return [ta && tb ? sub(ta, tb) : whole(ta ?? (tb && neg(tb)))];
    case "Mul":
      return [sum(ta && mul(ta, b as Value), tb && mul(a as Value, tb))];
    case "MatMul":
      return [sum(ta && matmul(ta, b as Value), tb && matmul(a as Value, tb))];
    case "Div": {
      const slope = tb && mul(y, tb);
      const above = ta && slope ? sub(ta, slope) : (ta ?? (slope && neg(slope)));
      return [above && div(above, b as Value)];
    }
    case "Where": {
      const [yes, no] = [tb ?? zerosLike(b as Value), tc ?? zerosLike(c as Value)];
      return [where(a as Value, yes, no)];
    }
    case "Concat":
      return again(
        node,
        node.inputs.map((input) => input && (tangents.of(input) ?? zerosLike(input))),
      );
    default:
      return undefined;
  }
}

/** The same operator on other inputs. */
function again(node: Node, inputs: readonly (Value | undefined)[]): readonly Value[] {
  const { graph } = node.outputs[0] as Value;
  const { op, attributes } = node;
  return graph.emit({ op, inputs, attributes, outputs: node.outputs.length }).outputs;
}

function sum(a: Value | undefined, b: Value | undefined): Value | undefined {
  return a && b ? add(a, b) : (a ?? b);
}

function bySymmetry(
  node: Node,
  tangents: Tangents,
  pull: PullNode,
): Cotangents | Missing | undefined {
  if (node.domain !== "" || !SYMMETRIC.has(node.op) || node.outputs.length !== 1) return undefined;
  const [x] = node.inputs;
  const tangent = tangents.of(x);
  if (x === undefined || tangent === undefined) return undefined;
  return pull(node, [x], [tangent]);
}
