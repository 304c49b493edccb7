import { evaluate, Tensor } from "softonnx/node";
import type { AttributeLiteral } from "../../src/builder/attributes.ts";
import { Graph } from "../../src/builder/graph.ts";
import { reduceSum } from "../../src/builder/operators/index.ts";
import { schemaOf } from "../../src/builder/operators/known.ts";
import type { Value } from "../../src/builder/value.ts";
import { dependsOn, grad } from "../../src/grad/index.ts";

/** An operator of ai.onnx.ml, its attributes, and the output that is differentiated. */
const rows: readonly (readonly [
  op: string,
  attributes: Readonly<Record<string, AttributeLiteral>>,
  output?: number,
])[] = [
  ["Scaler", { offset: [0.5, -1.5, 2.5], scale: { floats: [2, 3, 4] } }],
  ["Scaler", { offset: [0.5], scale: [0.25] }],
  ["Normalizer", { norm: "L1" }],
  ["Normalizer", { norm: "L2" }],
  ["Normalizer", { norm: "MAX" }],
  ["Imputer", { imputed_value_floats: [0.5], replaced_value_float: { float: 1 } }],
  ["LinearRegressor", { coefficients: [0.5, -1.5, 2.5], intercepts: [0.5] }],
  [
    "LinearRegressor",
    { coefficients: [0.5, -1.5, 2.5, 1.5, 0.25, -1], targets: 2, post_transform: "LOGISTIC" },
  ],
  [
    "LinearClassifier",
    {
      coefficients: [0.5, -1.5, 2.5, 1.5, 0.25, -1],
      intercepts: [0.5, -0.5],
      classlabels_ints: [0, 1],
      post_transform: "SOFTMAX",
    },
    1,
  ],
];

const points = [0.3, -0.7, 1.2, 0.9, 0.4, -0.2];

function build(op: string, attributes: (typeof rows)[number][1], output: number) {
  const g = new Graph("learning");
  const x = g.input("x", "float32", [2, 3]);
  const ys = g.node(op, [x], attributes, { domain: "ai.onnx.ml", version: 3, outputs: output + 1 });
  const y = ys[output] as Value;
  const count = (y.shape as number[]).reduce((a, b) => a * b, 1);
  const weights = Array.from({ length: count }, (_, i) => Math.cos(1.7 * i + 0.4));
  const loss = reduceSum(y.reshape([-1]).mul(weights));
  return { x, y, loss };
}

describe("gradients of ai.onnx.ml", () => {
  test.each(rows.map(([op, attributes, output = 0]) => [op, attributes, output] as const))(
    "%s %j",
    async (op, attributes, output) => {
      const { x, y, loss } = build(op, attributes, output);
      const [dx] = grad(loss, [x]) as [Value];
      const at = (data: readonly number[]) =>
        evaluate({ loss, dx, y }, { x: new Tensor("float32", Float32Array.from(data), [2, 3]) });
      const { dx: found, y: value } = await at(points);
      expect(value.dims).toEqual(y.shape);
      for (const [i, slope] of Array.from(found.data as Float32Array).entries()) {
        const [above, below] = await Promise.all(
          [0.01, -0.01].map((h) => at(points.map((p, j) => (i === j ? p + h : p)))),
        );
        const difference = (Number(above?.loss.data[0]) - Number(below?.loss.data[0])) / 0.02;
        expect(slope).toBeCloseTo(difference, 2);
      }
    },
  );

  test("end at what is constant between jumps, with the reason", () => {
    const g = new Graph("trees");
    const x = g.input("x", "float32", [2, 3]);
    const [y] = g.node("Binarizer", [x], { threshold: 0.5 }, { domain: "ai.onnx.ml", version: 3 });
    expect(String((y as Value).shape)).toBe("2,3");
    expect(dependsOn(y as Value, x)).toBe(true);
    expect(grad(reduceSum(y as Value), [x])[0]?.data?.toNumbers()).toEqual([0, 0, 0, 0, 0, 0]);
  });

  test("name an operator that has none", () => {
    const g = new Graph("vectors");
    const x = g.input("x", "float32", [2, 3]);
    const [y] = g.node("SVMRegressor", [x], {}, { domain: "ai.onnx.ml", version: 3 });
    expect(() => grad(reduceSum(y as Value), [x])).toThrow("ai.onnx.ml.SVMRegressor");
  });

  test("are decided for every operator of the domain", () => {
    const names = [
      "ArrayFeatureExtractor Binarizer CastMap CategoryMapper DictVectorizer FeatureVectorizer",
      "Imputer LabelEncoder LinearClassifier LinearRegressor Normalizer OneHotEncoder",
      "SVMClassifier SVMRegressor Scaler TreeEnsemble TreeEnsembleClassifier",
      "TreeEnsembleRegressor ZipMap",
    ]
      .join(" ")
      .split(" ");
    expect(names.filter((name) => schemaOf(name, "ai.onnx.ml") === undefined)).toEqual([]);
  });
});
