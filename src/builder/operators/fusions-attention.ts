import type { TensorType } from "../definition.ts";
import { addDims, type Dim, divideDims } from "../dim.ts";
import { GraphError } from "../errors.ts";
import { floatOf, inputOf, intOf, intsOf, type NodeFacts } from "../schema.ts";
import type { Value } from "../value.ts";
import { add } from "./arithmetic.ts";
import { dotProductAttention, headsApart, headsTogether, within } from "./dot-product.ts";
import { gather } from "./indexing.ts";
import type { Fusion } from "./known.ts";
import { matmul } from "./linear.ts";
import { cast, less, where } from "./logic.ts";
import { concat, split, transpose } from "./movement.ts";
import { reshape, squeeze, unsqueeze } from "./reshape.ts";
import { rotaryExpansion } from "./rotary.ts";
import { positions, sizeOf } from "./sizes.ts";

interface FusedAttention {
  readonly heads: number;
  readonly causal: boolean;
  readonly scale: number | undefined;
  /** What is added to the score of a key that is hidden. */
  readonly hidden: number;
  /** Sizes of all heads of queries, keys and values together; equal by default. */
  readonly sizes: readonly number[] | undefined;
}

function fusedAttentionOf(node: NodeFacts): FusedAttention {
  const scale = floatOf(node, "scale", 0);
  const heads = intOf(node, "num_heads", 0);
  if (heads < 1) throw new GraphError(node.operator, "num_heads: expected a number from 1");
  return {
    heads,
    causal: intOf(node, "unidirectional", 0) === 1,
    scale: scale === 0 ? undefined : scale,
    hidden: floatOf(node, "mask_filter_value", -10000),
    sizes: intsOf(node, "qkv_hidden_sizes"),
  };
}

/** What is added to the scores for a mask of integers: [batch, keys] or [batch, queries, keys] of 0 and 1,
 * [batch, 1, queries, keys], or [batch], how many keys of each entry there are. */
function maskBias(mask: Value, keys: Value, hidden: number): Value {
  const add0 = (seen: Value) => where(seen, keys.graph.constant(0, keys.dtype), hidden);
  const shown = (apart: Value) => add0(cast(apart, "bool"));
  switch (mask.rank) {
    case 1: {
      const lengths = reshape(cast(mask, "int64"), [-1, 1, 1, 1]);
      const batch = mask.shape?.[0];
      if (batch !== keys.shape?.[0] && typeof batch === "number") break;
      return add0(less(positions(keys, 2), lengths));
    }
    case 2:
      return shown(unsqueeze(mask, [1, 2]));
    case 3:
      return shown(unsqueeze(mask, 1));
    case 4:
      return shown(mask);
  }
  throw new GraphError("attention", `there is no rule for the mask ${mask}`);
}

function attend(
  parts: { readonly q: Value; readonly k: Value; readonly v: Value },
  normal: FusedAttention,
  { mask, bias, past }: Readonly<Record<"mask" | "bias" | "past", Value | undefined>>,
) {
  const { causal, scale, hidden } = normal;
  const offset = past === undefined ? 0 : sizeOf(past, 2);
  const seen = within({ queries: parts.q, keys: parts.k }, offset, {
    left: -1,
    right: causal ? 0 : -1,
  });
  const masked = mask && maskBias(mask, parts.k, hidden);
  const both = masked && bias ? add(masked, bias) : (masked ?? bias);
  return dotProductAttention(parts, {
    scale,
    softcap: 0,
    bias: both,
    allowed: seen,
    mayBeEmpty: false,
  });
}

/** Attention of ONNX Runtime: the projections are part of it. */
const attention: Fusion<FusedAttention> = {
  arity: [2, 7],
  normal: fusedAttentionOf,
  infer: (node, { heads, sizes }) => {
    const [x, w] = [inputOf(node, 0), inputOf(node, 1)];
    const all: Dim = sizes?.[2] ?? divideDims(w.shape?.[1], 3);
    const [batch, length] = [x.shape?.[0], x.shape?.[1]];
    const total =
      node.inputs[4] === undefined ? length : addDims(node.inputs[4].shape?.[3], length);
    const types: TensorType[] = [
      { dtype: x.dtype, shape: x.shape && [batch, length, all] },
      { dtype: x.dtype, shape: x.shape && [2, batch, heads, total, divideDims(all, heads)] },
    ];
    return types.slice(0, Math.max(node.outputCount, 1));
  },
  expansion: (inputs, normal) => {
    const [x, w, b, mask, past, bias] = inputs as [Value, Value, ...(Value | undefined)[]];
    const product = matmul(x, w);
    const all = b === undefined ? product : add(product, b);
    const { heads, sizes } = normal;
    const cut = sizes === undefined ? { parts: 3 } : { sizes };
    const [q, newK, newV] = split(all, { axis: -1, ...cut }).map((part) =>
      headsApart(part, heads),
    ) as [Value, Value, Value];
    const joined = (i: number, one: Value) =>
      past === undefined
        ? one
        : concat([gather(past, past.graph.constant(i, "int64")), one], { axis: 2 });
    const [k, v] = [joined(0, newK), joined(1, newV)];
    const earlier = past && gather(past, past.graph.constant(0, "int64"));
    const { y } = attend({ q, k, v }, normal, { mask, bias, past: earlier });
    // Of keys and values of one size alone there is one tensor.
    const alike = sizes === undefined || sizes[1] === sizes[2];
    const present = alike ? concat([unsqueeze(k, 0), unsqueeze(v, 0)], { axis: 0 }) : undefined;
    return [headsTogether(y), present];
  },
};

