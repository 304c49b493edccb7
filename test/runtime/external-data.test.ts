import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { StringStringEntryProtoSchema, TensorProto_DataLocation } from "onnx-buf";
import { grad, reduceSum } from "softonnx";
import { createSession, loadModel, saveModel } from "softonnx/node";
import { bytesOf, graph, info, node, tensor } from "../builder/messages.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "softonnx-external-"));
  mkdirSync(join(folder, "model/parts"), { recursive: true });
  writeFileSync(join(folder, "secret.bin"), new Uint8Array(64));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const path = () => join(folder, "model/m.onnx");

/** y = x w, with the three weights in a file. */
function writeModel(
  location: string,
  entries: Record<string, string> = { offset: "4", length: "12" },
) {
  const pairs = Object.entries({ location, ...entries });
  const w = tensor("w", [3], {
    rawData: new Uint8Array(0),
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: pairs.map(([key, value]) => create(StringStringEntryProtoSchema, { key, value })),
  });
  const body = graph({
    input: [info("x", 1, [3])],
    initializer: [w],
    node: [node("Mul", ["x", "w"], ["y"])],
    output: [info("y", 1, [3])],
  });
  writeFileSync(path(), bytesOf(body));
}

function writeWeights(location: string, ...weights: number[]): void {
  const bytes = new Uint8Array(Float32Array.of(0, ...weights).buffer);
  writeFileSync(join(folder, "model", location), bytes);
}

test("weights in a file are read when they are asked for", async () => {
  writeModel("parts/w.bin");
  writeWeights("parts/w.bin", 1, 2, 3);
  const g = await loadModel(path());
  expect(g.value("w").data?.toNumbers()).toEqual([1, 2, 3]);
});

test("a model is differentiated without them, and written to another folder with them", async () => {
  writeModel("parts/w.bin");
  writeWeights("parts/w.bin", 1, 2, 3);
  const g = await loadModel(path());
  const [dx] = grad(reduceSum(g.value("y").square()), [g.value("x")]);
  g.output("dx", dx as NonNullable<typeof dx>);
  mkdirSync(join(folder, "other"));
  await saveModel(join(folder, "other/gradient.onnx"), g);
  const copied = join(folder, "other/parts/w.bin");
  expect(readFileSync(copied)).toEqual(readFileSync(join(folder, "model/parts/w.bin")));
  const session = await createSession(join(folder, "other/gradient.onnx"), { backend: "cpu" });
  const { dx: found } = await session.run({ x: [1, 1, 1] });
  expect(Array.from(found?.data as Float32Array)).toEqual([2, 8, 18]);
  await session.dispose();
});

test.each([
  ["an absolute path", () => join(folder, "secret.bin")],
  ["a path that goes up", () => "../secret.bin"],
  ["one that goes down first", () => "parts/../../secret.bin"],
  ["with backslashes", () => "..\\secret.bin"],
  ["a drive", () => "C:secret.bin"],
  ["no path", () => ""],
  ["a folder", () => "parts"],
  ["a file that is not there", () => "absent.bin"],
])("%s is refused", async (_, location) => {
  writeModel(location());
  await expect(loadModel(path())).rejects.toThrow(/^loadModel: "w" has its elements in /);
});

test("links that lead out of the folder are refused, those within it are not", async () => {
  symlinkSync(join(folder, "secret.bin"), join(folder, "model/file.bin"));
  symlinkSync(folder, join(folder, "model/up"));
  writeWeights("w.bin", 1, 2, 3);
  symlinkSync("../w.bin", join(folder, "model/parts/inner.bin"));
  linkSync(join(folder, "model/w.bin"), join(folder, "model/hard.bin"));
  for (const location of ["file.bin", "up/secret.bin"]) {
    writeModel(location);
    await expect(loadModel(path())).rejects.toThrow(/leads out of the model's folder/);
  }
  for (const location of ["parts/inner.bin", "hard.bin"]) {
    writeModel(location);
    expect((await loadModel(path())).value("w").data?.toNumbers()).toEqual([1, 2, 3]);
  }
});

test("what is put in a file's place after it was looked at is refused when it is read", async () => {
  writeModel("w.bin");
  writeWeights("w.bin", 1, 2, 3);
  const g = await loadModel(path());
  rmSync(join(folder, "model/w.bin"));
  symlinkSync(join(folder, "secret.bin"), join(folder, "model/w.bin"));
  expect(() => g.value("w").data?.elements).toThrow(/leads out of the model's folder/);
});

test.each([
  ["an offset beyond the end", { offset: "8", length: "12" }, /has 16 bytes, not 20/],
  ["another length than the type has", { offset: "0", length: "16" }, /declares 3 elements/],
  ["a negative offset", { offset: "-4", length: "12" }, /12 bytes at -1/],
  ["an offset that is no number", { offset: "1e9", length: "12" }, /12 bytes at -1/],
  ["a length of many digits", { length: "99999999999999999999" }, /-1 bytes/],
])("%s is an error where the elements are asked for", async (_, entries, message) => {
  writeModel("w.bin", entries);
  writeWeights("w.bin", 1, 2, 3);
  const g = await loadModel(path());
  expect(() => g.value("w").data?.elements).toThrow(message);
});

test("a model of bytes alone has none to read", async () => {
  writeModel("w.bin");
  writeWeights("w.bin", 1, 2, 3);
  await saveModel(join(folder, "copy.onnx"), readFileSync(path()));
  expect(existsSync(join(folder, "w.bin"))).toBe(false);
});
