import {
  type Definition,
  defineFamily,
  type Pullback,
  SOFTONNX_DOMAIN,
} from "../../builder/definition.ts";
import { sameShape } from "../../builder/dim.ts";
import { GraphError } from "../../builder/errors.ts";
import * as op from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import type { SoftMode } from "../options.ts";
import { numbered, rowsOf } from "./isotonic-cuts.ts";
import { solveByLogSums, solveByMeans } from "./isotonic-levels.ts";
import { slope, solveByRoots } from "./isotonic-roots.ts";
import { segmentMax, segmentSum } from "./segments.ts";

/** The element types that there is a kernel for. The work is done in float64 in both. */
export type IsotonicType = "float32" | "float64";

/** What isotonic regression gives: which entries are pooled, and the level of each pool. */
export interface Pooled {
  /** int64 [batch, n]: numbers from 0, rising along a row, the same in all entries of a block. */
  readonly blocks: Value;
  /** [batch, n], falling along a row: the level of each entry's block. */
  readonly v: Value;
}

/** Isotonic regression, the solver under projections onto the permutahedron: for rows s and w that
 * descend, the descending v that minimises
 *
 *     smooth   sum exp(s - v) + exp(w) v
 *     c0       sum (s - w - v)^2 / 2
 *     c1       sum |s - v|^3 / 3 + w v
 *     c2       sum (s - v)^4 / 4 + w v
 *
 * It is constant on blocks of neighbours; on each its level solves sum psi(s_i - v) = sum psi'(w_i), that
 * is logsumexp s - logsumexp w, the mean of s - w, and the roots of sum (s_i - v) |s_i - v| = sum w_i and
 * sum (s_i - v)^3 = sum w_i. (Blondel et al. 2020, arXiv 2002.08871, for smooth and c0; Paulus et al. 2026,
 * arXiv 2603.08824, for c1 and c2.)
 *
 * Method: all blocks of all rows are divided at once, from the top (as quickhull divides the least concave
 * majorant; Stout 2013), where the sums of psi at a level say that a boundary must be. A row with NaN or
 * an infinity gives NaN. Cost: O(n) a round, about log2 n rounds; n at worst.
 *
 * The gradient is that of v with the blocks held, which is exact wherever no two blocks touch.
 *
 * @param s [batch, n], descending
 * @param w [batch, n], descending */
export function isotonicRegression(s: Value, w: Value, mode: SoftMode): Pooled {
  if (s.dtype !== "float32" && s.dtype !== "float64") {
    throw new GraphError("isotonicRegression", `s: expected float32 or float64, got ${s}`);
  }
  const definition = definitionOf(mode, s.dtype);
  const [blocks, v] = s.graph.emit({
    op: definition.name,
    domain: definition.domain,
    inputs: [s, w],
    operator: "isotonicRegression",
    definition,
    outputs: 2,
  }).outputs as readonly [Value, Value];
  return { blocks, v };
}

const definitions = new Map<string, Definition>();

function definitionOf(mode: SoftMode, dtype: IsotonicType): Definition {
  const name = `IsotonicRegression_${mode}_${dtype}`;
  let definition = definitions.get(name);
  if (definition === undefined) {
    const rows = { dtype, shape: ["batch", "n"] } as const;
    definition = {
      name,
      domain: SOFTONNX_DOMAIN,
      version: 1,
      inputs: ["s", "w"],
      outputs: ["blocks", "v"],
      infer: ([s, w]) => infer(s as Value, w as Value, dtype),
      body: ([s, w]) => body(s as Value, w as Value, mode, dtype),
      vjp: (node) => vjp(node, mode),
      signature: [rows, rows],
      life: "always",
    };
    definitions.set(name, definition);
  }
  return definition;
}

defineFamily("IsotonicRegression", 1, (name) => {
  const match = /^IsotonicRegression_(smooth|c0|c1|c2)_(float32|float64)$/.exec(name);
  return match === null ? undefined : definitionOf(match[1] as SoftMode, match[2] as IsotonicType);
});

function infer(s: Value, w: Value, dtype: IsotonicType) {
  for (const [name, value] of Object.entries({ s, w })) {
    if (value.dtype !== dtype || (value.shape !== undefined && value.shape.length !== 2)) {
      throw new GraphError(
        "isotonicRegression",
        `${name}: expected ${dtype} [batch, n], got ${value}`,
      );
    }
  }
  if (sameShape(s.shape, w.shape) === false) {
    throw new GraphError("isotonicRegression", `shapes differ: s is ${s}, w is ${w}`);
  }
  const shape = s.shape ?? w.shape;
  return [
    { dtype: "int64", shape },
    { dtype, shape },
  ] as const;
}

