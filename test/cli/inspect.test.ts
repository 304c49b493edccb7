import { Graph, nonZero } from "softonnx";
import { saveModel } from "softonnx/node";
import { softonnx, testFolder, writeRanker } from "./support.ts";

const path = testFolder();

test("prints shapes, weights, operators and whether there is a gradient", async () => {
  await writeRanker(path("ranker.onnx"));
  const { status, out } = await softonnx("inspect", path("ranker.onnx"));
  expect(status).toBe(0);
  expect(out).toMatch(/ranker\.onnx: "ranker", [\d.]+ KB, opset 18, by softonnx \d/);
  expect(out).toMatch(/^inputs\n {2}x {2}float32 {2}\[n, 3\]$/m);
  expect(out).toMatch(/^outputs\n {2}score {2}float32 {2}\[n\]\n {2}ranks {2}float32 {2}\[n\]$/m);
  expect(out).toMatch(/^3 weights, 20 elements, 80 bytes$/m);
  expect(out).toMatch(/^ +2 {2}MatMul +has a gradient$/m);
  expect(out).toMatch(/^ +1 {2}ai\.softonnx\.FastSoftRanks_smooth\w+ +has a gradient$/m);
  expect(out).toMatch(/The outputs can be differentiated by the inputs and weights/);
});

test("--json says the same to programs", async () => {
  await writeRanker(path("ranker.onnx"));
  const { out } = await softonnx("inspect", path("ranker.onnx"), "--json");
  const facts = JSON.parse(out);
  expect(facts).toMatchObject({
    name: "ranker",
    opset: 18,
    inputs: [{ name: "x", dtype: "float32", shape: "[n, 3]" }],
    obstacle: null,
  });
  expect(facts.weights).toHaveLength(3);
  expect(facts.operators).toContainEqual({
    operator: "MatMul",
    count: 2,
    gradient: "yes",
    reason: "",
  });
});

test("names what stands in the way of a gradient", async () => {
  const g = new Graph("foreign");
  const x = g.input("x", "float32", [3]);
  const [y] = g.node(
    "Twist",
    [x],
    {},
    {
      domain: "com.example",
      types: [{ dtype: "float32", shape: [3] }],
    },
  );
  await saveModel(path("foreign.onnx"), g.output("y", y as never));
  const { status, out } = await softonnx("inspect", path("foreign.onnx"));
  expect(status).toBe(0);
  expect(out).toMatch(/^ +1 {2}com\.example\.Twist {2}no gradient: no rule is known for it$/m);
  expect(out).toMatch(/The outputs cannot be differentiated: .*com\.example\.Twist/);
});

test("says that there is nothing to differentiate", async () => {
  const g = new Graph("places");
  await saveModel(path("places.onnx"), g.output("y", nonZero(g.input("x", "float32", ["n"]))));
  const { out } = await softonnx("inspect", path("places.onnx"));
  expect(out).toMatch(/^ +1 {2}NonZero {2}gradient zero: its result is made of indices$/m);
  expect(out).toMatch(/cannot be differentiated: none of them is of a floating type$/);
});

test("lists many weights only when asked", async () => {
  const g = new Graph("many");
  let x = g.input("x", "float32", [2]);
  for (let i = 0; i < 30; i++) x = x.add(g.parameter(`w${i}`, [i, 1]));
  await saveModel(path("many.onnx"), g.toModel({ outputs: { y: x } }));
  const brief = await softonnx("inspect", path("many.onnx"));
  expect(brief.out).toMatch(/^ {2}and 6 more; --all lists them$/m);
  const whole = await softonnx("inspect", path("many.onnx"), "--all");
  expect(whole.out).toMatch(/^ {2}w29 +float32 {2}\[2\]$/m);
});
