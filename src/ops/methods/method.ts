import type { Value } from "../../builder/value.ts";
import type { SoftMode, Softness } from "../options.ts";

/** What a method is given. */
export interface OrderRequest {
  /** [..., n]: the entries to order, standardised if that was asked for. */
  readonly x: Value;
  readonly softness: Softness;
  readonly mode: SoftMode;
  readonly descending: boolean;
}

/** Which entries of the sorted order are wanted. */
export type Positions =
  /** The first, as [..., n] without an axis for positions. */
  | { readonly kind: "top" }
  /** The first `count`, as [..., count, n]. */
  | { readonly kind: "first"; readonly count: number }
  /** Those at `places`, an int64 vector [k], as [..., k, n]. */
  | { readonly kind: "at"; readonly places: Value }
  /** Every one, as [..., n, n]. */
  | { readonly kind: "all" };

export interface RowsRequest extends OrderRequest {
  readonly positions: Positions;
  /** Logarithms instead of probabilities. */
  readonly log: boolean;
}

/** A way to make a soft order. A new one is a file of its own and an entry of the table in index.ts. */
export interface SoftMethod {
  /** Rows of the soft permutation: for each wanted position a distribution over the entries, on the last
   * axis. Left out by methods that give values only. */
  readonly rows?: (request: RowsRequest) => Value;
  /** The soft rank of each entry, from 1: [..., n]. */
  readonly ranks?: (request: OrderRequest) => Value;
}
