import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { nativeStatus, registerNative } from "../../src/runtime/native.ts";
import {
  type ElementType,
  identity,
  model,
  node,
  port,
  sequence,
  slow,
  threshold,
} from "./models.ts";

const native = nativeStatus().available ? describe : describe.skip;
const options = { executionProviders: ["softonnx"], logSeverityLevel: 4 } as const;

test("the status says that the kernels run, or why not", () => {
  const status = nativeStatus();
  if (status.available) expect(status.onnxruntime).toMatch(/^1\.\d+/);
  else expect(status.reason).toMatch(/native kernels|onnxruntime|ONNX Runtime/);
});

native("The backend softonnx", () => {
  let directory: string;

  beforeAll(() => {
    registerNative();
    registerNative();
    directory = mkdtempSync(join(tmpdir(), "softonnx-"));
  });

  afterAll(() => rmSync(directory, { recursive: true }));

  const half = (globalThis as { Float16Array?: typeof Uint16Array }).Float16Array ?? Uint16Array;
  const values: [ElementType, ort.Tensor.DataType][] = [
    ["float32", Float32Array.of(1.5, Number.NaN, -0)],
    ["float64", Float64Array.of(1e300, -Infinity, 0.1)],
    ["float16", half.of(1, 2, 3)],
    ["int8", Int8Array.of(-128, 0, 127)],
    ["uint8", Uint8Array.of(0, 1, 255)],
    ["int16", Int16Array.of(-32768, 0, 32767)],
    ["uint16", Uint16Array.of(0, 1, 65535)],
    ["int32", Int32Array.of(-(2 ** 31), 0, 2 ** 31 - 1)],
    ["uint32", Uint32Array.of(0, 1, 2 ** 32 - 1)],
    ["int64", BigInt64Array.of(-(2n ** 63n), 0n, 2n ** 63n - 1n)],
    ["uint64", BigUint64Array.of(0n, 1n, 2n ** 64n - 1n)],
    ["bool", Uint8Array.of(1, 0, 1)],
    ["string", ["a", "", "zwölf 🙂 \0 nul"]],
  ];
  test.each(values)("passes %s through unchanged", async (type, data) => {
    const session = await ort.InferenceSession.create(identity(type), options);
    const { y } = await session.run({ x: new ort.Tensor(type, data as never, [3]) });
    expect(y).toBeInstanceOf(ort.Tensor);
    expect(y?.type).toBe(type);
    expect(y?.dims).toEqual([3]);
    expect(y?.data).toEqual(data);
  });

  test("takes empty tensors and scalars", async () => {
    const empty = await ort.InferenceSession.create(identity("float32", ["a", 0]), options);
    const x = new ort.Tensor("float32", new Float32Array(0), [4, 0]);
    expect((await empty.run({ x })).y?.dims).toEqual([4, 0]);
    const none = await ort.InferenceSession.create(identity("string"), options);
    expect((await none.run({ x: new ort.Tensor("string", [], [0]) })).y?.data).toEqual([]);
    const scalar = await ort.InferenceSession.create(identity("int64", []), options);
    const { y } = await scalar.run({ x: new ort.Tensor("int64", [7n], []) });
    expect([y?.dims, y?.data]).toEqual([[], BigInt64Array.of(7n)]);
  });

  const both = model(
    [threshold("c0", "float32"), node("Sub", ["v", "t"], ["rest"])],
    [port("v", "float32", ["batch", 3]), port("mass", "float32", [1, 1])],
    [port("t", "float32"), port("rest", "float32", ["batch", 3])],
  );
  const feeds = () => ({
    v: new ort.Tensor("float32", Float32Array.of(3, 1, 0, 0, 0, 0), [2, 3]),
    mass: new ort.Tensor("float32", Float32Array.of(1), [1, 1]),
  });

  test("says what a model takes and gives", async () => {
    const session = await ort.InferenceSession.create(both, options);
    expect(session.inputNames).toEqual(["v", "mass"]);
    expect(session.outputNames).toEqual(["t", "rest"]);
    expect(session.inputMetadata).toEqual([
      { name: "v", isTensor: true, type: "float32", shape: ["batch", 3] },
      { name: "mass", isTensor: true, type: "float32", shape: [1, 1] },
    ]);
    expect(session.outputMetadata[1]).toEqual({
      name: "rest",
      isTensor: true,
      type: "float32",
      shape: ["batch", 3],
    });
  });

  test("loads from a path, and says which one it cannot find", async () => {
    const path = join(directory, "zwei Wörter.onnx");
    writeFileSync(path, both);
    const session = await ort.InferenceSession.create(path, options);
    expect((await session.run(feeds())).t?.data).toEqual(Float32Array.of(2, Math.fround(-1 / 3)));
    const missing = join(directory, "missing.onnx");
    await expect(ort.InferenceSession.create(missing, options)).rejects.toThrow("missing.onnx");
    await expect(ort.InferenceSession.create(Uint8Array.of(1, 2), options)).rejects.toThrow(
      /protobuf/i,
    );
  });

  test("computes the outputs that are asked for, into given memory", async () => {
    const session = await ort.InferenceSession.create(both, options);
    expect(Object.keys(await session.run(feeds(), ["rest"]))).toEqual(["rest"]);
    const t = new ort.Tensor("float32", new Float32Array(2), [2, 1]);
    const results = await session.run(feeds(), { t, rest: null });
    expect(results.t).toBe(t);
    expect(t.data).toEqual(Float32Array.of(2, Math.fround(-1 / 3)));
    expect(results.rest?.data.length).toBe(6);
    const small = new ort.Tensor("float32", new Float32Array(1), [1, 1]);
    await expect(session.run(feeds(), { t: small })).rejects.toThrow(/shape/i);
  });

  test("honours session and run options", async () => {
    const optimized = join(directory, "optimized.onnx");
    const session = await ort.InferenceSession.create(both, {
      ...options,
      graphOptimizationLevel: "disabled",
      executionMode: "parallel",
      intraOpNumThreads: 2,
      interOpNumThreads: 2,
      enableCpuMemArena: false,
      enableMemPattern: false,
      logId: "mine",
      freeDimensionOverrides: { batch: 2 },
      optimizedModelFilePath: optimized,
      enableProfiling: true,
      profileFilePrefix: join(directory, "profile"),
      extra: { session: { set_denormal_as_zero: "1", intra_op: { allow_spinning: 0 } } },
    });
    expect(session.inputMetadata[0]).toMatchObject({ shape: [2, 3] });
    expect(existsSync(optimized)).toBe(true);
    await session.run(feeds(), { tag: "first", logSeverityLevel: 3 });
    session.endProfiling();
    expect(readdirSync(directory)).toContainEqual(expect.stringMatching(/^profile.*json$/));

    const wrong: [object, string | RegExp][] = [
      [{ graphOptimizationLevel: "most" }, "expected one of disabled, basic, extended"],
      [{ executionMode: "both" }, "executionMode: expected one of sequential, parallel, got both"],
      [{ intraOpNumThreads: "2" }, "intraOpNumThreads has a wrong type"],
      [{ extra: { session: { x: null } } }, "extra: session.x: expected a string"],
      [{ externalData: [] }, "load the model by its path"],
    ];
    for (const [option, message] of wrong) {
      const session = ort.InferenceSession.create(both, { ...options, ...option });
      await expect(session).rejects.toThrow(message);
    }
  });

  test("runs off the JavaScript thread", async () => {
    const session = await ort.InferenceSession.create(slow(200), options);
    const x = new ort.Tensor("float32", new Float32Array(9e4), [300, 300]);
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await Promise.all([1, 2, 3].map(() => session.run({ x })));
    clearInterval(timer);
    expect(turns).toBeGreaterThan(3);
  });

  test("refuses an output that is no tensor, by name", async () => {
    const session = await ort.InferenceSession.create(sequence(), options);
    expect(session.outputMetadata).toEqual([{ name: "y", isTensor: false }]);
    const x = new ort.Tensor("float32", Float32Array.of(1), [1]);
    await expect(session.run({ x })).rejects.toThrow("output y: not a tensor");
  });

  test("leaves sessions alone that do not ask for it", async () => {
    await expect(ort.InferenceSession.create(both, { logSeverityLevel: 4 })).rejects.toThrow(
      /ai\.softonnx/,
    );
  });
});
