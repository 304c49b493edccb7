import type { Expansion, TensorType } from "../definition.ts";
import type { Shape } from "../dim.ts";
import { GraphError } from "../errors.ts";
import { floatOf, inputOf, intOf, type NodeFacts, singleOf, stringOf } from "../schema.ts";
import type { Value } from "../value.ts";
import { elu, gelu, hardSigmoid, leakyRelu } from "./activation.ts";
import { add, clip, div, mul, reciprocal } from "./arithmetic.ts";
import { axisOf } from "./axes.ts";
import { convolutionSchemas } from "./convolution.ts";
import { emitOne } from "./emit.ts";
import { attentionFusions } from "./fusions-attention.ts";
import { rootMeanSquare } from "./group-normalization.ts";
import { gather } from "./indexing.ts";
import type { Fusion } from "./known.ts";
import { linearSchemas, matmul } from "./linear.ts";
import { relu, sigmoid, softplus, tanh } from "./math.ts";
import { transpose } from "./movement.ts";
import { axesFrom, standardized } from "./normalization.ts";
import { reduceMean } from "./reduction.ts";
import { sizeOf } from "./sizes.ts";
import { slice } from "./slice.ts";

// What ONNX Runtime's optimiser and exporters for it write in place of several operators (its
// ContribOperators.md): known by what they are made of.

type Inputs = Parameters<Expansion<unknown>>[0];

/** Any fusion, as the table holds them. */
function fusion<Normal>(one: Fusion<Normal>): Fusion<unknown> {
  return one as Fusion<unknown>;
}

const likeInput =
  (i: number) =>
  (node: NodeFacts): readonly TensorType[] => {
    const { dtype, shape } = inputOf(node, i);
    return [{ dtype, shape }];
  };

/** One that keeps the type and shape of its first input. */
function elementwise<Normal>(
  arity: Fusion<Normal>["arity"],
  normal: Fusion<Normal>["normal"],
  compute: (inputs: readonly [Value, Value | undefined], normal: Normal) => Value,
): Fusion<unknown> {
  return fusion({
    arity,
    normal,
    infer: likeInput(0),
    expansion: ([x, y], attributes) => [compute([x as Value, y], attributes)],
  });
}

const plus = (x: Value, more: Value | undefined) => (more === undefined ? x : add(x, more));

/** An activation that is part of another operator, by its name and numbers. */
interface Activation {
  readonly name: string;
  readonly alpha: number | undefined;
  readonly beta: number | undefined;
}

function activate(x: Value, { name, alpha, beta }: Activation): Value {
  switch (name) {
    case "":
      return x;
    case "Relu":
      return relu(x);
    case "Tanh":
      return tanh(x);
    case "Sigmoid":
      return sigmoid(x);
    case "Softplus":
      return softplus(x);
    case "LeakyRelu":
      return leakyRelu(x, { alpha: alpha ?? 0.01 });
    case "Elu":
      return elu(x, { alpha: alpha ?? 1 });
    case "HardSigmoid":
      return hardSigmoid(x, { alpha: alpha ?? 0.2, beta: beta ?? 0.5 });
    case "Clip":
      return clip(x, alpha, beta);
    default:
      throw new GraphError("activation", `there is no rule for the activation ${name}`);
  }
}

function activationOf(node: NodeFacts): Activation {
  const { activation_params: list } = node.attributes;
  const numbers = list?.type === "floats" ? list.value : [];
  const given = (name: string, i: number) =>
    node.attributes[name] === undefined ? numbers[i] : floatOf(node, name, 0);
  return {
    name: stringOf(node, "activation", ""),
    alpha: given("activation_alpha", 0),
    beta: given("activation_beta", 1),
  };
}

/** The operator of ONNX with the same attributes, and what is done to its result. */
function followed(op: "Conv" | "Gemm", operands: number): Fusion<unknown> {
  type Normal = { readonly activation: Activation; readonly node: NodeFacts };
  const schema = op === "Conv" ? convolutionSchemas.Conv : linearSchemas.Gemm;
  const bare = ({ inputs, ...facts }: NodeFacts): NodeFacts => ({
    ...facts,
    opset: 22,
    inputs: inputs.slice(0, operands),
  });
  return fusion<Normal>({
    arity: [2, 4],
    normal: (node) => ({ activation: activationOf(node), node }),
    infer: (node) => {
      const facts = bare(node);
      return schema.infer(facts, schema.normal(facts) as never);
    },
    expansion: (inputs, { activation, node }) => {
      const {
        activation: name,
        activation_params,
        activation_alpha,
        activation_beta,
        ...attributes
      } = node.attributes;
      const given = inputs.slice(0, operands);
      while (given.at(-1) === undefined) given.pop();
      const y = emitOne(op, given, attributes);
      return [activate(plus(y, inputs[operands]), activation)];
    },
  });
}

interface Skip {
  readonly epsilon: number;
}

/** The sum of an input, another and a bias, then normalised. */
function skipNormalization(simplified: boolean): Fusion<unknown> {
  return fusion<Skip>({
    arity: [3, simplified ? 4 : 5],
    normal: (node) => ({ epsilon: singleOf(node, "epsilon", 1e-12) }),
    infer: (node) => {
      const { dtype, shape } = inputOf(node, 0);
      const statistics: TensorType = {
        dtype: "float32",
        shape: shape?.map((dim, i) => (i === shape.length - 1 ? 1 : dim)),
      };
      const x = { dtype, shape };
      return [x, statistics, statistics, x].slice(0, Math.max(node.outputCount, 1));
    },
    expansion: (inputs, { epsilon }) => {
      const [x, skip, scale, ...rest] = inputs as [Value, Value, Value, ...Inputs];
      const [shift, bias] = simplified ? [undefined, rest[0]] : rest;
      const sum = plus(add(x, skip), bias);
      const { y, mean, inverse } = simplified
        ? rmsOver(sum, sum.rank - 1, scale, epsilon)
        : layerOver(sum, scale, shift, epsilon);
      return [y, mean, inverse, sum];
    },
  });
}

