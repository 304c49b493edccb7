import * as soft from "./soft.ts";
import { straightThrough } from "./straight-through.ts";

// The straight-through forms: each takes what the soft operator of its name takes, gives exactly the hard
// value, and has the gradient of the soft one.

export const sigmoidal = /* @__PURE__ */ straightThrough(soft.sigmoidal);
export const softrelu = /* @__PURE__ */ straightThrough(soft.softrelu);
export const abs = /* @__PURE__ */ straightThrough(soft.abs);
export const relu = /* @__PURE__ */ straightThrough(soft.relu);
export const clamp = /* @__PURE__ */ straightThrough(soft.clamp);
export const sign = /* @__PURE__ */ straightThrough(soft.sign);
export const round = /* @__PURE__ */ straightThrough(soft.round);
export const heaviside = /* @__PURE__ */ straightThrough(soft.heaviside);

export const greater = /* @__PURE__ */ straightThrough(soft.greater);
export const greaterEqual = /* @__PURE__ */ straightThrough(soft.greaterEqual);
export const less = /* @__PURE__ */ straightThrough(soft.less);
export const lessEqual = /* @__PURE__ */ straightThrough(soft.lessEqual);
export const eq = /* @__PURE__ */ straightThrough(soft.eq);
export const notEqual = /* @__PURE__ */ straightThrough(soft.notEqual);
export const isclose = /* @__PURE__ */ straightThrough(soft.isclose);

export const max = /* @__PURE__ */ straightThrough(soft.max);
export const min = /* @__PURE__ */ straightThrough(soft.min);
export const argmax = /* @__PURE__ */ straightThrough(soft.argmax);
export const argmin = /* @__PURE__ */ straightThrough(soft.argmin);
export const sort = /* @__PURE__ */ straightThrough(soft.sort);
export const argsort = /* @__PURE__ */ straightThrough(soft.argsort);
export const rank = /* @__PURE__ */ straightThrough(soft.rank);
export const quantile = /* @__PURE__ */ straightThrough(soft.quantile);
export const argquantile = /* @__PURE__ */ straightThrough(soft.argquantile);
export const median = /* @__PURE__ */ straightThrough(soft.median);
export const argmedian = /* @__PURE__ */ straightThrough(soft.argmedian);

// Spelled out, because the type of a wrapped generic function would lose its type parameter.
export const topk: typeof soft.topk = /* @__PURE__ */ straightThrough(
  soft.topk,
) as typeof soft.topk;
