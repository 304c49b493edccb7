import type { Operand } from "../builder/lift.ts";
import * as op from "../builder/operators/index.ts";
import type { Value } from "../builder/value.ts";
import { type Along, along, keepReduced } from "./axis.ts";
import { folded } from "./indices.ts";
import { floating } from "./operands.ts";
import { hardForm, type Interpolation, type Method, resolveOptions } from "./options.ts";
import {
  type DropOptions,
  type GatedOptions,
  type IndexMethod,
  type IndexOptions,
  indexDefaults,
  type OrderedOptions,
  orderDefaults,
} from "./order-options.ts";
import { type Places, type Quantiles, quantilePlaces } from "./quantile-places.ts";
import { flooredLogOf, logOf } from "./simplex.ts";
import { type LogOptions, type OrderOptions, softRows, softValues } from "./soft-index.ts";

interface Interpolated {
  /** What a quantile between two entries is. Default "linear". */
  readonly interpolation?: Interpolation;
}

/** Options of median. */
export interface MedianOptions extends OrderedOptions<Method>, DropOptions, GatedOptions {}

/** Options of quantile. */
export interface QuantileOptions extends MedianOptions, Interpolated {}

/** Options of argmedian. */
export interface ArgmedianOptions extends OrderedOptions<IndexMethod>, DropOptions, IndexOptions {}

/** Options of argquantile. */
export interface ArgquantileOptions extends ArgmedianOptions, Interpolated {}

const base = { ...orderDefaults, dim: null, keepdim: false } as const;

export const medianDefaults: Readonly<Required<MedianOptions>> = Object.freeze({
  ...base,
  gatedGrad: true,
});

export const quantileDefaults: Readonly<Required<QuantileOptions>> = Object.freeze({
  ...medianDefaults,
  interpolation: "linear",
});

export const argmedianDefaults: Readonly<Required<ArgmedianOptions>> = Object.freeze({
  ...base,
  ...indexDefaults,
});

export const argquantileDefaults: Readonly<Required<ArgquantileOptions>> = Object.freeze({
  ...argmedianDefaults,
  interpolation: "linear",
});

/** The soft quantile along an axis: the entry of soft.sort(x) at place q (n - 1), or what `interpolation`
 * says of its two neighbours. Only the rows of the soft permutation that are needed are made, for all
 * quantiles in one projection.
 *
 * Formula: (1 - w) y_k + w y_(k+1) with y = sort(x) from 0 and q (n - 1) = k + w for "linear"; w = 1/2 for
 * "midpoint"; y_k, y_(k+1) or the nearer one for "lower", "higher" and "nearest"
 *
 * ```ts
 * const spread = soft.quantile(x, [0.25, 0.75], { dim: 0 });   // [2, ...]
 * ```
 * @param x [..., n, ...]
 * @param q a number from 0 to 1, several, or a scalar or vector Value (of which what is out of range
 * counts as 0 or 1); with interpolation "linear" a Value has a gradient
 * @returns [..., ...]: without the axis, or with size 1 for `keepdim`; before it [k] for k quantiles
 *
 * Cost: O(n log n) a row with softsort and fastSoftSort, O(n²) with neuralsort, O(n) a step with ot,
 * O(n log² n) with sortingNetwork. Sources: see argsort; Paulus et al. 2026 (arXiv 2603.08824), quantiles.
 * @throws GraphError for options that are wrong, an axis that x lacks, or a q out of range */
export function quantile(x: Operand, q: Quantiles, options: QuantileOptions = {}): Value {
  return valueAt("quantile", x, q, resolveOptions("quantile", options, quantileDefaults));
}

/** Where the quantile along an axis is, as a distribution over the entries.
 *
 * Formula: (1 - w) P_k + w P_(k+1) with P = argsort(x), k and w as in quantile
 *
 * ```ts
 * const who = soft.argquantile(x, 0.9, { interpolation: "higher" });
 * ```
 * @param x [..., n, ...]
 * @param q a number from 0 to 1, several, or a scalar or vector Value
 * @returns [..., ..., n]: the axis dropped (or of size 1 for `keepdim`), probabilities on a new last
 * axis; before it [k] for k quantiles
 *
 * Cost: O(n log n) a row with softsort, O(n²) with neuralsort, O(n) a step with ot, O(n² log² n) with
 * sortingNetwork. Sources: see quantile.
 * @throws GraphError for options that are wrong, an axis that x lacks, or a q out of range */
export function argquantile(x: Operand, q: Quantiles, options: ArgquantileOptions = {}): Value {
  return indexAt("argquantile", x, q, resolveOptions("argquantile", options, argquantileDefaults));
}

/** The soft median along an axis: quantile 1/2, of an even number of entries the lower of the middle two.
 *
 * Formula: y_k with y = sort(x) from 0 and k = floor((n - 1) / 2)
 *
 * ```ts
 * const loss = soft.median(soft.abs(y.sub(prediction)));
 * ```
 * @param x [..., n, ...]
 * @returns [..., ...]: without the axis, or with size 1 for `keepdim`; a scalar for dim null
 *
 * Cost: O(n log n) a row with softsort and fastSoftSort, O(n²) with neuralsort, O(n) a step with ot,
 * O(n log² n) with sortingNetwork. Sources: see quantile.
 * @throws GraphError for options that are wrong, or an axis that x lacks */
