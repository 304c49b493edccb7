export type { GradientRules } from "./custom-rules.ts";
export {
  hessian,
  hessianVectorProduct,
  jacobian,
  jvp,
  perExampleGrads,
} from "./derivatives.ts";
export { explainGradient, type GradientReport, type SavedValue } from "./explain.ts";
export { dependsOn } from "./path.ts";
export { type GradOptions, grad, type OneEach, valueAndGrad, vjp } from "./reverse.ts";
