import { sameShape } from "../../builder/dim.ts";
import { isInteger } from "../../builder/dtype.ts";
import { failArgument, GraphError } from "../../builder/errors.ts";
import { isValue, type Operand } from "../../builder/lift.ts";
import {
  add,
  cast,
  gatherElements,
  logSoftmax,
  mul,
  neg,
  reduceMean,
  reduceSum,
  relu,
  softplus,
  squeeze,
  sub,
  unsqueeze,
} from "../../builder/operators/index.ts";
import { resolveAxis } from "../../builder/schema.ts";
import type { Literal } from "../../builder/tensor.ts";
import type { Value } from "../../builder/value.ts";
import { checkLossOptions, floatOf, type LossOptions, pairOf, reduced } from "./loss.ts";

/** Options of crossEntropy. */
export interface CrossEntropyOptions extends LossOptions {
  /** The axis of the classes. Default -1. */
  readonly axis?: number;
  /** How much of the target is spread over all classes alike (Szegedy et al. 2016, arXiv 1512.00567,
   * section 7). Default 0. */
  readonly labelSmoothing?: number;
}

/** The cross-entropy of a softmax of the scores with the right class, -log p(target).
 *
 * ```ts
 * const labels = g.input("labels", "int64", ["n"]);
 * const loss = losses.crossEntropy(logits, labels);
 * ```
 * @param logits scores [..., classes, ...], before softmax
 * @param target the numbers of the classes, int64 [...] without the class axis; or probabilities, floats in
 * the shape of the logits
 * @throws GraphError if the shapes do not fit or an option is wrong */
export function crossEntropy(
  logits: Operand,
  target: Operand,
  options: CrossEntropyOptions = {},
): Value {
  checkLossOptions("crossEntropy", options, ["axis", "labelSmoothing"]);
  const { labelSmoothing = 0 } = options;
  if (!(labelSmoothing >= 0 && labelSmoothing < 1)) {
    failArgument("crossEntropy", "labelSmoothing", "a number from 0, below 1", labelSmoothing);
  }
  const scores = floatOf("crossEntropy", "logits", logits);
  const axis = resolveAxis("crossEntropy", options.axis ?? -1, scores.rank);
  const logs = logSoftmax(scores, { axis });
  const own = atTarget("crossEntropy", logs, target, axis);
  const losses =
    labelSmoothing === 0
      ? neg(own)
      : neg(
          add(mul(own, 1 - labelSmoothing), mul(reduceMean(logs, { axes: axis }), labelSmoothing)),
        );
  return reduced("crossEntropy", losses, options);
}

/** What stands at the target class along an axis, or the mean by target probabilities; without the axis. */
export function atTarget(operator: string, logs: Value, target: Operand, axis: number): Value {
  const wanted = isValue(target) ? target : targetOf(logs, target);
  if (isInteger(wanted.dtype)) {
    if (wanted.shape !== undefined && wanted.rank !== logs.rank - 1) {
      const expected = `class numbers with ${logs.rank - 1} axes`;
      failArgument(operator, "target", expected, wanted);
    }
    const indices = unsqueeze(wanted.dtype === "int64" ? wanted : cast(wanted, "int64"), axis);
    return squeeze(gatherElements(logs, indices, { axis }), axis);
  }
  if (wanted.dtype !== logs.dtype || sameShape(wanted.shape, logs.shape) === false) {
    throw new GraphError(
      operator,
      `target: expected int64 class numbers or probabilities like ${logs}, got ${wanted}`,
    );
  }
  return reduceSum(mul(wanted, logs), { axes: axis });
}

/** Numbers with one axis less than the scores are class numbers. */
function targetOf({ graph, dtype, rank }: Value, target: Literal): Value {
  const floats = graph.constant(target, dtype);
  return floats.rank === rank ? floats : graph.constant(target, "int64");
}

/** The cross-entropy of sigmoid(logits) with probabilities, in the form softplus(x) - x target, which
 * neither overflows nor loses digits.
 *
 * @param logits floats of any shape, before the sigmoid
 * @param target 0, 1 or between, of the same shape
 * @throws GraphError if the shapes differ or an option is wrong */
export function binaryCrossEntropy(
  logits: Operand,
  target: Operand,
  options: LossOptions = {},
): Value {
  checkLossOptions("binaryCrossEntropy", options);
  const [x, y] = pairOf("binaryCrossEntropy", logits, target);
  return reduced("binaryCrossEntropy", sub(softplus(x), mul(x, y)), options);
}

/** Options of hinge. */
export interface HingeOptions extends LossOptions {
  /** Default 1. */
  readonly margin?: number;
}

/** max(0, margin - score label), the loss of support vector machines (Cortes and Vapnik 1995).
 *
 * @param scores floats of any shape
 * @param labels -1 or 1, of the same shape
 * @throws GraphError if the shapes differ or an option is wrong */
export function hinge(scores: Operand, labels: Operand, options: HingeOptions = {}): Value {
  checkLossOptions("hinge", options, ["margin"]);
  const { margin = 1 } = options;
  if (!Number.isFinite(margin)) failArgument("hinge", "margin", "a number", margin);
  const [x, y] = pairOf("hinge", scores, labels);
  return reduced("hinge", relu(sub(margin, mul(x, y))), options);
}
