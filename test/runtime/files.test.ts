import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Graph } from "../../src/index.ts";
import { createSession, loadModel, saveModel } from "../../src/node.ts";

function doubling(): Graph {
  const g = new Graph("doubling");
  return g.output("y", g.input("x", "float32", ["n"]).mul(2));
}

describe("model files", () => {
  let folder: string;
  let path: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "softonnx-files-"));
    path = join(folder, "model.onnx");
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test("saveModel writes a Graph or bytes, and leaves nothing else behind", async () => {
    await saveModel(path, doubling());
    expect(new Uint8Array(readFileSync(path))).toEqual(doubling().toModel());
    await saveModel(path, doubling().toModel());
    expect(new Uint8Array(readFileSync(path))).toEqual(doubling().toModel());
    expect(readdirSync(folder)).toEqual(["model.onnx"]);
    const session = await createSession(path);
    expect((await session.run({ x: [1, 2] })).y?.data).toEqual(new Float32Array([2, 4]));
    await session.dispose();
  });

  test("an older file stays whole until the new one is", async () => {
    writeFileSync(path, "older");
    await expect(saveModel(path, new Graph("nothing to write"))).rejects.toThrow(/no outputs/);
    expect(readFileSync(path, "utf8")).toBe("older");
    expect(readdirSync(folder)).toEqual(["model.onnx"]);
  });

  test("a save that fails at the end leaves nothing behind", async () => {
    mkdirSync(path);
    writeFileSync(join(path, "occupied"), "");
    await expect(saveModel(path, doubling())).rejects.toThrow();
    expect(readdirSync(folder)).toEqual(["model.onnx"]);
  });

  test("saveModel rejects what is no model and a folder that is not there", async () => {
    await expect(saveModel(path, "model" as never)).rejects.toThrow(
      'saveModel: model: expected a Graph or bytes, got "model"',
    );
    await expect(saveModel(join(folder, "no", "model.onnx"), doubling())).rejects.toThrow(/ENOENT/);
  });

  test("loadModel reads a file into a graph that can be built on", async () => {
    await saveModel(path, doubling());
    const g = await loadModel(path);
    expect([...g.inputs.keys()]).toEqual(["x"]);
    const outputs = { more: g.value("y").add(1) };
    const session = await createSession(g.toModel({ outputs }));
    expect((await session.run({ x: [1] })).more?.data).toEqual(new Float32Array([3]));
    await session.dispose();
    await expect(loadModel(join(folder, "no.onnx"))).rejects.toThrow(/ENOENT/);
  });
});
