import { existsSync } from "node:fs";
import { createSession } from "softonnx/node";
import { softonnx, testFolder, writeLoss, writeRanker } from "./support.ts";

const path = testFolder();

const feeds = {
  x: [
    [0.3, -1.2],
    [2, 0.7],
    [-0.4, 0.1],
  ],
  y: [0.5, -0.5, 0.25],
};

async function run(file: string, given: Parameters<Session["run"]>[0]) {
  const session = await createSession(file, { backend: "cpu" });
  const results = await session.run(given);
  await session.dispose();
  return results;
}
type Session = Awaited<ReturnType<typeof createSession>>;

test("gives gradients by inputs and weights, in a file of its own", async () => {
  const model = path("loss.onnx");
  await writeLoss(model);
  const { status, err } = await softonnx("grad", model, "--by", "inputs,w");
  expect([status, err]).toEqual([0, `wrote ${path("loss.grad.onnx")}: loss by 3 values`]);
  const results = await run(path("loss.grad.onnx"), feeds);
  const slopes = results["w.grad"]?.data as Float64Array;
  expect(Object.keys(results)).toEqual(["loss", "x.grad", "y.grad", "w.grad"]);
  // loss = mean (tanh(x w) - y)^2 by hand
  const rows = feeds.x.map(([a = 0, b = 0], i) => {
    const t = Math.tanh(0.5 * a - 0.25 * b);
    const slope = (2 / 3) * (t - (feeds.y[i] ?? 0)) * (1 - t * t);
    return [slope * a, slope * b];
  });
  const dw = [0, 1].map((j) => rows.reduce((sum, row) => sum + (row[j] ?? 0), 0));
  expect([...slopes]).toEqual([expect.closeTo(dw[0] ?? 0, 12), expect.closeTo(dw[1] ?? 0, 12)]);
});

test("weighs a vector output by a cotangent that is fed", async () => {
  const model = path("ranker.onnx");
  await writeRanker(model);
  const file = path("by-weights.onnx");
  const words = ["grad", model, "--of", "ranks", "--by", "weights", "-o", file];
  expect((await softonnx(...words)).status).toBe(0);
  const x = [
    [1, 2, 3],
    [0, -1, 1],
  ];
  const results = await run(file, { x, "ranks.cotangent": [1, -1] });
  expect(results["dense_0/weight.grad"]?.dims).toEqual([3, 4]);
});

test("notes what the output does not depend on", async () => {
  const model = path("loss.onnx");
  await writeLoss(model);
  await softonnx("grad", model, "--by", "y", "-o", path("first.onnx"));
  const { err } = await softonnx("grad", path("first.onnx"), "--of", "y.grad", "--by", "x,y");
  expect(err).not.toMatch(/does not depend/);
});

describe("says what is wrong and writes nothing", () => {
  test.each([
    [["--of", "lost"], 1, 'value: there is no value named "lost"; did you mean "loss"?'],
    [["--by", "v"], 1, '--by: there is no value named "v"; did you mean "x"?'],
    [
      ["--by", "nothing_like_it"],
      1,
      '--by: there is no value named "nothing_like_it"; softonnx inspect lists them',
    ],
  ])("%p", async (words, expected, message) => {
    const model = path("loss.onnx");
    await writeLoss(model);
    const file = path("never.onnx");
    const { status, err } = await softonnx("grad", model, ...words, "-o", file);
    expect([status, err]).toEqual([expected, `softonnx grad: ${message}`]);
    expect(existsSync(file)).toBe(false);
  });

  test("asks which output is meant", async () => {
    const model = path("ranker.onnx");
    await writeRanker(model);
    const { status, err } = await softonnx("grad", model);
    expect(status).toBe(2);
    expect(err).toBe(
      "softonnx grad: the model has several floating outputs; say --of one of score, ranks",
    );
  });
});
