import { isValue } from "../lift.ts";
import { constantData, type Resizing } from "../schema.ts";
import type { Value } from "../value.ts";
import { abs, add, ceil, div, floor, max, min, mul, sub } from "./arithmetic.ts";
import { gather } from "./indexing.ts";
import { matmul } from "./linear.ts";
import { and, cast, equal, greaterOrEqual, less, lessOrEqual, not, where } from "./logic.ts";
import { concat, transpose } from "./movement.ts";
import { reduceMax, reduceMin, reduceSum } from "./reduction.ts";
import { unsqueeze } from "./reshape.ts";
import {
  type Scalar,
  type ScalarArithmetic,
  scalarArithmetic,
  wholeSize,
  within,
} from "./scalar.ts";
import { addSizes, counted, moveAxis, multiplySizes, type Size, sizeOf } from "./sizes.ts";

interface Setting extends ScalarArithmetic {
  readonly x: Value;
  readonly resize: Resizing;
  /** The inputs of the node beside x. */
  readonly roi: Value | undefined;
  readonly scales: Value | undefined;
  readonly sizes: Value | undefined;
}

/** One axis that changes. */
interface Axis {
  readonly axis: number;
  readonly from: Size;
  readonly to: Size;
  readonly scale: Scalar;
  /** Where the region of interest starts and ends. */
  readonly region: readonly [start: Scalar, end: Scalar] | undefined;
}

/** Resize in other operators, axis by axis: each is the product with a matrix of weights, or for the nearest
 * entries a Gather. */
export function resized(
  x: Value,
  roi: Value | undefined,
  scales: Value | undefined,
  sizes: Value | undefined,
  resize: Resizing,
): Value {
  // Which entry is the nearest is found as ONNX Runtime finds it.
  const exact = x.dtype === "float64" && resize.mode !== "nearest";
  const arithmetic = scalarArithmetic(exact ? "float64" : "float32");
  const setting: Setting = { ...arithmetic, x, resize, roi, scales, sizes };
  let y = x;
  let outside: Value | undefined;
  for (const axis of axesOf(setting)) {
    const at = coordinates(axis, setting);
    y = resize.mode === "nearest" ? nearest(y, at, axis, setting) : weighted(y, at, axis, setting);
    if (resize.coordinates === "tf_crop_and_resize") {
      const beside = outsideAt(at, axis, setting);
      outside = outside === undefined ? beside : add(outside, beside);
    }
  }
  return outside === undefined ? y : where(equal(outside, 0), y, resize.extrapolation);
}

function axesOf(setting: Setting): Axis[] {
  const { x, resize, roi, scales, sizes, type, over, plus, times, of } = setting;
  const axes = resize.axes ?? Array.from({ length: x.rank }, (_, axis) => axis);
  const wanted = sizes && axes.map((_, i) => entryOf(sizes, resize.sizes, i));
  const from = axes.map((axis) => sizeOf(x, axis));
  const common =
    wanted && resize.policy !== "stretch" ? commonScale(wanted, from, setting) : undefined;
  return axes.flatMap((axis, i): Axis[] => {
    const own = from[i] as Size;
    const region =
      resize.coordinates === "tf_crop_and_resize" && roi !== undefined
        ? ([partOf(roi, i, setting), partOf(roi, i + axes.length, setting)] as const)
        : undefined;
    const whole = region === undefined || (region[0] === 0 && region[1] === 1);
    if (wanted === undefined) {
      const scale = resize.scales?.[i] ?? cast(gather(scales as Value, i), type);
      if (scale === 1 && whole) return [];
      return [{ axis, from: own, to: wholeSize(times(of(own), scale)), scale, region }];
    }
    if (common !== undefined) {
      const to = wholeSize(plus(times(of(own), common), 0.5));
      return [{ axis, from: own, to, scale: common, region }];
    }
    const to = wanted[i] as Size;
    if (to === own && whole) return [];
    return [{ axis, from: own, to, scale: over(of(to), of(own)), region }];
  });
}

function entryOf(vector: Value, known: Resizing["sizes"], i: number): Size {
  const size = known?.[i];
  return typeof size === "number" ? size : gather(vector, [i]);
}

function partOf(vector: Value, i: number, { type }: Setting): Scalar {
  return constantData(vector)?.toNumbers()[i] ?? cast(gather(vector, i), type);
}

/** The one scale by which all axes keep within the sizes, or reach them. */
function commonScale(to: readonly Size[], from: readonly Size[], setting: Setting): Scalar {
  const { x, resize, type, over, of } = setting;
  const least = resize.policy === "not_larger";
  const ratios = to.map((size, i) => over(of(size), of(from[i] as Size)));
  const known = ratios.filter((ratio) => typeof ratio === "number");
  if (known.length === ratios.length) return least ? Math.min(...known) : Math.max(...known);
  const row = concat(
    ratios.map((ratio) => unsqueeze(isValue(ratio) ? ratio : x.graph.constant(ratio, type), 0)),
    { axis: 0 },
  );
  return least ? reduceMin(row) : reduceMax(row);
}

/** Where each entry of the result lies in x, as a vector. The order of the operations is that of ONNX
 * Runtime, so that ties are ties there too. */
