import { fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { AttributeProto_AttributeType, type ModelProto, ModelProtoSchema } from "onnx-buf";
import { GraphError } from "../../src/builder/errors.ts";
import { Graph } from "../../src/builder/graph.ts";
import { schemas } from "../../src/builder/operators/every.ts";
import { ModelFormatError } from "../../src/builder/scan.ts";
import { attribute, bytesOf, graph, info, node, opset, tensor } from "./messages.ts";
import { processorTime } from "./time.ts";

const Type = AttributeProto_AttributeType;

/** Reads bytes that may be anything: a graph that can be written again, or an error of ours, soon. */
function survive(bytes: Uint8Array): Graph | undefined {
  const start = processorTime();
  try {
    const g = Graph.fromModel(bytes);
    g.summary();
    for (const value of g.source?.values.values() ?? []) String(value);
    if (g.outputs.size > 0) {
      const written = fromBinary(ModelProtoSchema, g.toModel());
      expect(same(written, fromBinary(ModelProtoSchema, bytes))).toBe(true);
    }
    return g;
  } catch (error) {
    if (!(error instanceof ModelFormatError)) throw error;
    return undefined;
  } finally {
    // Usually a millisecond; the rest is for a busy machine.
    expect(processorTime() - start).toBeLessThan(2000);
  }
}

/** As bytes, in which NaN equals itself. */
const same = (a: ModelProto, b: ModelProto) =>
  Buffer.compare(toBinary(ModelProtoSchema, a), toBinary(ModelProtoSchema, b)) === 0;

/** A model of most operators that the builder knows, some with subgraphs. */
function zoo(): Uint8Array<ArrayBuffer> {
  const ints = (...values: number[]) => ({ type: Type.INTS, ints: values.map(BigInt) });
  const body = graph({
    input: [info("i", 7, []), info("go", 9, []), info("s", 1, ["n", 3])],
    node: [node("Identity", ["go"], ["next"]), node("Add", ["s", "x"], ["t"])],
    output: [info("next", 9, []), info("t", 1, ["n", 3])],
  });
  const int64 = (name: string, ...values: number[]) =>
    tensor(name, [values.length], {
      dataType: 7,
      rawData: new Uint8Array(BigInt64Array.from(values, BigInt).buffer),
    });
  return bytesOf(
    graph({
      input: [info("x", 1, ["n", 3]), info("b", 9, [])],
      initializer: [
        tensor("w", [3, 4], { docString: "größe" }),
        int64("shape", -1, 6),
        int64("axes", 1),
        tensor("typed", [2], { rawData: new Uint8Array(0), floatData: [1, 2] }),
      ],
      node: [
        node("MatMul", ["x", "w"], ["m"], { name: "first" }),
        node("Reshape", ["x", "shape"], ["r"]),
        node("ReduceSum", ["x", "axes"], ["sum"], {
          attribute: [attribute("keepdims", { type: Type.INT, i: 0n })],
        }),
        node("Transpose", ["x"], ["tr"], { attribute: [attribute("perm", ints(1, 0))] }),
        node("Softmax", ["m"], ["p"], {
          attribute: [attribute("axis", { type: Type.INT, i: -1n })],
        }),
        node("Concat", ["x", "x"], ["cat"], {
          attribute: [attribute("axis", { type: Type.INT, i: 1n })],
        }),
        node("Split", ["cat"], ["s1", "s2"], {
          attribute: [
            attribute("axis", { type: Type.INT, i: 1n }),
            attribute("num_outputs", { type: Type.INT, i: 2n }),
          ],
        }),
        node("Slice", ["x", "axes", "axes"], ["sl"]),
        node("Einsum", ["x", "w"], ["e"], {
          attribute: [
            attribute("equation", { type: Type.STRING, s: Buffer.from("ij,jk->ik") as never }),
          ],
        }),
        node("Shape", ["x"], ["size"]),
        node("Expand", ["sum", "size"], ["ex"]),
        node("Tile", ["x", "size"], ["ti"]),
        node("Constant", [], ["k"], { attribute: [attribute("value_ints", ints(1, 2))] }),
        node("ConstantOfShape", ["size"], ["zero"]),
        node("Gather", ["size", "axes"], ["ga"]),
        node("Loop", ["", "b", "x"], ["l"], {
          attribute: [attribute("body", { type: Type.GRAPH, g: body })],
        }),
      ],
      output: [info("p", 1, ["n", 4]), info("l", 1), info("x", 1)],
    }),
    { opsetImport: [opset("", 18), opset("com.example", 1)] },
  );
}

test("the model itself is read with all types known", () => {
  const g = survive(zoo());
  const unknown = [...(g?.source?.values.values() ?? [])].filter(
    ({ dtype }) => dtype === "unknown",
  );
  expect(unknown.map(String)).toEqual([]);
});

test("a model cut short anywhere", () => {
  const bytes = zoo();
  for (let end = 0; end < bytes.length; end++) survive(bytes.subarray(0, end));
});

test("every byte changed to some others", () => {
  const bytes = zoo();
  for (let at = 0; at < bytes.length; at++) {
    const before = bytes[at] as number;
    for (const value of [0, 0x80, 0xff, before ^ 1, before ^ 8]) {
      bytes[at] = value;
      survive(bytes);
    }
    bytes[at] = before;
  }
});

test("bytes changed, inserted, removed and repeated at random", () => {
  const bytes = zoo();
  const place = fc.nat(bytes.length - 1);
  const change = fc.oneof(
    fc.record({ at: place, remove: fc.nat(4), insert: fc.uint8Array({ maxLength: 6 }) }),
    fc.record({
      at: place,
      remove: fc.constant(0),
      insert: fc.tuple(place, fc.nat(200)).map(([from, size]) => bytes.slice(from, from + size)),
    }),
  );
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
      let changed: Uint8Array = bytes;
      for (const { at, remove, insert } of changes) {
        changed = Uint8Array.from([
          ...changed.subarray(0, at),
          ...insert,
          ...changed.subarray(at + remove),
        ]);
      }
      survive(changed);
    }),
    { numRuns: 500 },
  );
});

