import { type Definition, findDefinition, SOFTONNX_DOMAIN } from "../../src/builder/definition.ts";
import type { Feeds } from "../support/ort-process.ts";
import { normals } from "./operator.ts";

// The operands on which the body and the kernel of every kernel operator are compared.

/** What kind of numbers: all of a sample are of one, so that each has its own tolerance. */
export const kinds = ["everyday", "tied", "wide", "tiny", "denormal", "spoiled"] as const;
export type Kind = (typeof kinds)[number];

/** One sample to draw. */
export interface Draw {
  readonly kind: Kind;
  readonly batch: number;
  readonly n: number;
  readonly seed: number;
}

/** Draws operands of the operator's type. */
export class Operands {
  readonly draw: Draw;
  readonly #dtype: "float32" | "float64";
  readonly #normal: () => number;

  constructor(dtype: "float32" | "float64", draw: Draw) {
    this.#dtype = dtype;
    this.draw = draw;
    this.#normal = normals(draw.seed + 1);
  }

  /** Numbers of this kind; a spoiled row holds NaN or an infinity. */
  numbers(...dims: number[]) {
    const { kind, n } = this.draw;
    return this.#tensor(dims, (i) => {
      const x = this.#normal();
      if (kind === "tied") return Math.round(2 * x) / 2;
      if (kind === "wide")
        return [1e6, 1e-6, -1e6, 1][i % 4] === 1 ? x : x * 10 ** ((i % 3) * 6 - 6);
      if (kind === "tiny") return 1e-6 * x;
      if (kind === "denormal") return [5e-324, -0, 0, 1e-310, 1e-42, x][i % 6] as number;
      if (kind === "spoiled" && Math.floor(i / n) % 2 === 1 && i % n === n >> 1) {
        return [Number.NaN, Infinity, -Infinity][Math.floor(i / n / 2) % 3] as number;
      }
      return x;
    });
  }

  /** Numbers that are finite whatever the kind. */
  finite(...dims: number[]) {
    return this.#tensor(dims, () => this.#normal());
  }

  /** Each row of `numbers` (finite) in order. */
  ordered(direction: "ascending" | "descending", scale: number, ...dims: number[]) {
    const { kind, n } = this.draw;
    const { data, ...rest } = this.#tensor(dims, () => {
      const x = scale * this.#normal();
      return kind === "tied" ? Math.round(2 * x) / 2 : kind === "wide" ? 100 * x : x;
    });
    const sign = direction === "ascending" ? 1 : -1;
    for (let row = 0; row < data.length / n; row++) {
      (data as Float64Array).subarray(row * n, (row + 1) * n).sort((a, b) => sign * (a - b));
    }
    return { ...rest, data };
  }

  /** Between low and high. */
  between(low: number, high: number, ...dims: number[]) {
    return this.#tensor(dims, () => {
      const x = Math.abs(this.#normal()) % 1;
      return low + (high - low) * x;
    });
  }

  scalar(x: number) {
    return this.#tensor([], () => x);
  }

  /** What FastSoftSort keeps for its gradient: the order of x, blocks of some neighbours, and a level for
   * each. */
  kept(x: Pick<ReturnType<Operands["numbers"]>, "data">, largestFirst: boolean) {
    const { batch, n } = this.draw;
    const dims = [batch, n];
    const places = Array.from({ length: batch }, (_, row) => {
      const own = Array.from(x.data.subarray(row * n, (row + 1) * n));
      const key = (i: number) => (Number.isFinite(own[i]) ? (own[i] as number) : 0);
      const sign = largestFirst ? -1 : 1;
      return own.map((_, i) => i).sort((a, b) => sign * (key(a) - key(b)) || a - b);
    });
    const pattern = [0, 1, 1, 2, 3, 3, 3];
    const blocks = Array.from(
      { length: batch * n },
      (_, i) => 4 * Math.floor((i % n) / 7) + (pattern[(i % n) % 7] as number),
    );
    const int64 = (data: readonly number[]) =>
      ({ dtype: "int64", dims, data: BigInt64Array.from(data.map(BigInt)) }) as const;
    return {
      order: int64(places.flat()),
      blocks: int64(blocks),
      v: exact(
        dims,
        blocks.map((block) => 1 - 0.3 * block),
      ),
    };
  }

  #tensor(dims: readonly number[], entry: (i: number) => number) {
    const length = dims.reduce((a, b) => a * b, 1);
    const data = this.#dtype === "float32" ? new Float32Array(length) : new Float64Array(length);
    for (let i = 0; i < length; i++) data[i] = entry(i);
    return { dtype: this.#dtype, dims, data };
  }
}

