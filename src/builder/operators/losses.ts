import { type Attributes, attribute } from "../block.ts";
import type { Expansion, TensorType } from "../definition.ts";
import { formatShape, type Shape, sameShape } from "../dim.ts";
import { checkOptions, failArgument } from "../errors.ts";
import { graphOf, lift, type Operand, requireValue } from "../lift.ts";
import { choiceOf, inputOf, intOf, type NodeFacts, type Schema, type Schemas } from "../schema.ts";
import type { Value } from "../value.ts";
import { div, mul, neg } from "./arithmetic.ts";
import { requireOpset } from "./axes.ts";
import { checkType, sameType } from "./emit.ts";
import { cast, equal, where } from "./logic.ts";
import { logSoftmax, reduceMean, reduceSum } from "./reduction.ts";
import { unsqueeze } from "./reshape.ts";
import { onesLike, positions } from "./sizes.ts";

/** What a loss of many entries is: their losses, the sum, or the mean. */
export type LossReduction = "none" | "sum" | "mean";

/** What the two losses have in common, in normal form. */
export interface TargetLoss {
  readonly reduction: LossReduction;
  /** A class whose entries do not count. */
  readonly ignoreIndex: number | undefined;
}

/** Options of negativeLogLikelihoodLoss and softmaxCrossEntropyLoss. */
export interface TargetLossOptions {
  /** [classes]: how much each counts. All 1 by default. */
  readonly weight?: Operand;
  /** "none" leaves a loss an entry; "mean", the default, is the weighted mean of them, "sum" the sum. */
  readonly reduction?: LossReduction;
  /** A class, in range or not, whose entries count for nothing. None by default. */
  readonly ignoreIndex?: number;
}

/** Minus the logarithms of probabilities at the true classes.
 *
 * @param logs [batch, classes, …]: log-probabilities
 * @param target [batch, …]: classes, int64 or int32
 * @returns a scalar, or for `reduction: "none"` the shape of the target
 * @throws GraphError if shapes, types or options do not fit */
export function negativeLogLikelihoodLoss(
  logs: Operand,
  target: Operand,
  options: TargetLossOptions = {},
): Value {
  return loss("NegativeLogLikelihoodLoss", "negativeLogLikelihoodLoss", logs, target, options).loss;
}

/** The same of the logarithm of softmax along the classes, and that logarithm.
 *
 * ```ts
 * const { loss, logProb } = softmaxCrossEntropyLoss(scores, labels);
 * ```
 * @param scores [batch, classes, …]
 * @param labels [batch, …]: classes, int64 or int32
 * @returns `loss` as negativeLogLikelihoodLoss; `logProb` in the shape of the scores
 * @throws GraphError if shapes, types or options do not fit */
export function softmaxCrossEntropyLoss(
  scores: Operand,
  labels: Operand,
  options: TargetLossOptions = {},
): { readonly loss: Value; readonly logProb: Value } {
  const found = loss("SoftmaxCrossEntropyLoss", "softmaxCrossEntropyLoss", scores, labels, options);
  return { loss: found.loss, logProb: found.logProb as Value };
}

function loss(
  op: "NegativeLogLikelihoodLoss" | "SoftmaxCrossEntropyLoss",
  operator: string,
  x: Operand,
  target: Operand,
  options: TargetLossOptions,
): { readonly loss: Value; readonly logProb: Value | undefined } {
  checkOptions(operator, options, ["weight", "reduction", "ignoreIndex"]);
  const value = requireValue(operator, "x", x);
  const { weight, reduction = "mean", ignoreIndex } = options;
  const graph = graphOf(operator, [value, target, weight]);
  requireOpset(operator, graph, 12);
  if (ignoreIndex !== undefined && !Number.isInteger(ignoreIndex)) {
    failArgument(operator, "ignoreIndex", "a whole number", ignoreIndex);
  }
  const inputs = [value, lift(operator, "target", target, "int64", graph)];
  if (weight !== undefined) inputs.push(lift(operator, "weight", weight, value.dtype, graph));
  const attributes: Attributes = {
    reduction: attribute.string(reduction),
    ...(ignoreIndex === undefined ? {} : { ignore_index: attribute.int(ignoreIndex) }),
  };
  const outputCount = op === "SoftmaxCrossEntropyLoss" ? 2 : 1;
  // In standard operators: those of ONNX Runtime's training are not in every build of it.
  const facts = { operator, inputs, attributes, opset: graph.opset, outputCount };
  const schema: Schema<TargetLoss> = lossSchemas[op];
  const normal = schema.normal(facts);
  schema.infer(facts, normal);
  const expansion = op === "SoftmaxCrossEntropyLoss" ? crossEntropyExpansion : nllExpansion;
  const [made, logProb] = graph.operation(operator, () => expansion(inputs, normal));
  return { loss: made as Value, logProb };
}