export function median(x: Operand, options: MedianOptions = {}): Value {
  const resolved = resolveOptions("median", options, medianDefaults);
  return valueAt("median", x, 0.5, { ...resolved, interpolation: "lower" });
}

/** Where the median along an axis is, as a distribution over the entries; see median.
 *
 * Formula: P_k with P = argsort(x) from 0 and k = floor((n - 1) / 2)
 *
 * ```ts
 * const middle = soft.argmedian(x, { dim: -1, returnLogProbs: true });
 * ```
 * @param x [..., n, ...]
 * @returns [..., ..., n]: the axis dropped (or of size 1 for `keepdim`), probabilities on a new last axis
 *
 * Cost: O(n log n) a row with softsort, O(n²) with neuralsort, O(n) a step with ot, O(n² log² n) with
 * sortingNetwork.
 * @throws GraphError for options that are wrong, or an axis that x lacks */
export function argmedian(x: Operand, options: ArgmedianOptions = {}): Value {
  const resolved = resolveOptions("argmedian", options, argmedianDefaults);
  return indexAt("argmedian", x, 0.5, { ...resolved, interpolation: "lower" });
}

function valueAt(
  operator: string,
  x: Operand,
  q: Quantiles,
  options: Required<QuantileOptions>,
): Value {
  const value = floating(operator, "x", x);
  return value.graph.operation(
    operator,
    () => {
      const rows = along(operator, value, options.dim);
      const places = quantilePlaces(operator, rows.last, q, options.interpolation);
      const found = softValues(operator, rows.last, options, partAt(places));
      return arrange(rows, places, between(found, places, -1), -1, options.keepdim);
    },
    hardForm(options, (hard) => valueAt(operator, value, q, hard)),
  );
}

function indexAt(
  operator: string,
  x: Operand,
  q: Quantiles,
  options: Required<ArgquantileOptions>,
): Value {
  const value = floating(operator, "x", x);
  return value.graph.operation(
    operator,
    () => {
      const rows = along(operator, value, options.dim);
      const places = quantilePlaces(operator, rows.last, q, options.interpolation);
      const found = indexBetween(operator, rows.last, options, places);
      return arrange(rows, places, found, -2, options.keepdim);
    },
    hardForm(options, (hard) => indexAt(operator, value, q, hard)),
  );
}

/** Both neighbours of every quantile, the lower ones first: one projection. */
function partAt({ lower, next, share }: Places) {
  const both = next !== undefined && share !== undefined;
  const places = both ? folded(op.concat([lower, next], { axis: 0 })) : lower;
  return {
    descending: false,
    positions: { kind: "at", places, neighbors: { lower, next, both } },
  } as const;
}

/** Mixes each pair of neighbours. Written so that equal neighbours give themselves.
 * @param axis the axis of `pairs` that holds the lower and then the upper neighbours */
function between(pairs: Value, { share }: Places, axis: -1 | -2): Value {
  if (share === undefined) return pairs;
  const [low, high] = op.split(pairs, { axis, parts: 2 }) as [Value, Value];
  return op.add(low, op.mul(op.sub(high, low), onAxis(share, axis)));
}

function onAxis(share: Value, axis: -1 | -2): Value {
  return axis === -1 ? share : op.unsqueeze(share, -1);
}

/** [..., k, n]. In mode smooth logarithms are mixed as logarithms, which do not underflow. */
function indexBetween(
  operator: string,
  x: Value,
  options: OrderOptions & LogOptions,
  places: Places,
): Value {
  const { returnLogProbs, logProbEps, mode } = options;
  const part = partAt(places);
  const exact = returnLogProbs && logProbEps === null;
  if (exact && (mode === "smooth" || places.share === undefined)) {
    return logBetween(softRows(operator, x, options, part, true), places);
  }
  const mixed = between(softRows(operator, x, options, part), places, -2);
  if (!returnLogProbs) return mixed;
  return logProbEps === null ? logOf(mixed) : flooredLogOf(mixed, logProbEps);
}

/** log((1 - share) e^low + share e^high). */
function logBetween(pairs: Value, { share }: Places): Value {
  if (share === undefined) return pairs;
  const [low, high] = op.split(pairs, { axis: -2, parts: 2 }) as [Value, Value];
  const part = onAxis(share, -2);
  const [a, b] = [op.add(low, logOf(op.sub(1, part))), op.add(high, logOf(part))];
  // Any shift between the two will do, so it has no gradient.
  const shift = op.stopGradient(op.max(a, b));
  return op.add(op.log(op.add(op.exp(op.sub(a, shift)), op.exp(op.sub(b, shift)))), shift);
}

/** Brings the axis of quantiles to the front, or drops it where there is one. */
function arrange(
  rows: Along,
  { single }: Places,
  found: Value,
  axis: -1 | -2,
  keepdim: boolean,
): Value {
  const result = single ? op.squeeze(found, axis) : op.moveAxis(found, found.rank + axis, 0);
  return keepdim ? keepReduced(rows, result, single ? 0 : 1) : result;
}
