import { type DType, Graph } from "../../src/index.ts";
import { createSession, type Feed, type Feeds, Tensor } from "../../src/node.ts";

/** Feeds one input of this type to a model that repeats it, and gives what comes out. */
async function fed(dtype: DType, shape: (number | string | null)[] | undefined, feed: unknown) {
  const g = new Graph("echo");
  const x = g.input("x", dtype, shape);
  return run(g.output("y", x), { x: feed as Feed }).then(({ y }) => y as Tensor);
}

async function run(g: Graph, feeds: unknown) {
  const session = await createSession(g, { backend: "cpu" });
  try {
    return await session.run(feeds as Feeds);
  } finally {
    await session.dispose();
  }
}

async function message(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "no error",
    (error: Error) => error.message,
  );
}

describe("what may be fed", () => {
  test("numbers, nested arrays and tensors", async () => {
    expect(await fed("float32", [], 3)).toMatchObject({ data: new Float32Array([3]), dims: [] });
    expect(
      await fed(
        "float32",
        [2, 2],
        [
          [1, 2],
          [3, 4],
        ],
      ),
    ).toMatchObject({
      data: new Float32Array([1, 2, 3, 4]),
      dims: [2, 2],
    });
    const tensor = new Tensor("float32", new Float32Array([1, 2, 3, 4]), [2, 2]);
    expect(await fed("float32", ["n", "m"], tensor)).toMatchObject({ dims: [2, 2] });
  });

  test("one number where one element is declared, whatever the rank", async () => {
    expect(await fed("float32", [1, 1], 3)).toMatchObject({ dims: [1, 1] });
    expect(await fed("float32", ["n"], 3)).toMatchObject({ dims: [1] });
    expect(await message(fed("float32", [2], 3))).toBe(
      'run: feed "x": expected float32 [2], got 3',
    );
  });

  test("a typed array fills the declared shape, of which one size may be open", async () => {
    const six = new Float32Array(6);
    expect(await fed("float32", [2, 3], six)).toMatchObject({ dims: [2, 3] });
    expect(await fed("float32", ["n"], six)).toMatchObject({ dims: [6] });
    expect(await fed("float32", ["n", 3], six)).toMatchObject({ dims: [2, 3] });
    expect(await fed("float32", undefined, six)).toMatchObject({ dims: [6] });
    expect(await fed("float32", ["n", 3], new Float32Array(0))).toMatchObject({ dims: [0, 3] });
    expect(await message(fed("float32", ["n", "m"], six))).toBe(
      'run: feed "x": expected float32 [n, m], got a Float32Array of 6 elements',
    );
    expect(await message(fed("float32", ["n", 4], six))).toBe(
      'run: feed "x": expected float32 [n, 4], got a Float32Array of 6 elements',
    );
  });

  test("elements beside their shape, which is any that fits", async () => {
    const six = Float32Array.of(1, 2, 3, 4, 5, 6);
    const given = await fed("float32", ["n", "m"], { data: six, dims: [2, 3] });
    expect(given).toMatchObject({ dims: [2, 3], type: "float32" });
    expect(given.data).toEqual(six);
    expect(await fed("int64", undefined, { data: [1, 2], dims: [2, 1] })).toMatchObject({
      dims: [2, 1],
      data: new BigInt64Array([1n, 2n]),
    });
    expect(await message(fed("float32", ["n", 4], { data: six, dims: [2, 3] }))).toBe(
      'run: feed "x": expected float32 [n, 4], got elements of shape [2, 3]',
    );
    expect(await message(fed("float32", ["n", "m"], { data: six, dims: [2, 4] }))).toContain(
      "expected 8 elements",
    );
    expect(await message(fed("float32", ["n"], { data: six, dims: [-1] as never }))).toBe(
      'run: feed "x": expected float32 [n], got { data, dims }',
    );
  });

  test("whatever the declared type is, plain numbers and typed arrays become it", async () => {
    expect((await fed("float64", ["n"], [0.1])).data).toEqual(new Float64Array([0.1]));
    expect((await fed("int64", ["n"], [1, 2])).data).toEqual(new BigInt64Array([1n, 2n]));
    expect((await fed("int64", ["n"], [1n])).data).toEqual(new BigInt64Array([1n]));
    expect((await fed("int32", ["n"], [1, -2])).data).toEqual(new Int32Array([1, -2]));
    expect((await fed("bool", ["n"], [true, false])).data).toEqual(new Uint8Array([1, 0]));
    expect((await fed("bool", ["n"], new Uint8Array([2, 0]))).data).toEqual(new Uint8Array([1, 0]));
    expect((await fed("float32", ["n"], new Float64Array([0.5]))).data).toEqual(
      new Float32Array([0.5]),
    );
    expect((await fed("float64", ["n"], new Float32Array([0.5]))).data).toEqual(
      new Float64Array([0.5]),
    );
    expect((await fed("float32", ["n"], new Int32Array([7]))).data).toEqual(new Float32Array([7]));
    expect((await fed("string", ["n"], ["a", "b"])).data).toEqual(["a", "b"]);
  });

  test("halves from numbers", async () => {
    const { data } = await fed("float16", ["n"], [1, -2]);
    expect([...new Uint16Array((data as Uint16Array).buffer)]).toEqual([0x3c00, 0xc000]);
  });

  test("a tensor of another copy of onnxruntime-common", async () => {
    const foreign = {
      type: "float32",
      data: new Float32Array([1, 2]),
      dims: [2],
      location: "cpu",
    };
    expect((await fed("float32", ["n"], foreign)).data).toEqual(new Float32Array([1, 2]));
  });

  test("any shape where even the rank is open", async () => {
    expect(await fed("float32", undefined, [[1, 2]])).toMatchObject({ dims: [1, 2] });
    expect(await fed("float32", undefined, 1)).toMatchObject({ dims: [] });
  });
});

