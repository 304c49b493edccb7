import { Graph, layers, losses, optimizers, relu, soft } from "../../src/index.ts";
import { createSession, createStepper, createTrainer, Tensor } from "../../src/node.ts";

/** A model from elsewhere: images to features to three classes. */
function imported(): Graph {
  const g = new Graph("elsewhere");
  const x = g.input("x", "float32", ["batch", 1, 6, 6]);
  const filters = layers.convolution(g, 1, 4, [3, 3], { name: "conv" });
  const norm = layers.batchNorm(g, 4, { name: "norm" });
  const classes = layers.dense(g, 4, 3, { name: "fc" });
  const features = layers.globalAveragePool(relu(norm(filters(x))));
  const model = g.toModel({ outputs: { features, logits: classes(features) } });
  return Graph.fromModel(model);
}

/** Stripes of some contrast and brightness, in the order of how much brighter they are than rich in contrast. */
function images(count: number) {
  const parts = Array.from({ length: count }, (_, i) => [1 + Math.sin(5 * i), Math.cos(3 * i)]);
  const x = parts.map(([contrast = 0, brightness = 0]) => [
    Array.from({ length: 6 }, (_, r) =>
      Array.from({ length: 6 }, (_, c) => brightness + contrast * Math.sin(r + 2 * c)),
    ),
  ]);
  return { x, order: parts.map(([contrast = 0, brightness = 0]) => brightness - contrast) };
}

const elements = (value: { readonly data?: unknown } | undefined) =>
  Array.from((value?.data ?? []) as Float32Array);

/** The initialisers of a model. */
function weights(bytes: Uint8Array): Record<string, number[]> {
  const { source } = Graph.fromModel(bytes);
  return Object.fromEntries(
    [...(source?.values ?? [])].flatMap(([name, { data }]) =>
      data?.dtype === "float32" ? [[name, elements({ data: data.elements })]] : [],
    ),
  );
}

test("an imported model learns to rank: some of its layers, and a new head", async () => {
  const g = imported();
  const before = weights(g.toModel());
  g.trainable(["norm/scale", "norm/bias"]);
  const head = layers.dense(g, 4, 1, { name: "head", seed: 3 });
  const score = head(g.value("features")).squeeze(1);
  const target = g.input("order", "float32", ["batch"]);
  const loss = losses.softSpearman(score, target, { softness: 0.1 });
  const trainer = createTrainer(g, {
    loss,
    optimizer: optimizers.adam({ rate: 0.05 }),
    outputs: { score, ranks: soft.rank(score, { mode: "hard" }) },
  });
  const data = images(24);
  const records = await trainer.fit(data, { epochs: 30, batchSize: 24 }).all();
  expect(records.at(-1)?.loss).toBeLessThan(0.5 * (records[0]?.loss as number));

  const bytes = await trainer.export({ outputs: { score } });
  const after = weights(bytes);
  expect(Object.keys(after).sort()).toEqual(
    expect.arrayContaining(["conv/weight", "head/bias", "head/weight", "norm/scale"]),
  );
  // The old head is gone, what was not chosen is as it was, the rest has changed.
  expect(after).not.toHaveProperty("fc/weight");
  for (const name of ["conv/weight", "conv/bias", "norm/mean", "norm/variance"]) {
    expect(after[name]).toEqual(before[name]);
  }
  for (const name of ["norm/scale", "norm/bias"]) expect(after[name]).not.toEqual(before[name]);

  const session = await createSession(bytes, { backend: "cpu" });
  expect(session.inputs.map(({ name }) => name)).toEqual(["x"]);
  const { score: predicted } = await trainer.predict({ x: data.x }, { batchSize: 24 });
  const shipped = elements((await session.run({ x: data.x })).score);
  // ONNX Runtime folds fixed normalisation into the filters, which rounds differently.
  for (const [i, value] of elements(predicted).entries()) expect(shipped[i]).toBeCloseTo(value, 4);
  await session.dispose();
  await trainer.dispose();
});

