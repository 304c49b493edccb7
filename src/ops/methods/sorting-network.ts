import * as op from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import { columnMeans } from "../column-means.ts";
import { exactly } from "../first.ts";
import { numbersFrom1 } from "../indices.ts";
import { networkPermutation, networkValues } from "../kernels/sorting-network.ts";
import { depthOf, powersOfTwo } from "../kernels/sorting-network-layers.ts";
import { logOf, ofSum1 } from "../simplex.ts";
import { unsquash } from "../standardize.ts";
import type { OrderRequest, Positions, RowsRequest, SoftMethod, ValuesRequest } from "./method.ts";
import { reversed, valuesAt } from "./positions.ts";

/** A soft bitonic sorting network (Batcher 1968; Petersen et al. 2021, arXiv 2105.04019): pairs of entries
 * are exchanged softly, layer by layer. Rows whose length is not a power of two are filled up with
 * something larger than the entries, of which a little leaks into the result. */
export const sortingNetwork: SoftMethod = { rows, ranks, values };

/** From a network of its own, n times cheaper than that of the rows. */
function values(request: ValuesRequest): Value {
  const { scale, positions } = request;
  const from = fromBelow(request, positions);
  const { x } = from;
  const { entries, softness, full } = filledUp(from);
  const found = networkValues(entries, softness, request.mode);
  const kept = full ? found : op.slice(found, 0, op.sizeOf(x, -1), { axes: 1 });
  const ascending = op.cast(op.reshape(kept, op.sizesOf(x)), x.dtype);
  const sorted = from.descending ? reversed(ascending) : ascending;
  const own = from === request ? sorted : mirrored(sorted, request);
  return valuesAt(scale === undefined ? own : unsquash(own, scale), positions);
}

function rows(request: RowsRequest): Value {
  const found = ofSum1(permutation(fromBelow(request, request.positions), request.positions));
  return request.log ? logOf(found) : found;
}

/** The mean place of each entry under its column of the soft permutation, brought to sum 1. */
function ranks(request: OrderRequest): Value {
  const weights = permutation({ ...request, descending: false }, { kind: "all" });
  const numbers = numbersFrom1(request.x);
  return columnMeans(request.descending ? reversed(numbers) : numbers, weights);
}

/** The smallest entry is found as the largest of -x, where the filling is on the other side. */
function fromBelow<Request extends OrderRequest>(request: Request, positions: Positions): Request {
  if (positions.kind !== "top" || request.descending) return request;
  return { ...request, x: mirrored(request.x, request), descending: true };
}

/** -x, or on the standardised scale from 0 to 1 what stands for it. */
function mirrored(x: Value, { scale }: OrderRequest): Value {
  return scale === undefined ? op.neg(x) : op.sub(1, x);
}

/** The rows at some positions: [..., n] for the top, else [..., k, n]. */
function permutation(request: OrderRequest, positions: Positions): Value {
  const { x, mode, descending } = request;
  const { entries, softness, full } = filledUp(request);
  const n = op.sizeOf(x, -1);
  const found = networkPermutation(entries, softness, mode);
  const ascending = full ? found : op.slice(found, 0, n, { axes: 1 });
  const picked = rowsAt(ascending, descending, positions);
  const shares = full ? picked : withoutFilling(op.slice(picked, 0, n, { axes: 2 }));
  const own = op.cast(shares, x.dtype);
  const lead = op.sizesOf(x).slice(0, -1);
  if (positions.kind === "top") return op.reshape(op.squeeze(own, 1), [...lead, n]);
  return op.reshape(own, [...lead, op.sizeOf(own, 1), n]);
}

/** @param rows [batch, n, n], ascending
 * @returns [batch, 1 | k, n] in the order that was asked for */
function rowsAt(rows: Value, descending: boolean, positions: Positions): Value {
  const turned = (some: Value) =>
    descending ? op.slice(some, -1, Number.NEGATIVE_INFINITY, { axes: 1, steps: -1 }) : some;
  if (positions.kind === "top" || positions.kind === "first") {
    const count = positions.kind === "top" ? 1 : positions.count;
    const [start, end] = descending ? [-count, Number.POSITIVE_INFINITY] : [0, count];
    const some = turned(op.slice(rows, start, end, { axes: 1 }));
    return positions.kind === "top" ? some : exactly(some, rows, count, 1);
  }
  const all = turned(rows);
  return positions.kind === "at" ? op.gather(all, positions.places, { axis: 1 }) : all;
}

/** What the filling took of a row goes to its entries. */
function withoutFilling(rows: Value): Value {
  return op.div(rows, op.clip(op.reduceSum(rows, { axes: -1, keepdims: true }), 1e-10));
}

interface Filled {
  /** [batch, a power of two] */
  readonly entries: Value;
  readonly softness: Value;
  /** Whether nothing had to be added. */
  readonly full: boolean;
}

/** The rows as the network takes them. */
function filledUp(request: OrderRequest): Filled {
  const { graph, dtype } = request.x;
  const type = dtype === "float64" ? dtype : "float32";
  const n = op.sizeOf(request.x, -1);
  const x = op.cast(request.x, type);
  const rows = x.rank === 2 ? x : op.reshape(x, [-1, n]);
  const softness =
    typeof request.softness === "number"
      ? graph.constant(request.softness, [], type)
      : op.cast(request.softness, type);
  const missing = missingFrom(n, rows);
  if (missing === 0) return { entries: rows, softness, full: true };
  const filling = op.expand(op.stopGradient(fillingOf(rows, request)), [
    op.sizeOf(rows, 0),
    missing,
  ]);
  return { entries: op.concat([rows, filling], { axis: 1 }), softness, full: false };
}

/** How many entries there are to the next power of two from 2. */
function missingFrom(n: op.Size, rows: Value): op.Size {
  if (typeof n === "number") return Math.max(2 ** Math.ceil(Math.log2(n)), 2) - n;
  const full = op.gather(powersOfTwo(rows), op.max(depthOf(n), 1));
  return op.sub(full, n);
}

/** [1, 1], or [batch, 1]. */
function fillingOf(rows: Value, { scale, padding }: OrderRequest): Value {
  if (scale !== undefined) return rows.graph.constant(1, [1, 1], rows.dtype);
  const largest = op.reduceMax(rows, { axes: 1, keepdims: true });
  if (padding === "row") return op.add(largest, 1);
  // There may be no rows at all.
  const least = rows.graph.constant(Number.NEGATIVE_INFINITY, [1, 1], rows.dtype);
  const all = op.concat([largest, least], { axis: 0 });
  return op.add(op.reduceMax(all, { axes: 0, keepdims: true }), 1);
}