/** Numbers in float64, whatever the operator's type is. */
function exact(dims: readonly number[], data: readonly number[]) {
  return { dtype: "float64", dims, data: Float64Array.from(data) } as const;
}

export interface Twin {
  /** Largest difference, relative to the larger of 1 and the largest entry of the output. */
  readonly within: { readonly float32?: number; readonly float64: number };
  /** Kinds that its contract excludes, with the reason. */
  readonly without?: Partial<Record<Kind, string>>;
  /** The operands by name. */
  readonly feeds: (operands: Operands, parts: readonly string[]) => Feeds;
  /** Lengths of rows; those of the table by default. */
  readonly lengths?: readonly number[];
  /** How many times that for wide numbers, which are exponents of what is computed. */
  readonly wide?: number;
  /** Outputs that need not be alike, and for which kinds. */
  readonly free?: Readonly<Record<string, readonly Kind[]>>;
}

const inner = "rows come from another operator, which gives NaN for such a row as a whole";
const powersOfTwo = [2, 4, 8, 32, 128, 512] as const;
/** Lengths for what is n times as large. */
const SQUARES = [2, 8, 32];
const layersOf = (n: number) => (Math.log2(n) * (Math.log2(n) + 1)) / 2;

const softness = { everyday: 0.3, tied: 0.5, wide: 30, tiny: 1e-6, denormal: 0.2, spoiled: 0.4 };

const network = (names: readonly string[], lengths: readonly number[] = powersOfTwo): Twin => ({
  // Every layer bends the gradient further.
  within: names.length > 0 ? { float32: 1e-3, float64: 1e-11 } : { float32: 3e-5, float64: 1e-12 },
  lengths,
  feeds: (o) => {
    const { batch, n, kind } = o.draw;
    const shapes: Record<string, () => Feeds[string]> = {
      dy: () => o.finite(batch, n),
      dpermutation: () => o.finite(batch, n, n),
    };
    const others = names.map((name) => [name, (shapes[name] as () => Feeds[string])()]);
    return {
      x: o.numbers(batch, n),
      softness: o.scalar(softness[kind]),
      ...Object.fromEntries(others),
    };
  },
});

const softsort = (names: readonly string[]): Twin => ({
  within: { float32: 1e-4, float64: 1e-9 },
  feeds: (o) => {
    const { batch, n, kind } = o.draw;
    const others = names.map((name) => [
      name,
      name === "payload" ? o.numbers(batch, n) : o.finite(batch, n),
    ]);
    return {
      keys: o.numbers(batch, n),
      softness: o.scalar(softness[kind]),
      ...Object.fromEntries(others),
    };
  },
});

/** The body works in the type of the keys, and its logits grow with n. */
const neuralsort = (names: readonly string[]): Twin => ({
  within: { float32: 2e-3, float64: 1e-9 },
  wide: 10,
  lengths: [1, 2, 3, 7, 16, 33],
  feeds: (o, parts) => {
    // No two tied entries are five softnesses apart, where c0 has a corner.
    const own = { wide: 1e6, tied: 0.45 } as Partial<Record<Kind, number>>;
    const feeds = softsort(names).feeds(o, parts);
    return { ...feeds, softness: o.scalar(own[o.draw.kind] ?? softness[o.draw.kind]) };
  },
});