test("the whole model, with what was chosen, is a training step that keeps its other initialisers", async () => {
  const g = imported();
  const [weight, bias] = g.trainable((name) => name.startsWith("fc/"));
  expect([weight?.hint, bias?.hint]).toEqual(["fc/weight", "fc/bias"]);
  expect([...g.parameters.keys()]).toEqual(["fc/weight", "fc/bias"]);
  expect(g.trainable(["fc/bias"])).toEqual([bias]);
  const labels = g.input("labels", "int64", ["batch"]);
  const loss = losses.crossEntropy(g.value("logits"), labels);
  optimizers.optimize(g.output("loss", loss), loss, { optimizer: optimizers.sgd({ rate: 0.5 }) });
  const step = Graph.fromModel(g.toModel());
  const fed = [...step.inputs.keys()];
  expect(fed).toEqual(expect.arrayContaining(["x", "labels", "fc/weight", "fc/bias"]));
  // An input that is an initialiser too would keep its old elements.
  expect([...(step.source?.model.graph?.initializer ?? [])].map(({ name }) => name)).not.toEqual(
    expect.arrayContaining(["fc/weight"]),
  );

  const stepper = await createStepper(g, { backend: "cpu" });
  const { x } = images(6);
  const feeds = { x, labels: new Tensor("int64", [0n, 1n, 2n, 0n, 1n, 2n], [6]) };
  const first = elements((await stepper.step(feeds)).loss)[0] as number;
  for (let i = 0; i < 20; i++) await stepper.step(feeds);
  expect(elements((await stepper.step(feeds)).loss)[0]).toBeLessThan(first);
  await stepper.dispose();
});

test.each([7, 11, 12, 21])("a model of opset %s is trained further", async (opset) => {
  const g = new Graph("old", { opset });
  const x = g.input("x", "float32", ["batch", 4]);
  const weight = g.constant([[1], [2], [-1], [0.5]]);
  const bias = g.constant([0.1]);
  const old = g.toModel({ outputs: { y: relu(x.matmul(weight).add(bias)) } });
  const read = Graph.fromModel(old);
  const values = read.trainable(() => true);
  expect(values.map(({ shape }) => shape)).toEqual(expect.arrayContaining([[4, 1], [1]]));
  const target = read.input("target", "float32", ["batch", 1]);
  const trainer = createTrainer(read, {
    loss: losses.mse(read.value("y"), target),
    optimizer: optimizers.sgd({ rate: 0.1 }),
  });
  const rows = Array.from({ length: 8 }, (_, i) => [1, Math.sin(i), Math.cos(i), 1]);
  const data = { x: rows, target: rows.map(([, a = 0]) => [a + 2]) };
  const records = await trainer.fit(data, { epochs: 20, batchSize: 8 }).all();
  expect(records.at(-1)?.loss).toBeLessThan(0.5 * (records[0]?.loss as number));
  expect(Object.keys(weights(await trainer.export()))).toHaveLength(2);
  await trainer.dispose();
});

test("what cannot be trained is refused", () => {
  const g = imported();
  expect(() => g.trainable(["fc.weight"])).toThrow(
    'trainable: there is no initialiser "fc.weight"; did you mean "fc/weight"?',
  );
  expect(() => g.trainable(["logits"])).toThrow(/there is no initialiser "logits"/);
  const own = new Graph("own");
  own.parameter("w", 1);
  expect(() => own.trainable(["w"])).toThrow(/there is no initialiser "w"/);
  const indexed = new Graph("indexed");
  const x = indexed.input("x", "float32", [3]);
  const y = x.mul(indexed.constant([1, 2, 3])).slice([0], [2]);
  const read = Graph.fromModel(indexed.toModel({ outputs: { y } }));
  const whole = [...(read.source?.values ?? [])].find(([, { dtype }]) => dtype === "int64");
  expect(() => read.trainable([whole?.[0] as string])).toThrow(/expected floats, got int64/);
});
