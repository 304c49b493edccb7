import type { Pullback, TensorType } from "../../builder/definition.ts";
import { GraphError } from "../../builder/errors.ts";
import * as op from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import { step } from "../curves.ts";
import type { SoftMode } from "../options.ts";
import {
  applyKernel,
  KERNEL_TYPES,
  type KernelType,
  kernelFamily,
  kernelType,
  SOFT_MODES,
} from "./family.ts";
import { type Layers, layersOf } from "./sorting-network-layers.ts";
import { swapLayers } from "./sorting-network-swap.ts";

/** A soft bitonic network with what its gradient needs.
 *
 * @param x [batch, n], n a power of two
 * @param softness scalar
 * @returns y [batch, n], ascending, and the difference a - b of every pair as it came to its layer,
 * [layers, batch, n / 2] */
export function traceNetwork(
  x: Value,
  softness: Value,
  mode: SoftMode,
): { readonly y: Value; readonly differences: Value } {
  const definition = definitionOf(mode, kernelType("sortingNetwork", "x", x));
  const [y, differences] = applyKernel(definition, [x, softness], "sortingNetwork", "trace");
  return { y: y as Value, differences: differences as Value };
}

const definitionOf = kernelFamily<[SoftMode, KernelType]>(
  "SortingNetworkTrace",
  [SOFT_MODES, KERNEL_TYPES],
  (mode, dtype) => ({
    inputs: ["x", "softness"],
    outputs: ["y", "differences"],
    infer: ([x]) => [typeOfRows(x as Value), typeOfPairs(x as Value)],
    body: ([x, softness]) => trace(x as Value, softness as Value, mode),
    vjp: (node) => vjp(node, mode),
    signature: signatureOf(dtype),
  }),
);

/** The types of x and softness. */
export function signatureOf(dtype: KernelType): TensorType[] {
  return [
    { dtype, shape: ["batch", "n"] },
    { dtype, shape: [] },
  ];
}

/** @throws GraphError for anything but rows of a power of two */
export function typeOfRows({ dtype, shape }: Value): TensorType {
  const n = shape?.[1];
  const wrong = typeof n === "number" && (n < 2 || Math.log2(n) % 1 !== 0);
  if (wrong || (shape !== undefined && shape.length !== 2)) {
    throw new GraphError("sortingNetwork", `x: expected [batch, n] with n = 2, 4, 8, …, got ${n}`);
  }
  return { dtype, shape };
}

function typeOfPairs({ dtype, shape }: Value): TensorType {
  const n = shape?.[1];
  if (typeof n !== "number") return { dtype, shape: [undefined, shape?.[0], undefined] };
  const depth = Math.log2(n);
  return { dtype, shape: [(depth * (depth + 1)) / 2, shape?.[0], n / 2] };
}

function trace(x: Value, softness: Value, mode: SoftMode): Value[] {
  const layers = layersOf(op.shape(x), x.dtype as KernelType);
  const scales = scalesOf(layers, softness);
  return op.loop(layers.count, [x], (round, state) => {
    const sides = sidesOf(state as Value, layers, round);
    const difference = op.sub(sides.a, sides.b);
    const share = shareOf(difference, scales, layers, round, mode);
    return {
      state: [mix(sides, share, layers)],
      collect: [op.reshape(difference, layers.packed)],
    };
  });
}

/** The softness of each phase with the sign of each pair, [phases, n / 2]; NaN if it is not positive. */
export function scalesOf({ signs }: Layers, softness: Value): Value {
  return op.mul(signs, op.where(op.greater(softness, 0), softness, Number.NaN));
}

/** The two sides of all pairs of a layer, [batch, blocks, 1, d]. */
export interface Sides {
  readonly a: Value;
  readonly b: Value;
}

export function sidesOf(x: Value, { pairs }: Layers, round: Value): Sides {
  const [a, b] = op.split(op.reshape(x, op.gather(pairs, round)), { axis: 2, parts: 2 });
  return { a: a as Value, b: b as Value };
}

