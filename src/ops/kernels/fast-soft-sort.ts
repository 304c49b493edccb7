import type { Definition, TensorType } from "../../builder/definition.ts";
import type { DType } from "../../builder/dtype.ts";
import { GraphError } from "../../builder/errors.ts";
import type { Value } from "../../builder/value.ts";
import type { SoftMode } from "../options.ts";
import {
  applyKernel,
  KERNEL_TYPES,
  type KernelParts,
  type KernelType,
  kernelFamily,
  kernelType,
  SOFT_MODES,
} from "./family.ts";
import { makeRanks, makeValues, pullBackRanks, pullBackValues } from "./fast-soft-sort-bodies.ts";

// FastSoftSort as kernel operators, from the entries as they were given to the result in their units:
// standardising, sorting, isotonic regression and the way back are one pass over a row.
//
// Beside the result stand the order of the entries, the blocks of the solution and, in modes c1 and c2, their
// levels: with these the gradient neither sorts nor solves again. Natively they are made where they are read.

const SCALES = ["plain", "standardized"] as const;
type Scale = (typeof SCALES)[number];
type Key = [SoftMode, Scale, KernelType];
const CHOICES = [SOFT_MODES, SCALES, KERNEL_TYPES] as const;

/** What both take. */
export interface FastOptions {
  readonly mode: SoftMode;
  /** Whether the softness is relative to the spread of x. */
  readonly standardized: boolean;
}

/** FastSoftSort (Blondel et al. 2020, arXiv 2002.08871, equation 2): the projection of evenly spaced numbers
 * over the softness onto the permutahedron of the entries.
 *
 * A row with NaN or infinity, and a softness that is not positive, give NaN. Cost: O(n log n) a row, in
 * float64.
 *
 * @param x float32 or float64 [batch, n]
 * @param softness float64 scalar
 * @returns [batch, n], ascending */
export function fastSoftSort(x: Value, softness: Value, options: FastOptions): Value {
  return apply("fastSoftSort", sort, x, softness, options);
}

/** The ranks beside it (equation 3): the projection of the entries over the softness onto the permutahedron of
 * the numbers from 1 to n.
 *
 * @param x float32 or float64 [batch, n]
 * @param softness float64 scalar
 * @returns [batch, n], 1 for the largest */
export function fastSoftRanks(x: Value, softness: Value, options: FastOptions): Value {
  return apply("fastSoftRanks", ranks, x, softness, options);
}

function apply(
  operator: string,
  family: Family,
  x: Value,
  softness: Value,
  { mode, standardized }: FastOptions,
): Value {
  const scale: Scale = standardized ? "standardized" : "plain";
  const definition = family(mode, scale, kernelType(operator, "x", x));
  return applyKernel(definition, [x, softness], operator, "projected")[0] as Value;
}

type Family = (...key: Key) => Definition;

/** One of the two operators. */
interface Work {
  readonly operator: string;
  readonly result: string;
  readonly make: typeof makeValues;
  readonly pullBack: typeof pullBackValues;
}

const VALUES: Work = {
  operator: "fastSoftSort",
  result: "y",
  make: makeValues,
  pullBack: pullBackValues,
};
const RANKS: Work = {
  operator: "fastSoftRanks",
  result: "r",
  make: makeRanks,
  pullBack: pullBackRanks,
};

const sortGrad: Family = kernelFamily("FastSoftSortGrad", CHOICES, (...key: Key) =>
  backward(VALUES, ...key),
);
const sort: Family = kernelFamily("FastSoftSort", CHOICES, (...key: Key) =>
  forward(VALUES, sortGrad, ...key),
);
const ranksGrad: Family = kernelFamily("FastSoftRanksGrad", CHOICES, (...key: Key) =>
  backward(RANKS, ...key),
);
const ranks: Family = kernelFamily("FastSoftRanks", CHOICES, (...key: Key) =>
  forward(RANKS, ranksGrad, ...key),
);

function forward({ operator, result, make }: Work, gradient: Family, ...key: Key): KernelParts {
  const [mode, scale, dtype] = key;
  return {
    inputs: ["x", "softness"],
    outputs: [result, ...keptBy(mode)],
    optionalFrom: 1,
    infer: ([x]) => {
      const { shape } = rowsType(operator, dtype, x as Value);
      return [dtype, ...keptTypes(mode)].map((type) => ({ dtype: type, shape }));
    },
    body: ([x, softness]) => {
      const made = make(x as Value, softness as Value, mode, scale === "standardized");
      return [made.result, made.order, made.blocks, made.v].slice(0, 1 + keptBy(mode).length);
    },
    vjp: ({ input, outputs, cotangent, dy }) => {
      if (cotangent(3) !== undefined) throw new GraphError(operator, "v: has no gradient");
      const inputs = [input(0), input(1), ...outputs.slice(1), dy];
      return applyKernel(gradient(...key), inputs, operator, "cotangents");
    },
    signature: [rowsOf(dtype), SCALAR],
  };
}

/** Has no rule of its own: its body is made of operators that have. */
function backward({ operator, result, pullBack }: Work, ...key: Key): KernelParts {
  const [mode, scale, dtype] = key;
  return {
    inputs: ["x", "softness", ...keptBy(mode), `d${result}`],
    outputs: ["dx", "dsoftness"],
    infer: ([x]) => [rowsType(operator, dtype, x as Value), SCALAR],
    body: (inputs) => {
      const [x, softness, order, blocks] = inputs as [Value, Value, Value, Value];
      const v = inputs.length > 5 ? (inputs[4] as Value) : undefined;
      const dy = inputs.at(-1) as Value;
      const found = pullBack(x, softness, { order, blocks, v }, dy, mode, scale === "standardized");
      return [found.dx, found.dsoftness];
    },
    signature: [
      rowsOf(dtype),
      SCALAR,
      ...keptTypes(mode).map((type) => rowsOf(type)),
      rowsOf(dtype),
    ],
  };
}

/** What the forward operator keeps for its gradient: in modes c1 and c2 levels are roots. */
function keptBy(mode: SoftMode): string[] {
  return mode === "c1" || mode === "c2" ? ["order", "blocks", "v"] : ["order", "blocks"];
}

function keptTypes(mode: SoftMode): DType[] {
  return keptBy(mode).map((name) => (name === "v" ? "float64" : "int64"));
}

const SCALAR = { dtype: "float64", shape: [] } as const satisfies TensorType;

function rowsOf(dtype: DType): TensorType {
  return { dtype, shape: ["batch", "n"] };
}

function rowsType(operator: string, dtype: KernelType, x: Value): TensorType {
  const fits = x.shape === undefined || x.shape.length === 2;
  if (x.dtype === dtype && fits) return { dtype, shape: x.shape };
  throw new GraphError(operator, `x: expected ${dtype} [batch, n], got ${x}`);
}
