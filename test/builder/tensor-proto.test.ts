import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  StringStringEntryProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProto_DataType,
  TensorProtoSchema,
} from "onnx-buf";
import { type DType, dtypeCode, type TypedArray } from "../../src/builder/dtype.ts";
import { GraphError } from "../../src/builder/errors.ts";
import { TensorData } from "../../src/builder/tensor.ts";
import { protoOfTensor, tensorOfProto } from "../../src/builder/tensor-proto.ts";
import { tensor } from "./messages.ts";

const none = new Uint8Array(0);
const Type = TensorProto_DataType;

function elements(dims: number[], fields: Parameters<typeof tensor>[2]) {
  return tensorOfProto(tensor("w", dims, { rawData: none, ...fields })).elements;
}

describe("reading", () => {
  test.each<[DType, object, TypedArray | readonly string[]]>([
    ["float32", { floatData: [1.5, -2] }, Float32Array.of(1.5, -2)],
    ["float64", { doubleData: [0.1, -2] }, Float64Array.of(0.1, -2)],
    ["int64", { int64Data: [-1n, 2n ** 62n] }, BigInt64Array.of(-1n, 2n ** 62n)],
    ["uint64", { uint64Data: [1n, 2n ** 63n] }, BigUint64Array.of(1n, 2n ** 63n)],
    ["uint32", { uint64Data: [1n, 2n ** 32n - 1n] }, Uint32Array.of(1, 2 ** 32 - 1)],
    ["int32", { int32Data: [-1, 2] }, Int32Array.of(-1, 2)],
    ["int16", { int32Data: [-1, 2] }, Int16Array.of(-1, 2)],
    ["int8", { int32Data: [-1, 2] }, Int8Array.of(-1, 2)],
    ["uint16", { int32Data: [65535, 2] }, Uint16Array.of(65535, 2)],
    ["uint8", { int32Data: [255, 2] }, Uint8Array.of(255, 2)],
    ["bool", { int32Data: [5, 0] }, Uint8Array.of(1, 0)],
    ["float16", { int32Data: [0x3c00, 0xc000] }, Uint16Array.of(0x3c00, 0xc000)],
    ["bfloat16", { int32Data: [0x3f80, 0xc000] }, Uint16Array.of(0x3f80, 0xc000)],
    ["float8e4m3fn", { int32Data: [0x38, 0xff] }, Uint8Array.of(0x38, 0xff)],
    ["float8e8m0", { int32Data: [0x7f, 0xfe] }, Uint8Array.of(0x7f, 0xfe)],
    ["complex64", { floatData: [1, 2, 3, 4] }, Float32Array.of(1, 2, 3, 4)],
    ["complex128", { doubleData: [1, 2, 3, 4] }, Float64Array.of(1, 2, 3, 4)],
    ["string", { stringData: [Buffer.from("größe"), none] }, ["größe", ""]],
  ])("%s from its list", (dtype, fields, expected) => {
    const data = tensorOfProto(
      tensor("w", [2], { dataType: dtypeCode(dtype), rawData: none, ...fields }),
    );
    expect(data).toMatchObject({ dtype, dims: [2] });
    expect(data.elements).toEqual(expected);
  });

  test("types narrower than a byte stay packed, in lists as in raw data", () => {
    const int4 = { dataType: Type.INT4, int32Data: [0x21, 0x43, 0x05] };
    expect(elements([5], int4)).toEqual(Uint8Array.of(0x21, 0x43, 0x05));
    const uint2 = { dataType: Type.UINT2, rawData: Uint8Array.of(0b11100100, 1) };
    expect(elements([5], uint2)).toEqual(Uint8Array.of(0b11100100, 1));
  });

  test("raw data is lowest byte first, and used in place where it is aligned", () => {
    const file = new Uint8Array(32);
    new DataView(file.buffer).setFloat32(8, 1.5, true);
    new DataView(file.buffer).setFloat32(17, 2.5, true);
    const aligned = elements([1], { rawData: file.subarray(8, 12) }) as Float32Array;
    expect(aligned).toEqual(Float32Array.of(1.5));
    expect(aligned.buffer).toBe(file.buffer);
    const unaligned = elements([1], { rawData: file.subarray(17, 21) }) as Float32Array;
    expect(unaligned).toEqual(Float32Array.of(2.5));
    expect(unaligned.buffer).not.toBe(file.buffer);
  });

  test("a Node Buffer that is not aligned is copied too", () => {
    const file = Buffer.from([0, 0, 0, 0, 0, 0x80, 0x3f]);
    const rawData = file.subarray(3, 7) as never;
    expect(elements([1], { rawData })).toEqual(Float32Array.of(1));
  });

  test("nothing is decoded before it is asked for, and only once", () => {
    const proto = tensor("w", [1], { rawData: none });
    const data = tensorOfProto(proto);
    proto.floatData = [7];
    expect(data.elements).toEqual(Float32Array.of(7));
    expect(data.elements).toBe(data.elements);
    expect(data.source).toBe(proto);
  });

  test("a tensor without elements", () => {
    expect(elements([0, 3], {})).toEqual(new Float32Array(0));
  });

  test("external data is an error that names the file", () => {
    const data = tensorOfProto(
      tensor("w", [2], {
        rawData: none,
        dataLocation: TensorProto_DataLocation.EXTERNAL,
        externalData: [
          create(StringStringEntryProtoSchema, { key: "location", value: "weights.bin" }),
        ],
      }),
    );
    expect(data.external).toBe(true);
    expect(() => data.elements).toThrow(
      'fromModel: the elements of "w" are kept in the file "weights.bin"',
    );
  });

  test("types that are not known, too few elements and broken texts are errors", () => {
    expect(() => elements([1], { dataType: 99 })).toThrow(/a type that is not known here \(99\)/);
    expect(() => elements([2], { floatData: [1] })).toThrow(
      /"w" declares 2 elements of float32 but holds 1/,
    );
    const broken = { dataType: Type.STRING, stringData: [Uint8Array.of(0xff)] };
    expect(() => elements([1], broken)).toThrow(GraphError);
  });
});