export const nllExpansion: Expansion<TargetLoss> = (
  [logs, target, weight],
  { reduction, ignoreIndex },
) => {
  const x = logs as Value;
  const given = cast(target as Value, "int64");
  const ignored = ignoreIndex === undefined ? undefined : equal(given, ignoreIndex);
  // A class that does not count may be out of range.
  const classes = ignored === undefined ? given : where(ignored, 0, given);
  const at = atClasses(x, classes);
  const weighted = weight !== undefined || ignored !== undefined;
  const own = weight === undefined ? onesLike(at) : atClasses(alongClasses(weight, x), classes);
  const counts = ignored === undefined ? own : where(ignored, 0, own);
  const each = neg(weight === undefined ? at : mul(at, own));
  const all = ignored === undefined ? each : where(ignored, 0, each);
  if (reduction === "none") return [all];
  if (reduction === "sum") return [reduceSum(all)];
  return [weighted ? div(reduceSum(all), reduceSum(counts)) : reduceMean(all)];
};

/** The elements of x [batch, classes, …] at one class each. Not by GatherElements, whose gradient needs
 * opset 16. */
function atClasses(x: Value, classes: Value): Value {
  const chosen = equal(unsqueeze(classes, 1), alongClasses(positions(x, 1), x));
  return reduceSum(where(chosen, x, 0), { axes: 1 });
}

/** [classes] as [1, classes, 1, …], to go beside x. */
function alongClasses(vector: Value, x: Value): Value {
  return unsqueeze(
    vector,
    Array.from({ length: x.rank - 1 }, (_, i) => (i === 0 ? 0 : i + 1)),
  );
}

export const crossEntropyExpansion: Expansion<TargetLoss> = ([scores, ...rest], normal) => {
  const logProb = logSoftmax(scores as Value, { axis: 1 });
  return [...nllExpansion([logProb, ...rest], normal), logProb];
};

const REDUCTIONS: readonly LossReduction[] = ["none", "sum", "mean"];

const lossSchema: Schema<TargetLoss> = {
  arity: [2, 3],
  normal: (node) => {
    const { ignore_index: ignored } = node.attributes;
    return {
      reduction: choiceOf(node, "reduction", REDUCTIONS, "mean"),
      ignoreIndex: ignored === undefined ? undefined : intOf(node, "ignore_index", 0),
    };
  },
  infer: lossTypes,
};

function lossTypes(node: NodeFacts, { reduction }: TargetLoss): readonly TensorType[] {
  const [x, target, weight] = [inputOf(node, 0), inputOf(node, 1), node.inputs[2]];
  checkType(node.operator, "x", x, "float");
  checkType(node.operator, "target", target, "integer");
  const dtype = sameType(node, weight === undefined ? [x] : [x, weight]);
  if (x.shape !== undefined && x.shape.length < 2) {
    failArgument(node.operator, "x", "[batch, classes, …]", x);
  }
  const expected: Shape | undefined = x.shape?.filter((_, axis) => axis !== 1);
  if (sameShape(target.shape, expected) === false) {
    failArgument(node.operator, "target", formatShape(expected), target);
  }
  if (sameShape(weight?.shape, x.shape && [x.shape[1]]) === false) {
    failArgument(node.operator, "weight", formatShape([x.shape?.[1]]), weight);
  }
  const shape = reduction === "none" ? (target.shape ?? expected) : [];
  return [
    { dtype, shape },
    { dtype, shape: x.shape },
  ].slice(0, Math.max(node.outputCount, 1));
}

export const lossSchemas: Schemas<"NegativeLogLikelihoodLoss" | "SoftmaxCrossEntropyLoss"> = {
  NegativeLogLikelihoodLoss: lossSchema,
  SoftmaxCrossEntropyLoss: lossSchema,
};
