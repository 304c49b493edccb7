import { type Attributes, attribute } from "../block.ts";
import type { Expansion, TensorType } from "../definition.ts";
import { addDims, type Dim, divideDims, multiplyDims, type Shape } from "../dim.ts";
import { type DType, dtypeOfCode } from "../dtype.ts";
import { checkOptions, failArgument, GraphError } from "../errors.ts";
import { graphOf, lift, liftAll, type Operand } from "../lift.ts";
import {
  floatOf,
  inputOf,
  intOf,
  type NodeFacts,
  type OperatorTable,
  type Schemas,
} from "../schema.ts";
import type { Value } from "../value.ts";
import { sub } from "./arithmetic.ts";
import { both, dotProductAttention, headsApart, headsTogether, within } from "./dot-product.ts";
import { checkType, optionalInt } from "./emit.ts";
import { less } from "./logic.ts";
import { concat } from "./movement.ts";
import { reshape } from "./reshape.ts";
import { positions, type Size, sizeOf, subtractSizes } from "./sizes.ts";
import { pad } from "./slice.ts";

/** An Attention in normal form. */
export interface AttentionForm {
  /** Numbers of heads; undefined where the operands have them on an axis. */
  readonly queryHeads: number | undefined;
  readonly keyHeads: number | undefined;
  readonly causal: boolean;
  readonly scale: number | undefined;
  readonly softcap: number;
  /** How many keys before and behind its own place a query sees; -1 for all. */
  readonly left: number;
  readonly right: number;
  /** What the fourth output is: the products, those after softcap, those with bias, or the probabilities. */
  readonly show: number;
  readonly precision: DType | undefined;
}

/** Options of attention. */
export interface AttentionOptions {
  /** The number of heads of a q of three axes. */
  readonly queryHeads?: number;
  /** The number of heads of a k and a v of three axes. */
  readonly keyHeads?: number;
  /** Booleans: whether a query sees a key; or numbers that are added to the scores. Broadcasts to [batch,
   * heads, queries, keys]. */
  readonly mask?: Operand;
  /** Let a query see no key behind its own place. Default false. */
  readonly causal?: boolean;
  /** Factor of the scores. By default one over the root of the size of a head. */
  readonly scale?: number;
  /** Bound of the scores. Default 0: none. */
  readonly softcap?: number;
  /** Keys of earlier steps, [batch, key heads, past, size], to go before those given. */
  readonly pastKey?: Operand;
  /** The values that belong to them. */
  readonly pastValue?: Operand;
}

/** Scaled dot-product attention (Vaswani et al. 2017, arXiv 1706.03762), with as many heads of keys as of
 * queries or fewer: softmax(q kᵀ scale + mask) v.
 *
 * ```ts
 * const { y } = attention(q, k, v, { causal: true });
 * ```
 * @param q [batch, heads, queries, size], or with `queryHeads` [batch, queries, heads size]
 * @param k [batch, key heads, keys, size], or with `keyHeads` [batch, keys, key heads size]
 * @param v as k, perhaps of another size
 * @returns `y` in the form of q; where a past is given also it and what is new together
 * @throws GraphError if shapes, types or options do not fit */
export function attention(
  q: Operand,
  k: Operand,
  v: Operand,
  options: AttentionOptions = {},
): {
  readonly y: Value;
  readonly presentKey: Value | undefined;
  readonly presentValue: Value | undefined;
} {
  checkOptions("attention", options, [
    "queryHeads",
    "keyHeads",
    "mask",
    "causal",
    "scale",
    "softcap",
    "pastKey",
    "pastValue",
  ]);
  const { queryHeads, keyHeads, mask, causal = false, scale, softcap = 0 } = options;
  const { pastKey, pastValue } = options;
  if ((pastKey === undefined) !== (pastValue === undefined)) {
    throw new GraphError("attention", "give both pastKey and pastValue or neither");
  }
  const graph = graphOf("attention", [q, k, v, mask, pastKey, pastValue]);
  const named: Record<string, Operand> = { q, k, v };
  if (pastKey !== undefined) named.pastKey = pastKey;
  if (pastValue !== undefined) named.pastValue = pastValue;
  const [query, key, value, ...past] = liftAll("attention", named, graph) as [Value, Value, Value];
  const masked = mask === undefined ? undefined : lift("attention", "mask", mask, undefined, graph);
  const inputs = [query, key, value, masked, ...past];
  while (inputs.at(-1) === undefined) inputs.pop();
  const attributes: Attributes = {
    ...(queryHeads === undefined ? {} : { q_num_heads: attribute.int(queryHeads) }),
    ...(keyHeads === undefined ? {} : { kv_num_heads: attribute.int(keyHeads) }),
    ...optionalInt("is_causal", causal, 0),
    ...(scale === undefined ? {} : { scale: attribute.float(scale) }),
    ...(softcap === 0 ? {} : { softcap: attribute.float(softcap) }),
  };
  // In standard operators: the operator is of opset 23, and ONNX Runtime's kernel for it of float32 alone.
  const outputCount = past.length === 0 ? 1 : 3;
  const facts = { operator: "attention", inputs, attributes, opset: graph.opset, outputCount };
  const normal = { ...attentionSchemas.Attention.normal(facts), scale };
  attentionSchemas.Attention.infer(facts, normal);
  const [y, presentKey, presentValue] = graph.operation("attention", () =>
    attentionExpansion(inputs, normal),
  );
  if (past.length === 0) return { y: y as Value, presentKey: undefined, presentValue: undefined };
  return { y: y as Value, presentKey, presentValue };
}