/** How much of each entry goes to the other side of its pair.
 * @param scales [phases, n / 2]: the softness, with the sign of each pair */
export function shareOf(
  difference: Value,
  scales: Value,
  layers: Layers,
  round: Value,
  mode: SoftMode,
): Value {
  const scale = op.gather(scales, op.gather(layers.phases, round));
  const side = op.slice(op.gather(layers.sides, round), 1, 4);
  return step(difference, op.reshape(scale, side), mode);
}

/** The rows after a layer. Of shares 0 and 1 exactly the entries themselves, however far apart they are. */
export function mix({ a, b }: Sides, share: Value, layers: Layers): Value {
  const rest = op.sub(1, share);
  const first = op.add(op.mul(rest, a), op.mul(share, b));
  const second = op.add(op.mul(rest, b), op.mul(share, a));
  return op.reshape(op.concat([first, second], { axis: 2 }), layers.whole);
}

/** What a layer does to the difference u of a pair, and how that changes with u and with the softness: the
 * share m = sigmoidal(u / softness), with the sign of the pair, of u goes to the other side. */
export interface Bend {
  readonly share: Value;
  /** dm / du */
  readonly slope: Value;
  /** d(u m) / du */
  readonly weight: Value;
}

/** @param differences [layers, batch, n / 2] */
export function bendOf(x: Value, softness: Value, differences: Value, mode: SoftMode): Bend {
  const layers = layersOf(op.shape(x), x.dtype as KernelType);
  const signs = op.unsqueeze(op.gather(layers.signs, layers.phases), 1);
  const scale = op.mul(signs, softness);
  const share = step(differences, scale, mode);
  const slope = slopeOf(differences, scale, share, mode);
  return { share, slope, weight: op.add(share, op.mul(differences, slope)) };
}

/** The derivative of the curve of the mode. The window is five softnesses wide on either side. */
function slopeOf(u: Value, scale: Value, share: Value, mode: SoftMode): Value {
  if (mode === "smooth") return op.div(op.mul(share, op.sub(1, share)), scale);
  const width = op.mul(scale, 10);
  const place = op.add(op.div(u, width), 0.5);
  if (mode === "c0") {
    const inside = op.lessOrEqual(op.abs(op.sub(place, 0.5)), 0.5);
    return op.div(op.cast(inside, u.dtype), width);
  }
  const w = op.clip(place, 0, 1);
  const hump = op.mul(w, op.sub(1, w));
  if (mode === "c1") return op.div(op.mul(hump, 6), width);
  return op.div(op.mul(op.mul(hump, hump), 30), width);
}

/** The cotangents of x and softness.
 *
 * @param dy [batch, n]: that of y
 * @param du [layers, batch, n / 2]: that of the differences, if any */
export function pullBackTrace(
  softness: Value,
  differences: Value,
  { slope, weight }: Bend,
  dy: Value,
  du: Value | undefined,
): { readonly dx: Value; readonly dsoftness: Value } {
  const back = swapLayers(
    "Backward",
    op.unsqueeze(dy, -1),
    weight,
    du === undefined ? undefined : op.unsqueeze(du, -1),
  );
  const p = op.squeeze(back.p, -1);
  const felt = op.mul(op.mul(differences, differences), slope);
  return {
    dx: op.squeeze(back.y, -1),
    dsoftness: op.div(op.reduceSum(op.mul(p, felt)), softness),
  };
}

function vjp(node: Pullback, mode: SoftMode): Value[] {
  const [x, softness, differences] = [node.input(0), node.input(1), node.outputs[1] as Value];
  const bend = bendOf(x, softness, differences, mode);
  const found = pullBackTrace(softness, differences, bend, node.dy, node.cotangent(1));
  return [found.dx, found.dsoftness];
}
