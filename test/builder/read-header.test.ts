import { create, toBinary } from "@bufbuild/protobuf";
import { type ModelProto, ModelProtoSchema } from "onnx-buf";
import { readHeader } from "../../src/builder/read-header.ts";
import { Graph } from "../../src/index.ts";

describe("readHeader", () => {
  test("gives the metadata", () => {
    const model = create(ModelProtoSchema, {
      metadataProps: [
        { key: "author", value: "Grace" },
        { key: "größe", value: "×2" },
        { key: "empty" },
      ],
    });
    expect([...readHeader(toBinary(ModelProtoSchema, model)).metadata]).toEqual([
      ["author", "Grace"],
      ["größe", "×2"],
      ["empty", ""],
    ]);
  });

  test("tells a scalar from a tensor of unknown rank", () => {
    const g = new Graph("ranks");
    g.input("scalar", "float32", []);
    g.input("matrix", "float32", ["n", 2]);
    const any = g.input("any", "float32");
    g.output("as it was", any).output("ranked", g.value("scalar"));
    const { shaped } = readHeader(g.toModel());
    expect([...shaped].sort()).toEqual(["matrix", "ranked", "scalar"]);
  });

  test("steps over everything else, whatever its wire type", () => {
    const bytes = toBinary(ModelProtoSchema, everything());
    expect([...readHeader(bytes).metadata]).toEqual([["k", "v"]]);
  });

  test("is exact about where a field ends: every cut either ends between fields or is an error", () => {
    const bytes = toBinary(ModelProtoSchema, everything());
    for (let length = 0; length < bytes.length; length++) {
      try {
        expect(readHeader(bytes.subarray(0, length)).metadata.size).toBeLessThanOrEqual(1);
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
      }
    }
    expect(() => readHeader(new Uint8Array([0x0b]))).toThrow(
      "the model has a field of wire type 3",
    );
    expect(() => readHeader(new Uint8Array([0x80]))).toThrow("the model ends inside a field");
  });
});

function everything(): ModelProto {
  return create(ModelProtoSchema, {
    irVersion: 8n,
    producerName: "a".repeat(300),
    metadataProps: [{ key: "k", value: "v" }],
    opsetImport: [{ domain: "", version: 18n }],
    graph: {
      name: "g",
      node: [{ opType: "Elu", attribute: [{ name: "alpha", f: 0.5, floats: [1, 2] }] }],
      initializer: [{ name: "w", dims: [2n], doubleData: [1, 2], rawData: new Uint8Array(999) }],
    },
  });
}
