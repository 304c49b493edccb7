import fc from "fast-check";
import { Tensor } from "../../src/node.ts";
import {
  formatSafeTensors,
  parseSafeTensors,
  SafeTensorsError,
} from "../../src/runtime/safetensors.ts";

/** A file as the format's description has it: the length of the header, the header, the elements. */
function file(header: string, elements: readonly number[] = []): Uint8Array {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.length + elements.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(elements, 8 + text.length);
  return bytes;
}

const parse = (bytes: Uint8Array) => parseSafeTensors(bytes, Tensor);

function refusal(bytes: Uint8Array): string {
  try {
    parse(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(SafeTensorsError);
    return (error as Error).message;
  }
  return "no error";
}

describe("safetensors", () => {
  test("are read as the format has them", () => {
    const header = {
      b: { dtype: "U8", shape: [3], data_offsets: [4, 7] },
      a: { dtype: "F32", shape: [1, 1], data_offsets: [0, 4] },
      none: { dtype: "I64", shape: [0, 2], data_offsets: [7, 7] },
      __metadata__: { maker: "hand" },
    };
    // 1.5 in float32 is 0x3fc00000.
    const { tensors, metadata } = parse(
      file(`${JSON.stringify(header)}  `, [0, 0, 0xc0, 0x3f, 1, 2, 3]),
    );
    expect(metadata).toEqual({ maker: "hand" });
    expect(tensors.a).toMatchObject({ type: "float32", dims: [1, 1], data: Float32Array.of(1.5) });
    expect(tensors.b).toMatchObject({ type: "uint8", dims: [3], data: Uint8Array.of(1, 2, 3) });
    expect(tensors.none).toMatchObject({ type: "int64", dims: [0, 2] });
  });

  test("come back as they were written", () => {
    const tensors = {
      "w/é": new Tensor("float32", [1, -0, Number.NaN, Number.POSITIVE_INFINITY], [2, 2]),
      step: new Tensor("int64", BigInt64Array.of(-(2n ** 63n)), []),
      mask: new Tensor("bool", Uint8Array.of(1, 0, 1), [3]),
      x: new Tensor("float64", [Math.PI], [1]),
      __proto__x: new Tensor("uint64", BigUint64Array.of(2n ** 64n - 1n), [1]),
    };
    const bytes = formatSafeTensors({ tensors, metadata: { a: "1" } });
    const { tensors: read, metadata } = parse(Buffer.from(bytes));
    expect(metadata).toEqual({ a: "1" });
    expect(Object.keys(read)).toEqual(Object.keys(tensors));
    for (const [name, { type, dims, data }] of Object.entries(tensors)) {
      expect(read[name]).toMatchObject({ type, dims, data });
    }
  });

  test("are refused where they are not whole, and say why", () => {
    const one = (entry: object) => JSON.stringify({ w: entry });
    const f32 = { dtype: "F32", shape: [1], data_offsets: [0, 4] };
    const four = [0, 0, 0, 0];
    expect(refusal(new Uint8Array(3))).toBe("it has only 3 bytes");
    expect(refusal(new Uint8Array(8))).toContain("its header would have 0 bytes");
    expect(refusal(new Uint8Array(16).fill(255))).toContain("its header would have 184467440737");
    expect(refusal(file("[]"))).toBe("its header is no JSON object");
    expect(refusal(file("{ \xff"))).toBe("its header is no JSON");
    expect(refusal(file(`${"[".repeat(1e5)}`))).toBe("its header is no JSON");
    expect(refusal(file(one({}), four))).toBe('"w" lacks a dtype, shape or data_offsets');
    expect(refusal(file(one({ ...f32, dtype: "F8_E4M3" }), four))).toContain('type "F8_E4M3"');
    expect(refusal(file(one({ ...f32, dtype: "toString" }), four))).toContain('type "toString"');
    expect(refusal(file(one({ ...f32, shape: [-1] }), four))).toContain("lacks");
    expect(refusal(file(one({ ...f32, shape: [2] }), four))).toBe(
      '"w" has 4 bytes, but F32 [2] takes 8',
    );
    expect(refusal(file(one({ ...f32, shape: [2 ** 40, 2 ** 40] }), four))).toContain("takes");
    expect(refusal(file(one(f32)))).toContain('"w" ends at byte');
    expect(refusal(file(one({ ...f32, data_offsets: [4, 8] }), [...four, ...four]))).toBe(
      'there is a gap or an overlap before "w"',
    );
    expect(refusal(file(one(f32), [...four, 1]))).toBe("there are 1 bytes after the last tensor");
    expect(refusal(file('{"__metadata__": {"a": 1}}'))).toBe("its metadata are no texts by name");
  });

  test("no bytes bring the reader down", () => {
    const good = formatSafeTensors({
      tensors: { a: new Tensor("float32", [1, 2], [2]), b: new Tensor("int32", [3], [1]) },
      metadata: { k: "v" },
    });
    const damaged = fc.tuple(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length));
    fc.assert(
      fc.property(damaged, ([at, byte, end]) => {
        const bytes = good.slice(0, end);
        if (at < end) bytes[at] = byte;
        refusal(bytes);
      }),
      { seed: 1, numRuns: 300 },
    );
  });
});