const curve = (names: readonly string[]): Twin => ({
  // Sums over a tensor may cancel; a step of round 1/2 away is seen to 1e-16, its softness may be 1e-6.
  within: {
    float32: names.includes("dy") ? 2e-3 : 1e-5,
    float64: names.includes("radius") ? 1e-9 : 1e-11,
  },
  // round counts the slopes of its first and last step as often as floor(x) says.
  wide: names.includes("radius") ? 100 : 1,
  feeds: (o) => {
    const { batch, n, kind } = o.draw;
    const radius = { dtype: "int64", dims: [], data: BigInt64Array.of(3n) } as const;
    return {
      x: o.numbers(batch, n),
      // No tied entry is where a curve has a corner.
      softness: o.scalar(kind === "tied" ? 0.45 : softness[kind]),
      ...(names.includes("radius") && { radius }),
      ...(names.includes("dy") && { dy: o.finite(batch, n) }),
    };
  },
});

const curves = (name: string, others: readonly string[] = []) => ({
  [name]: curve(others),
  [`${name}Grad`]: curve([...others, "dy"]),
  [`${name}SoftnessGrad`]: curve([...others, "dy"]),
});

const step = (tensors: readonly string[], scalars: readonly string[]): Twin => ({
  within: { float32: 1e-5, float64: 1e-13 },
  feeds: (o, parts) => {
    const { batch, n } = o.draw;
    const given = parts.includes("none") ? scalars : [...scalars, "decay"];
    return {
      ...Object.fromEntries(tensors.map((name) => [name, o.numbers(batch, n)])),
      ...(tensors.includes("square") && { square: o.between(0.01, 2, batch, n) }),
      ...Object.fromEntries(given.map((name, i) => [name, o.scalar(0.1 + 0.1 * i)])),
    };
  },
});

const fastSoftSort = (cotangent?: string): Twin => ({
  within: { float32: 1e-5, float64: 1e-9 },
  // The blocks that gradients are given are no solution: in mode c2 cubes of wide numbers meet.
  wide: cotangent ? 1e4 : 1,
  // Whether neighbours of one level are one block is a matter of rounding, and so is the order of entries that
  // the logistic function does not tell apart. A row with NaN has no order.
  free: {
    blocks: ["tied", "wide", "tiny", "denormal"],
    order: ["wide", "denormal", "spoiled"],
  },
  feeds: (o, [mode]) => {
    const { batch, n, kind } = o.draw;
    const x = o.numbers(batch, n);
    const { v, ...kept } = o.kept(x, cotangent === "dy");
    return {
      x,
      softness: exact([], [cotangent && kind === "tiny" ? 1e-3 : softness[kind]]),
      ...(cotangent && {
        ...kept,
        ...((mode === "c1" || mode === "c2") && { v }),
        [cotangent]: o.finite(batch, n),
      }),
    };
  },
});

