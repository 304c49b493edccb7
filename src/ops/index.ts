export type { Method, Mode, SigmoidalMode, Softness } from "./options.ts";
export * as soft from "./soft.ts";
export * as st from "./st.ts";
export { gradReplace, straightThrough } from "./straight-through.ts";