function body(s: Value, w: Value, mode: SoftMode, dtype: IsotonicType): Value[] {
  const [keys, weights] = [op.cast(s, "float64"), op.cast(w, "float64")];
  // NaN in a row that is not finite, else 0. Such a row is solved as zeros: NaN has no order to divide by.
  const poison = op.reduceSum(op.mul(op.add(op.mul(keys, 0), op.mul(weights, 0)), 0), {
    axes: 1,
    keepdims: true,
  });
  const lost = op.isNaN(poison);
  const rows = rowsOf(op.where(lost, 0, keys), op.where(lost, 0, weights));
  const { cuts, level } =
    mode === "c0"
      ? solveByMeans(rows)
      : mode === "smooth"
        ? solveByLogSums(rows)
        : solveByRoots(rows, mode);
  return [numbered(rows, cuts), op.cast(op.add(level, poison), dtype)];
}

/** With the blocks held, the level of a block is a function of its entries alone:
 *
 *     smooth   dv = sum softmax(s) ds - sum softmax(w) dw
 *     c0       dv = mean ds - mean dw
 *     c1, c2   dv = sum p ds - sum dw / (k sum h(t)),   t = s - v, h(t) = |t| or t^2, k = 2 or 3,
 *              p = h(t) / sum h(t)
 *
 * In c1 and c2 the derivative by w is infinite where all t of a block are 0; 0 is given there.
 *
 * @param s, w, v, vbar float64 [batch, n] */
export function pullBackLevels(
  s: Value,
  w: Value,
  { blocks, v }: Pooled,
  vbar: Value,
  mode: SoftMode,
): [Value, Value] {
  const sum = segmentSum(vbar, blocks);
  if (mode === "c0") {
    const mean = op.div(sum, blockLengths(blocks));
    return [mean, op.neg(mean)];
  }
  if (mode === "smooth") {
    const [p, q] = [blockSoftmax(s, blocks), blockSoftmax(w, blocks)];
    return [op.mul(sum, p), op.neg(op.mul(sum, q))];
  }
  const h = slope(op.sub(s, v), mode);
  const total = segmentSum(h, blocks);
  const some = op.greater(total, 0);
  const safe = op.where(some, total, 1);
  const byW = op.where(some, op.div(sum, op.mul(safe, mode === "c1" ? -2 : -3)), 0);
  return [op.mul(sum, blockShares(h, blocks)), byW];
}

function vjp({ input, outputs, cotangent }: Pullback, mode: SoftMode): (Value | undefined)[] {
  const vbar = cotangent(1);
  if (vbar === undefined) return [];
  const [blocks, v] = outputs as readonly [Value, Value];
  const exact = (x: Value) => op.cast(x, "float64");
  const pools = { blocks, v: exact(v) };
  const found = pullBackLevels(exact(input(0)), exact(input(1)), pools, exact(vbar), mode);
  return found.map((x) => op.cast(x, vbar.dtype));
}

/** How many entries each entry's block has, as float64. */
export function blockLengths(blocks: Value): Value {
  return segmentSum(op.cast(op.onesLike(blocks), "float64"), blocks);
}

/** h / sum h over each block: 1 exactly in a block of one, equal shares where all h are 0.
 * @param h float64 [batch, n], not negative */
export function blockShares(h: Value, blocks: Value): Value {
  const length = blockLengths(blocks);
  const total = segmentSum(h, blocks);
  const some = op.greater(total, 0);
  const share = op.where(some, op.div(h, op.where(some, total, 1)), op.div(1, length));
  return op.where(op.greater(length, 1), share, 1);
}

/** The largest entry of each block, as a constant: a shift that cancels. */
export function blockAnchor(x: Value, blocks: Value): Value {
  return op.stopGradient(segmentMax(op.stopGradient(x), blocks));
}

/** exp x / sum exp x over each block. */
export function blockSoftmax(x: Value, blocks: Value): Value {
  const e = op.exp(op.sub(x, blockAnchor(x, blocks)));
  return op.div(e, segmentSum(e, blocks));
}
