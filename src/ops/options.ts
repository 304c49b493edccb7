import { checkOptions, failArgument } from "../builder/errors.ts";
import { isValue } from "../builder/lift.ts";
import type { Value } from "../builder/value.ts";

/** How an operator is softened. "hard" is the ordinary operator. The others replace each step or
 * projection by one that is smooth of that order:
 *
 * - "smooth": infinitely often differentiable; logistic functions and softmax
 * - "c0": continuous; piecewise linear steps and sparse projections
 * - "c1", "c2": once and twice continuously differentiable; piecewise polynomials, sparse projections
 *
 * The last three are exactly hard outside a window of five softnesses. */
export type Mode = "hard" | "smooth" | "c0" | "c1" | "c2";

/** The modes that soften. */
export type SoftMode = Exclude<Mode, "hard">;

/** The modes of sigmoidal and softrelu: "_c1_pnorm" and "_c2_pnorm" are the curves that the p-norm
 * projection of two entries gives, instead of polynomials. */
export type SigmoidalMode = Mode | "_c1_pnorm" | "_c2_pnorm";

/** Methods that topk gives values of, but no soft indices. */
export type ValueMethod = (typeof VALUE_METHODS)[number];

const VALUE_METHODS = ["fastSoftSort", "smoothSort", "sortingNetwork"] as const;

/** Whether topk with this method gives no soft indices. */
export function isValueMethod(method: Method): method is ValueMethod {
  return (VALUE_METHODS as readonly Method[]).includes(method);
}

/** How a soft order is made.
 *
 * - "softsort": projects distances to the sorted entries (Prillo and Eisenschlos 2020)
 * - "neuralsort": projects a closed form of the sorted order (Grover et al. 2019)
 * - "ot": transports the entries to evenly spaced anchors (Cuturi, Teboul and Vert 2019)
 * - "fastSoftSort": projects onto the permutahedron, without a soft index (Blondel et al. 2020)
 * - "sortingNetwork": exchanges pairs of entries softly, in a bitonic network (Petersen et al. 2021)
 * - "smoothSort": as fastSoftSort, with a smoother projection; mode "smooth" alone, always in the units
 *   of x (Paulus et al. 2026) */
export type Method = "softsort" | "neuralsort" | "ot" | ValueMethod;

/** With what the sorting network fills rows up to a power of two, where entries are not standardised: the
 * largest entry of the whole tensor and 1, or the row's own and 1. */
export type Padding = "tensor" | "row";

/** How far an operator is from the hard one: a positive number, or a scalar Value, which can be learned.
 * A graph cannot check a Value: where it is not positive the result is NaN. */
export type Softness = number | Value;

export const MODES: readonly Mode[] = ["hard", "smooth", "c0", "c1", "c2"];

export const SIGMOIDAL_MODES: readonly SigmoidalMode[] = [...MODES, "_c1_pnorm", "_c2_pnorm"];

const METHODS: readonly Method[] = [
  "softsort",
  "neuralsort",
  "ot",
  "fastSoftSort",
  "smoothSort",
  "sortingNetwork",
];

const INTERPOLATIONS = ["linear", "lower", "higher", "nearest", "midpoint"] as const;

/** What a quantile between two sorted entries is: on the line between them, the lower, the higher, the
 * nearer (of two equally near, the one at an even place), or the middle. */
export type Interpolation = (typeof INTERPOLATIONS)[number];

/** The options of a call with defaults filled in.
 * @param modes the modes that the operator has
 * @throws GraphError for an option that does not exist or has a wrong value */
export function resolveOptions<Options extends object>(
  operator: string,
  options: Options,
  defaults: Readonly<Required<Options>>,
  modes: readonly string[] = MODES,
): Required<Options> {
  if (typeof options !== "object" || options === null || isValue(options)) {
    failArgument(operator, "options", "an object such as { softness: 0.1 }", options);
  }
  checkOptions(operator, options, Object.keys(defaults));
  const resolved: Record<string, unknown> = { ...defaults };
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    const check = name === "mode" ? oneOf(modes) : checks[name];
    check?.(operator, name, value);
    resolved[name] = value;
  }
  checkLogRequest(operator, resolved);
  return resolved as Required<Options>;
}

type Check = (operator: string, name: string, value: unknown) => void;

function oneOf(values: readonly string[]): Check {
  return (operator, name, value) => {
    if (!values.includes(value as string)) {
      failArgument(operator, name, values.map((v) => `"${v}"`).join(", "), value);
    }
  };
}

const truth: Check = (operator, name, value) => {
  if (typeof value !== "boolean") failArgument(operator, name, "true or false", value);
};

const notNegative: Check = (operator, name, value) => {
  if (typeof value !== "number" || !(value >= 0 && value < Number.POSITIVE_INFINITY)) {
    failArgument(operator, name, "a number from 0", value);
  }
};

const checks: Readonly<Record<string, Check>> = {
  softness(operator, name, value) {
    if (isValue(value)) {
      if (value.shape !== undefined && value.shape.length > 0) {
        failArgument(operator, name, "a scalar Value", value);
      }
    } else if (typeof value !== "number" || !(value > 0 && value < Number.POSITIVE_INFINITY)) {
      failArgument(operator, name, "a positive number or a scalar Value", value);
    }
  },
  dim(operator, name, value) {
    if (value !== null && !Number.isInteger(value)) {
      failArgument(operator, name, "a whole number or null", value);
    }
  },
  neighborRadius(operator, name, value) {
    if (!Number.isInteger(value) || (value as number) < 0) {
      failArgument(operator, name, "a whole number from 0", value);
    }
  },
  logProbEps(operator, name, value) {
    if (value !== null && !(typeof value === "number" && value > 0 && value <= 1)) {
      failArgument(operator, name, "a number above 0 and up to 1, or null", value);
    }
  },
  tolerance(operator, name, value) {
    if (typeof value !== "number" || !(value > 0 && value < 1)) {
      failArgument(operator, name, "a number between 0 and 1", value);
    }
  },
  maxIterations(operator, name, value) {
    if (!Number.isSafeInteger(value) || (value as number) < 1) {
      failArgument(operator, name, "a whole number from 1", value);
    }
  },
  method: oneOf(METHODS),
  interpolation: oneOf(INTERPOLATIONS),
  padding: oneOf(["tensor", "row"]),
  epsilon: notNegative,
  rtol: notNegative,
  atol: notNegative,
  keepdim: truth,
  descending: truth,
  standardize: truth,
  gatedGrad: truth,
  gated: truth,
  returnLogProbs: truth,
  useGeometricMean: truth,
};

function checkLogRequest(operator: string, resolved: Readonly<Record<string, unknown>>): void {
  const { logProbEps = null, returnLogProbs } = resolved;
  if (logProbEps !== null && returnLogProbs !== true) {
    failArgument(operator, "logProbEps", "returnLogProbs: true beside it", logProbEps);
  }
}

/** What applies an operator in mode "hard" instead, for `graph.operation`; undefined where it is so already. */
export function hardForm<Options extends { readonly mode: string }, Result>(
  options: Options,
  apply: (options: Options & { readonly mode: "hard" }) => Result,
): (() => Result) | undefined {
  return options.mode === "hard" ? undefined : () => apply({ ...options, mode: "hard" });
}
