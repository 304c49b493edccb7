import { type GoldenCase, methodOf } from "./cases.ts";

export type Precision = "float32" | "float64";

/** Allowed errors relative to max(1, largest |expected|), tensor by tensor. */
export interface Tolerance {
  readonly value: number;
  readonly gradient: number;
}

type Kind = "elementwise" | "sorted" | "solved";

/** goldens/README.md, "Tolerances to expect". */
const TOLERANCES: Readonly<Record<Kind, Readonly<Record<Precision, Tolerance>>>> = {
  elementwise: {
    float64: { value: 1e-12, gradient: 1e-11 },
    float32: { value: 2e-6, gradient: 1e-5 },
  },
  sorted: {
    float64: { value: 1e-10, gradient: 1e-9 },
    float32: { value: 3e-5, gradient: 5e-5 },
  },
  solved: {
    float64: { value: 1e-9, gradient: 1e-7 },
    float32: { value: 3e-5, gradient: 5e-5 },
  },
};

const AXIS_WISE = /^(arg)?(max|min|sort|quantile|median)$|^rank$|^topk$/;

export function toleranceOf(golden: GoldenCase, precision: Precision): Tolerance {
  return TOLERANCES[kindOf(golden)][precision];
}

function kindOf(golden: GoldenCase): Kind {
  const method = methodOf(golden);
  if (method === "ot" || method === "smooth_sort") return "solved";
  // "sort_st" and "grad_replace:sort/neuralsort" are sort.
  const op = golden.op.replace(/^grad_replace:(\w+)\/.*$/, "$1").replace(/_st$/, "");
  return AXIS_WISE.test(op) ? "sorted" : "elementwise";
}

/** The largest |actual - expected| / max(1, largest |expected|); infinite where the shapes differ, or
 * where one side alone is infinite or NaN. */
export function worstError(
  actual: { readonly dims: readonly number[]; readonly data: ArrayLike<number> },
  expected: { readonly shape: readonly number[]; readonly data: readonly number[] },
): number {
  const sameShape = actual.dims.join() === expected.shape.join();
  if (!sameShape || actual.data.length !== expected.data.length) return Number.POSITIVE_INFINITY;
  let worst = 0;
  let largest = 1;
  for (const [i, want] of expected.data.entries()) {
    const got = actual.data[i] as number;
    if (Object.is(want, got) || want === got) {
      if (Number.isFinite(want)) largest = Math.max(largest, Math.abs(want));
      continue;
    }
    if (!Number.isFinite(want) || !Number.isFinite(got)) return Number.POSITIVE_INFINITY;
    largest = Math.max(largest, Math.abs(want));
    worst = Math.max(worst, Math.abs(got - want));
  }
  return worst / largest;
}
