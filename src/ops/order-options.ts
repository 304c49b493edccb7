import type { Method, Mode, Padding, Softness } from "./options.ts";

/** What all operators on sorted orders have in common. */
export interface OrderedOptions<Name extends Method = Method> {
  /** Default 0.1. With `standardize` it is relative to the spread of x. */
  readonly softness?: Softness;
  /** Default "smooth". */
  readonly mode?: Mode;
  /** Default "neuralsort"; for max, min, argmax and argmin "softsort". */
  readonly method?: Name;
  /** Bring the entries to a common scale first: x less its mean over its standard deviation, squashed by
   * the logistic function. Default true. */
  readonly standardize?: boolean;
  /** For "sortingNetwork" without `standardize`, where the length is not a power of two: "tensor" pads with
   * the largest entry of the whole tensor and 1, so that each row depends on all; "row" with the row's own.
   * Default "tensor". */
  readonly padding?: Padding;
}

/** Of operators whose values are means of x by soft index. */
export interface GatedOptions {
  /** Let gradients flow through the soft index too; false holds it fixed, so that the gradient of a value
   * is the soft index itself. Default true. */
  readonly gatedGrad?: boolean;
}

/** Of operators that give a soft index. */
export interface IndexOptions {
  /** Logarithms of the probabilities; exact zeros are -infinity. Default false. */
  readonly returnLogProbs?: boolean;
  /** With `returnLogProbs`: raise every probability to at least this, above 0 and up to 1, and normalise
   * again. Default null: no floor. */
  readonly logProbEps?: number | null;
}

/** Methods that have soft indices. */
export type IndexMethod = Exclude<Method, "fastSoftSort" | "smoothSort">;

/** For operators that keep an axis and reorder it. */
export interface AxisOptions {
  /** The axis to go along; null for the last. Default -1. */
  readonly dim?: number | null;
}

/** For operators that drop an axis. */
export interface DropOptions {
  /** The axis to go along; null flattens x. Default null. */
  readonly dim?: number | null;
  /** Keep the axis (or all, for dim null) with size 1. Default false. */
  readonly keepdim?: boolean;
}

export const orderDefaults = Object.freeze({
  softness: 0.1,
  mode: "smooth",
  method: "neuralsort",
  standardize: true,
  padding: "tensor",
} as const);

export const indexDefaults = Object.freeze({ returnLogProbs: false, logProbEps: null } as const);
