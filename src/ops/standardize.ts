import type { Value } from "../builder/value.ts";
import { hasKernels } from "./kernels/family.ts";
import { standardizeByKernel, unsquashByKernel } from "./kernels/standardization.ts";
import {
  makeStandardized,
  makeUnsquashed,
  type Scale,
  type Standardized,
} from "./standardization.ts";

/** Brings each row to the scale that the default softness is meant for: the logistic function of the
 * entries less their mean, over their standard deviation sqrt(variance + 1e-6). Without it softness is in
 * the units of x. (Paulus et al. 2026, arXiv 2603.08824, on standardisation.)
 *
 * @param x [..., n]
 * @returns [..., n] in (0, 1), in the same order as x, and what `unsquash` needs */
export function standardize(x: Value): Standardized {
  return x.graph.operation("standardize", () =>
    hasKernels(x) && x.shape !== undefined ? standardizeByKernel(x) : makeStandardized(x),
  );
}

/** The way back from `standardize`: y in (0, 1) to the units of x, by the logit.
 *
 * @param y [..., k]
 * @param scale of the rows that y was made from
 * @returns [..., k] */
export function unsquash(y: Value, scale: Scale): Value {
  return y.graph.operation("unsquash", () => {
    const alike = y.shape !== undefined && y.shape.length === scale.first.shape?.length;
    return (hasKernels(y) && alike ? unsquashByKernel : makeUnsquashed)(y, scale);
  });
}
