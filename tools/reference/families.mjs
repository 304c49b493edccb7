/** The soft operators by family, as the index shows them. */
export const SOFT_FAMILIES = {
  Elementwise: ["sigmoidal", "softrelu", "relu", "abs", "sign", "heaviside", "clamp", "round"],
  Comparison: ["greater", "greaterEqual", "less", "lessEqual", "eq", "notEqual", "isclose"],
  Logic: ["logicalNot", "logicalAnd", "logicalOr", "logicalXor", "all", "any"],
  "Selection by soft index": ["where", "takeAlongDim", "take", "indexSelect", "narrow"],
  Order: [
    "sort",
    "argsort",
    "rank",
    "topk",
    "max",
    "argmax",
    "min",
    "argmin",
    "median",
    "argmedian",
    "quantile",
    "argquantile",
  ],
  "Projections and transport": ["projectSimplex", "projectPermutahedron", "transport"],
};

/** Families of ONNX operators, by the file that they are in; others follow under the name of theirs. */
export const OPERATOR_FAMILIES = {
  arithmetic: "Arithmetic",
  math: "Functions",
  erf: "Functions",
  activation: "Activations",
  logic: "Comparison, logic and type",
  reduction: "Reductions",
  linear: "Matrix products",
  convolution: "Convolution and pooling",
  pooling: "Convolution and pooling",
  normalization: "Normalization",
  reshape: "Moving elements",
  movement: "Moving elements",
  slice: "Moving elements",
  sizes: "Sizes",
  creation: "New tensors",
  indexing: "Indexing",
  control: "Control flow",
};

/** What users of a graph call; the other members are for the parts of the package. */
export const GRAPH_MEMBERS = [
  "fromModel",
  "input",
  "parameter",
  "constant",
  "output",
  "update",
  "value",
  "node",
  "scope",
  "toModel",
  "summary",
  "name",
  "opset",
  "inputs",
  "parameters",
  "outputs",
  "updates",
];
