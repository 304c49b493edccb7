import { Graph, grad, layers, stepCounter, trainingForm, type Value } from "../../src/index.ts";
import { createSession, createStepper, evaluate } from "../../src/node.ts";

const numbers = (tensor: { readonly data: unknown } | undefined) =>
  Array.from(tensor?.data as Float32Array);

test("what has a form for training has another in an inference export", async () => {
  const g = new Graph("forms");
  const x = g.input("x", "float32", ["n"]);
  const w = g.parameter("w", 2);
  const y = trainingForm(x.mul(w), x.mul(10));
  const [dw] = grad(y.sum(), [w]) as [Value];
  g.output("y", y).update(w, w.add(dw));
  const feeds = { x: [1, 2] };

  const stepper = await createStepper(g, { backend: "cpu" });
  expect(numbers((await stepper.step(feeds)).y)).toEqual([2, 4]);
  expect(numbers((await stepper.state()).w)).toEqual([5]);
  await stepper.dispose();
  expect(numbers(await evaluate(y, feeds))).toEqual([2, 4]);

  for (const [training, expected] of [
    [undefined, [10, 20]],
    [true, [2, 4]],
  ] as const) {
    const options = training === undefined ? {} : { training };
    const session = await createSession(g.toModel({ outputs: { y }, ...options }));
    expect(numbers((await session.run(feeds)).y)).toEqual(expected);
    await session.dispose();
  }
  expect(() => trainingForm(x, w)).toThrow(/^trainingForm: shapes differ/);
});

test("dropout and the statistics of the batch are gone from an inference export", () => {
  const g = new Graph("net");
  const x = g.input("x", "float32", ["n", 3]);
  const norm = layers.batchNorm(g, 3);
  const y = layers.dropout(norm(x, { training: true }), { rate: 0.5, seed: stepCounter(g) });
  const model = Graph.fromModel(g.toModel({ outputs: { y } }));
  expect(model.root.nodes.map(({ op }) => op)).toEqual(["BatchNormalization"]);
  expect([...model.inputs.keys()]).toEqual(["x"]);
});
