import type { AttributeLiteral } from "../../../src/builder/attributes.ts";
import { Graph } from "../../../src/builder/graph.ts";
import "../../../src/index.ts";

/** An attribute of text that chooses among some ways, and what else its operator needs. */
interface Choice {
  readonly attribute: string;
  readonly ways: readonly string[];
  /** Shapes of float32, or the types of other inputs. */
  readonly inputs: readonly (readonly number[] | "string" | "uint8" | "int64")[];
  readonly others?: Readonly<Record<string, AttributeLiteral>>;
  readonly opset?: number;
  readonly domain?: string;
}

const image = [1, 4, 6, 6] as const;
const pads: Omit<Choice, "inputs"> = {
  attribute: "auto_pad",
  ways: ["NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"],
};
const recurrent = (gates: number): Choice => ({
  attribute: "direction",
  ways: ["forward", "reverse"],
  inputs: [
    [5, 1, 2],
    [1, gates * 3, 2],
    [1, gates * 3, 3],
  ],
});
const scatter: Omit<Choice, "inputs"> = {
  attribute: "reduction",
  ways: ["none", "add", "mul", "max", "min"],
};
const loss: Choice = {
  attribute: "reduction",
  ways: ["none", "sum", "mean"],
  inputs: [[2, 3], "int64"],
};
const scales = [4] as const;

/** Every one that ONNX has, by operator. */
const choices: Readonly<Record<string, readonly Choice[]>> = {
  AveragePool: [{ ...pads, inputs: [image], others: { kernel_shape: [2, 2] } }],
  BitShift: [{ attribute: "direction", ways: ["LEFT", "RIGHT"], inputs: ["uint8", "uint8"] }],
  Conv: [{ ...pads, inputs: [image, [2, 4, 3, 3]] }],
  ConvTranspose: [{ ...pads, inputs: [image, [4, 2, 3, 3]] }],
  DepthToSpace: [
    { attribute: "mode", ways: ["DCR", "CRD"], inputs: [image], others: { blocksize: 2 } },
  ],
  GRU: [recurrent(3)],
  Gelu: [{ attribute: "approximate", ways: ["none", "tanh"], inputs: [[3]], opset: 20 }],
  GridSample: [
    {
      attribute: "mode",
      ways: ["linear", "nearest", "cubic"],
      inputs: [image, [1, 2, 2, 2]],
      opset: 20,
    },
    {
      attribute: "mode",
      ways: ["bilinear", "nearest", "bicubic"],
      inputs: [image, [1, 2, 2, 2]],
      opset: 16,
    },
    {
      attribute: "padding_mode",
      ways: ["zeros", "border", "reflection"],
      inputs: [image, [1, 2, 2, 2]],
    },
  ],
  ImageDecoder: [
    { attribute: "pixel_format", ways: ["RGB", "BGR", "Grayscale"], inputs: ["uint8"], opset: 20 },
  ],
  LSTM: [recurrent(4)],
  LinearRegressor: [
    {
      attribute: "post_transform",
      ways: ["NONE", "LOGISTIC", "SOFTMAX"],
      inputs: [[3, 2]],
      others: { coefficients: { floats: [1, 2] } },
      domain: "ai.onnx.ml",
    },
  ],
  LpPool: [{ ...pads, inputs: [image], others: { kernel_shape: [2, 2] } }],
  MaxPool: [{ ...pads, inputs: [image], others: { kernel_shape: [2, 2] } }],
  NegativeLogLikelihoodLoss: [loss],
  Normalizer: [
    { attribute: "norm", ways: ["MAX", "L1", "L2"], inputs: [[3, 2]], domain: "ai.onnx.ml" },
  ],
  Pad: [
    { attribute: "mode", ways: ["constant", "reflect", "edge", "wrap"], inputs: [[4], "int64"] },
  ],
  RNN: [recurrent(1)],
  Resize: [
    {
      attribute: "coordinate_transformation_mode",
      ways: [
        "half_pixel",
        "half_pixel_symmetric",
        "pytorch_half_pixel",
        "align_corners",
        "asymmetric",
      ],
      inputs: [image, [0], scales],
      opset: 19,
    },
    {
      attribute: "keep_aspect_ratio_policy",
      ways: ["stretch", "not_larger", "not_smaller"],
      inputs: [image, [0], scales],
    },
    { attribute: "mode", ways: ["nearest", "linear", "cubic"], inputs: [image, [0], scales] },
    {
      attribute: "nearest_mode",
      ways: ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"],
      inputs: [image, [0], scales],
    },
  ],
  RoiAlign: [
    { attribute: "mode", ways: ["avg", "max"], inputs: [image, [2, 4], "int64"] },
    {
      attribute: "coordinate_transformation_mode",
      ways: ["half_pixel", "output_half_pixel"],
      inputs: [image, [2, 4], "int64"],
    },
  ],
  ScatterElements: [{ ...scatter, inputs: [[4], "int64", [2]] }],
  ScatterND: [{ ...scatter, inputs: [[4, 4, 3], "int64", [3]] }],
  SoftmaxCrossEntropyLoss: [loss],
  StringNormalizer: [
    { attribute: "case_change_action", ways: ["NONE", "LOWER", "UPPER"], inputs: ["string"] },
  ],
  TensorScatter: [
    {
      attribute: "mode",
      ways: ["linear", "circular"],
      inputs: [
        [1, 2, 5, 3],
        [1, 2, 2, 3],
      ],
      opset: 24,
    },
  ],
  TfIdfVectorizer: [
    {
      attribute: "mode",
      ways: ["TF", "IDF", "TFIDF"],
      inputs: [[3]],
      others: { ngram_indexes: [0, 1] },
    },
  ],
  Upsample: [{ attribute: "mode", ways: ["nearest", "linear"], inputs: [image, scales], opset: 9 }],
};

