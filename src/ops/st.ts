import * as soft from "./soft.ts";
import { straightThrough } from "./straight-through.ts";

// The straight-through forms: each takes what the soft operator of its name takes, gives exactly the hard
// value, and has the gradient of the soft one.

export const sigmoidal = straightThrough(soft.sigmoidal);
export const softrelu = straightThrough(soft.softrelu);
export const abs = straightThrough(soft.abs);
export const relu = straightThrough(soft.relu);
export const clamp = straightThrough(soft.clamp);
export const sign = straightThrough(soft.sign);
export const round = straightThrough(soft.round);
export const heaviside = straightThrough(soft.heaviside);

export const greater = straightThrough(soft.greater);
export const greaterEqual = straightThrough(soft.greaterEqual);
export const less = straightThrough(soft.less);
export const lessEqual = straightThrough(soft.lessEqual);
export const eq = straightThrough(soft.eq);
export const notEqual = straightThrough(soft.notEqual);
export const isclose = straightThrough(soft.isclose);

export const max = straightThrough(soft.max);
export const min = straightThrough(soft.min);
export const argmax = straightThrough(soft.argmax);
export const argmin = straightThrough(soft.argmin);
export const sort = straightThrough(soft.sort);
export const argsort = straightThrough(soft.argsort);
export const rank = straightThrough(soft.rank);
export const quantile = straightThrough(soft.quantile);
export const argquantile = straightThrough(soft.argquantile);
export const median = straightThrough(soft.median);
export const argmedian = straightThrough(soft.argmedian);

// Spelled out, because the type of a wrapped generic function would lose its type parameter.
export const topk: typeof soft.topk = straightThrough(soft.topk) as typeof soft.topk;
