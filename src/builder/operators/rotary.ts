import type { Expansion } from "../definition.ts";
import { checkOptions, failArgument, GraphError } from "../errors.ts";
import { graphOf, lift, liftAll, type Operand } from "../lift.ts";
import { inputOf, intOf, type OperatorTable, type Schemas } from "../schema.ts";
import type { Value } from "../value.ts";
import { add, mul, sub } from "./arithmetic.ts";
import { headsApart, headsTogether } from "./dot-product.ts";
import { checkType, sameType } from "./emit.ts";
import { gather } from "./indexing.ts";
import { concat, split } from "./movement.ts";
import { reshape, unsqueeze } from "./reshape.ts";
import { sizesOf } from "./sizes.ts";
import { slice } from "./slice.ts";

/** A RotaryEmbedding in normal form. */
export interface RotaryForm {
  /** Turn neighbours, and not entries half the size apart. */
  readonly interleaved: boolean;
  /** 0 where x has them on an axis. */
  readonly heads: number;
  /** How many entries are turned; 0 for all. */
  readonly size: number;
}

/** Options of rotaryEmbedding. */
export interface RotaryEmbeddingOptions {
  /** [batch, length], int64: the rows of cos and sin. By default those have one for each entry of x. */
  readonly positions?: Operand;
  /** Turn neighbours, and not entries half the size apart. Default false. */
  readonly interleaved?: boolean;
  /** The number of heads of an x of three axes. */
  readonly heads?: number;
  /** How many leading entries of a head are turned. All by default. */
  readonly size?: number;
}

/** Pairs of entries turned by angles that grow with their place (Su et al. 2021, arXiv 2104.09864).
 *
 * @param x [batch, heads, length, size], or with `heads` [batch, length, heads size]
 * @param cos [batch, length, size / 2], or with `positions` [places, size / 2]: cosines of the angles
 * @param sin their sines
 * @throws GraphError if shapes, types or options do not fit */
export function rotaryEmbedding(
  x: Operand,
  cos: Operand,
  sin: Operand,
  options: RotaryEmbeddingOptions = {},
): Value {
  const operator = "rotaryEmbedding";
  checkOptions(operator, options, ["positions", "interleaved", "heads", "size"]);
  const { positions, interleaved = false, heads = 0, size = 0 } = options;
  const graph = graphOf(operator, [x, cos, sin, positions]);
  const inputs = liftAll(operator, { x, cos, sin }, graph);
  if (positions !== undefined) inputs.push(lift(operator, "positions", positions, "int64", graph));
  const facts = { operator, inputs, attributes: {}, opset: graph.opset, outputCount: 1 };
  const normal = { interleaved, heads, size };
  rotarySchemas.RotaryEmbedding.infer(facts, normal);
  // In standard operators: the operator is of opset 23, and ONNX Runtime's kernel for it of float32 alone.
  return graph.operation(operator, () => rotaryExpansion(inputs, normal)[0] as Value);
}

export const rotaryExpansion: Expansion<OperatorTable["RotaryEmbedding"]> = (inputs, normal) => {
  const [x, cosines, sines, places] = inputs as [Value, Value, Value, Value | undefined];
  const { interleaved, heads, size } = normal;
  const whole = x.rank === 4 ? x : headsApart(x, heads);
  const end = Number.POSITIVE_INFINITY;
  const turned = size === 0 ? whole : slice(whole, 0, size, { axes: 3 });
  const rows = (cache: Value) => unsqueeze(places === undefined ? cache : gather(cache, places), 1);
  const [cos, sin] = [rows(cosines), rows(sines)];
  const [a, b] = (
    interleaved
      ? [0, 1].map((first) => slice(turned, first, end, { axes: 3, steps: 2 }))
      : split(turned, { axis: 3, parts: 2 })
  ) as [Value, Value];
  const parts = [sub(mul(a, cos), mul(b, sin)), add(mul(a, sin), mul(b, cos))];
  const together = interleaved
    ? reshape(
        concat(
          parts.map((part) => unsqueeze(part, 4)),
          { axis: 4 },
        ),
        sizesOf(turned),
      )
    : concat(parts, { axis: 3 });
  const y =
    size === 0 ? together : concat([together, slice(whole, size, end, { axes: 3 })], { axis: 3 });
  return [x.rank === 4 ? y : headsTogether(y)];
};

export const rotarySchemas: Schemas<"RotaryEmbedding"> = {
  RotaryEmbedding: {
    arity: [3, 4],
    normal: (node) => ({
      interleaved: intOf(node, "interleaved", 0) === 1,
      heads: intOf(node, "num_heads", 0),
      size: intOf(node, "rotary_embedding_dim", 0),
    }),
    infer: (node, { heads }) => {
      const x = inputOf(node, 0);
      checkType(node.operator, "x", x, "float");
      sameType(node, [x, inputOf(node, 1), inputOf(node, 2)]);
      const rank = x.shape?.length ?? 4;
      if (rank !== 4 && rank !== 3) {
        failArgument(node.operator, "x", "[batch, heads, length, size] or [batch, length, …]", x);
      }
      if (rank === 3 && heads < 1) throw new GraphError(node.operator, "heads: expected a number");
      return [{ dtype: x.dtype, shape: x.shape }];
    },
  },
};
