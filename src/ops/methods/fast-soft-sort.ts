import * as op from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import { numbersFrom1 } from "../indices.ts";
import {
  asExact,
  asRows,
  backInPlace,
  descending,
  fromRows,
  projectSorted,
} from "../sorted-projection.ts";
import { standardize, unsquash } from "../standardize.ts";
import type { OrderRequest, SoftMethod, ValuesRequest } from "./method.ts";
import { reversed, valuesAt } from "./positions.ts";

/** FastSoftSort (Blondel et al. 2020, arXiv 2002.08871, equations 2 and 3): sorted values are the
 * projection of evenly spaced numbers onto the permutahedron of the entries, ranks that of the entries
 * onto the permutahedron of the numbers from 1 to n. In O(n log n) and without a soft permutation. All is
 * done in float64, where the way back from the standardised scale keeps its digits. */
export const fastSoftSort: SoftMethod = { ranks, values };

function values(request: ValuesRequest): Value {
  const { original, scale, softness, mode, positions } = request;
  const rows = asRows(original);
  const ready = scale === undefined ? undefined : standardize(rows);
  const w = descending(ready?.squashed ?? rows).values;
  const numbers = op.sub(numbersFrom1(w), 1);
  const spaced = op.div(reversed(numbers), op.max(lastOf(numbers), 1));
  const s = op.add(op.div(spaced, asExact(softness)), op.zerosLike(w));
  const y = projectSorted(s, w, mode);
  const sorted = request.descending ? y : reversed(y);
  const back = ready === undefined ? sorted : unsquash(sorted, ready.scale);
  return valuesAt(fromRows(back, original), positions);
}

function ranks(request: OrderRequest): Value {
  const { original, scale, softness, mode } = request;
  const rows = asRows(original);
  const ready = scale === undefined ? rows : standardize(rows).squashed;
  const order = descending(request.descending ? op.neg(ready) : ready);
  const numbers = numbersFrom1(rows);
  const most = op.max(op.sub(lastOf(numbers), 1), 1);
  const w = op.add(op.div(reversed(numbers), most), op.zerosLike(rows));
  const y = projectSorted(op.div(order.values, asExact(softness)), w, mode);
  return fromRows(backInPlace(op.mul(y, most), order.indices), original);
}

function lastOf(x: Value): Value {
  return op.slice(x, -1, Number.POSITIVE_INFINITY, { axes: -1 });
}
