import type { Value } from "../../builder/value.ts";
import type { Padding, SoftMode, Softness } from "../options.ts";
import type { Scale } from "../standardization.ts";

/** What a method is given. */
export interface OrderRequest {
  /** [..., n]: the entries to order, standardised if that was asked for. */
  readonly x: Value;
  /** [..., n]: the entries as they were given. */
  readonly original: Value;
  /** The way back from x to the units of the entries; undefined if x is not standardised. */
  readonly scale: Scale | undefined;
  readonly softness: Softness;
  readonly mode: SoftMode;
  readonly descending: boolean;
  /** What sorting networks fill rows up with. */
  readonly padding: Padding;
}

/** Which entries of the sorted order are wanted. */
export type Positions =
  /** The first, as [..., n] without an axis for positions. */
  | { readonly kind: "top" }
  /** The first `count`, as [..., count, n]. */
  | { readonly kind: "first"; readonly count: number }
  /** Those at `places`, an int64 vector [k], as [..., k, n]. */
  | { readonly kind: "at"; readonly places: Value; readonly neighbors: Neighbors }
  /** Every one, as [..., n, n]. */
  | { readonly kind: "all" };

/** What quantiles lie between, for methods that make both entries together. */
export interface Neighbors {
  /** The entry at or below each quantile, int64 [q]. */
  readonly lower: Value;
  /** The entry above, int64 [q]; undefined where the interpolation takes one entry. */
  readonly next: Value | undefined;
  /** Whether the places are those of all lower entries and then of the next ones, or of the lower alone. */
  readonly both: boolean;
}

export interface RowsRequest extends OrderRequest {
  readonly positions: Positions;
  /** Logarithms instead of probabilities. */
  readonly log: boolean;
}

export interface ValuesRequest extends OrderRequest {
  readonly positions: Positions;
  /** For means of the entries by soft index: whether gradients flow through the index. */
  readonly gatedGrad: boolean;
}

/** A way to make a soft order. A new one is a file of its own and an entry of the table in index.ts. */
export interface SoftMethod {
  /** The modes that it has; by default all. */
  readonly modes?: readonly SoftMode[];
  /** Rows of the soft permutation: for each wanted position a distribution over the entries, on the last
   * axis. Left out by methods that give values only. */
  readonly rows?: (request: RowsRequest) => Value;
  /** The soft rank of each entry, from 1: [..., n]. */
  readonly ranks?: (request: OrderRequest) => Value;
  /** The values at the wanted positions, in the units of the entries: [...] for the top, else [..., k].
   * Left out by methods whose values are the entries weighted by the rows; undefined where that is the
   * better way to the same values. */
  readonly values?: (request: ValuesRequest) => Value | undefined;
}
