import { addDims, type Dim, type Shape } from "../dim.ts";
import type { DType } from "../dtype.ts";
import { failArgument, GraphError } from "../errors.ts";
import { choiceOf, inputOf, intOf, type NodeFacts, none, singleOf } from "../schema.ts";
import type { Value } from "../value.ts";
import { abs, add, div, mul, sub } from "./arithmetic.ts";
import { gather } from "./indexing.ts";
import type { Fusion } from "./known.ts";
import { matmul } from "./linear.ts";
import { cast, equal, isNaN as isNotANumber, where } from "./logic.ts";
import { sigmoid, sqrt } from "./math.ts";
import { concat } from "./movement.ts";
import { reduceMax, reduceSum, softmax } from "./reduction.ts";
import { reshape } from "./reshape.ts";

// The operators of ai.onnx.ml, which converters of scikit-learn and its like write. What is smooth is known by
// what it is made of.

function floatsOf(node: NodeFacts, name: string): readonly number[] | undefined {
  const found = node.attributes[name];
  return found?.type === "floats" ? found.value.map(Math.fround) : undefined;
}

function lengthIn(node: NodeFacts, ...names: readonly string[]): number | undefined {
  for (const name of names) {
    const found = node.attributes[name];
    if (found?.type === "ints" || found?.type === "strings" || found?.type === "floats") {
      return found.value.length;
    }
  }
  return undefined;
}

function fusion<Normal>(one: Fusion<Normal>): Fusion<unknown> {
  return one as Fusion<unknown>;
}

/** One whose result is made of whole numbers, labels or text, or does not change between its jumps. */
function flat(
  reason: string,
  infer: (node: NodeFacts) => ReturnType<Fusion<unknown>["infer"]>,
  arity: Fusion<unknown>["arity"] = 1,
): Fusion<unknown> {
  return fusion({ arity, normal: none, infer, zero: reason, expansion: () => [] });
}

/** A step of an optimiser: the new parameters, then what else it keeps of each. */
const optimizerStep = (kept: number): Fusion<unknown> => {
  const infer = (node: NodeFacts) => {
    const count = Math.floor((node.inputs.length - 2) / (2 + kept));
    return Array.from({ length: node.outputCount }, (_, i) => {
      const { dtype, shape } = inputOf(node, 2 + (i % Math.max(count, 1)));
      return { dtype, shape };
    });
  };
  return without(infer, [3, Number.POSITIVE_INFINITY]);
};

/** One that has a derivative and no rule. */
function without(
  infer: (node: NodeFacts) => ReturnType<Fusion<unknown>["infer"]>,
  arity: Fusion<unknown>["arity"] = 1,
): Fusion<unknown> {
  const expansion = (): never => {
    throw new GraphError("gradient", "it has no rule");
  };
  return fusion({ arity, normal: none, infer, expansion });
}

const unknownType = (node: NodeFacts) =>
  Array.from({ length: node.outputCount }, () => ({ dtype: "unknown", shape: undefined }) as const);

const rowsOf = (node: NodeFacts): Dim => inputOf(node, 0).shape?.[0];

function labelType(node: NodeFacts): DType {
  return lengthIn(node, "classlabels_strings") ? "string" : "int64";
}

/** A label and a score for each class, of each row. */
function classified(node: NodeFacts) {
  const classes = lengthIn(node, "classlabels_ints", "classlabels_int64s", "classlabels_strings");
  return [
    { dtype: labelType(node), shape: [rowsOf(node)] },
    { dtype: "float32" as const, shape: [rowsOf(node), classes] },
  ];
}

function regressed(node: NodeFacts) {
  return [{ dtype: "float32" as const, shape: [rowsOf(node), intOf(node, "n_targets", 1)] }];
}

const treesAreFlat = "it is constant between the splits of its trees";

interface Linear {
  readonly weights: readonly number[];
  readonly intercepts: readonly number[] | undefined;
  readonly rows: number;
  readonly transform: "NONE" | "LOGISTIC" | "SOFTMAX";
}

/** @throws GraphError for a transform that is not known, or weights that do not fit */
function linearOf(node: NodeFacts, rows: number): Linear {
  const weights = floatsOf(node, "coefficients") ?? [];
  const transform = choiceOf(node, "post_transform", ["NONE", "LOGISTIC", "SOFTMAX"], "NONE");
  const features = inputOf(node, 0).shape?.at(-1);
  if (
    weights.length % rows !== 0 ||
    (typeof features === "number" && weights.length !== rows * features)
  ) {
    failArgument(node.operator, "coefficients", `${rows} for each feature`, weights.length);
  }
  return { weights, intercepts: floatsOf(node, "intercepts"), rows, transform };
}

function scored(x: Value, { weights, intercepts, rows, transform }: Linear): Value {
  const { graph } = x;
  const matrix = graph.constant([...weights], [rows, weights.length / rows], "float32");
  const products = matmul(cast(x, "float32"), matrix.transpose());
  const scores = intercepts?.length ? add(products, [...intercepts]) : products;
  if (transform === "NONE") return scores;
  return transform === "LOGISTIC" ? sigmoid(scores) : softmax(scores);
}