test("any bytes at all", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      survive(bytes);
    }),
    { numRuns: 2000 },
  );
});

describe("models that are well-formed and wrong in every other way", () => {
  const names = ["x", "y", "z", "w", "c", "n1", "n2", "", "__proto__"];
  const name = fc.constantFrom(...names);
  const int = fc.oneof(
    fc.bigInt({ min: -3n, max: 4n }),
    fc.constantFrom(2n ** 31n, -(2n ** 31n), 2n ** 53n, 2n ** 63n - 1n, -(2n ** 63n)),
  );
  const attributeName = fc.constantFrom(
    "axis",
    "axes",
    "keepdims",
    "perm",
    "equation",
    "to",
    "value",
    "value_int",
    "value_ints",
    "split",
    "num_outputs",
    "start",
    "end",
    "starts",
    "ends",
    "mode",
    "pads",
    "batch_dims",
    "shape",
    "reduction",
    "k",
    "dtype",
    "alpha",
    "transA",
    "allowzero",
    "exclusive",
    "largest",
    "upper",
    "repeats",
    "fmod",
    "body",
    "then_branch",
    "else_branch",
    "min",
    "max",
    "__proto__",
  );
  const smallTensor = fc.array(int, { maxLength: 5 }).map((values) =>
    tensor("t", [values.length], {
      dataType: 7,
      rawData: new Uint8Array(BigInt64Array.from(values).buffer),
    }),
  );
  const kind = fc.oneof(
    int.map((i) => ({ type: Type.INT, i })),
    fc.array(int, { maxLength: 5 }).map((list) => ({ type: Type.INTS, ints: list })),
    fc.float().map((f) => ({ type: Type.FLOAT, f })),
    fc
      .constantFrom("ij,jk->ik", "...i,i->...", "i i", "add", "", "->", "ii->i", "edge")
      .map((s) => ({
        type: Type.STRING,
        s: new TextEncoder().encode(s),
      })),
    smallTensor.map((t) => ({ type: Type.TENSOR, t })),
    fc.constant({ type: Type.GRAPH, g: graph({ output: [info("x")] }) }),
  );
  const attributes = fc.uniqueArray(
    fc.tuple(attributeName, kind).map(([key, fields]) => attribute(key, fields)),
    { selector: (each) => each.name, maxLength: 4 },
  );
  const nodes = fc.array(
    fc.record({
      op: fc.constantFrom(...Object.keys(schemas), "Mystery", "StopGradient"),
      inputs: fc.array(name, { maxLength: 4 }),
      outputs: fc.integer({ min: 0, max: 3 }),
      attributes,
    }),
    { maxLength: 8 },
  );
  const dim = fc.oneof(
    fc.integer({ min: 0, max: 4 }),
    fc.constantFrom(2 ** 31, 2 ** 52),
    fc.constantFrom("n", "m", "n+m", "2*n", "n*m", "?"),
    fc.constant(null),
  );
  const shape = fc.option(fc.array(dim, { maxLength: 5 }), { nil: undefined });
  const dtype = fc.constantFrom(1, 11, 7, 6, 9, 8, 10, 2, 99);
  const opsets = fc.integer({ min: 7, max: 26 });

  test("are read, or refused with an error of ours", () => {
    let inferred = 0;
    fc.assert(
      fc.property(
        nodes,
        fc.array(fc.tuple(dtype, shape), { minLength: 3, maxLength: 3 }),
        smallTensor,
        opsets,
        (list, types, constant, version) => {
          const made: string[] = [];
          const proto = graph({
            input: types.map(([type, dims], i) => info(["x", "y", "z"][i] as string, type, dims)),
            initializer: [{ ...constant, name: "c" }, tensor("w", [2, 3])],
            node: list.map(({ op, inputs, outputs, attributes: all }, i) => {
              const names = Array.from({ length: outputs }, (_, j) => `v${i}_${j}`);
              // Names of nothing become the latest result, so that wrong types travel on.
              const read = inputs.map((each) =>
                each.startsWith("n") || each === "__proto__" ? (made.at(-1) ?? "x") : each,
              );
              made.push(...names);
              return node(op, read, names, { attribute: all });
            }),
          });
          const latest = made.at(-1);
          if (latest !== undefined) proto.output = [info(latest)];
          const g = survive(bytesOf(proto, { opsetImport: [opset("", version)] }));
          expect(g).toBeDefined();
          inferred += [...(g?.root.nodes ?? [])].filter(
            ({ normal }) => normal !== undefined,
          ).length;
        },
      ),
      { numRuns: 800 },
    );
    expect(inferred).toBeGreaterThan(300);
  });
});

