export { dependsOn } from "./path.ts";
export { grad, valueAndGrad, vjp } from "./reverse.ts";
