import { create, createRegistry, equals, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  AttributeProto_AttributeType,
  FunctionProtoSchema,
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  SparseTensorProtoSchema,
  StringStringEntryProtoSchema,
  TensorProto_DataLocation,
  TypeProto_SequenceSchema,
  TypeProtoSchema,
  ValueInfoProtoSchema,
} from "onnx-buf";
import onnxProto from "onnx-proto";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { subgraphsOf } from "../../src/builder/block.ts";
import { type Definition, defineFamily } from "../../src/builder/definition.ts";
import { GraphError } from "../../src/builder/errors.ts";
import { Graph } from "../../src/builder/graph.ts";
import { add, ifElse, mul, reduceSum, topK } from "../../src/builder/operators/index.ts";
import { ModelFormatError } from "../../src/builder/scan.ts";
import { attribute, bytesOf, graph, info, model, node, opset, tensor } from "./messages.ts";
import { processorTime } from "./time.ts";

const Type = AttributeProto_AttributeType;
const none = new Uint8Array(0);

function read(proto: GraphProto, fields: Partial<ModelProto> = {}): Graph {
  return Graph.fromModel(bytesOf(proto, fields));
}

function problem(proto: GraphProto, fields: Partial<ModelProto> = {}): string {
  try {
    read(proto, fields);
  } catch (error) {
    expect(error).toBeInstanceOf(ModelFormatError);
    return (error as Error).message;
  }
  throw new Error("it was read");
}

const int64 = (name: string, values: number[]) =>
  tensor(name, [values.length], {
    dataType: 7,
    rawData: new Uint8Array(BigInt64Array.from(values, BigInt).buffer),
  });

/** A graph of some nodes on an input x, float32 [n, 3]. */
function onX(nodes: GraphProto["node"], fields: Partial<GraphProto> = {}): GraphProto {
  return graph({ input: [info("x", 1, ["n", 3])], node: nodes, ...fields });
}

describe("graphs", () => {
  test("inputs, nodes and outputs, by name", () => {
    const g = read(
      graph({
        name: "line",
        input: [info("x", 1, ["n", 3]), info("w", 1, [3])],
        node: [node("MatMul", ["x", "w"], ["p"]), node("Relu", ["p"], ["y"])],
        output: [info("y")],
      }),
    );
    expect(g.name).toBe("line");
    expect([...g.inputs.keys()]).toEqual(["x", "w"]);
    expect([...g.outputs.keys()]).toEqual(["y"]);
    expect(String(g.value("p"))).toBe('float32 [n] "p"');
    expect(String(g.value("y"))).toBe('float32 [n] "y"');
    expect(g.value("y").producer?.inputs).toEqual([g.value("p")]);
  });

  test("an output may be an input, an initialiser, or have two readers", () => {
    const g = read(
      onX([node("Abs", ["x"], ["y"]), node("Abs", ["y"], ["z"])], {
        initializer: [tensor("w", [2])],
        output: [info("x"), info("w"), info("y"), info("z")],
      }),
    );
    expect(g.outputs.get("x")).toBe(g.inputs.get("x"));
    expect(g.outputs.get("w")?.data?.elements).toEqual(new Float32Array(2));
  });

  test("optional inputs and outputs that are left out", () => {
    const g = read(
      onX([node("Clip", ["x", "", "high"], ["y"]), node("TopK", ["y", "k"], ["", "indices"])], {
        initializer: [tensor("high", []), int64("k", [2])],
      }),
    );
    const clip = g.value("y").producer;
    expect(clip?.inputs.map((value) => value?.hint)).toEqual(["x", undefined, "high"]);
    expect(String(g.value("indices"))).toBe('int64 [n, 2] "indices"');
  });

  test("names are any text", () => {
    const names = ["__proto__", "constructor", "a b\n", "größe", "x".repeat(1_000_000)];
    const g = read(
      graph({
        input: names.map((name) => info(name, 1, [2])),
        node: names.map((name, i) =>
          node("Op", [name], [`${i}`], {
            domain: "__proto__",
            attribute: [attribute("__proto__", { type: Type.INT, i: 3n })],
          }),
        ),
        output: [info("toString")],
        initializer: [tensor("toString", [])],
      }),
    );
    for (const name of names) expect(g.value(name).hint).toBe(name);
    expect(Object.entries(g.value("0").producer?.attributes ?? {})).toEqual([
      ["__proto__", { type: "int", value: 3 }],
    ]);
  });

  test("operators named like parts of JavaScript are unknown operators", () => {
    for (const op of ["__proto__", "constructor", "hasOwnProperty"]) {
      const g = read(onX([node(op, ["x"], ["y"])]));
      expect(g.value("y").dtype).toBe("unknown");
    }
  });

  test("100,000 nodes in a row are read in linear time", () => {
    const chain = Array.from({ length: 100_000 }, (_, i) =>
      node("Add", [`${i}`, "x"], [`${i + 1}`]),
    );
    const bytes = bytesOf(onX([node("Abs", ["x"], ["0"]), ...chain], { output: [info("100000")] }));
    const start = processorTime();
    const g = Graph.fromModel(bytes);
    expect(processorTime() - start).toBeLessThan(4000);
    expect(String(g.value("100000"))).toBe('float32 [n, 3] "100000"');
  });
});

