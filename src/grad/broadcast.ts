import { attribute } from "../builder/block.ts";
import { isStatic, type Shape, sameDim, sameShape, sizeOfShape } from "../builder/dim.ts";
import { GraphError } from "../builder/errors.ts";
import {
  concat,
  equal,
  expand,
  fullLike,
  nonZero,
  not,
  reduceSum,
  reshape,
  shape,
  sizesOf,
  squeeze,
  sub,
} from "../builder/operators/index.ts";
import type { Size } from "../builder/operators/sizes.ts";
import { int64Data } from "../builder/tensor.ts";
import type { Value } from "../builder/value.ts";

/** Undoes broadcasting: the cotangent of an operand is the sum over all the places it was repeated to.
 * Axes known to be repeated are summed; axes that may be, which only a run can tell, are found there;
 * where nothing can have been repeated this is the cotangent itself.
 *
 * @param cotangent of the shape of the result
 * @param operand what was broadcast
 * @param result what came of it, whose shape may say more than the cotangent's */
export function sumTo(cotangent: Value, operand: Value, result: Value = cotangent): Value {
  if (operand === result) return cotangent;
  const from = sharper(cotangent.shape, result.shape);
  const to = operand.shape;
  if (to === undefined) return sumWhereDifferent(cotangent, operand);
  if (from !== undefined) return sumAxes(cotangent, from, operand, to);
  if (sizeOfShape(to) === 1) return reshapeLike(reduceSum(cotangent), operand);
  return sumWhereDifferent(cotangent, operand);
}

function sumAxes(cotangent: Value, from: Shape, operand: Value, to: Shape): Value {
  const lead = from.length - to.length;
  if (lead < 0) throw new GraphError("sumTo", `${operand} does not broadcast to ${cotangent}`);
  const repeated: number[] = [];
  let open = false;
  to.forEach((dim, i) => {
    const size = from[lead + i];
    // A size that is known and not 1 was not repeated, and nothing else becomes 1 than 1.
    if (size === 1 || (typeof dim === "number" && dim !== 1) || sameDim(dim, size)) return;
    if (dim === 1) repeated.push(lead + i);
    else open = true;
  });
  const leading = Array.from({ length: lead }, (_, axis) => axis);
  let sum = cotangent;
  if (repeated.length > 0) {
    // Summing axes of size 1 in front costs nothing, and ONNX Runtime sums leading axes many times faster.
    const first = Math.min(...repeated);
    const ones = to.flatMap((_, i) => (lead + i < first && from[lead + i] === 1 ? [lead + i] : []));
    const axes = [...leading, ...(lead + ones.length === first ? ones : []), ...repeated];
    sum = reduceSum(sum, { axes, keepdims: true });
    if (lead > 0) sum = squeeze(sum, leading);
  } else if (lead > 0) {
    sum = reduceSum(sum, { axes: leading });
  }
  return open ? sumAtRunTime(sum, shape(sum), shape(operand), operand) : sum;
}

/** For ranks that are not known: the operand's shape gets as many leading ones as it lacks. */
function sumWhereDifferent(cotangent: Value, operand: Value): Value {
  const [from, to] = [shape(cotangent), shape(operand)];
  const one = cotangent.graph.lifted(int64Data(1));
  const leading = expand(one, sub(shape(from), shape(to)));
  return sumAtRunTime(cotangent, from, concat([leading, to], { axis: 0 }), operand);
}

function sumAtRunTime(cotangent: Value, from: Value, to: Value, operand: Value): Value {
  const axes = reshape(nonZero(not(equal(from, to))), [-1]);
  const sum = cotangent.graph.emit({
    op: "ReduceSum",
    inputs: [cotangent, axes],
    // No axes must mean none here: by default it would mean all of them.
    attributes: { keepdims: attribute.int(1), noop_with_empty_axes: attribute.int(1) },
  }).outputs[0] as Value;
  return reshapeLike(sum, operand);
}

/** The value repeated to the shape of another; itself where it certainly has that shape. */
export function expandLike(value: Value, like: Value): Value {
  if (sameShape(value.shape, like.shape) === true) return value;
  const { data } = value;
  if (data?.size === 1 && !data.external && like.dtype === value.dtype)
    return fullLike(like, data.toNumbers()[0] as number);
  return expand(value, sizesFor(like));
}

/** The value's elements in the shape of another; itself where it certainly has that shape. */
export function reshapeLike(value: Value, like: Value): Value {
  if (sameShape(value.shape, like.shape) === true) return value;
  const open = like.shape?.filter((dim) => typeof dim !== "number").length ?? 2;
  // One open size follows from the others. Several come from the shape in one piece, in which a size of
  // 0 must not mean "as it was".
  if (open <= 1) return reshape(value, sizesOf(like));
  const attributes = value.graph.opset >= 14 ? { allowzero: attribute.int(1) } : {};
  return value.graph.emit({
    op: "Reshape",
    inputs: [beforeReshapes(value), shape(like)],
    attributes,
  }).outputs[0] as Value;
}

const RESHAPES = new Set(["Reshape", "Unsqueeze", "Squeeze"]);

/** A value with the same elements in the same order. Besides a node it saves a fault of ONNX Runtime 1.30,
 * which makes one Reshape of two in the branch of an If and loses a shape that comes from outside. */
function beforeReshapes(value: Value): Value {
  let at = value;
  for (let node = at.producer; node !== undefined; node = at.producer) {
    const [input] = node.inputs;
    if (!RESHAPES.has(node.op) || node.domain !== "" || input === undefined) break;
    at = input;
  }
  return at;
}

/** The sizes of a value: numbers where all are known, else its shape at run time. */
export function sizesFor(value: Value): readonly Size[] | Value {
  return isStatic(value.shape) ? value.shape : shape(value);
}

/** What two shapes of the same tensor say together. */
function sharper(a: Shape | undefined, b: Shape | undefined): Shape | undefined {
  if (a === undefined || b === undefined || a.length !== b.length) return a ?? b;
  return a.map((dim, i) => (typeof dim === "number" ? dim : (b[i] ?? dim)));
}
