import { fromBinary } from "@bufbuild/protobuf";
import { type AttributeProto, ModelProtoSchema, type NodeProto } from "onnx-buf";
import { Graph } from "../../src/builder/graph.ts";
import { raiseGraph } from "../../src/builder/raise.ts";
import type { Value } from "../../src/builder/value.ts";
import { vjp } from "../../src/grad/index.ts";
import { slopeAt, weightsOf } from "../onnx/differences.ts";
import { numbersIn } from "../onnx/floats.ts";
import { NodeSession } from "../onnx/session.ts";
import { attribute, bytesOf, graph, info, node, opset, tensor } from "./messages.ts";

const [FLOAT, INT, STRING, GRAPH, FLOATS, INTS] = [1, 2, 3, 5, 6, 7];

const ints = (name: string, ...list: (number | bigint)[]) =>
  attribute(name, { type: INTS, ints: list.map(BigInt) });
const floats = (name: string, ...list: number[]) => attribute(name, { type: FLOATS, floats: list });
const int = (name: string, i: number) => attribute(name, { type: INT, i: BigInt(i) });
const float = (name: string, f: number) => attribute(name, { type: FLOAT, f });
const text = (name: string, s: string) =>
  attribute(name, { type: STRING, s: new TextEncoder().encode(s) });

const vectorOf = (name: string, ...list: number[]) =>
  tensor(name, [list.length], { rawData: new Uint8Array(Float32Array.from(list).buffer) });
const longsOf = (name: string, ...list: number[]) =>
  tensor(name, [list.length], {
    dataType: 7,
    rawData: new Uint8Array(BigInt64Array.from(list, BigInt).buffer),
  });

interface Old {
  readonly opset: number;
  readonly dims: number[];
  readonly nodes: NodeProto[];
  readonly constants?: ReturnType<typeof tensor>[];
}

const one =
  (op: string, ...attributes: AttributeProto[]) =>
  (at: number, dims: number[]): Old => ({
    opset: at,
    dims,
    nodes: [node(op, ["x"], ["y"], { attribute: attributes })],
  });

const branch = (name: string, nodes: NodeProto[], output: string) =>
  attribute(name, { type: GRAPH, g: graph({ node: nodes, output: [info(output)] }) });