describe("what is no model is an error that names what is wrong", () => {
  test.each<[string, () => string, RegExp]>([
    [
      "no graph",
      () => {
        try {
          return String(Graph.fromModel(toBinary(ModelProtoSchema, create(ModelProtoSchema))));
        } catch (error) {
          return (error as Error).message;
        }
      },
      /the model has no graph/,
    ],
    [
      "a name that nothing makes",
      () => problem(onX([node("Add", ["x", "gone"], ["y"])])),
      /node 0 \(Add\) reads "gone", which nothing makes/,
    ],
    [
      "nodes out of order",
      () =>
        problem(
          onX([
            node("Abs", ["a"], ["b"], { name: "second" }),
            node("Abs", ["x"], ["a"], { name: "first" }),
          ]),
        ),
      /node "second" \(Abs\) reads "a", which node "first" \(Abs\) makes only later/,
    ],
    [
      "a cycle",
      () => problem(onX([node("Add", ["x", "y"], ["y"])])),
      /which node 0 \(Add\) makes only later/,
    ],
    [
      "a name made twice",
      () => problem(onX([node("Abs", ["x"], ["y"]), node("Neg", ["x"], ["y"])])),
      /node 1 \(Neg\) makes "y", which exists already/,
    ],
    [
      "a name made twice by one node",
      () => problem(onX([node("Split", ["x"], ["y", "y"])])),
      /node 0 \(Split\) makes "y", which exists already/,
    ],
    [
      "a node that makes an input",
      () => problem(onX([node("Abs", ["x"], ["x"])])),
      /makes "x", which exists already/,
    ],
    [
      "two inputs of a name",
      () => problem(graph({ input: [info("x"), info("x")] })),
      /an input "x", which exists/,
    ],
    [
      "an input without a name",
      () => problem(graph({ input: [info("")] })),
      /an input without a name/,
    ],
    [
      "two initialisers of a name",
      () => problem(graph({ initializer: [tensor("w", []), tensor("w", [])] })),
      /an initialiser "w", which exists/,
    ],
    [
      "two outputs of a name",
      () => problem(onX([], { output: [info("x"), info("x")] })),
      /two outputs "x"/,
    ],
    [
      "an output that nothing makes",
      () => problem(onX([], { output: [info("y")] })),
      /nothing makes the output "y"/,
    ],
    [
      "a node without operator",
      () => problem(onX([node("", ["x"], ["y"])])),
      /node 0 \(\) has no operator/,
    ],
    [
      "two attributes of a name",
      () =>
        problem(
          onX([
            node("Op", [], ["y"], {
              attribute: [attribute("a", { type: 2 }), attribute("a", { type: 1 })],
            }),
          ]),
        ),
      /node 0 \(Op\) has two attributes of one name/,
    ],
    [
      "an old opset",
      () => problem(onX([]), { opsetImport: [opset("", 6)] }),
      /version 6 of ai.onnx; expected 7 to 26/,
    ],
    ["a new opset", () => problem(onX([]), { opsetImport: [opset("ai.onnx", 27)] }), /version 27/],
    [
      "two versions of a domain",
      () => problem(onX([]), { opsetImport: [opset("", 17), opset("ai.onnx", 18)] }),
      /imports "ai.onnx" at version 17 and 18/,
    ],
    [
      "an inner error",
      () =>
        problem(
          onX([
            node("Cast", ["x"], ["c"]),
            ifNode(["x"], graph({ node: [node("Abs", ["gone"], ["a"])] }), graph({})),
          ]),
        ),
      /node 0 \(Abs\) reads "gone"/,
    ],
  ])("%s", (_, run, message) => {
    expect(run()).toMatch(message);
  });

  test("bytes that are none, and options that do not exist, are errors of the caller", () => {
    expect(() => Graph.fromModel("model.onnx" as never)).toThrow(
      'fromModel: bytes: expected the model\'s bytes, a Uint8Array, got "model.onnx"',
    );
    expect(() => Graph.fromModel(new ArrayBuffer(4) as never)).toThrow(GraphError);
    expect(() => Graph.fromModel(none, { limit: {} } as never)).toThrow('unknown option "limit"');
    expect(() => Graph.fromModel(Uint8Array.of(1, 2), { limits: { size: 1 } })).toThrow(/byte 1/);
  });

  test("a long name is shortened", () => {
    const name = "n".repeat(1e6);
    expect(problem(onX([node("Abs", [name], ["y"])])).length).toBeLessThan(300);
  });
});