export const attentionExpansion: Expansion<OperatorTable["Attention"]> = (inputs, normal) => {
  const [query, key, value, mask, pastKey, pastValue, lengths] = inputs as [
    Value,
    Value,
    Value,
    ...(Value | undefined)[],
  ];
  const { queryHeads, keyHeads, causal, left, right } = normal;
  const apart = (x: Value, heads: number | undefined) =>
    x.rank === 4 ? x : headsApart(x, headsOf(heads));
  const joined = (past: Value | undefined, x: Value) =>
    past === undefined ? x : concat([past, x], { axis: 2 });
  const q = apart(query, queryHeads);
  const k = joined(pastKey, apart(key, keyHeads));
  const v = joined(pastValue, apart(value, keyHeads));
  const offset = offsetOf(q, pastKey, lengths);
  const bound = { left, right: causal ? 0 : right };
  const seen = within({ queries: q, keys: k }, offset, bound);
  const real = lengths && less(positions(k, 2), reshape(lengths, [-1, 1, 1, 1]));
  const wide = mask && overAllKeys(mask, k);
  const boolean = wide?.dtype === "bool";
  const made = dotProductAttention(
    { q, k, v },
    {
      ...normal,
      bias: boolean ? undefined : wide,
      allowed: both(both(boolean ? wide : undefined, seen), real),
      mayBeEmpty: wide !== undefined || lengths !== undefined || left >= 0,
    },
  );
  const shown = [made.products, made.capped, made.scores, made.weights][normal.show];
  return [query.rank === 4 ? made.y : headsTogether(made.y), k, v, shown];
};

function headsOf(heads: number | undefined): number {
  if (heads !== undefined) return heads;
  throw new GraphError("attention", "queryHeads and keyHeads: expected numbers beside three axes");
}

/** How many keys there are before the first query. */
function offsetOf(q: Value, pastKey: Value | undefined, lengths: Value | undefined): Size {
  if (pastKey !== undefined) return sizeOf(pastKey, 2);
  return lengths === undefined ? 0 : sub(reshape(lengths, [-1, 1, 1, 1]), sizeOf(q, 2));
}

/** A mask may end before the last keys, which are then not seen. */
function overAllKeys(mask: Value, k: Value): Value {
  const [given, all] = [sizeOf(mask, -1), sizeOf(k, 2)];
  if (given === all || given === 1) return mask;
  const none: readonly [Size, Size] = [0, 0];
  const pads = Array.from({ length: mask.rank }, (_, axis) =>
    axis === mask.rank - 1 ? ([0, subtractSizes(all, given)] as const) : none,
  );
  return pad(mask, pads, { value: mask.dtype === "bool" ? false : Number.NEGATIVE_INFINITY });
}

/** Heads, length and size of an operand in either form. */
function dimsOf(x: Value, heads: number | undefined): readonly [Dim, Dim, Dim] {
  const { shape } = x;
  if (shape?.length === 4) return [shape[1], shape[2], shape[3]];
  return [heads, shape?.[1], divideDims(shape?.[2], heads ?? 1)];
}

function attentionTypes(node: NodeFacts, normal: AttentionForm): readonly TensorType[] {
  const [q, k, v] = [inputOf(node, 0), inputOf(node, 1), inputOf(node, 2)];
  for (const [name, x] of Object.entries({ q, k, v })) {
    checkType(node.operator, name, x, "float");
    const rank = x.shape?.length ?? 4;
    if (rank !== 3 && rank !== 4) {
      failArgument(node.operator, name, "[batch, heads, length, size] or [batch, length, …]", x);
    }
    const heads = name === "q" ? normal.queryHeads : normal.keyHeads;
    if (rank === 3 && !(heads !== undefined && heads > 0)) {
      failArgument(node.operator, name === "q" ? "queryHeads" : "keyHeads", "a number", heads);
    }
  }
  const batch = q.shape?.[0];
  const [heads, queries] = dimsOf(q, normal.queryHeads);
  const [keyHeads, keys, size] = dimsOf(k, normal.keyHeads);
  const [, , valueSize] = dimsOf(v, normal.keyHeads);
  const total = node.inputs[4] === undefined ? keys : addDims(node.inputs[4].shape?.[2], keys);
  const y: Shape =
    q.shape?.length === 3
      ? [batch, queries, multiplyDims(heads, valueSize)]
      : [batch, heads, queries, valueSize];
  const types: TensorType[] = [
    { dtype: q.dtype, shape: q.shape && y },
    { dtype: k.dtype, shape: k.shape && [batch, keyHeads, total, size] },
    { dtype: v.dtype, shape: v.shape && [batch, keyHeads, total, valueSize] },
    { dtype: q.dtype, shape: q.shape && k.shape && [batch, heads, queries, total] },
  ];
  return types.slice(0, Math.max(node.outputCount, 1));
}

export const attentionSchemas: Schemas<"Attention"> = {
  Attention: {
    arity: [3, 7],
    normal: (node) => {
      const { scale, q_num_heads, kv_num_heads, softmax_precision } = node.attributes;
      return {
        queryHeads: q_num_heads && intOf(node, "q_num_heads", 0),
        keyHeads: kv_num_heads && intOf(node, "kv_num_heads", 0),
        causal: intOf(node, "is_causal", 0) === 1,
        scale: scale && floatOf(node, "scale", 0),
        softcap: floatOf(node, "softcap", 0),
        left: intOf(node, "left_window_size", -1),
        right: intOf(node, "right_window_size", -1),
        show: intOf(node, "qk_matmul_output_mode", 0),
        precision: softmax_precision && dtypeOfCode(intOf(node, "softmax_precision", 0)),
      };
    },
    infer: attentionTypes,
  },
};
