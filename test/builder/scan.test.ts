import { create, fromBinary } from "@bufbuild/protobuf";
import {
  AttributeProto_AttributeType,
  ModelProtoSchema,
  SparseTensorProtoSchema,
  TensorProto_DataLocation,
  TensorProto_DataType,
} from "onnx-buf";
import {
  MODEL_LIMITS,
  ModelFormatError,
  type ModelLimits,
  scanModel,
} from "../../src/builder/scan.ts";
import { attribute, bytesOf, graph, info, node, tensor } from "./messages.ts";
import { processorTime } from "./time.ts";

/** What the scan says of bytes; undefined if it is content. */
function problem(bytes: Uint8Array, limits?: Partial<ModelLimits>): string | undefined {
  try {
    scanModel(bytes, limits);
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(ModelFormatError);
    return (error as Error).message;
  }
}

/** A delimited field. */
function field(number: number, content: readonly number[]): number[] {
  return [...varint(number * 8 + 2), ...varint(content.length), ...content];
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return [...bytes, rest];
}

const bytes = (...content: number[]) => Uint8Array.from(content);

// Field numbers of onnx.proto.
const MODEL_GRAPH = 7;
const GRAPH_NODE = 1;
const GRAPH_INITIALIZER = 5;
const NODE_ATTRIBUTE = 5;
const ATTRIBUTE_GRAPH = 6;

const inGraph = (...content: number[]) => bytes(...field(MODEL_GRAPH, content));

describe("the wire format", () => {
  test("an ordinary model passes", () => {
    const model = bytesOf(
      graph({
        input: [info("x", 1, ["n", 3])],
        initializer: [tensor("w", [3])],
        node: [node("Mul", ["x", "w"], ["y"])],
        output: [info("y", 1, ["n", 3])],
      }),
      { docString: "größer ≠ 大" },
    );
    expect(problem(model)).toBeUndefined();
  });

  test("no bytes at all are an empty message", () => {
    expect(problem(bytes())).toBeUndefined();
  });

  test.each([
    [
      "a field that runs past the end",
      bytes(0x3a, 5, 0),
      /byte 0: a field of ModelProto declares 5 bytes, but 1 are left/,
    ],
    [
      "a field that runs past its message",
      inGraph(0x12, 9, 65),
      /byte 2: a field of GraphProto declares 9 bytes, but 1 are left/,
    ],
    ["a length of 2^63", bytes(0x3a, ...Array(9).fill(0xff), 1), /declares too many bytes/],
    ["a number cut short", bytes(0x08, 0x80), /byte 1: ModelProto ends within a number/],
    [
      "a number of eleven bytes",
      bytes(0x08, ...Array(10).fill(0x80), 1),
      /byte 1: expected a number of at most 10 bytes/,
    ],
    [
      "a fixed number cut short",
      bytes(...field(MODEL_GRAPH, field(GRAPH_NODE, field(NODE_ATTRIBUTE, [0x15, 0, 0])))),
      /byte 6: AttributeProto ends within a number of 4 bytes/,
    ],
    ["field number 0", bytes(0x00, 0), /byte 0: expected a field, got field number 0/],
    [
      "a field number of 2^40",
      bytes(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1),
      /field number that is too large/,
    ],
    ["a start of a group", bytes(0xa3, 6), /wire type 3, which ONNX does not use/],
    ["an end of a group", bytes(0xa4, 6), /wire type 4/],
    ["wire type 7", bytes(0xa7, 6), /wire type 7/],
    ["a text as a number", bytes(0x10, 1), /ModelProto.producer_name: expected wire type 2, got 0/],
    ["a number as a text", bytes(0x0a, 0), /ModelProto.ir_version: expected wire type 0, got 2/],
    [
      "a text that is not UTF-8",
      bytes(...field(2, [0x61, 0xc3])),
      /byte 0: expected a text in UTF-8 in ModelProto/,
    ],
    [
      "two graphs",
      bytes(...field(MODEL_GRAPH, []), ...field(MODEL_GRAPH, [])),
      /byte 2: ModelProto.graph is given twice/,
    ],
  ])("%s is refused", (_, model, message) => {
    expect(problem(model)).toMatch(message);
  });

  test("the offset is a field of the error", () => {
    try {
      scanModel(bytes(0x08, 1, 0x3a, 5));
    } catch (error) {
      expect(error).toMatchObject({ name: "ModelFormatError", offset: 2 });
    }
    expect.assertions(1);
  });

  test("fields that ONNX does not have pass, of any size", () => {
    const unknown = [
      ...varint(1000 * 8),
      ...varint(7),
      ...varint(1001 * 8 + 1),
      1,
      2,
      3,
      4,
      5,
      6,
      7,
      8,
      ...field(1002, [0xff, 0xff]),
      ...varint(1003 * 8 + 5),
      1,
      2,
      3,
      4,
    ];
    expect(problem(bytes(...unknown))).toBeUndefined();
  });

  test("every model cut short anywhere is refused or a shorter model", () => {
    const model = bytesOf(
      graph({ node: [node("Abs", ["x"], ["y"])], initializer: [tensor("w", [2])] }),
    );
    const refused = Array.from({ length: model.length }, (_, end) =>
      problem(model.subarray(0, end)),
    );
    // All but a few cuts fall within the graph, which is nearly the whole model.
    expect(refused.filter((message) => message !== undefined).length).toBeGreaterThan(
      model.length - 12,
    );
  });
});