describe("opsets", () => {
  test("ai.onnx by either name, and other domains", () => {
    const g = read(onX([node("Abs", ["x"], ["y"], { domain: "ai.onnx" })]), {
      opsetImport: [opset("ai.onnx", 13), opset("com.example", 4)],
    });
    expect([...g.opsets]).toEqual([
      ["", 13],
      ["com.example", 4],
    ]);
    expect(g.value("y")).toMatchObject({ dtype: "float32", shape: ["n", 3] });
    expect(g.value("y").producer?.domain).toBe("");
  });

  test.each([7, 13, 26])("%i is read", (version) => {
    expect(read(onX([]), { opsetImport: [opset("", version)] }).opset).toBe(version);
  });

  test("attributes that became inputs are understood", () => {
    const axes = attribute("axes", { type: Type.INTS, ints: [1n] });
    const g = read(onX([node("ReduceSum", ["x"], ["y"], { attribute: [axes] })]), {
      opsetImport: [opset("", 11)],
    });
    expect(String(g.value("y"))).toBe('float32 [n, 1] "y"');
    expect(g.value("y").producer?.normal).toEqual({ axes: [1], keepdims: true });
  });
});

describe("types", () => {
  test("are not known where a size is none that a tensor has", () => {
    const g = read(
      onX([node("Expand", ["x", "s"], ["y"])], { initializer: [int64("s", [-4, 2 ** 62])] }),
    );
    expect(String(g.value("y"))).toBe('unknown […] "y"');
  });

  const typeOf = (declared: ReturnType<typeof info>) =>
    String(read(graph({ input: [declared] })).value("x"));

  test("of inputs", () => {
    expect(typeOf(info("x", 11, ["n", 3, null]))).toBe('float64 [n, 3, ?] "x"');
    expect(typeOf(info("x", 9))).toBe('bool […] "x"');
    expect(typeOf(info("x", 1, []))).toBe('float32 [] "x"');
    expect(typeOf(info("x", 99, [2]))).toBe('unknown [2] "x"');
    expect(typeOf(create(ValueInfoProtoSchema, { name: "x" }))).toBe('unknown […] "x"');
  });

  test("dimensions that say nothing, and polynomials", () => {
    expect(typeOf(info("x", 1, [-1, "?", "", "-1"]))).toBe('float32 [?, ?, ?, ?] "x"');
    expect(typeOf(info("x", 1, ["m + n", "2*n", "floor(n/2)"]))).toBe(
      'float32 [m+n, 2*n, floor(n/2)] "x"',
    );
    const long = Array.from({ length: 1e5 }, (_, i) => `a${i}`).join("+");
    expect(read(graph({ input: [info("x", 1, [long])] })).value("x").shape).toEqual([undefined]);
  });

  test("sequences say what they hold", () => {
    const elemType = info("", 1, [2]).type as NonNullable<ReturnType<typeof info>["type"]>;
    const value = create(TypeProto_SequenceSchema, { elemType });
    const type = create(TypeProtoSchema, { value: { case: "sequenceType", value } });
    expect(typeOf(create(ValueInfoProtoSchema, { name: "x", type }))).toBe(
      'sequence of float32 [2] "x"',
    );
  });

  test("declared ones complete what is inferred", () => {
    const g = read(
      onX([node("Mystery", ["x"], ["a"]), node("Add", ["a", "a"], ["b"])], {
        valueInfo: [info("a", 1, ["n", 7])],
        output: [info("b", 1, ["rows", 7])],
      }),
    );
    expect(String(g.value("a"))).toBe('float32 [n, 7] "a"');
    expect(String(g.value("b"))).toBe('float32 [n, 7] "b"');
  });

  test("where they contradict each other, the operator decides the type and nobody the size", () => {
    const g = read(
      onX([node("Abs", ["x"], ["a"]), node("Abs", ["x"], ["b"]), node("Abs", ["x"], ["c"])], {
        valueInfo: [info("a", 11, ["n", 4]), info("b", 1, [5, 3]), info("c", 1, [3])],
      }),
    );
    expect(String(g.value("a"))).toBe('float32 [n, ?] "a"');
    expect(String(g.value("b"))).toBe('float32 [5, 3] "b"');
    expect(String(g.value("c"))).toBe('float32 […] "c"');
  });

  test("a node that cannot be right is read like one that is not known", () => {
    const g = read(
      graph({
        input: [info("x", 1, [2]), info("y", 1, [3])],
        node: [
          node("Add", ["x", "y"], ["a"]),
          node("Add", ["x"], ["b"]),
          node("Softmax", ["x"], ["c"], {
            attribute: [attribute("axis", { type: Type.STRING, s: Buffer.from("1") })],
          }),
        ],
        valueInfo: [info("b", 1, [4])],
      }),
    );
    expect(String(g.value("a"))).toBe('unknown […] "a"');
    expect(String(g.value("b"))).toBe('float32 [4] "b"');
    expect(g.value("b").producer).toMatchObject({ op: "Add", normal: undefined });
    expect(g.value("c").dtype).toBe("unknown");
  });

  test("sizes in initialisers and constants are known", () => {
    const value = attribute("value", { type: Type.TENSOR, t: int64("", [-1, 2]) });
    const g = read(
      graph({
        input: [info("x", 1, [4, 3])],
        initializer: [int64("shape", [3, 4])],
        node: [
          node("Reshape", ["x", "shape"], ["a"]),
          node("Constant", [], ["c"], { attribute: [value] }),
          node("Reshape", ["x", "c"], ["b"]),
        ],
      }),
    );
    expect(g.value("a").shape).toEqual([3, 4]);
    expect(g.value("b").shape).toEqual([6, 2]);
  });
});

