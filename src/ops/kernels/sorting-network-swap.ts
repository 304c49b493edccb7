import type { Pullback, TensorType } from "../../builder/definition.ts";
import * as op from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import { applyKernel, KERNEL_TYPES, type KernelType, kernelFamily, kernelType } from "./family.ts";
import { layersOf } from "./sorting-network-layers.ts";

/** In which order the layers are gone through. */
export type Direction = "Forward" | "Backward";

/** A linear run through the layers of a sorting network. In each layer every pair (a, b) of entries gives
 *
 *     p = a - b,   a <- a - (w p - v),   b <- b + (w p - v)
 *
 * With v = 0 that mixes the two, w being how much of each goes to the other side. The layers of a network
 * are symmetric matrices, so backwards this is the transposed map: the derivative of a run forward is a run
 * backward and the other way round, which closes them under differentiation.
 *
 * @param h [batch, n, channels], n a power of two
 * @param w [layers, batch, n / 2], a number for each pair
 * @param v [layers, batch, n / 2, channels]; undefined for zeros
 * @returns y as h, and all p, as v */
export function swapLayers(
  direction: Direction,
  h: Value,
  w: Value,
  v: Value | undefined,
): { readonly y: Value; readonly p: Value } {
  const dtype = kernelType("swapLayers", "h", h);
  const definition = definitionOf(direction, v === undefined ? "Plain" : "Added", dtype);
  const inputs = v === undefined ? [h, w] : [h, w, v];
  const [y, p] = applyKernel(definition, inputs, "swapLayers", "swapped") as [Value, Value];
  return { y, p };
}

type Added = "Plain" | "Added";

const definitionOf = kernelFamily<[Direction, Added, KernelType]>(
  "SwapLayers",
  [["Forward", "Backward"], ["Plain", "Added"], KERNEL_TYPES],
  (direction, added, dtype) => {
    const signature: TensorType[] = [
      { dtype, shape: ["batch", "n", "channels"] },
      { dtype, shape: ["layers", "batch", "half"] },
      { dtype, shape: ["layers", "batch", "half", "channels"] },
    ];
    const inputs = ["h", "w", "v"].slice(0, added === "Added" ? 3 : 2);
    return {
      inputs,
      outputs: ["y", "p"],
      infer: ([h, w]) => infer(h as Value, w as Value),
      body: ([h, w, v]) => run(direction, h as Value, w as Value, v),
      vjp: (node) => vjp(node, direction),
      signature: signature.slice(0, inputs.length),
    };
  },
);

function infer(h: Value, w: Value): TensorType[] {
  const { dtype, shape } = h;
  const [layers, batch, half] = w.shape ?? [];
  return [
    { dtype, shape },
    { dtype, shape: [layers, batch ?? shape?.[0], half, shape?.[2]] },
  ];
}

function run(direction: Direction, h: Value, w: Value, v: Value | undefined): [Value, Value] {
  const sizes = op.shape(h);
  const layers = layersOf(op.shape(h, { end: 2 }), h.dtype as KernelType);
  const channels = op.expand(op.slice(sizes, 2, 3), op.shape(layers.phases));
  const one = op.expand(h.graph.constant([1], [1], "int64"), op.shape(layers.phases));
  const pairs = op.concat([layers.pairs, op.unsqueeze(channels, 1)], { axis: 1 });
  const sides = op.concat([layers.sides, op.unsqueeze(channels, 1)], { axis: 1 });
  const weights = op.concat([layers.sides, op.unsqueeze(one, 1)], { axis: 1 });
  const packed = op.concat([layers.packed, op.slice(sizes, 2, 3)], { axis: 0 });
  const last = op.sub(layers.count, 1);
  const [y, p] = op.loop(layers.count, [h], (round, state) => {
    const at = direction === "Forward" ? round : op.squeeze(op.sub(last, round), 0);
    const [a, b] = op.split(op.reshape(state as Value, op.gather(pairs, at)), {
      axis: 2,
      parts: 2,
    }) as [Value, Value];
    const difference = op.sub(a, b);
    const mixed = op.mul(difference, op.reshape(op.gather(w, at), op.gather(weights, at)));
    const side = op.gather(sides, at);
    const moved = v === undefined ? mixed : op.sub(mixed, op.reshape(op.gather(v, at), side));
    const next = op.concat([op.sub(a, moved), op.add(b, moved)], { axis: 2 });
    return {
      state: [op.reshape(next, sizes)],
      collect: [op.reshape(difference, packed)],
    };
  }) as [Value, Value];
  return [y, direction === "Forward" ? p : reverseLayers(p)];
}

function reverseLayers(p: Value): Value {
  return op.slice(p, -1, Number.NEGATIVE_INFINITY, { axes: 0, steps: -1 });
}

/** With r the cotangents that come back, which the opposite run collects as its differences:
 * vbar = r, wbar = -p r. */
function vjp(node: Pullback, direction: Direction): (Value | undefined)[] {
  const w = node.input(1);
  const back = swapLayers(
    direction === "Forward" ? "Backward" : "Forward",
    node.dy,
    w,
    node.cotangent(1),
  );
  const product = op.mul(node.outputs[1] as Value, back.p);
  const wbar = () => op.neg(op.reduceSum(product, { axes: -1 }));
  return [back.y, node.wants(1) ? wbar() : undefined, back.p];
}