describe("what may not be fed", () => {
  test.each<[expected: string, dtype: DType, shape: (number | string)[], feed: unknown]>([
    [
      'run: feed "x": expected float32 [n, 3], got float32 [2, 4]',
      "float32",
      ["n", 3],
      new Tensor("float32", new Float32Array(8), [2, 4]),
    ],
    [
      'run: feed "x": expected float32 [n], got float64 [1]',
      "float32",
      ["n"],
      new Tensor("float64", new Float64Array(1), [1]),
    ],
    [
      'run: feed "x": expected float32 [n, 3], got an array of shape [1, 2]',
      "float32",
      ["n", 3],
      [[1, 2]],
    ],
    ['run: feed "x": expected rows of 2 elements, got [3]', "float32", ["n", 2], [[1, 2], [3]]],
    ['run: feed "x": expected whole numbers for int64, got 0.5', "int64", ["n"], [0.5]],
    ['run: feed "x": expected numbers in the range of uint8, got 256', "uint8", ["n"], [255, 256]],
    [
      'run: feed "x": expected numbers in the range of int32, got 3000000000n',
      "int32",
      ["n"],
      new BigInt64Array([3_000_000_000n]),
    ],
    ['run: feed "x": expected numbers for float32, got "a"', "float32", ["n"], ["a"]],
    ['run: feed "x": expected float32 [n], got null', "float32", ["n"], null],
    ['run: feed "x": expected float32 [n], got { a }', "float32", ["n"], { a: 1 }],
  ])("%s", async (expected, dtype, shape, feed) => {
    expect(await message(fed(dtype, shape, feed))).toBe(expected);
  });

  test("names that are no inputs, which ONNX Runtime would ignore", async () => {
    const g = new Graph("two");
    g.output("y", g.input("left", "float32", [1]).add(g.input("right", "float32", [1])));
    expect(await message(run(g, { left: [1], rigth: [2] }))).toBe(
      'run: there is no input "rigth"; did you mean "right"?',
    );
    expect(await message(run(g, { left: [1], right: [2], temperature: [2] }))).toBe(
      'run: there is no input "temperature"; there are left, right',
    );
    expect(await message(run(g, { left: [1] }))).toBe(
      'run: feed "right" is missing: expected float32 [1]',
    );
    expect(await message(run(g, { left: [1], right: undefined }))).toBe(
      'run: feed "right" is missing: expected float32 [1]',
    );
    expect(await message(run(g, [[1], [2]]))).toBe(
      "run: feeds: expected an object of tensors by input name, got [[1], [2]]",
    );
  });

  test("sizes that disagree, which ONNX Runtime does not check", async () => {
    const g = new Graph("sizes");
    const X = g.input("X", "float32", ["n", 3]);
    const y = g.input("y", "float32", ["n"]);
    const z = g.input("z", "float32", ["n+1"]);
    g.output("a", X.sum()).output("b", y.sum()).output("c", z.sum());
    const feeds = { X: [[1, 2, 3]], y: [1], z: [1, 2] };
    expect(await message(run(g, feeds))).toBe("no error");
    expect(await message(run(g, { ...feeds, y: [1, 2] }))).toBe(
      'run: feed "y": n is 1 in "X" but 2 in "y"',
    );
    expect(await message(run(g, { ...feeds, z: [1] }))).toBe(
      'run: feed "z": n+1 must be 2, since n is 1 in "X", got 1',
    );
  });

  test("a composed size whose parts stand nowhere alone is compared with itself", async () => {
    const g = new Graph("composed");
    const a = g.input("a", "float32", ["2*n"]);
    const b = g.input("b", "float32", ["2*n"]);
    g.output("c", a.sum()).output("d", b.sum());
    expect(await message(run(g, { a: [1, 2], b: [3, 4] }))).toBe("no error");
    expect(await message(run(g, { a: [1, 2], b: [3] }))).toBe(
      'run: feed "b": 2*n is 2 in "a" but 1 in "b"',
    );
  });
});