describe("initialisers", () => {
  test("are constants that share the file's bytes", () => {
    const g = read(graph({ initializer: [tensor("w", [2], { docString: "weights" })] }));
    const { data } = g.value("w");
    expect(data).toMatchObject({ dtype: "float32", dims: [2] });
    expect(data?.source?.docString).toBe("weights");
    expect(data?.elements).toEqual(new Float32Array(2));
  });

  test("that are inputs as well, as before IR version 4, are constants", () => {
    const proto = onX([node("Mul", ["x", "w"], ["y"])], { initializer: [tensor("w", [3])] });
    proto.input.push(info("w", 1, [3]));
    const g = read(proto, { irVersion: 3n });
    expect([...g.inputs.keys()]).toEqual(["x"]);
    expect(g.value("w").data).toBeDefined();
  });

  test("sparse ones have a type and no elements", () => {
    const sparse = create(SparseTensorProtoSchema, {
      values: tensor("s", [2]),
      indices: int64("", [0, 5]),
      dims: [3n, 4n],
    });
    const g = read(graph({ sparseInitializer: [sparse], node: [node("Abs", ["s"], ["y"])] }));
    expect(String(g.value("s"))).toBe('float32 [3, 4] "s"');
    expect(g.value("s").data).toBeUndefined();
    expect([...g.inputs.keys()]).toEqual([]);
  });

  test("in other files are read but not opened", () => {
    const shape = tensor("shape", [2], {
      dataType: 7,
      rawData: none,
      dataLocation: TensorProto_DataLocation.EXTERNAL,
      externalData: [create(StringStringEntryProtoSchema, { key: "location", value: "w.bin" })],
    });
    const g = read(onX([node("Reshape", ["x", "shape"], ["y"])], { initializer: [shape] }));
    expect(g.value("y").dtype).toBe("float32");
    expect(() => g.value("shape").data?.elements).toThrow(/are kept in the file "w.bin"/);
  });
});

