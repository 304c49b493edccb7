export type * from "./options.ts";
export type { Quantiles } from "./quantile-places.ts";
export * as soft from "./soft.ts";
export * as st from "./st.ts";
export { gradReplace, straightThrough } from "./straight-through.ts";