test("only errors of inference are passed over: none of them is a slip of ours", () => {
  // Each schema is asked about inputs of every rank up to 3 and type, with and without attributes.
  const wrong: string[] = [];
  for (const [op, schema] of Object.entries(schemas)) {
    for (const dtype of [1, 7, 9, 8]) {
      for (let rank = 0; rank <= 3; rank++) {
        const g = Graph.fromModel(
          bytesOf(
            graph({
              input: ["a", "b", "c"].map((each) => info(each, dtype, ["n", 2, "m"].slice(0, rank))),
            }),
          ),
        );
        for (let count = 0; count <= 3; count++) {
          const inputs = [...g.inputs.values()].slice(0, count);
          const facts = { operator: op, inputs, attributes: {}, opset: 18, outputCount: 1 };
          try {
            schema.infer(facts, schema.normal(facts) as never);
          } catch (error) {
            if (!(error instanceof GraphError)) wrong.push(`${op}(${inputs}): ${error}`);
          }
        }
      }
    }
  }
  expect(wrong).toEqual([]);
});

describe("models made to take forever", () => {
  const chain = (op: string, count: number, last = "x") =>
    Array.from({ length: count }, (_, i) => {
      const from = i === 0 ? last : `${op}${i - 1}`;
      return node(op, [from, from], [`${op}${i}`]);
    });
  const within = (proto: ReturnType<typeof graph>, milliseconds: number) => {
    const bytes = bytesOf(proto);
    const start = processorTime();
    const g = Graph.fromModel(bytes);
    expect(processorTime() - start).toBeLessThan(milliseconds);
    return g;
  };

  test("sizes in a vector of 2^31 elements", () => {
    const g = within(
      graph({
        input: [info("x", 1, [2]), info("sizes", 7, [2 ** 31])],
        node: ["Reshape", "Expand", "Tile", "Unsqueeze", "Squeeze", "ReduceSum"].map((op) =>
          node(op, ["x", "sizes"], [op]),
        ),
      }),
      500,
    );
    expect(g.value("Expand").shape).toBeUndefined();
  });

  test("a rank that doubles at every node", () => {
    const g = within(graph({ input: [info("x", 7, [2, 3])], node: chain("Gather", 60) }), 500);
    expect(g.value("Gather3").shape).toHaveLength(17);
    expect(g.value("Gather59").shape).toBeUndefined();
  });

  test("sizes that are multiplied with themselves", () => {
    const sizes = { type: Type.INTS, ints: [1n, -1n] };
    const proto = graph({
      input: [info("x", 1, ["n+m", "n"])],
      node: [
        node("Shape", ["x"], ["s"]),
        ...chain("Mul", 60, "s"),
        node("Expand", ["x", "Mul59"], ["y"]),
      ],
    });
    proto.node.push(node("Transpose", ["x"], ["t"], { attribute: [attribute("perm", sizes)] }));
    expect(within(proto, 500).value("y").shape).toEqual([undefined, undefined]);
  });

  test("a polynomial of many names as a dimension", () => {
    const long = Array.from({ length: 1e5 }, (_, i) => `a${i}`).join("+");
    const dims = ["a+b+c+d+e+f+g+h+i+j+k+l+m+n+o+p", long];
    within(
      graph({
        input: [info("x", 1, dims)],
        node: [node("Shape", ["x"], ["s"]), ...chain("Mul", 2000, "s"), ...chain("Add", 2000, "s")],
      }),
      2000,
    );
  });

  test("axes without end", () => {
    const axes = attribute("axes", {
      type: Type.INTS,
      ints: Array.from({ length: 1e6 }, (_, i) => BigInt(i)),
    });
    within(
      graph({
        input: [info("x", 1, [2])],
        node: [node("Unsqueeze", ["x"], ["y"], { attribute: [axes] })],
      }),
      2000,
    );
  });

  test("names of a megabyte in many errors that nobody sees", () => {
    const name = "x".repeat(1e6);
    const nodes = Array.from({ length: 5000 }, (_, i) => node("Neg", ["s"], [`${i}`]));
    nodes.unshift(node("Identity", [name], ["s"]));
    within(graph({ input: [info(name, 8, [name, name])], node: nodes }), 2000);
  });

  test("bodies beside bodies", () => {
    const branch = () => graph({ node: [node("Abs", ["x"], ["t"])], output: [info("t", 1)] });
    const nodes = Array.from({ length: 5000 }, (_, i) =>
      node("If", ["c"], [`${i}`], {
        attribute: [
          attribute("then_branch", { type: Type.GRAPH, g: branch() }),
          attribute("else_branch", { type: Type.GRAPH, g: branch() }),
        ],
      }),
    );
    const proto = graph({
      input: [info("x", 1, ["n"]), info("c", 9, [])],
      node: nodes,
      output: [info("4999", 1)],
    });
    const g = within(proto, 2000);
    const start = processorTime();
    g.toModel();
    expect(processorTime() - start).toBeLessThan(2000);
  });
});