describe("attributes", () => {
  test("of every kind", () => {
    const sparse = create(SparseTensorProtoSchema, { dims: [1n] });
    const text = (s: string) => new TextEncoder().encode(s);
    const g = read(
      onX([
        node("Op", ["x"], ["y"], {
          attribute: [
            attribute("f", { type: Type.FLOAT, f: 1 }),
            attribute("i", { type: Type.INT, i: -7n }),
            attribute("long", { type: Type.INT, i: 2n ** 62n }),
            attribute("s", { type: Type.STRING, s: text("größe") }),
            attribute("binary", { type: Type.STRING, s: Uint8Array.of(0xff) }),
            attribute("t", { type: Type.TENSOR, t: tensor("", [2]) }),
            attribute("fs", { type: Type.FLOATS, floats: [0.5, 2] }),
            attribute("is", { type: Type.INTS, ints: [1n, 2n ** 62n] }),
            attribute("ss", { type: Type.STRINGS, strings: [text("a"), none] }),
            attribute("sparse", { type: Type.SPARSE_TENSOR, sparseTensor: sparse }),
            attribute("reference", { type: Type.INT, refAttrName: "axis" }),
            attribute("typeless", { i: 3n }),
          ],
        }),
      ]),
    );
    const attributes = g.value("y").producer?.attributes ?? {};
    expect(attributes).toMatchObject({
      f: { type: "float", value: 1 },
      i: { type: "int", value: -7 },
      long: { type: "int", value: 2n ** 62n },
      s: { type: "string", value: "größe" },
      binary: { type: "opaque" },
      fs: { type: "floats", value: [0.5, 2] },
      is: { type: "ints", value: [1, 2n ** 62n] },
      ss: { type: "strings", value: ["a", ""] },
      sparse: { type: "opaque" },
      reference: { type: "opaque" },
      typeless: { type: "opaque" },
    });
    expect(attributes.t?.type === "tensor" && attributes.t.value.dims).toEqual([2]);
  });
});

function ifNode(output: string[], yes: GraphProto, no: GraphProto) {
  return node(
    "If",
    ["c"],
    output.map((name) => `${name}_out`),
    {
      attribute: [
        attribute("then_branch", { type: Type.GRAPH, g: yes }),
        attribute("else_branch", { type: Type.GRAPH, g: no }),
      ],
    },
  );
}

/** if (c) |x| * k else -x, where k is an initialiser of the branch. */
function branching(): GraphProto {
  const yes = graph({
    name: "yes",
    initializer: [tensor("k", [1], { rawData: new Uint8Array(Float32Array.of(2).buffer) })],
    node: [node("Abs", ["x"], ["a"]), node("Mul", ["a", "k"], ["p"])],
    output: [info("p", 1)],
  });
  const no = graph({ name: "no", node: [node("Neg", ["x"], ["q"])], output: [info("q", 1)] });
  return graph({
    input: [info("x", 1, ["n"]), info("c", 9, [])],
    node: [ifNode(["y"], yes, no)],
    output: [info("y_out", 1, ["n"])],
  });
}