/** A form of each operator that later opsets write otherwise. */
const cases: readonly (readonly [string, Old])[] = [
  ["ReduceSum with axes", one("ReduceSum", ints("axes", 1), int("keepdims", 0))(9, [2, 3])],
  ["ReduceSum of all", one("ReduceSum")(7, [2, 3])],
  ["Squeeze", one("Squeeze", ints("axes", 1))(8, [2, 1, 3])],
  ["Unsqueeze", one("Unsqueeze", ints("axes", 0, 2))(11, [2, 3])],
  [
    "Split",
    {
      opset: 11,
      dims: [5],
      nodes: [
        node("Split", ["x"], ["a", "b"], { attribute: [int("axis", 0), ints("split", 2, 3)] }),
        node("ReduceMean", ["b"], ["m"]),
        node("Mul", ["a", "m"], ["y"]),
      ],
    },
  ],
  ["Softmax over the last axis", one("Softmax")(9, [2, 3])],
  ["Softmax over two axes", one("Softmax", int("axis", 1))(9, [2, 3, 2])],
  ["LogSoftmax over all axes", one("LogSoftmax", int("axis", 0))(11, [2, 3])],
  ["Softmax counted from the end", one("Softmax", int("axis", -2))(12, [2, 3, 2])],
  ["Clip", one("Clip", float("min", -0.5), float("max", 0.75))(9, [7])],
  ["Clip from one side", one("Clip", float("max", 0.25))(7, [7])],
  ["Clip of nothing", one("Clip")(7, [7])],
  ["Pad", one("Pad", ints("pads", 1, 0, 0, 2), float("value", 0.5))(9, [2, 3])],
  ["Pad by reflection", one("Pad", ints("pads", 2, 1), text("mode", "reflect"))(10, [4])],
  ["Slice", one("Slice", ints("starts", 1), ints("ends", 3), ints("axes", 1))(9, [2, 4])],
  ["Slice of all axes", one("Slice", ints("starts", 0, -2), ints("ends", 1, 9))(7, [2, 4])],
  [
    "Slice to the end, as PyTorch writes it",
    one("Slice", ints("starts", -3), ints("ends", 2n ** 63n - 1n), ints("axes", 1))(9, [2, 4]),
  ],
  [
    "TopK",
    { opset: 9, dims: [5], nodes: [node("TopK", ["x"], ["y", "i"], { attribute: [int("k", 2)] })] },
  ],
  ["Dropout", one("Dropout", float("ratio", 0.4))(9, [4])],
  ["Dropout with its default", one("Dropout")(7, [4])],
  [
    "Dropout with a mask that nothing reads",
    { opset: 9, dims: [4], nodes: [node("Dropout", ["x"], ["y", "mask"])] },
  ],
  [
    "BatchNormalization",
    {
      opset: 7,
      dims: [2, 2, 2],
      nodes: [node("BatchNormalization", ["x", "s", "b", "m", "v"], ["y"])],
      constants: [
        vectorOf("s", 1.5, 0.5),
        vectorOf("b", 0.1, 0.2),
        vectorOf("m", 0.3, -0.3),
        vectorOf("v", 2, 0.7),
      ],
    },
  ],
  [
    "Upsample with its scales in an attribute",
    one("Upsample", text("mode", "nearest"), floats("scales", 1, 1, 2, 3))(7, [1, 1, 2, 2]),
  ],
  [
    "Upsample by bilinear interpolation",
    {
      opset: 9,
      dims: [1, 1, 2, 3],
      nodes: [node("Upsample", ["x", "s"], ["y"], { attribute: [text("mode", "linear")] })],
      constants: [vectorOf("s", 1, 1, 2, 2)],
    },
  ],
  [
    "Resize of opset 10 to something smaller",
    {
      opset: 10,
      dims: [1, 1, 4, 6],
      nodes: [node("Resize", ["x", "s"], ["y"])],
      constants: [vectorOf("s", 1, 1, 0.5, 0.6)],
    },
  ],
  [
    "Resize of opset 11 to sizes",
    {
      opset: 11,
      dims: [1, 1, 2, 2],
      nodes: [
        node("Resize", ["x", "none", "none", "sizes"], ["y"], {
          attribute: [text("mode", "linear")],
        }),
      ],
      constants: [vectorOf("none"), longsOf("sizes", 1, 1, 4, 3)],
    },
  ],
  [
    "Scatter",
    {
      opset: 9,
      dims: [3],
      nodes: [node("Scatter", ["x", "i", "u"], ["y"])],
      constants: [longsOf("i", 1), vectorOf("u", 5)],
    },
  ],
  [
    "Gather",
    {
      opset: 9,
      dims: [3, 2],
      nodes: [node("Gather", ["x", "i"], ["y"])],
      constants: [longsOf("i", 1, 0, 1)],
    },
  ],
  [
    "a body with an initialiser",
    {
      opset: 9,
      dims: [2, 3],
      nodes: [
        node("ReduceSum", ["x"], ["s"], { attribute: [int("keepdims", 0)] }),
        node("Less", ["s", "limit"], ["small"]),
        node("If", ["small"], ["z"], {
          attribute: [
            attribute("then_branch", {
              type: GRAPH,
              g: graph({
                node: [node("Softmax", ["x"], ["p"]), node("Mul", ["p", "w"], ["t"])],
                initializer: [vectorOf("w", 1, 2, 3)],
                output: [info("t")],
              }),
            }),
            branch("else_branch", [node("Neg", ["x"], ["e"])], "e"),
          ],
        }),
        node("Mul", ["z", "x"], ["y"]),
      ],
      constants: [tensor("limit", [], { rawData: new Uint8Array(Float32Array.of(100).buffer) })],
    },
  ],
];

const isResizing = ({ nodes: [first] }: Old) => /^(Upsample|Resize)$/.test(first?.opType ?? "");