function coordinates(axis: Axis, setting: Setting): Value {
  const { resize, type, of, minus, over, times, plus } = setting;
  const { scale, region } = axis;
  const place = counted(setting.x.graph, axis.to, type);
  const [from, to] = [of(axis.from), of(axis.to)];
  const centre = () => div(add(place, 0.5), scale);
  const zeros = () => mul(place, 0);
  const spread = (start: Scalar, length: Scalar, alone: Value): Value => {
    const steps = mul(length === 1 ? place : mul(place, length), minus(from, 1));
    const line = div(steps, setting.largest(minus(to, 1), 1));
    const moved = start === 0 ? line : add(line, times(start, minus(from, 1)));
    if (typeof to === "number") return to > 1 ? moved : alone;
    return where(less(to, 2), alone, moved);
  };
  switch (resize.coordinates) {
    case "half_pixel_symmetric": {
      const offset = times(over(from, 2), minus(1, over(to, times(scale, from))));
      return sub(add(centre(), offset), 0.5);
    }
    case "pytorch_half_pixel":
      if (typeof to === "number") return to > 1 ? sub(centre(), 0.5) : zeros();
      return where(less(to, 2), zeros(), sub(centre(), 0.5));
    case "align_corners":
      return spread(0, 1, zeros());
    case "asymmetric":
      return div(place, scale);
    case "tf_half_pixel_for_nn":
      return centre();
    case "tf_crop_and_resize": {
      const [start, end] = region ?? [0, 1];
      const middle = times(times(plus(start, end), 0.5), minus(from, 1));
      return spread(start, minus(end, start), add(zeros(), middle));
    }
    default:
      return sub(centre(), 0.5);
  }
}

function nearest(y: Value, at: Value, { axis, from, scale }: Axis, setting: Setting): Value {
  const place = {
    round_prefer_floor: () => ceil(sub(at, 0.5)),
    round_prefer_ceil: () => floor(add(at, 0.5)),
    floor: () => floor(at),
    ceil: () => ceil(at),
    simple: () => {
      if (!isValue(scale)) return scale < 1 ? ceil(at) : floor(at);
      return where(less(scale, 1), ceil(at), floor(at));
    },
  }[setting.resize.nearest]();
  const last = setting.minus(setting.of(from), 1);
  return gather(y, cast(within(place, last), "int64"), { axis });
}

/** The product with the matrix of weights, a row for each entry of the result. */
function weighted(y: Value, at: Value, axis: Axis, setting: Setting): Value {
  const weights = cast(weightsOf(at, axis, setting), y.dtype);
  if (axis.axis === y.rank - 1) return matmul(y, transpose(weights));
  if (axis.axis === y.rank - 2) return matmul(weights, y);
  return moveAxis(matmul(moveAxis(y, axis.axis, -1), transpose(weights)), -1, axis.axis);
}

function weightsOf(at: Value, { scale, from }: Axis, setting: Setting): Value {
  const { resize, type, of, minus, over } = setting;
  const place = unsqueeze(at, 1);
  const entries = unsqueeze(counted(setting.x.graph, from, type), 0);
  const last = minus(of(from), 1);
  const shrinks = resize.antialias && !(typeof scale === "number" && scale >= 1);
  if (resize.mode === "linear" && !shrinks) return triangle(sub(within(place, last), entries));
  const narrow = !shrinks ? 1 : typeof scale === "number" ? scale : min(scale, 1);
  const kernel = (near: Value) => {
    const distance = narrow === 1 ? sub(place, near) : mul(sub(place, near), narrow);
    return resize.mode === "linear" ? triangle(distance) : cubic(distance, resize.cubic);
  };
  if (resize.excludeOutside) return shares(kernel(entries));
  // What lies beside x has the value at its edge, so that is given its weight.
  const beyond = wholeSize(setting.plus(over(resize.mode === "linear" ? 1 : 2, narrow), 2));
  const wide = counted(setting.x.graph, addSizes(from, multiplySizes(beyond, 2)));
  const near = cast(sub(wide, beyond), type);
  const weights = kernel(unsqueeze(near, 0));
  const edges = cast(equal(unsqueeze(within(near, last), 1), entries), type);
  return matmul(shrinks ? shares(weights) : weights, edges);
}

function shares(weights: Value): Value {
  return div(weights, reduceSum(weights, { axes: 1, keepdims: true }));
}

function triangle(distance: Value): Value {
  return max(sub(1, abs(distance)), 0);
}

/** The cubic convolution kernel (Keys 1981, equation 4). */
function cubic(distance: Value, a: number): Value {
  const t = abs(distance);
  const near = add(mul(mul(sub(mul(t, a + 2), a + 3), t), t), 1);
  const far = mul(sub(mul(add(mul(sub(t, 5), t), 8), t), 4), a);
  return where(lessOrEqual(t, 1), near, where(less(t, 2), far, 0));
}

/** 1 where an entry of the result lies beside x, 0 elsewhere; broadcasts to the result. */
function outsideAt(at: Value, { axis, from }: Axis, { x, type, of, minus }: Setting): Value {
  const inside = and(greaterOrEqual(at, 0), lessOrEqual(at, minus(of(from), 1)));
  const behind = Array.from({ length: x.rank - 1 - axis }, (_, i) => i + 1);
  return unsqueeze(cast(not(inside), type), behind);
}
