import * as op from "../builder/operators/index.ts";
import type { Value } from "../builder/value.ts";
import { hardRows, hardValues } from "./methods/hard.ts";
import { findMethod, methodFor } from "./methods/index.ts";
import type { OrderRequest, Positions } from "./methods/method.ts";
import { positiveSoftness } from "./operands.ts";
import type { Method, Mode, Padding, SoftMode, Softness } from "./options.ts";
import { flooredLogOf, logOf } from "./simplex.ts";
import { standardize } from "./standardize.ts";
import { weightedSums } from "./weighted-sums.ts";

/** How a soft order is made. */
export interface OrderOptions {
  readonly softness: Softness;
  readonly mode: Mode;
  readonly method: Method;
  readonly standardize: boolean;
  readonly padding: Padding;
}

/** In which form a soft index is wanted. */
export interface LogOptions {
  readonly returnLogProbs: boolean;
  readonly logProbEps: number | null;
}

/** Part of a sorted order. */
export interface Part {
  readonly descending: boolean;
  readonly positions: Positions;
}

/** Soft indices of the entries at some sorted positions: [..., n] for the top, else [..., k, n]. All
 * operators go through here, so that what they have in common is the same nodes. */
export function softRows(
  operator: string,
  x: Value,
  options: OrderOptions,
  part: Part,
  log = false,
): Value {
  const { mode, method } = options;
  if (mode === "hard") {
    const rows = hardRows(x, part.descending, part.positions);
    return log ? logOf(rows) : rows;
  }
  const rows = methodFor(operator, method, mode, "rows");
  const request = orderRequest(operator, x, { ...options, mode }, part.descending);
  return rows({ ...request, log, positions: part.positions });
}

/** What every method is given: the entries as they are and, if wanted, standardised. */
export function orderRequest(
  operator: string,
  x: Value,
  options: OrderOptions & { readonly mode: SoftMode },
  descending: boolean,
): OrderRequest {
  const softness = positiveSoftness(operator, options.softness, x);
  const ready = options.standardize ? standardize(x) : undefined;
  return {
    x: ready?.squashed ?? x,
    original: x,
    scale: ready?.scale,
    softness,
    mode: options.mode,
    descending,
    padding: options.padding,
  };
}

/** Soft indices as the user wants them: probabilities, their logarithms, or those with a floor. */
export function softIndex(
  operator: string,
  x: Value,
  options: OrderOptions & LogOptions,
  part: Part,
): Value {
  const { returnLogProbs, logProbEps } = options;
  if (!returnLogProbs) return softRows(operator, x, options, part);
  if (logProbEps === null) return softRows(operator, x, options, part, true);
  return flooredLogOf(softRows(operator, x, options, part), logProbEps);
}

/** The entries at some sorted positions: [...] for the top, else [..., k]. Each is a mean of x weighted by
 * its soft index, other than by methods that give values themselves.
 *
 * @param options `gatedGrad: false` holds the soft index fixed when differentiating */
export function softValues(
  operator: string,
  x: Value,
  options: OrderOptions & { readonly gatedGrad: boolean },
  part: Part,
): Value {
  const { mode, method, gatedGrad } = options;
  const { descending, positions } = part;
  if (mode === "hard") return hardValues(x, descending, positions);
  const { values } = findMethod(operator, method, mode, "values");
  const request = orderRequest(operator, x, { ...options, mode }, descending);
  const found = values?.({ ...request, positions, gatedGrad });
  if (found !== undefined) return found;
  const makeRows = methodFor(operator, method, mode, "rows");
  const rows = makeRows({ ...request, positions, log: false });
  const weights = gatedGrad ? rows : op.stopGradient(rows);
  if (positions.kind === "top") return op.reduceSum(op.mul(weights, x), { axes: -1 });
  return weightedSums(weights, x);
}