describe("subgraphs", () => {
  test("are blocks that read values around them", () => {
    const g = read(branching());
    const [yes, no] = subgraphsOf(g.value("y_out").producer?.attributes ?? {});
    expect(yes?.parent).toBe(g.root);
    expect(yes?.nodes.map(({ op }) => op)).toEqual(["Abs", "Mul"]);
    expect(no?.nodes[0]?.inputs).toEqual([g.value("x")]);
    expect(yes?.nodes[1]?.inputs[1]?.block).toBe(yes);
    expect(String(g.value("y_out"))).toBe('float32 [n] "y_out"');
    expect(() => g.value("p")).toThrow(GraphError);
  });

  test("a loop's body knows the types of its arguments", () => {
    const body = graph({
      input: ["i", "go", "s"].map((name) => create(ValueInfoProtoSchema, { name })),
      node: [node("Identity", ["go"], ["next"]), node("Add", ["s", "x"], ["t"])],
      output: [info("next", 9), create(ValueInfoProtoSchema, { name: "t" })],
    });
    const g = read(
      graph({
        input: [info("x", 11, [3]), info("count", 7, [])],
        node: [
          node("Loop", ["count", "", "x"], ["y"], {
            attribute: [attribute("body", { type: Type.GRAPH, g: body })],
          }),
        ],
        output: [info("y", 11)],
      }),
    );
    const [block] = subgraphsOf(g.value("y").producer?.attributes ?? {});
    expect(block?.inputs.map(({ dtype }) => dtype)).toEqual(["int64", "bool", "float64"]);
    expect(g.value("y").dtype).toBe("float64");
  });

  test("siblings may use one name, and inner names win", () => {
    const branch = () => graph({ node: [node("Abs", ["x"], ["t"])], output: [info("t", 1)] });
    const g = read(
      graph({
        input: [info("x", 1, ["n"]), info("c", 9, [])],
        node: [node("Neg", ["x"], ["t"]), ifNode(["y"], branch(), branch())],
        output: [info("t"), info("y_out")],
      }),
    );
    expect(g.value("t").producer?.op).toBe("Neg");
    const [yes] = subgraphsOf(g.value("y_out").producer?.attributes ?? {});
    expect(yes?.outputs[0]?.producer?.op).toBe("Abs");
  });

  test("in a list keep what they read alive", () => {
    const inner = graph({ node: [node("Abs", ["a"], ["b"])], output: [info("b", 1)] });
    const proto = onX(
      [
        node("Neg", ["x"], ["a"]),
        node("Choose", [], ["y"], {
          domain: "com.example",
          attribute: [attribute("bodies", { type: Type.GRAPHS, graphs: [inner, inner] })],
        }),
      ],
      { output: [info("y", 1)] },
    );
    const g = read(proto, { opsetImport: [opset("", 18), opset("com.example", 1)] });
    const sliced = Graph.fromModel(g.toModel({ outputs: { y: g.value("y") } }));
    expect(sliced.value("a").producer?.op).toBe("Neg");
  });
});

test("kernel operators find their definitions", () => {
  const definition: Definition = {
    name: "Twice_float32",
    domain: "ai.softonnx",
    version: 1,
    inputs: ["x"],
    outputs: ["y"],
    infer: ([x]) => [{ dtype: "float32", shape: x?.shape }],
    body: ([x]) => [add(x as never, x as never)],
    vjp: ({ dy }) => [mul(dy, 2)],
    life: "always",
  };
  defineFamily("Twice", 1, (name) => (name === definition.name ? definition : undefined));
  const twice = (version: number, inputs = ["x"]) =>
    read(onX([node("Twice_float32", inputs, ["y"], { domain: "ai.softonnx" })]), {
      opsetImport: [opset("", 18), opset("ai.softonnx", version)],
    }).value("y");
  expect(twice(1)).toMatchObject({ dtype: "float32", shape: ["n", 3] });
  expect(twice(1).producer?.definition).toBe(definition);
  expect(twice(2).producer?.definition).toBeUndefined();
  expect(twice(1, ["x", "x"]).producer?.definition).toBeUndefined();
});