const multiHeadAttention: Fusion<FusedAttention> = {
  arity: [1, 8],
  normal: fusedAttentionOf,
  infer: (node, { heads }) => {
    const [q, k, v] = [inputOf(node, 0), node.inputs[1], node.inputs[2]];
    const [batch, length] = [q.shape?.[0], q.shape?.[1]];
    const packed = q.shape?.length === 5;
    const value = v?.shape?.length === 4 ? [v.shape[1], v.shape[3]] : undefined;
    const size = packed ? q.shape?.[4] : (value?.[1] ?? divideDims(v?.shape?.[2], heads));
    const whole = typeof size === "number" ? size * heads : undefined;
    const shape = q.shape && [batch, length, whole];
    const keys = k?.shape?.length === 4 ? k.shape[2] : k?.shape?.[1];
    const total = node.inputs[6] === undefined ? keys : addDims(node.inputs[6].shape?.[2], keys);
    const present = { dtype: q.dtype, shape: k?.shape && [batch, heads, total, size] };
    return [{ dtype: q.dtype, shape }, present, present].slice(0, Math.max(node.outputCount, 1));
  },
  expansion: (inputs, normal) => {
    const [query, key, value, b, mask, bias, pastKey, pastValue] = inputs as [
      Value,
      ...(Value | undefined)[],
    ];
    const { heads } = normal;
    const [q, newK, newV] = operandsOf(query, key, value, b, heads);
    const joined = (past: Value | undefined, x: Value) =>
      past === undefined ? x : concat([past, x], { axis: 2 });
    const [k, v] = [joined(pastKey, newK), joined(pastValue, newV)];
    const { y, products } = attend({ q, k, v }, normal, { mask, bias, past: pastKey });
    return [headsTogether(y), k, v, products];
  },
};

/** Queries, keys and values by head, from the forms that they come in: apart or [batch, length, heads, 3,
 * size] in one; keys and values also by head already. */
function operandsOf(
  query: Value,
  key: Value | undefined,
  value: Value | undefined,
  b: Value | undefined,
  heads: number,
): [Value, Value, Value] {
  if (query.rank === 5) {
    const parts = split(query, { axis: 3, parts: 3 }).map((part) =>
      transpose(squeeze(part, 3), [0, 2, 1, 3]),
    );
    return parts as [Value, Value, Value];
  }
  if (key === undefined || value === undefined || key.rank > 4) {
    throw new GraphError("multiHeadAttention", "there is no rule for packed keys and values");
  }
  const sizes = [query, query, value].map((x) => sizeOf(x, 2));
  const shifts =
    b === undefined || sizes.some((size) => typeof size !== "number")
      ? undefined
      : split(b, { sizes: sizes as number[] });
  if (b !== undefined && shifts === undefined) {
    throw new GraphError("multiHeadAttention", "the sizes of its operands must be known");
  }
  const apart = (x: Value, i: number) => {
    if (x.rank === 4) return x;
    const shift = shifts?.[i];
    return headsApart(shift === undefined ? x : add(x, shift), heads);
  };
  return [apart(query, 0), apart(key, 1), apart(value, 2)];
}

/** RotaryEmbedding as ONNX Runtime had it before ONNX: the places come second, or are where they start. */
const rotaryEmbedding: Fusion<ReturnType<typeof rotaryOf>> = {
  arity: 4,
  normal: rotaryOf,
  infer: (node) => {
    const { dtype, shape } = inputOf(node, 0);
    return [{ dtype, shape }];
  },
  expansion: (inputs, { size, ...normal }) => {
    const [x, places, cos, sin] = inputs as [Value, Value, Value, Value];
    const heads = headsOf(x, cos, normal.heads);
    const start = places.shape?.length === 1;
    const length = positions(x, x.rank === 4 ? 2 : 1);
    const at = start ? unsqueeze(add(length, places), 0) : places;
    return rotaryExpansion([x, cos, sin, at], { ...normal, heads, size });
  },
};

function rotaryOf(node: NodeFacts) {
  return {
    interleaved: intOf(node, "interleaved", 0) === 1,
    heads: intOf(node, "num_heads", 0),
    size: intOf(node, "rotary_embedding_dim", 0),
  };
}

/** Where it is not written, from the size of what is turned. */
function headsOf(x: Value, cos: Value, heads: number): number {
  const [whole, half] = [x.shape?.[2], cos.shape?.[1]];
  if (x.rank === 4 || heads > 0) return heads;
  if (typeof whole === "number" && typeof half === "number") return whole / (2 * half);
  throw new GraphError("rotaryEmbedding", "the number of heads must be known");
}

export const attentionFusions = {
  Attention: attention as Fusion<unknown>,
  MultiHeadAttention: multiHeadAttention as Fusion<unknown>,
  RotaryEmbedding: rotaryEmbedding as Fusion<unknown>,
};
