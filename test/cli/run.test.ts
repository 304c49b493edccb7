import { existsSync, writeFileSync } from "node:fs";
import { readNpy, Tensor, writeNpy } from "softonnx/node";
import { softonnx, testFolder, writeLoss, writeRanker } from "./support.ts";

const path = testFolder();

test("prints what it computes from .npy files and JSON", async () => {
  await writeLoss(path("loss.onnx"));
  await writeNpy(path("x.npy"), new Tensor("float64", Float64Array.of(1, 0, 0, 2), [2, 2]));
  const { status, out } = await softonnx(
    ...["run", path("loss.onnx"), "--feed", `x=${path("x.npy")}`, "-f", "y=[0, 0]"],
    ...["--backend", "cpu"],
  );
  expect(status).toBe(0);
  const loss = (Math.tanh(0.5) ** 2 + Math.tanh(-0.5) ** 2) / 2;
  expect(JSON.parse(out)).toEqual({
    loss: { dtype: "float64", shape: [], data: [expect.closeTo(loss, 14)] },
  });
});

test("writes .npy files into a folder", async () => {
  await writeRanker(path("ranker.onnx"));
  writeFileSync(path("feeds.json"), JSON.stringify({ x: [[1, 2, 3]] }));
  const folder = path("results/deep");
  const { status, err } = await softonnx(
    ...["run", path("ranker.onnx"), "--feeds", path("feeds.json"), "-o", folder],
  );
  expect([status, err]).toEqual([0, `wrote ${folder}/score.npy\nwrote ${folder}/ranks.npy`]);
  expect((await readNpy(`${folder}/ranks.npy`)).dims).toEqual([1]);
});

test("what JSON has no number for is a text", async () => {
  await writeLoss(path("loss.onnx"));
  const { out } = await softonnx(
    "run",
    path("loss.onnx"),
    "-f",
    "x=[[1e999, 0]]",
    "-f",
    "y=[1e999]",
  );
  expect(JSON.parse(out).loss.data).toEqual(["Infinity"]);
});

describe("says what is wrong", () => {
  test.each<[readonly string[], number, RegExp]>([
    [["-f", "x"], 2, /--feed: expected NAME=FILE, got "x"/],
    [["-f", "x=lost.npy"], 1, /there is no lost\.npy/],
    [["-f", "x=hello"], 1, /hello: expected a \.npy file, a \.json file or JSON/],
    [["-f", 'x={"a":1}'], 1, /expected numbers, texts or nested lists/],
    [["-f", "x=[[1, 2]]"], 1, /feed "y" is missing: expected float64 \[n\]/],
    [
      ["-f", "x=[[1, 2]]", "-f", "y=[1]", "-f", "z=1"],
      1,
      /there is no input "z"; did you mean "x"\?/,
    ],
    [["--backend", "gpu"], 2, /--backend: expected one of native, cpu/],
  ])("%p", async (words, expected, message) => {
    await writeLoss(path("loss.onnx"));
    const { status, err } = await softonnx("run", path("loss.onnx"), ...words, "-o", path("none"));
    expect(err).toMatch(message);
    expect(status).toBe(expected);
    expect(existsSync(path("none"))).toBe(false);
  });
});