/** By the family of kernel operators. */
export const twins: Readonly<Record<string, Twin>> = {
  SimplexThreshold: {
    within: { float32: 2e-6, float64: 1e-13 },
    feeds: (o) => {
      const { batch, n } = o.draw;
      return { v: o.numbers(batch, n), mass: o.between(0.01, 50, batch, 1) };
    },
  },
  SoftSortValues: softsort(["payload"]),
  SoftSortValuesGrad: softsort(["payload", "dy"]),
  SoftSortRanks: softsort([]),
  SoftSortRanksGrad: softsort(["dr"]),
  NeuralSort: neuralsort(["payload"]),
  NeuralSortGrad: neuralsort(["payload", "dy"]),
  NeuralSortRanks: neuralsort([]),
  NeuralSortRanksGrad: neuralsort(["dr"]),
  ...curves("SoftStep"),
  ...curves("SoftSign"),
  ...curves("SoftAbs"),
  ...curves("SoftRelu"),
  ...curves("SoftGatedRelu"),
  ...curves("SoftRound", ["radius"]),
  AdamStep: step(
    ["parameter", "gradient", "mean", "square"],
    ["rate", "root", "enter1", "beta2", "enter2", "epsilon"],
  ),
  MomentumStep: step(["parameter", "gradient", "velocity"], ["rate", "momentum"]),
  FastSoftSort: fastSoftSort(),
  FastSoftSortGrad: fastSoftSort("dy"),
  FastSoftRanks: fastSoftSort(),
  FastSoftRanksGrad: fastSoftSort("dr"),
  DecaySums: {
    within: { float64: 1e-12 },
    without: { spoiled: inner },
    feeds: (o) => {
      const { batch, n, kind } = o.draw;
      return {
        s: o.ordered("ascending", 1, batch, n),
        a: o.numbers(2, batch, n),
        b: o.numbers(2, batch, n),
        softness: o.scalar(softness[kind]),
      };
    },
  },
  IsotonicRegression: {
    within: { float32: 1e-5, float64: 1e-10 },
    // Whether neighbours of one level are one block is a matter of rounding.
    free: { blocks: ["tied", "wide"] },
    feeds: (o) => {
      const { batch, n, kind } = o.draw;
      return {
        s: kind === "spoiled" ? o.numbers(batch, n) : o.ordered("descending", 3, batch, n),
        // Over several times the range of exponentials.
        w: o.ordered("descending", kind === "wide" ? 10 : 1, batch, n),
      };
    },
  },
  SmoothSort: {
    within: { float64: 1e-7 },
    feeds: (o) => {
      const { batch, n, kind } = o.draw;
      const q = kind === "wide" ? o.between(1e-6, 1e3, batch, n) : o.between(0.01, 3, batch, n);
      return { c: kind === "spoiled" ? o.numbers(batch, n) : o.between(0, 8, batch, n), q };
    },
  },
  SmoothSortStep: {
    within: { float64: 1e-8 },
    feeds: (o) => {
      const { batch, n } = o.draw;
      return {
        s: o.between(0.01, 2, batch, n),
        d: o.between(0.01, 2, batch, n),
        f: o.numbers(batch, n),
      };
    },
  },
  LogSymmetric: {
    within: { float64: 1e-12 },
    feeds: (o) => ({ x: o.numbers(o.draw.batch, o.draw.n) }),
  },
  LogSymmetricGrad: {
    within: { float64: 1e-10 },
    wide: 100,
    feeds: (o) => {
      const { batch, n } = o.draw;
      return { x: o.numbers(batch, n), ebar: o.finite(batch, n + 1) };
    },
  },
  Standardize: {
    // In float32 the body takes the mean of float32 numbers.
    within: { float32: 2e-4, float64: 1e-9 },
    feeds: (o) => ({ x: o.numbers(o.draw.batch, o.draw.n) }),
  },
  StandardizeGrad: {
    within: { float32: 1e-4, float64: 1e-11 },
    without: { spoiled: inner, wide: "its operands come from Standardize, which scales the rows" },
    feeds: (o) => {
      const { batch, n } = o.draw;
      return {
        x: o.numbers(batch, n),
        first: o.finite(batch, 1),
        offset: o.finite(batch, 1),
        deviation: o.between(0.5, 2, batch, 1),
        squashed: o.between(0.01, 0.99, batch, n),
        dsquashed: o.finite(batch, n),
        doffset: o.finite(batch, 1),
        ddeviation: o.finite(batch, 1),
      };
    },
  },
  SwapLayers: {
    within: { float32: 1e-4, float64: 1e-11 },
    without: { spoiled: inner },
    lengths: powersOfTwo.slice(0, -1),
    feeds: (o, [, added]) => {
      const { batch, n } = o.draw;
      const channels = n > 32 ? 1 : 1 + (batch % 3);
      const pairs = [layersOf(n), batch, n / 2];
      return {
        h: o.numbers(batch, n, channels),
        w: o.between(0, 1, ...pairs),
        ...(added === "Added" && { v: o.finite(...pairs, channels) }),
      };
    },
  },
  SortingNetworkTrace: {
    ...network([]),
    without: { spoiled: inner },
  },
  SortingNetworkValues: network([]),
  SortingNetworkValuesGrad: network(["dy"]),
  SortingNetworkPermutation: network([], SQUARES),
  SortingNetworkPermutationGrad: network(["dy", "dpermutation"], SQUARES),
  TransportPotentials: {
    within: { float64: 1e-7 },
    lengths: [1, 2, 3, 7, 20],
    // The kernel may alternate where the body takes Newton's steps.
    free: { steps: kinds },
    feeds: (o) => {
      const { batch, n, kind } = o.draw;
      const m = 1 + ((n * 5) % 13);
      const limit = { dtype: "int64", dims: [], data: BigInt64Array.of(200n) } as const;
      return {
        cost:
          kind === "wide" || kind === "spoiled"
            ? o.numbers(batch, n, m)
            : o.between(0, 4, batch, n, m),
        a: simplex(o.between(0.2, 1, batch, n), n),
        b: simplex(o.between(0.2, 1, 1, m), m),
        softness: o.scalar(kind === "wide" ? 1e5 : kind === "tiny" ? 0.02 : 0.2),
        tolerance: o.scalar(1e-12),
        maxIterations: limit,
      };
    },
  },
  Unsquash: { within: { float32: 1e-5, float64: 1e-12 }, feeds: squashedRows },
  UnsquashGrad: {
    within: { float32: 1e-5, float64: 1e-12 },
    feeds: (o) => {
      const { y, deviation } = squashedRows(o);
      return { y, deviation, dentries: o.finite(o.draw.batch, o.draw.n) };
    },
  },
  TransportPlan: plan([]),
  TransportPlanGrad: plan(["dplan"]),
  TransportSolve: {
    within: { float64: 1e-8 },
    without: { spoiled: inner },
    lengths: [1, 2, 3, 7, 20],
    feeds: (o) => {
      const { batch, n } = o.draw;
      const m = 1 + ((n * 5) % 13);
      return {
        w: o.between(0.05, 1, batch, n, m),
        r: o.finite(batch, n),
        s: o.finite(batch, m),
      };
    },
  },
};