describe("limits", () => {
  test("are frozen, documented defaults", () => {
    expect(Object.isFrozen(MODEL_LIMITS)).toBe(true);
    expect(MODEL_LIMITS).toMatchObject({ messages: 2e6, subgraphs: 32, rank: 64, nesting: 100 });
  });

  test("size", () => {
    expect(problem(bytes(8, 1), { size: 1 })).toBe(
      "fromModel: byte 1: the model has 2 bytes, the limit is 1",
    );
  });

  test("messages, with fields that ONNX does not have", () => {
    const nodes = inGraph(...Array(10).fill([0x0a, 0]).flat());
    expect(problem(nodes, { messages: 11 })).toBeUndefined();
    expect(problem(nodes, { messages: 10 })).toMatch(/byte 20: more than 10 messages/);
    const unknown = bytes(...Array(10).fill([0xa8, 6, 0]).flat());
    expect(problem(unknown, { messages: 9 })).toMatch(/more than 9 messages/);
  });

  test("a bomb of empty nodes is refused at once", () => {
    const count = 15_000_000;
    const content = new Uint8Array(2 * count);
    for (let i = 0; i < content.length; i += 2) content[i] = 0x0a;
    const model = new Uint8Array([
      ...varint(MODEL_GRAPH * 8 + 2),
      ...varint(content.length),
      ...[],
    ]);
    const all = new Uint8Array(model.length + content.length);
    all.set(model);
    all.set(content, model.length);
    const start = processorTime();
    expect(problem(all)).toMatch(/more than 2000000 messages/);
    expect(processorTime() - start).toBeLessThan(1000);
  });

  test("numbers in lists; 64-bit integers and texts count four", () => {
    const ints = bytesOf(
      graph({
        node: [node("Op", [], [], { attribute: [attribute("a", { ints: [1n, 2n, 3n] })] })],
      }),
    );
    expect(problem(ints, { values: 12 })).toBeUndefined();
    expect(problem(ints, { values: 11 })).toMatch(/lists of more than 11 numbers/);
    const names = bytesOf(graph({ node: [node("Op", ["", "", ""], [])] }));
    expect(problem(names, { values: 11 })).toMatch(/lists of more than 11/);
    const packed = bytesOf(
      graph({ initializer: [tensor("w", [2], { rawData: new Uint8Array(0), floatData: [1, 2] })] }),
    );
    // The dimension counts as well.
    expect(problem(packed, { values: 6 })).toBeUndefined();
    expect(problem(packed, { values: 5 })).toMatch(/lists of more than 5/);
  });

  test("rank", () => {
    const ranked = (rank: number) =>
      bytesOf(graph({ initializer: [tensor("w", Array(rank).fill(1))] }));
    expect(problem(ranked(64))).toBeUndefined();
    expect(problem(ranked(65))).toMatch(/more than 64 dimensions/);
    expect(problem(bytesOf(graph({ input: [info("x", 1, Array(65).fill("n"))] })))).toMatch(
      /more than 64 dimensions/,
    );
    const packed = field(1, Array(65).fill(1));
    expect(problem(inGraph(...field(GRAPH_INITIALIZER, packed)))).toMatch(/more than 64 dim/);
  });

  test("subgraphs", () => {
    const nested = (depth: number) => {
      let content: number[] = [];
      for (let i = 0; i < depth; i++) {
        const inAttribute = field(ATTRIBUTE_GRAPH, content);
        content = field(GRAPH_NODE, field(NODE_ATTRIBUTE, inAttribute));
      }
      return inGraph(...content);
    };
    expect(problem(nested(32))).toBeUndefined();
    expect(problem(nested(33))).toMatch(/more than 32 subgraphs within subgraphs/);
    expect(problem(nested(20), { subgraphs: 19 })).toMatch(/more than 19 subgraphs/);
    expect(problem(nested(40), { subgraphs: 100 })).toMatch(/more than 100 messages within/);
  });

  test("messages within messages, in types too", () => {
    let content: number[] = [];
    // TypeProto.sequence_type is 4, TypeProto.Sequence.elem_type 1.
    for (let i = 0; i < 60; i++) content = field(4, field(1, content));
    // GraphProto.input is 11, ValueInfoProto.type 2.
    expect(problem(inGraph(...field(11, field(2, content))))).toMatch(
      /more than 100 messages within messages/,
    );
  });

  test("text", () => {
    const model = bytesOf(graph({ name: "x".repeat(1_000_000) }));
    expect(problem(model)).toBeUndefined();
    expect(problem(model, { text: 999_999 })).toMatch(
      /a text of 1000000 bytes, the limit is 999999/,
    );
  });

  test("an unknown limit is an error of the caller", () => {
    expect(() => scanModel(bytes(), { depth: 3 } as never)).toThrow('unknown option "depth"');
    expect(() => scanModel(bytes(), { rank: -1 })).toThrow("limits.rank: expected a whole number");
  });
});

