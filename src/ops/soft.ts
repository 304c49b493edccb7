export * from "./comparison.ts";
export * from "./elementwise.ts";
export * from "./logic.ts";
export * from "./max.ts";
export type {
  Interpolation,
  Method,
  Mode,
  Padding,
  SigmoidalMode,
  SoftMode,
  Softness,
  ValueMethod,
} from "./options.ts";
export type { IndexMethod } from "./order-options.ts";
export * from "./permutahedron.ts";
export * from "./project-simplex.ts";
export * from "./quantile.ts";
export type { Quantiles } from "./quantile-places.ts";
export * from "./rank.ts";
export * from "./selection.ts";
export * from "./sort.ts";
export * from "./topk.ts";
export * from "./transport.ts";