/** Rows of numbers that need not lie between 0 and 1, and the scale to bring them back to. */
function squashedRows(o: Operands) {
  const { batch, n } = o.draw;
  return {
    y: o.numbers(batch, n),
    first: o.finite(batch, 1),
    offset: o.finite(batch, 1),
    deviation: o.between(0.5, 2, batch, 1),
  };
}

/** Potentials and costs that need not belong together. */
function plan(cotangents: readonly "dplan"[]): Twin {
  return {
    within: { float64: 1e-11 },
    lengths: [1, 2, 3, 7, 20],
    feeds: (o) => {
      const { batch, n, kind } = o.draw;
      const m = 1 + ((n * 5) % 13);
      return {
        cost: o.numbers(batch, n, m),
        f: o.finite(batch, n),
        g: o.finite(batch, m),
        softness: o.scalar(kind === "wide" ? 1e5 : 0.2),
        ...Object.fromEntries(cotangents.map((name) => [name, o.finite(batch, n, m)])),
      };
    },
  };
}

/** Rows that sum to 1. */
function simplex<T extends { readonly data: Float32Array | Float64Array }>(
  masses: T,
  n: number,
): T {
  const { data } = masses;
  for (let at = 0; at < data.length; at += n) {
    let total = 0;
    for (let i = at; i < at + n; i++) total += data[i] as number;
    for (let i = at; i < at + n; i++) data[i] = (data[i] as number) / total;
  }
  return masses;
}

/** Words that names of operators are made of after the family. */
const WORDS = [
  ["smooth", "c0", "c1", "c2"],
  ["Forward", "Backward"],
  ["Plain", "Added"],
  ["none", "coupled", "decoupled"],
  ["plain", "standardized"],
  ["heavy", "nesterov"],
  ["float32", "float64"],
].flat();

/** All operators of a family. */
export function definitionsOf(
  family: string,
): { parts: readonly string[]; definition: Definition }[] {
  const one = WORDS.map((word) => [word]);
  const two = one.flatMap((parts) => WORDS.map((word) => [...parts, word]));
  const three = two.flatMap((parts) => WORDS.map((word) => [...parts, word]));
  return [...one, ...two, ...three].flatMap((parts) => {
    const definition = findDefinition(SOFTONNX_DOMAIN, [family, ...parts].join("_"), 1);
    return definition === undefined ? [] : [{ parts, definition }];
  });
}
