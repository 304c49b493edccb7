import { existsSync, writeFileSync } from "node:fs";
import { Graph, losses, optimizers } from "softonnx";
import { createSession, createTrainer, saveModel } from "softonnx/node";
import { softonnx, testFolder, writeRanker } from "./support.ts";

const path = testFolder();

/** A training step and the state of a trainer that has taken some. */
async function writeStep(): Promise<{ readonly expected: unknown }> {
  const g = new Graph("line");
  const x = g.input("x", "float32", ["n", 2]);
  const y = g.input("y", "float32", ["n"]);
  const w = g.parameter("w", [0, 0]);
  const prediction = x.matmul(w);
  const loss = losses.mse(prediction, y);
  g.output("prediction", prediction).output("loss", loss);
  const trainer = createTrainer(g, { loss, optimizer: optimizers.adam({ rate: 0.1 }) });
  const data = {
    x: [
      [1, 0],
      [0, 1],
      [1, 1],
    ],
    y: [1, -1, 0],
  };
  await trainer.fit(data, { epochs: 5 }).all();
  await saveModel(path("step.onnx"), g);
  await trainer.save(path("run.safetensors"));
  const { w: learned } = await trainer.state();
  await trainer.dispose();
  return { expected: learned?.data };
}

test("puts the state into the model and leaves out what only training needs", async () => {
  const { expected } = await writeStep();
  const { status, err } = await softonnx(
    ...["export", path("step.onnx"), "--state", path("run.safetensors")],
    ...["--outputs", "prediction", "-o", path("model.onnx")],
  );
  expect([status, err]).toEqual([0, `wrote ${path("model.onnx")}: 1 output`]);
  const session = await createSession(path("model.onnx"), { backend: "cpu" });
  expect(session.inputs.map(({ name }) => name)).toEqual(["x"]);
  const rows = [
    [1, 0],
    [0, 1],
  ];
  const { prediction } = await session.run({ x: rows });
  await session.dispose();
  expect(prediction?.data).toEqual(expected);
});

test("cuts a part out of a model", async () => {
  await writeRanker(path("ranker.onnx"));
  await softonnx("export", path("ranker.onnx"), "--outputs", "score", "-o", path("score.onnx"));
  const { out } = await softonnx("inspect", path("score.onnx"), "--json");
  const { outputs, operators } = JSON.parse(out);
  expect(outputs).toEqual([{ name: "score", dtype: "float32", shape: "[n]" }]);
  expect(operators.map(({ operator }: { operator: string }) => operator)).not.toContain("TopK");
});

describe("says what is wrong and writes nothing", () => {
  test.each<[string, readonly string[], number, RegExp]>([
    ["a training step without its state", [], 2, /give its parameters by --state FILE/],
    [
      "an output that is not there",
      ["--state", "run", "--outputs", "predictoin"],
      1,
      /there is no value named "predictoin"; did you mean "prediction"/,
    ],
    ["a state that is none", ["--state", "text"], 1, /./],
  ])("%s", async (_, words, expected, message) => {
    await writeStep();
    writeFileSync(path("text.safetensors"), "hello");
    const given = words.map((word, i) =>
      words[i - 1] === "--state" ? path(`${word}.safetensors`) : word,
    );
    const { status, err } = await softonnx(
      "export",
      path("step.onnx"),
      ...given,
      "-o",
      path("no.onnx"),
    );
    expect(err).toMatch(message);
    expect(status).toBe(expected);
    expect(existsSync(path("no.onnx"))).toBe(false);
  });
});
