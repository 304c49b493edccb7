import * as op from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import { fastSoftSort as ascending, fastSoftRanks } from "../kernels/fast-soft-sort.ts";
import type { OrderRequest, SoftMethod, ValuesRequest } from "./method.ts";
import { reversed, valuesAt } from "./positions.ts";

/** FastSoftSort (Blondel et al. 2020, arXiv 2002.08871, equations 2 and 3): sorted values are the
 * projection of evenly spaced numbers onto the permutahedron of the entries, ranks that of the entries
 * onto the permutahedron of the numbers from 1 to n. In O(n log n) and without a soft permutation. All is
 * done in float64, where the way back from the standardised scale keeps its digits. */
export const fastSoftSort: SoftMethod = { ranks, values };

function values(request: ValuesRequest): Value {
  const sorted = byKernel(request.original, request, ascending);
  return valuesAt(request.descending ? reversed(sorted) : sorted, request.positions);
}

function ranks(request: OrderRequest): Value {
  const { original, descending } = request;
  return byKernel(descending ? original : op.neg(original), request, fastSoftRanks);
}

/** Through rows of an element type that there is a kernel for. */
function byKernel(
  x: Value,
  { softness, mode, scale }: OrderRequest,
  kernel: typeof fastSoftRanks,
): Value {
  const typed = x.dtype === "float32" || x.dtype === "float64" ? x : op.cast(x, "float64");
  const rows = x.rank === 2 ? typed : op.reshape(typed, [-1, op.sizeOf(x, -1)]);
  const tau =
    typeof softness === "number"
      ? x.graph.constant(softness, [], "float64")
      : op.cast(softness, "float64");
  const found = kernel(rows, tau, { mode, standardized: scale !== undefined });
  return op.cast(x.rank === 2 ? found : op.reshape(found, op.sizesOf(x)), x.dtype);
}