const modelOf = ({ opset: at, dims, nodes, constants = [] }: Old) =>
  bytesOf(
    graph({
      node: nodes,
      input: [info("x", FLOAT, dims)],
      output: [info("y")],
      initializer: constants,
    }),
    { irVersion: 4n, opsetImport: [opset("", at)] },
  );

test.each(cases)("%s: the same values and their gradient in a later opset", async (_, old) => {
  const bytes = modelOf(old);
  const size = old.dims.reduce((product, dim) => product * dim, 1);
  const x = {
    dtype: "float32",
    dims: old.dims,
    elements: Float32Array.from({ length: size }, (_, i) => Math.sin(2.4 * i + 1)),
  } as const;
  const before = await NodeSession.of(bytes, "disabled");
  const expected = (await before.run({ x })).y as typeof x & { elements: Float32Array };
  const weights = { y: weightsOf(expected.elements.length, 0.3) };

  const g = Graph.fromModel(bytes);
  expect(g.toModel()).toEqual(Graph.fromModel(bytes).toModel());
  const cotangent = g.input("cotangent", "float32", expected.dims);
  // Resizing is raised whether or not there is a rule for it.
  if (isResizing(old)) g.raising(raiseGraph, () => g.reaches(13));
  const [dx] = isResizing(old) ? [cotangent] : vjp(g.value("y"), [g.value("x")], cotangent);
  expect(g.opset).toBeGreaterThanOrEqual(13);
  const written = g.output("dx", dx as Value).toModel();
  const after = await NodeSession.of(written);
  const feeds = {
    x,
    cotangent: { dtype: "float32", dims: expected.dims, elements: Float32Array.from(weights.y) },
  } as const;
  const found = await after.run(feeds);

  expect(found.y?.dims).toEqual(expected.dims);
  numbersIn(found.y as typeof x).forEach((y, i) => {
    expect(y).toBeCloseTo(expected.elements[i] as number, 5);
  });
  const gradient = numbersIn(found.dx as typeof x);
  const steps = { length: 2e-2, sides: 0.2, lengths: 1e-2 };
  for (let i = 0; i < size && !isResizing(old); i++) {
    const slope = await slopeAt({ session: before, feeds: { x }, weights }, "x", i, steps);
    if (slope !== undefined) expect(gradient[i]).toBeCloseTo(slope, 2);
  }
  await before.release();
  await after.release();
});

test("what was raised says so, and what was not is not", () => {
  const bytes = modelOf(one("Squeeze", ints("axes", 1))(9, [2, 1]));
  const g = Graph.fromModel(bytes);
  expect(g.raisedFrom).toBeUndefined();
  vjp(g.value("y"), [g.value("x")]);
  expect(g.summary()).toContain("at opset 13, raised from 9");
  const model = fromBinary(ModelProtoSchema, g.toModel());
  expect(model.opsetImport.map(({ version }) => version)).toEqual([13n]);
  expect(model.metadataProps.map(({ key, value }) => [key, value])).toEqual([
    ["ai.softonnx.raised_from_opset", "9"],
  ]);
});

test.each<[string, RegExp, Old]>([
  ["Scan before opset 9", /Scan ".*" cannot be raised from opset 8/, one("Scan")(8, [2])],
  [
    "a mask of Dropout in floats",
    /Dropout .* its mask/,
    {
      opset: 9,
      dims: [2],
      nodes: [node("Dropout", ["x"], ["z", "mask"]), node("Mul", ["z", "mask"], ["y"])],
    },
  ],
  [
    "statistics for each place",
    /BatchNormalization .* statistics/,
    {
      ...one("BatchNormalization", int("spatial", 0))(7, [2, 2]),
      nodes: [
        node("BatchNormalization", ["x", "x", "x", "x", "x"], ["y"], {
          attribute: [int("spatial", 0)],
        }),
      ],
    },
  ],
])("%s cannot be raised, and leaves the graph as it was", (_, message, old) => {
  const bytes = modelOf(old);
  const g = Graph.fromModel(bytes);
  expect(() => vjp(g.value("y"), [g.value("x")])).toThrow(message);
  expect(g.opset).toBe(old.opset);
  expect(fromBinary(ModelProtoSchema, g.toModel())).toEqual(fromBinary(ModelProtoSchema, bytes));
});
