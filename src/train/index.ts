export { type InferenceOptions, inferenceForm } from "./inference-form.ts";
export type { Fans, Initializer } from "./initializers.ts";
export * as initializers from "./initializers.ts";
export * as layers from "./layers/index.ts";
export * as losses from "./losses/index.ts";
export * as optimizers from "./optimizers/index.ts";
export type { Schedule } from "./schedules.ts";
export * as schedules from "./schedules.ts";
export { stepCounter } from "./state.ts";