function layerOver(x: Value, scale: Value, shift: Value | undefined, epsilon: number) {
  const axes = [x.rank - 1];
  const { normal, deviation } = standardized(x, axes, epsilon);
  return {
    y: plus(mul(normal, scale), shift),
    mean: reduceMean(x, { axes, keepdims: true }),
    inverse: reciprocal(deviation),
  };
}

function rmsOver(x: Value, axis: number, scale: Value, epsilon: number) {
  const root = rootMeanSquare(x, axesFrom(x, axis), epsilon);
  return { y: mul(div(x, root), scale), mean: undefined, inverse: reciprocal(root) };
}

interface FusedProduct {
  readonly alpha: number;
  readonly transA: boolean;
  readonly transB: boolean;
}

function swapped(shape: Shape | undefined): Shape | undefined {
  return shape && [...shape.slice(0, -2), shape.at(-1), shape.at(-2)];
}

function lastAxesSwapped(x: Value, swap: boolean): Value {
  if (!swap || x.rank < 2) return x;
  const axes = Array.from({ length: x.rank }, (_, i) => i);
  return transpose(x, [...axes.slice(0, -2), x.rank - 1, x.rank - 2]);
}

const fusedMatMul = fusion<FusedProduct>({
  arity: 2,
  normal: (node) => {
    if (intOf(node, "transBatchA", 0) !== 0 || intOf(node, "transBatchB", 0) !== 0) {
      throw new GraphError(node.operator, "transBatchA and transBatchB are not known here");
    }
    return {
      alpha: singleOf(node, "alpha", 1),
      transA: intOf(node, "transA", 0) !== 0,
      transB: intOf(node, "transB", 0) !== 0,
    };
  },
  infer: (node, { transA, transB }) => {
    const operand = (i: number, swap: boolean): Value => {
      const value = inputOf(node, i);
      if (!swap || (value.shape?.length ?? 0) < 2) return value;
      return Object.create(value, { shape: { value: swapped(value.shape) } });
    };
    const inputs = [operand(0, transA), operand(1, transB)];
    return linearSchemas.MatMul.infer({ ...node, inputs }, {});
  },
  expansion: ([a, b], { alpha, transA, transB }) => {
    const y = matmul(lastAxesSwapped(a as Value, transA), lastAxesSwapped(b as Value, transB));
    return [alpha === 1 ? y : mul(y, alpha)];
  },
});

const embedLayerNormalization = fusion<Skip>({
  arity: [7, 9],
  normal: (node) => ({ epsilon: singleOf(node, "epsilon", 1e-12) }),
  infer: (node) => {
    const [ids, words] = [inputOf(node, 0), inputOf(node, 2)];
    const shape = ids.shape && words.shape && [...ids.shape, words.shape[1]];
    const sum = { dtype: words.dtype, shape };
    const lengths: TensorType = { dtype: "int32", shape: [ids.shape?.[0]] };
    return [sum, lengths, sum].slice(0, Math.max(node.outputCount, 1));
  },
  expansion: (inputs, { epsilon }) => {
    const [ids, segments, words, places, parts, scale, shift, , at] = inputs as [
      Value,
      Value | undefined,
      Value,
      Value,
      Value | undefined,
      Value,
      Value,
      ...Inputs,
    ];
    const place = at === undefined ? slice(places, 0, sizeOf(ids, 1)) : gather(places, at);
    const word = add(gather(words, ids), place);
    const sum = parts && segments ? add(word, gather(parts, segments)) : word;
    return [layerOver(sum, scale, shift, epsilon).y, undefined, sum];
  },
});

const tanhGelu = (x: Value) => gelu(x, { approximate: "tanh" });

export const fusions: Readonly<Record<string, Fusion<unknown>>> = {
  Gelu: elementwise(
    1,
    () => ({}),
    ([x]) => gelu(x),
  ),
  FastGelu: elementwise(
    [1, 2],
    () => ({}),
    ([x, bias]) => tanhGelu(plus(x, bias)),
  ),
  BiasGelu: elementwise(
    2,
    () => ({}),
    ([x, bias]) => gelu(plus(x, bias)),
  ),
  QuickGelu: elementwise(
    1,
    (node) => ({ alpha: singleOf(node, "alpha", 1.702) }),
    ([x], { alpha }) => mul(x, sigmoid(mul(x, alpha))),
  ),
  FusedMatMul: fusedMatMul,
  FusedGemm: followed("Gemm", 3),
  FusedConv: followed("Conv", 3),
  SimplifiedLayerNormalization: fusion({
    arity: 2,
    normal: (node) => ({ axis: axisOf(node, -1), epsilon: singleOf(node, "epsilon", 1e-5) }),
    infer: (node, { axis }) => {
      const { dtype, shape } = inputOf(node, 0);
      const statistics = { dtype, shape: shape?.map((dim, i) => (i < axis ? dim : 1)) };
      return [{ dtype, shape }, statistics].slice(0, Math.max(node.outputCount, 1));
    },
    expansion: (inputs, { axis, epsilon }) => {
      const [x, scale] = inputs as [Value, Value];
      const { y, inverse } = rmsOver(x, axis, scale, epsilon);
      return [y, inverse];
    },
  }),
  SkipLayerNormalization: skipNormalization(false),
  SkipSimplifiedLayerNormalization: skipNormalization(true),
  EmbedLayerNormalization: embedLayerNormalization,
  ...attentionFusions,
};
