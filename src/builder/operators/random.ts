import { type Attributes, attribute } from "../block.ts";
import { type DType, dtypeOfCode } from "../dtype.ts";
import { checkOptions } from "../errors.ts";
import { type Operand, requireValue } from "../lift.ts";
import { inputOf, intOf, intsOf, type NodeFacts, type Schema, type Schemas } from "../schema.ts";
import type { Value } from "../value.ts";
import { requireOpset } from "./axes.ts";
import { checkType, emitOne } from "./emit.ts";

/** Options of randomNormalLike. */
export interface RandomNormalOptions {
  /** Default 0. */
  readonly mean?: number;
  /** The deviation. Default 1. */
  readonly scale?: number;
  /** Where to start; by default the runtime draws other numbers in every session. */
  readonly seed?: number;
}

/** Options of randomUniformLike. */
export interface RandomUniformOptions {
  /** The least number. Default 0. */
  readonly low?: number;
  /** What all numbers are below. Default 1. */
  readonly high?: number;
  /** Where to start; by default the runtime draws other numbers in every session. */
  readonly seed?: number;
}

/** Numbers of a normal distribution in the type and shape of x, drawn anew in every run. No gradient goes
 * through them; write `mul(randomNormalLike(x), deviation)` for one of the deviation. */
export function randomNormalLike(x: Operand, options: RandomNormalOptions = {}): Value {
  checkOptions("randomNormalLike", options, ["mean", "scale", "seed"]);
  const value = requireValue("randomNormalLike", "x", x);
  return emitOne("RandomNormalLike", [value], floats({ ...options }), "randomNormalLike");
}

/** Numbers between two in the type and shape of x, drawn anew in every run. No gradient goes through them. */
export function randomUniformLike(x: Operand, options: RandomUniformOptions = {}): Value {
  checkOptions("randomUniformLike", options, ["low", "high", "seed"]);
  const value = requireValue("randomUniformLike", "x", x);
  return emitOne("RandomUniformLike", [value], floats({ ...options }), "randomUniformLike");
}

/** 1 with the chance that x says, else 0: in its type and shape, drawn anew in every run. No gradient goes
 * through it.
 *
 * @param options `seed`: where to start; by default the runtime draws other numbers in every session */
export function bernoulli(x: Operand, options: { readonly seed?: number } = {}): Value {
  checkOptions("bernoulli", options, ["seed"]);
  const value = requireValue("bernoulli", "x", x);
  requireOpset("bernoulli", value.graph, 15);
  return emitOne("Bernoulli", [value], floats({ ...options }), "bernoulli");
}

function floats(numbers: Readonly<Record<string, number | undefined>>): Attributes {
  return Object.fromEntries(
    Object.entries(numbers).flatMap(([name, number]) =>
      number === undefined ? [] : [[name, attribute.float(number)] as const],
    ),
  );
}

function typeOf(node: NodeFacts, fallback: DType): DType {
  return node.attributes.dtype === undefined ? fallback : dtypeOfCode(intOf(node, "dtype", 0));
}

const none = () => ({});

/** In a shape that is an attribute. */
const drawn: Schema<Readonly<Record<never, never>>> = {
  arity: 0,
  normal: none,
  infer: (node) => [{ dtype: typeOf(node, "float32"), shape: intsOf(node, "shape") ?? [] }],
};

/** In the shape of an input. */
const drawnLike: Schema<Readonly<Record<never, never>>> = {
  arity: 1,
  normal: none,
  infer: (node) => {
    const x = inputOf(node, 0);
    return [{ dtype: typeOf(node, x.dtype), shape: x.shape }];
  },
};

export const randomSchemas: Schemas<
  | "RandomNormal"
  | "RandomUniform"
  | "RandomNormalLike"
  | "RandomUniformLike"
  | "Bernoulli"
  | "Multinomial"
> = {
  RandomNormal: drawn,
  RandomUniform: drawn,
  RandomNormalLike: drawnLike,
  RandomUniformLike: drawnLike,
  Bernoulli: drawnLike,
  Multinomial: {
    arity: 1,
    normal: none,
    infer: (node) => {
      const x = inputOf(node, 0);
      checkType(node.operator, "x", x, "float");
      const shape = [x.shape?.[0], intOf(node, "sample_size", 1)];
      return [{ dtype: typeOf(node, "int32"), shape }];
    },
  },
};
