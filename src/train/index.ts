export * as losses from "./losses/index.ts";
export * as optimizers from "./optimizers/index.ts";
export type { Schedule } from "./schedules.ts";
export * as schedules from "./schedules.ts";
export { stepCounter } from "./state.ts";
