import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InferenceSession } from "onnxruntime-node";
import { Graph, soft } from "../../src/index.ts";
import { createSession, nativeStatus, Tensor } from "../../src/node.ts";

/** y = X w, with X [n, 3]. */
function linear(): Graph {
  const g = new Graph("linear");
  const X = g.input("X", "float32", ["n", 3]);
  const w = g.constant([1, 10, 100]);
  return g.output("y", X.matmul(w));
}

const ROWS = [
  [1, 2, 3],
  [4, 5, 6],
];

describe("createSession", () => {
  test("runs a Graph, bytes or a file", async () => {
    const folder = mkdtempSync(join(tmpdir(), "softonnx-session-"));
    try {
      const path = join(folder, "linear.onnx");
      const bytes = linear().toModel();
      writeFileSync(path, bytes);
      for (const model of [linear(), bytes, Buffer.from(bytes), path]) {
        const session = await createSession(model);
        const { y } = await session.run({ X: ROWS });
        expect(y).toBeInstanceOf(Tensor);
        expect(y).toMatchObject({ type: "float32", dims: [2] });
        expect([...((y as Tensor).data as Float32Array)]).toEqual([321, 654]);
        await session.dispose();
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("says what the model takes and gives", async () => {
    const g = new Graph("many kinds");
    const a = g.input("a", "float64", ["n", null, 3]);
    const b = g.input("b", "int64", []);
    const c = g.input("c", "bool");
    const session = await createSession(g.output("a2", a.add(a)).output("b2", b).output("c2", c));
    expect(session.inputs).toEqual([
      { name: "a", dtype: "float64", shape: ["n", undefined, 3] },
      { name: "b", dtype: "int64", shape: [] },
      { name: "c", dtype: "bool", shape: undefined },
    ]);
    expect(session.outputs.map(({ name, dtype }) => `${name}: ${dtype}`)).toEqual([
      "a2: float64",
      "b2: int64",
      "c2: bool",
    ]);
    await session.dispose();
  });

  test.each(["disabled", "basic", "extended", "all"] as const)(
    "gives the same numbers at optimisation level %s",
    async (graphOptimizationLevel) => {
      const session = await createSession(linear(), { backend: "cpu", graphOptimizationLevel });
      expect((await session.run({ X: ROWS })).y?.data).toEqual(new Float32Array([321, 654]));
      await session.dispose();
    },
  );

  test("the native backend gives the same numbers, or says why it cannot", async () => {
    const status = nativeStatus();
    const made = createSession(linear(), { backend: "native" });
    if (!status.available) {
      await expect(made).rejects.toThrow(
        `createSession: the backend "native" is not available: ${status.reason}`,
      );
      return;
    }
    const session = await made;
    expect((await session.run({ X: ROWS })).y?.data).toEqual(new Float32Array([321, 654]));
    await session.dispose();
  });

  test.each(["cuda", "webgpu"] as const)(
    "asks ONNX Runtime for %s, and says so where it fails",
    async (backend) => {
      const create = jest
        .spyOn(InferenceSession, "create")
        .mockRejectedValue(new Error("no device"));
      try {
        await expect(createSession(linear(), { backend, intraOpNumThreads: 1 })).rejects.toThrow(
          `createSession: no session on the backend "${backend}": no device`,
        );
        expect(create.mock.calls[0]?.[1]).toEqual({
          executionProviders: [backend],
          intraOpNumThreads: 1,
        });
      } finally {
        create.mockRestore();
      }
    },
  );

  test("stock and native sessions of one model agree, side by side in one process", async () => {
    if (!nativeStatus().available) return;
    const g = new Graph("kernel");
    const x = g.input("x", "float64", ["n"]);
    const model = g.output("y", soft.sort(x, { softness: 1, mode: "c1" })).toModel();
    const order = ["cpu", "native", "cpu", "native"] as const;
    const sessions = await Promise.all(order.map((backend) => createSession(model, { backend })));
    const results = await Promise.all(sessions.map((session) => session.run({ x: [3, 1, 2, 5] })));
    const [first, ...others] = results.map(({ y }) => Array.from(y?.data as Float64Array));
    for (const other of others) {
      other.forEach((value, i) => {
        expect(value).toBeCloseTo(first?.[i] ?? Number.NaN, 12);
      });
    }
    for (const session of sessions) await session.dispose();
  });

  test("runs a model without inputs", async () => {
    const g = new Graph("nothing to feed");
    const session = await createSession(g.output("y", g.constant([1, 2]).mul(2)));
    expect((await session.run()).y?.data).toEqual(new Float32Array([2, 4]));
    await session.dispose();
  });

  test("can be disposed of twice, and not be run afterwards", async () => {
    const session = await createSession(linear());
    await session.dispose();
    await session.dispose();
    await expect(session.run({ X: ROWS })).rejects.toThrow("run: the model is disposed of");
  });

  test("rejects options that it does not know", async () => {
    await expect(createSession(linear(), { backends: "cpu" } as never)).rejects.toThrow(
      'createSession: unknown option "backends"; did you mean "backend"?',
    );
    await expect(createSession(linear(), { backend: "gpu" } as never)).rejects.toThrow(
      'createSession: backend: expected "native", "cpu", "cuda", "webgpu", got "gpu"',
    );
  });

  test("rejects what is no model", async () => {
    await expect(createSession(42 as never)).rejects.toThrow(
      "createSession: model: expected a Graph, the bytes of a model, or a path, got 42",
    );
    await expect(createSession(new Uint8Array([1, 2, 3]))).rejects.toThrow(/protobuf/i);
    await expect(createSession("/no/such/model.onnx")).rejects.toThrow(/\/no\/such\/model\.onnx/);
  });
});
