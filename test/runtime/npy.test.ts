import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { NpyError, readNpy, Tensor, writeNpy } from "../../src/node.ts";
import { formatNpy, parseNpy } from "../../src/runtime/npy.ts";

const folder = mkdtempSync(join(tmpdir(), "softonnx-npy-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** A file of the format: magic, version, length of the header, header, elements. */
function file(header: string, elements: readonly number[] = [], version = 1): Uint8Array {
  const text = Buffer.from(`${header}\n`, "latin1");
  const length = Buffer.alloc(version === 1 ? 2 : 4);
  if (version === 1) length.writeUInt16LE(text.length);
  else length.writeUInt32LE(text.length);
  return Buffer.concat([
    Buffer.from([0x93, ...Buffer.from("NUMPY"), version, 0]),
    length,
    text,
    Buffer.from(elements),
  ]);
}

const parse = (bytes: Uint8Array) => parseNpy(bytes, Tensor);

function refusal(bytes: Uint8Array): string {
  try {
    parse(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(NpyError);
    return (error as Error).message;
  }
  return "no error";
}

describe(".npy files", () => {
  test("are read in every version, byte order and element order", () => {
    const c = "{'descr': '<i2', 'fortran_order': False, 'shape': (2, 3), }";
    const elements = [1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0];
    const expected = { type: "int16", dims: [2, 3], data: Int16Array.of(1, 2, 3, 4, 5, 6) };
    for (const version of [1, 2, 3])
      expect(parse(file(c, elements, version))).toMatchObject(expected);
    const big = `{"shape":(2,3),"descr":">i2","fortran_order":False}`;
    const swapped = [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6];
    expect(parse(file(big, swapped))).toMatchObject(expected);
    const fortran = "{'descr': '<i2', 'fortran_order': True, 'shape': (2L, 3L), }";
    expect(parse(file(fortran, [1, 0, 4, 0, 2, 0, 5, 0, 3, 0, 6, 0]))).toMatchObject(expected);
    const scalar = "{'descr': '|b1', 'fortran_order': False, 'shape': ()}";
    expect(parse(file(scalar, [1]))).toMatchObject({ type: "bool", dims: [] });
  });

  test("come back as they were written", async () => {
    const tensors = [
      new Tensor("float32", [1.5, -0, Number.NaN], [3]),
      new Tensor("float64", [Math.PI], []),
      new Tensor("int64", BigInt64Array.of(-(2n ** 63n), 1n), [1, 2, 1]),
      new Tensor("uint8", new Uint8Array(0), [0, 4]),
      new Tensor("bool", Uint8Array.of(1, 0), [2]),
    ];
    for (const tensor of tensors) {
      const path = join(folder, "again.npy");
      await writeNpy(path, tensor);
      const { type, dims, data } = tensor;
      expect(await readNpy(path)).toMatchObject({ type, dims, data });
    }
  });

  test("are NumPy's own", () => {
    const paths = ["made.npy", "ours.npy"].map((name) => join(folder, name));
    writeFileSync(paths[1] as string, formatNpy(new Tensor("float32", [1, 2, 3, 4, 5, 6], [2, 3])));
    const program = `
import sys, numpy as np
a = np.load(sys.argv[2])
assert a.dtype == np.float32 and (a == np.arange(1, 7).reshape(2, 3)).all()
np.save(sys.argv[1], np.asfortranarray(a.astype(">f8")))`;
    const { status, error } = spawnSync("/usr/bin/python3", ["-c", program, ...paths]);
    if (error !== undefined || status !== 0) {
      process.stdout.write("skipped: there is no python3 with numpy\n");
      return;
    }
    expect(parse(readFileSync(paths[0] as string))).toMatchObject({
      type: "float64",
      dims: [2, 3],
      data: Float64Array.of(1, 2, 3, 4, 5, 6),
    });
  });

  test("that are none, or hold no numbers, are refused with what is wrong", async () => {
    const header = (descr: string, shape: string) =>
      `{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }`;
    expect(refusal(Buffer.from("PK and more than twelve"))).toBe(
      "it does not begin as a .npy file does",
    );
    expect(refusal(file(header("<f4", "(1,)"), [0, 0, 0, 0], 9))).toBe("it is of version 9.0");
    expect(refusal(file(header("|O", "(1,)"), [0]))).toBe(
      'its elements are of type "O", not numbers',
    );
    expect(refusal(file(header("<U3", "(1,)"), [0]))).toContain('"U3"');
    expect(refusal(file(header("toString", "(1,)"), [0]))).toContain('"toString"');
    expect(refusal(file(header("<f4", "(2,)"), [0, 0, 0, 0]))).toBe(
      "float32 [2] takes 8 bytes, and there are 4",
    );
    expect(refusal(file(header("<f4", "(-1,)"), [0, 0, 0, 0]))).toContain("cannot be read");
    expect(refusal(file(header("<f4", "(99999999999, 99999999999)")))).toContain("takes");
    expect(refusal(file(header("<f4", `(${"1,".repeat(99)})`), [0, 0, 0, 0]))).toContain("read");
    expect(refusal(file("__import__('os').system('true')"))).toContain("cannot be read");
    expect(refusal(file("{'descr': [('a', '<f4')], 'fortran_order': False}"))).toContain("read");
    expect(refusal(file(" ".repeat(20_000)))).toContain("at most 10000 are read");
    writeFileSync(join(folder, "bad.npy"), "nothing of the kind");
    await expect(readNpy(join(folder, "bad.npy"))).rejects.toThrow(/bad\.npy: it does not begin/);
    await expect(readNpy(join(folder, "none.npy"))).rejects.toThrow(/ENOENT/);
  });

  test("no bytes bring the reader down", () => {
    const good = formatNpy(new Tensor("float32", [1, 2, 3, 4], [2, 2]));
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