/** The operator with the attribute set so. */
function applied(op: string, choice: Choice, way: string) {
  const { opset = 18, domain = "", others = {} } = choice;
  const g = new Graph("choices", { opset });
  const inputs = choice.inputs.map((type, i) =>
    typeof type === "string" ? g.input(`x${i}`, type, [2]) : g.input(`x${i}`, "float32", type),
  );
  return g.node(op, inputs, { ...others, [choice.attribute]: way }, { domain });
}

const rows = Object.entries(choices).flatMap(([op, all]) =>
  all.map((choice) => [op, choice.attribute, choice] as const),
);

describe("An attribute that chooses among ways", () => {
  test.each(rows)("of %s, %s, takes those that ONNX has", (op, _, choice) => {
    for (const way of choice.ways) expect(applied(op, choice, way)).toHaveLength(1);
  });

  test.each(rows)("of %s, %s, takes no other", (op, attribute, choice) => {
    for (const way of ["", "no such way", (choice.ways[0] as string).concat(" ")]) {
      expect(() => applied(op, choice, way)).toThrow(`${op}: ${attribute}: expected `);
    }
  });
});

describe("An attribute that counts", () => {
  const regions: readonly [
    op: string,
    attributes: Record<string, AttributeLiteral>,
    message: string,
  ][] = [
    ["RoiAlign", { output_height: 0 }, "output_height: expected a whole number from 1, got 0"],
    ["RoiAlign", { output_width: -3 }, "output_width: expected a whole number from 1, got -3"],
    ["RoiAlign", { sampling_ratio: -1 }, "sampling_ratio: expected a whole number from 0, got -1"],
    ["RoiAlign", { sampling_ratio: 2n ** 62n }, "sampling_ratio: expected a whole number from 0"],
    [
      "MaxRoiPool",
      { pooled_shape: [2] },
      "pooled_shape: expected two whole numbers from 1, got [2]",
    ],
    ["MaxRoiPool", { pooled_shape: [0, 2] }, "pooled_shape: expected two whole numbers from 1"],
  ];
  const lists = ["kernel_shape", "strides", "dilations", "pads"] as const;
  test.each(lists)("of a window, %s, is refused where it is none", (name) => {
    const g = new Graph("counts");
    const x = g.input("x", "float32", image);
    for (const wrong of name === "pads" ? [2n ** 62n] : [0, -1, 2n ** 62n]) {
      const list = Array.from({ length: name === "pads" ? 4 : 2 }, () => Number(wrong));
      const attributes = { kernel_shape: [2, 2], [name]: list };
      expect(() => g.node("AveragePool", [x], attributes)).toThrow(
        `AveragePool: ${name}: expected`,
      );
    }
  });

  test.each(regions)("of %s, %j, is refused", (op, attributes, message) => {
    const g = new Graph("counts");
    const x = g.input("x", "float32", image);
    const boxes = g.input("boxes", "float32", [2, op === "RoiAlign" ? 4 : 5]);
    const inputs = op === "RoiAlign" ? [x, boxes, g.input("images", "int64", [2])] : [x, boxes];
    expect(() => g.node(op, inputs, attributes)).toThrow(`${op}: ${message}`);
  });
});