/** A model with something of every kind that ONNX can hold, and unknown fields at several levels. */
function everything(): ModelProto {
  const proto = branching();
  const strings = (key: string, value: string) =>
    create(StringStringEntryProtoSchema, { key, value });
  const unknown = { no: 900, wireType: 2, data: Uint8Array.of(2, 0xff, 0xfe) };
  const rich = node("Odd", ["x", "", "w", "s"], ["odd", ""], {
    name: "odd",
    domain: "com.example",
    overload: "second",
    docString: "größe",
    attribute: [attribute("typeless", { i: 3n, docString: "kept" })],
    metadataProps: [strings("namespace", "a/b")],
  });
  rich.$unknown = [unknown];
  proto.node.push(rich, node("Abs", ["x"], ["dead"]));
  proto.input.push(info("w", 1, [3]));
  proto.initializer.push(tensor("w", [3], { rawData: none, floatData: [1, 2, 3] }));
  proto.initializer.push(tensor("unused", [2], { docString: "kept" }));
  proto.sparseInitializer = [
    create(SparseTensorProtoSchema, {
      values: tensor("s", [1]),
      indices: int64("", [2]),
      dims: [4n],
    }),
  ];
  proto.output.push(info("odd", 1), info("x", 1, ["n"]), info("w", 1, [3]));
  proto.valueInfo = [info("dead", 1, ["n"])];
  proto.docString = "a graph";
  proto.metadataProps = [strings("k", "v")];
  proto.$unknown = [unknown];
  const body = create(FunctionProtoSchema, {
    name: "Odd",
    domain: "com.example",
    overload: "second",
    input: ["a", "b", "c", "d"],
    output: ["e", "f"],
    attribute: ["axis"],
    attributeProto: [attribute("alpha", { type: Type.FLOAT, f: 0.5 })],
    node: [
      node("Softmax", ["a"], ["e"], {
        attribute: [attribute("axis", { type: Type.INT, refAttrName: "axis" })],
      }),
      node("Identity", ["a"], ["f"]),
    ],
    opsetImport: [opset("", 18)],
    valueInfo: [info("e", 1)],
  });
  const all = model(proto, {
    irVersion: 10n,
    opsetImport: [opset("ai.onnx", 18), opset("com.example", 3)],
    producerName: "somebody",
    producerVersion: "1",
    domain: "org.example",
    modelVersion: -5n,
    docString: "a model",
    metadataProps: [strings("a", "1"), strings("a", "2")],
    functions: [body],
  });
  all.$unknown = [unknown];
  return all;
}

const same = (a: ModelProto, b: ModelProto) =>
  equals(ModelProtoSchema, a, b, { registry: createRegistry(), unknown: true });