describe("declared tensors", () => {
  const Type = TensorProto_DataType;
  const none = new Uint8Array(0);
  const of = (dims: number[], fields: Parameters<typeof tensor>[2]) =>
    problem(bytesOf(graph({ initializer: [tensor("w", dims, fields)] })));

  test("raw data of the declared size passes", () => {
    expect(of([3, 4], {})).toBeUndefined();
    expect(of([], {})).toBeUndefined();
    expect(of([0, 5], {})).toBeUndefined();
    expect(of([5], { dataType: Type.INT4, rawData: new Uint8Array(3) })).toBeUndefined();
    expect(of([5], { dataType: Type.UINT2, rawData: new Uint8Array(2) })).toBeUndefined();
  });

  test("another size does not", () => {
    expect(of([12], { rawData: new Uint8Array(40) })).toBe(
      'fromModel: byte 10: tensor "w" declares 12 elements of float32 (48 bytes) but holds 40',
    );
    expect(of([2], { rawData: none })).toMatch(
      /declares 2 elements of float32 \(8 bytes\) but holds 0/,
    );
  });

  test("elements in lists", () => {
    expect(of([3], { rawData: none, floatData: [1, 2, 3] })).toBeUndefined();
    expect(of([3], { rawData: none, floatData: [1, 2] })).toMatch(
      /\(3 in float_data\) but holds 2/,
    );
    const cases = [
      [Type.COMPLEX64, { floatData: [1, 2, 3, 4] }],
      [Type.DOUBLE, { doubleData: [1, 2] }],
      [Type.COMPLEX128, { doubleData: [1, 2, 3, 4] }],
      [Type.INT64, { int64Data: [-1n, 2n] }],
      [Type.UINT32, { uint64Data: [1n, 2n] }],
      [Type.INT8, { int32Data: [-1, 2] }],
      [Type.BFLOAT16, { int32Data: [1, 2] }],
      [Type.INT4, { int32Data: [0x21] }],
      [Type.STRING, { stringData: [none, none] }],
    ] as const;
    for (const [dataType, data] of cases) {
      expect(of([2], { dataType, rawData: none, ...(data as object) })).toBeUndefined();
      expect(of([6], { dataType, rawData: none, ...(data as object) })).toMatch(
        /declares 6 elements/,
      );
    }
  });

  test("elements in the wrong place", () => {
    expect(of([1], { rawData: none, doubleData: [1] })).toMatch(/but holds them in double_data/);
    expect(of([1], { floatData: [1] })).toMatch(/holds its elements in two fields/);
    expect(of([1], { rawData: none, floatData: [1], doubleData: [1] })).toMatch(/in two fields/);
    expect(of([4], { dataType: Type.STRING })).toMatch(/but holds raw data/);
  });

  test("sizes beyond counting", () => {
    expect(of([-1], { rawData: none })).toMatch(/tensor "w" has a negative dimension/);
    expect(of([2 ** 60], { rawData: none })).toMatch(/has a dimension of 11529215046068/);
    const huge = [2 ** 40, 2 ** 40];
    expect(of(huge, { rawData: none })).toMatch(/more elements than can be counted/);
    expect(of([...huge, 0], { rawData: none })).toBeUndefined();
  });

  test("elements in another file are not asked for", () => {
    const dataLocation = TensorProto_DataLocation.EXTERNAL;
    expect(of([1000], { rawData: none, dataLocation })).toBeUndefined();
    expect(of([2 ** 40, 2 ** 40], { rawData: none, dataLocation })).toMatch(/can be counted/);
  });

  test("types that ONNX has not given out are let be", () => {
    expect(of([3], { dataType: 99, rawData: new Uint8Array(7) })).toBeUndefined();
    expect(of([3], { dataType: 0, rawData: none })).toBeUndefined();
  });

  test("tensors in attributes and sparse tensors too", () => {
    const bad = tensor("inner", [3], { rawData: none });
    const t = attribute("value", { type: AttributeProto_AttributeType.TENSOR, t: bad });
    const ts = attribute("values", { type: AttributeProto_AttributeType.TENSORS, tensors: [bad] });
    for (const each of [t, ts]) {
      const model = bytesOf(graph({ node: [node("Op", [], ["y"], { attribute: [each] })] }));
      expect(problem(model)).toMatch(/tensor "inner" declares 3 elements/);
    }
    const sparse = create(SparseTensorProtoSchema, { values: bad, dims: [3n] });
    expect(problem(bytesOf(graph({ sparseInitializer: [sparse] })))).toMatch(/tensor "inner"/);
    const negative = create(SparseTensorProtoSchema, { dims: [-3n] });
    expect(problem(bytesOf(graph({ sparseInitializer: [negative] })))).toMatch(
      /negative dimension/,
    );
  });

  test("a long name is shortened", () => {
    const model = bytesOf(
      graph({ initializer: [tensor("n".repeat(1e5), [3], { rawData: none })] }),
    );
    expect(problem(model)?.length).toBeLessThan(200);
  });
});

test("100,000 nodes are scanned in a fraction of the time that decoding takes", () => {
  const chain = Array.from({ length: 100_000 }, (_, i) =>
    node("Add", [`v${i}`, "x"], [`v${i + 1}`], { name: `node_${i}` }),
  );
  const model = bytesOf(graph({ node: chain }));
  const time = (run: () => void) => {
    const start = processorTime();
    run();
    return processorTime() - start;
  };
  const scan = Math.min(...[1, 2, 3].map(() => time(() => scanModel(model))));
  const decode = Math.min(...[1, 2].map(() => time(() => fromBinary(ModelProtoSchema, model))));
  expect(scan).toBeLessThan(decode / 2);
});
