import { checkOptions, failArgument } from "../../builder/errors.ts";
import type { Graph } from "../../builder/graph.ts";
import {
  and,
  lessOrEqual,
  matmul,
  mul,
  positions,
  reshape,
  sizeOf,
  softmax,
  transpose,
  unsqueeze,
  where,
} from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import { type Dense, dense } from "./dense.ts";
import { checkCount, type LayerOptions, Parameters } from "./parameters.ts";

/** Options of attention. */
export interface AttentionOptions extends LayerOptions {
  /** How many patterns of attention there are side by side; divides `features`. Default 1. */
  readonly heads?: number;
  /** Add biases. Default true. */
  readonly bias?: boolean;
}

/** What an application of attention looks at. */
export interface AttentionUse {
  /** Where keys and values come from, [batch, places, features]. By default x itself. */
  readonly context?: Value;
  /** Booleans that broadcast to [batch, heads, length, places]: true where a place may be looked at. A row
   * without any looks at all alike. */
  readonly mask?: Value;
  /** Look at no later place. Default false. */
  readonly causal?: boolean;
}

/** Weighted means of what stands at other places. */
export interface Attention {
  /** [batch, length, features] to the same shape */
  (x: Value, use?: AttentionUse): Value;
  readonly query: Dense;
  readonly key: Dense;
  readonly value: Dense;
  readonly output: Dense;
}

/** Multi-head attention (Vaswani et al. 2017, arXiv 1706.03762, section 3.2.2).
 *
 * ```ts
 * const attend = layers.attention(g, 64, { heads: 4 });
 * const h = norm(x.add(attend(x, { causal: true })));
 * ```
 * @param features of x and of the result
 * @throws GraphError for sizes or options that are wrong, or a name that is taken */
export function attention(
  graph: Graph,
  features: number,
  options: AttentionOptions = {},
): Attention {
  const { heads = 1, bias = true, ...rest } = options;
  const name = new Parameters(graph, "attention", rest, []).name;
  checkCount("attention", "features", features);
  checkCount("attention", "heads", heads);
  if (features % heads !== 0) {
    failArgument("attention", "heads", `a divisor of ${features} features`, heads);
  }
  const part = (kind: string) =>
    dense(graph, features, features, { ...rest, bias, name: `${name}/${kind}` });
  const parts = {
    query: part("query"),
    key: part("key"),
    value: part("value"),
    output: part("output"),
  };
  const apply = (x: Value, use: AttentionUse = {}) => {
    checkOptions("attention", use, ["context", "mask", "causal"]);
    const { context = x } = use;
    return graph.operation("attention", () => {
      const size = features / heads;
      const query = byHead(mul(parts.query(x), 1 / Math.sqrt(size)), heads, size);
      const key = byHead(parts.key(context), heads, size);
      const value = byHead(parts.value(context), heads, size);
      const scores = matmul(query, transpose(key, [0, 1, 3, 2]));
      const weights = softmax(masked(scores, use));
      const mixed = transpose(matmul(weights, value), [0, 2, 1, 3]);
      return parts.output(reshape(mixed, [sizeOf(x, 0), sizeOf(x, 1), features]));
    });
  };
  return Object.assign(apply, parts);
}

/** [batch, length, heads size] as [batch, heads, length, size]. */
function byHead(x: Value, heads: number, size: number): Value {
  const apart = reshape(x, [sizeOf(x, 0), sizeOf(x, 1), heads, size]);
  return transpose(apart, [0, 2, 1, 3]);
}

/** So far down that the softmax gives 0, and finite, so that a row of nothing else is no 0 / 0. */
const HIDDEN = -1e9;

function masked(scores: Value, { mask, causal = false }: AttentionUse): Value {
  const past = causal
    ? lessOrEqual(unsqueeze(positions(scores, 3), 0), unsqueeze(positions(scores, 2), 1))
    : undefined;
  const allowed = mask !== undefined && past !== undefined ? and(mask, past) : (mask ?? past);
  return allowed === undefined ? scores : where(allowed, scores, HIDDEN);
}