describe("what is read and not touched", () => {
  test("nodes of any length, in the bytes that they came in", () => {
    const constants = [1, 10_000, 16_370, 16_384, 100_000, 3].map((size, i) => {
      const t = tensor("", [size], { dataType: 1, rawData: new Uint8Array(4 * size).fill(i) });
      const value = attribute("value", { type: Type.TENSOR, t });
      return node("Constant", [], [`c${i}`], { attribute: [value] });
    });
    const bytes = bytesOf(
      onX([...constants, node("Neg", ["x"], ["y"])], { output: [info("y", 1)] }),
    );
    const found = fromBinary(ModelProtoSchema, Graph.fromModel(bytes).toModel());
    expect(toBinary(ModelProtoSchema, found)).toEqual(bytes);
  });

  test("is written as it was, field by field", () => {
    const before = everything();
    const written = Graph.fromModel(toBinary(ModelProtoSchema, before)).toModel();
    const after = fromBinary(ModelProtoSchema, written);
    expect(after).toEqual(fromBinary(ModelProtoSchema, toBinary(ModelProtoSchema, before)));
    expect(same(after, before)).toBe(true);
  });

  test("is no different after a second time", () => {
    const once = Graph.fromModel(toBinary(ModelProtoSchema, everything())).toModel();
    expect(Graph.fromModel(once).toModel()).toEqual(once);
  });

  test("stays when something is added", () => {
    const before = everything();
    const g = Graph.fromModel(toBinary(ModelProtoSchema, before));
    g.output("total", reduceSum(g.value("x")));
    const after = fromBinary(ModelProtoSchema, g.toModel());
    const { graph: old } = before;
    const written = after.graph as GraphProto;
    expect(written.node.slice(0, old?.node.length)).toEqual(
      fromBinary(ModelProtoSchema, toBinary(ModelProtoSchema, before)).graph?.node,
    );
    expect(written.output.map(({ name }) => name)).toEqual(["y_out", "odd", "x", "w", "total"]);
    expect(written.initializer.map(({ name }) => name)).toEqual(["w", "unused"]);
    expect(after.functions).toHaveLength(1);
  });

  test("new names keep clear of all that are in use, in subgraphs too", () => {
    const g = Graph.fromModel(toBinary(ModelProtoSchema, everything()));
    const names = ["x", "c", "k", "a", "p", "q", "odd", "unused", "dead", "s"];
    const isTaken = (name: string) => g.source?.isTaken(name);
    expect(names.filter((name) => !isTaken(name))).toEqual([]);
    const x = g.value("x");
    g.output("new", x.abs().neg().add(x).abs());
    const { graph: written } = fromBinary(ModelProtoSchema, g.toModel());
    const made = (written?.node ?? []).slice(3).flatMap(({ output }) => output);
    expect(made.filter(isTaken)).toEqual([]);
    expect(new Set(made).size).toBe(made.length);
  });

  test("in scopes that the model has as well", () => {
    const g = read(onX([node("Relu", ["x"], ["layer/abs"])], { output: [info("layer/abs", 1)] }));
    g.output(
      "y",
      g.scope("layer", () => g.value("x").abs().neg()),
    );
    const { graph: written } = fromBinary(ModelProtoSchema, g.toModel());
    expect(written?.node.flatMap(({ output }) => output)).toEqual([
      "layer/abs",
      "layer/abs_1",
      "y",
    ]);
  });

  test("a node that leaves outputs out does not stand for a new one", () => {
    const g = read(
      onX([node("TopK", ["x", "k"], ["", "indices"])], {
        initializer: [int64("k", [2])],
        output: [info("indices", 7)],
      }),
    );
    g.output("largest", topK(g.value("x"), g.value("k")).values);
    const { graph: written } = fromBinary(ModelProtoSchema, g.toModel());
    expect(written?.node.map(({ opType }) => opType)).toEqual(["TopK", "TopK"]);
    expect(written?.node[1]?.output[0]).toBe("largest");
  });

  test("runs as before under ONNX Runtime, and with what was added", async () => {
    const run = async (bytes: Uint8Array) => {
      const session = await InferenceSession.create(bytes, { logSeverityLevel: 3 });
      const x = new Tensor("float32", Float32Array.of(-1, 2), [2]);
      const results = await session.run({ x, c: new Tensor("bool", [true], []) });
      return Object.fromEntries(
        Object.entries(results).map(([name, { data }]) => [name, [...(data as Float32Array)]]),
      );
    };
    const bytes = bytesOf(branching());
    const g = Graph.fromModel(bytes);
    expect(await run(bytes)).toEqual({ y_out: [2, 4] });
    expect(await run(g.toModel())).toEqual({ y_out: [2, 4] });
    const [sum] = ifElse(
      g.value("c"),
      () => [g.value("y_out").add(10).sum()],
      () => [g.value("x").sum()],
    );
    g.output("sum", sum as never);
    expect(await run(g.toModel())).toEqual({ y_out: [2, 4], sum: [26] });
    expect(await run(g.toModel({ outputs: { sum: sum as never } }))).toEqual({ sum: [26] });
  });

  test("onnx-proto, on another protobuf library, reads the same from both", () => {
    const bytes = bytesOf(branching(), { metadataProps: [] });
    const plain = (model: Uint8Array) => onnxProto.onnx.ModelProto.decode(model).toJSON();
    expect(plain(Graph.fromModel(bytes).toModel())).toEqual(plain(bytes));
  });
});

test("our own models come back as they were built", () => {
  const g = new Graph("own");
  const x = g.input("x", "float32", ["n", 3]);
  const w = g.parameter("w", [1, 2, 3]);
  const y = x.matmul(w);
  const [z] = ifElse(
    y.sum().greater(0),
    () => [y.mul(2)],
    () => [y.neg()],
  );
  g.output("z", z as never).update(w, w.sub(1));
  const bytes = g.toModel();
  const back = Graph.fromModel(bytes);
  expect([...back.inputs.keys()]).toEqual(["x", "w"]);
  expect([...back.outputs.keys()]).toEqual(["z", "w.next"]);
  expect(back.value("z")).toMatchObject({ dtype: "float32", shape: ["n"] });
  expect(back.toModel()).toEqual(bytes);
});
