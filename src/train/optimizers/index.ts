export { type AdagradOptions, adagrad, adagradDefaults } from "./adagrad.ts";
export { type AdamOptions, adam, adamDefaults, adamw, adamwDefaults } from "./adam.ts";
export {
  applyGradients,
  averagedState,
  type OptimizeOptions,
  optimize,
  trainable,
  type Updates,
} from "./apply.ts";
export { type ClipOptions, globalNorm } from "./clip.ts";
export { type LionOptions, lion, lionDefaults } from "./lion.ts";
export type { Kept, Optimizer, Rate, Slot } from "./optimizer.ts";
export type { ApplyOptions, ParameterGroup } from "./options.ts";
export { type RmspropOptions, rmsprop, rmspropDefaults } from "./rmsprop.ts";
export { type SgdOptions, sgd, sgdDefaults } from "./sgd.ts";
export { type SplitStep, splitStep } from "./split.ts";