/** The operators of ai.onnx.ml and of ONNX's preview of training, by domain and name. */
export const machineLearning: Readonly<Record<string, Fusion<unknown>>> = {
  "ai.onnx.ml.Scaler": fusion({
    arity: 1,
    normal: (node) => ({ offset: floatsOf(node, "offset"), scale: floatsOf(node, "scale") }),
    infer: (node) => [{ dtype: "float32", shape: inputOf(node, 0).shape }],
    expansion: ([x], { offset, scale }) => {
      const value = cast(x as Value, "float32");
      const moved = offset === undefined ? value : sub(value, [...offset]);
      return [scale === undefined ? moved : mul(moved, [...scale])];
    },
  }),
  "ai.onnx.ml.Normalizer": fusion({
    arity: 1,
    normal: (node) => ({ norm: choiceOf(node, "norm", ["MAX", "L1", "L2"], "MAX") }),
    infer: (node) => [{ dtype: "float32", shape: inputOf(node, 0).shape }],
    expansion: ([x], { norm }) => {
      const value = cast(x as Value, "float32");
      const over = { axes: -1, keepdims: true };
      const size =
        norm === "L1"
          ? reduceSum(abs(value), over)
          : norm === "L2"
            ? sqrt(reduceSum(mul(value, value), over))
            : reduceMax(value, over);
      return [div(value, where(equal(size, 0), 1, size))];
    },
  }),
  "ai.onnx.ml.Imputer": fusion({
    arity: 1,
    normal: (node) => ({
      put: floatsOf(node, "imputed_value_floats"),
      missing: singleOf(node, "replaced_value_float", 0),
    }),
    infer: (node) => [{ dtype: inputOf(node, 0).dtype, shape: inputOf(node, 0).shape }],
    expansion: ([x], { put, missing }) => {
      const value = x as Value;
      const test = Number.isNaN(missing) ? isNotANumber(value) : equal(value, missing);
      return [
        where(test, cast(value.graph.constant([...(put ?? [0])], "float32"), value.dtype), value),
      ];
    },
  }),
  "ai.onnx.ml.LinearRegressor": fusion({
    arity: 1,
    normal: (node) => linearOf(node, intOf(node, "targets", 1)),
    infer: (node, { rows }) => [{ dtype: "float32", shape: [rowsOf(node), rows] }],
    expansion: ([x], linear) => [scored(x as Value, linear)],
  }),
  "ai.onnx.ml.LinearClassifier": fusion({
    arity: 1,
    normal: (node) =>
      linearOf(node, lengthIn(node, "classlabels_ints", "classlabels_strings") ?? 1),
    infer: classified,
    expansion: ([x], linear) => [undefined, scored(x as Value, linear)],
  }),
  "ai.onnx.ml.ArrayFeatureExtractor": fusion({
    arity: 2,
    normal: none,
    infer: (node) => {
      const [x, at] = [inputOf(node, 0), inputOf(node, 1)];
      const count = at.shape?.at(-1);
      const front: Shape | undefined = x.shape?.length === 1 ? [1] : x.shape?.slice(0, -1);
      return [{ dtype: x.dtype, shape: front && [...front, count] }];
    },
    expansion: ([x, at]) => {
      const value = (x as Value).rank === 1 ? reshape(x as Value, [1, -1]) : (x as Value);
      return [gather(value, reshape(at as Value, [-1]), { axis: -1 })];
    },
  }),
  "ai.onnx.ml.FeatureVectorizer": fusion({
    arity: [1, Number.POSITIVE_INFINITY],
    normal: none,
    infer: (node) => {
      const widths = node.inputs.map((input) => input?.shape?.[1]);
      return [{ dtype: "float32", shape: [rowsOf(node), widths.reduce<Dim>(addDims, 0)] }];
    },
    expansion: (inputs) => [
      concat(
        inputs.map((x) => cast(x as Value, "float32")),
        { axis: 1 },
      ),
    ],
  }),
  "ai.onnx.ml.SVMRegressor": without(regressed),
  "ai.onnx.ml.SVMClassifier": without(classified),
  "ai.onnx.ml.TreeEnsemble": flat(treesAreFlat, (node) => {
    const { dtype } = inputOf(node, 0);
    return [{ dtype, shape: [rowsOf(node), intOf(node, "n_targets", 1)] }];
  }),
  "ai.onnx.ml.TreeEnsembleRegressor": flat(treesAreFlat, regressed),
  "ai.onnx.ml.TreeEnsembleClassifier": flat(treesAreFlat, classified),
  "ai.onnx.ml.Binarizer": flat("it is constant between its jumps", (node) => {
    const { dtype, shape } = inputOf(node, 0);
    return [{ dtype, shape }];
  }),
  "ai.onnx.ml.OneHotEncoder": flat("it compares with categories", (node) => {
    const { shape } = inputOf(node, 0);
    const categories = lengthIn(node, "cats_int64s", "cats_strings");
    return [{ dtype: "float32", shape: shape && [...shape, categories] }];
  }),
  "ai.onnx.ml.LabelEncoder": flat("it looks labels up", (node) => {
    const values = Object.keys(node.attributes).find((name) => name.startsWith("values_"));
    const tensor = node.attributes.values_tensor;
    const named = {
      values_strings: "string",
      values_int64s: "int64",
      values_floats: "float32",
    } as const;
    const dtype: DType =
      tensor?.type === "tensor"
        ? tensor.value.dtype
        : (named[values as keyof typeof named] ?? "unknown");
    return [{ dtype, shape: inputOf(node, 0).shape }];
  }),
  "ai.onnx.ml.CategoryMapper": flat("it looks labels up", (node) => {
    const { dtype, shape } = inputOf(node, 0);
    return [{ dtype: dtype === "string" ? "int64" : "string", shape }];
  }),
  "ai.onnx.ml.CastMap": flat("its operand is no tensor", unknownType),
  "ai.onnx.ml.DictVectorizer": flat("its operand is no tensor", unknownType),
  "ai.onnx.ml.ZipMap": flat("its result is no tensor", unknownType),
  "ai.onnx.preview.training.Adagrad": optimizerStep(1),
  "ai.onnx.preview.training.Adam": optimizerStep(2),
  "ai.onnx.preview.training.Momentum": optimizerStep(1),
  "ai.onnx.preview.training.Gradient": without(unknownType, [1, Number.POSITIVE_INFINITY]),
};