describe("writing", () => {
  test("elements become raw data without a copy", () => {
    const values = Float32Array.of(1, 2, 3, 4);
    const proto = protoOfTensor(new TensorData("float32", [2, 2], values), "w");
    expect(proto).toMatchObject({ name: "w", dims: [2n, 2n], dataType: Type.FLOAT });
    expect(proto.rawData.buffer).toBe(values.buffer);
  });

  test("a part of a larger array is written as that part", () => {
    const values = Float32Array.of(1, 2, 3, 4).subarray(1, 3);
    const proto = protoOfTensor(new TensorData("float32", [2], values), "w");
    expect(proto.rawData).toEqual(new Uint8Array(Float32Array.of(2, 3).buffer));
  });

  test("a tensor that was read is written as it was read", () => {
    const proto = tensor("w", [1], { rawData: none, floatData: [7], docString: "kept" });
    expect(protoOfTensor(tensorOfProto(proto), "w")).toBe(proto);
  });

  test("under another name too, with the fields that ONNX does not have", () => {
    const unknown = [0xa0, 6, 1];
    const bytes = Uint8Array.from([...toBinary(TensorProtoSchema, tensor("w", [2])), ...unknown]);
    const proto = fromBinary(TensorProtoSchema, bytes);
    const renamed = protoOfTensor(tensorOfProto(proto), "v");
    expect(proto.name).toBe("w");
    expect(renamed.name).toBe("v");
    expect(renamed.rawData).toBe(proto.rawData);
    expect([...toBinary(TensorProtoSchema, renamed)].slice(-3)).toEqual(unknown);
  });

  test.each<[DType, TypedArray | readonly string[]]>([
    ["float32", Float32Array.of(-0, Number.NaN)],
    ["float64", Float64Array.of(Number.MIN_VALUE, 1 / 3)],
    ["float16", Uint16Array.of(1, 2)],
    ["bool", Uint8Array.of(1, 0)],
    ["int64", BigInt64Array.of(-1n, 5n)],
    ["uint32", Uint32Array.of(1, 2 ** 32 - 1)],
    ["string", ["a\u0000b", "大"]],
  ])("%s comes back", (dtype, values) => {
    const proto = protoOfTensor(new TensorData(dtype, [2], values), "w");
    const read: TensorProto = fromBinary(TensorProtoSchema, toBinary(TensorProtoSchema, proto));
    expect(tensorOfProto(read).elements).toEqual(values);
  });
});
