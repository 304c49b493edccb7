import { checkOptions, failArgument } from "../../builder/errors.ts";
import { type Operand, requireValue } from "../../builder/lift.ts";
import {
  globalAveragePool as averageAll,
  averagePool as averages,
  globalMaxPool as maxAll,
  maxPool as maxima,
  squeeze,
} from "../../builder/operators/index.ts";
import type { WindowOptions } from "../../builder/operators/windows.ts";
import type { Value } from "../../builder/value.ts";

/** Options of maxPool and averagePool. */
export interface PoolOptions {
  /** By default the window's sizes, so that windows lie side by side. */
  readonly strides?: WindowOptions["strides"];
  /** Entries around each axis, which no maximum and no mean counts. Default 0. */
  readonly pads?: WindowOptions["pads"];
}

/** The largest entry of each window, of windows side by side unless told otherwise.
 *
 * ```ts
 * const half = layers.maxPool(h, 2);
 * ```
 * @param x [batch, channels, spatial…]
 * @param size of the window, one number for all spatial axes or one each
 * @throws GraphError if shapes or options do not fit */
export function maxPool(
  x: Operand,
  size: number | readonly number[],
  options: PoolOptions = {},
): Value {
  checkOptions("maxPool", options, ["strides", "pads"]);
  const { value, kernel } = windowOn("maxPool", x, size);
  const { strides = kernel, pads = 0 } = options;
  return maxima(value, kernel, { strides, pads });
}

/** The mean of each window, of windows side by side unless told otherwise.
 *
 * @param x [batch, channels, spatial…]
 * @param size of the window, one number for all spatial axes or one each
 * @throws GraphError if shapes or options do not fit */
export function averagePool(
  x: Operand,
  size: number | readonly number[],
  options: PoolOptions = {},
): Value {
  checkOptions("averagePool", options, ["strides", "pads"]);
  const { value, kernel } = windowOn("averagePool", x, size);
  const { strides = kernel, pads = 0 } = options;
  return averages(value, kernel, { strides, pads });
}

/** The mean over all spatial axes: [batch, channels, …] to [batch, channels]. */
export function globalAveragePool(x: Operand): Value {
  return withoutSpatial(averageAll(x));
}

/** The largest entry over all spatial axes: [batch, channels, …] to [batch, channels]. */
export function globalMaxPool(x: Operand): Value {
  return withoutSpatial(maxAll(x));
}

function withoutSpatial(x: Value): Value {
  return squeeze(
    x,
    Array.from({ length: x.rank - 2 }, (_, i) => i + 2),
  );
}

function windowOn(layer: string, x: Operand, size: number | readonly number[]) {
  const value = requireValue(layer, "x", x);
  if (value.rank < 3) failArgument(layer, "x", "[batch, channels, spatial…]", value);
  const kernel = typeof size === "number" ? new Array<number>(value.rank - 2).fill(size) : size;
  return { value, kernel };
}
