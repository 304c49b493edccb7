import {
  Graph,
  grad,
  gradReplace,
  inferenceForm,
  layers,
  losses,
  type Operand,
  optimizers,
  relu,
  soft,
  st,
  stepCounter,
  stopGradient,
  type Value,
} from "../../src/index.ts";
import { createSession, createTrainer, evaluate, Tensor } from "../../src/node.ts";

const numbers = (tensor: { readonly data: unknown } | undefined) =>
  Array.from(tensor?.data as Float32Array);

const X = [0.3, -1.2, 2.5, 0.31, -0.4, 0];

/** Every operator that has a hard form, applied to six numbers. */
const OPERATORS: Readonly<Record<string, (x: Value, o: { mode?: "hard" }) => Value>> = {
  sigmoidal: (x, o) => soft.sigmoidal(x, o),
  softrelu: (x, o) => soft.softrelu(x, o),
  relu: (x, o) => soft.relu(x, { gated: true, ...o }),
  clamp: (x, o) => soft.clamp(x, -0.5, 1, o),
  abs: (x, o) => soft.abs(x, o),
  sign: (x, o) => soft.sign(x, o),
  heaviside: (x, o) => soft.heaviside(x, o),
  round: (x, o) => soft.round(x, { neighborRadius: 3, ...o }),
  greater: (x, o) => soft.greater(x, 0.2, o),
  isclose: (x, o) => soft.isclose(x, 0.3, { atol: 0.05, ...o }),
  logic: (x, o) => soft.any(soft.logicalAnd(soft.less(x, 1, o), soft.greaterEqual(x, 0, o))),
  sort: (x, o) => soft.sort(x, { descending: true, ...o }),
  argsort: (x, o) => soft.argsort(x, o),
  rank: (x, o) => soft.rank(x, { method: "fastSoftSort", ...o }),
  topk: (x, o) => soft.topk(x, 3, o).values,
  topkIndices: (x, o) => soft.topk(x, 3, { method: "ot", ...o }).indices as Value,
  max: (x, o) => soft.max(x, { dim: 0, keepdim: true, ...o }),
  argmin: (x, o) => soft.argmin(x, { ...o }),
  median: (x, o) => soft.median(x, o),
  quantile: (x, o) => soft.quantile(x, [0.2, 0.9], o),
  argquantile: (x, o) => soft.argquantile(x, 0.5, o),
  selection: (x, o) => soft.takeAlongDim(x, soft.argmax(x, { keepdim: true, ...o })),
  spearman: (x, o) => losses.softSpearman(x, [1, 2, 3, 4, 5, 6], o),
};

describe("a hard form", () => {
  test.each(Object.keys(OPERATORS))("of %s is what mode hard gives", async (name) => {
    const g = new Graph(name);
    const x = g.input("x", "float32", [6]);
    const apply = OPERATORS[name] as (typeof OPERATORS)[string];
    // Something before and something behind, so that the operator stands in the middle.
    const whole = (o: { mode?: "hard" }) => apply(x.mul(1), o).mul(2).add(1);
    const { hard } = inferenceForm({ hard: whole({}) }, { mode: "hard" });
    const feeds = { x: X };
    expect(numbers(await evaluate(hard as Value, feeds))).toEqual(
      numbers(await evaluate(whole({ mode: "hard" }), feeds)),
    );
    const model = Graph.fromModel(g.toModel({ outputs: { hard: hard as Value } }));
    expect(model.root.nodes.filter(({ domain }) => domain !== "")).toEqual([]);
  });

  test("reaches operators behind operators, and shares what none of it reaches", async () => {
    const g = new Graph("chain");
    const x = g.input("x", "float32", [6]);
    const before = x.mul(3).tanh();
    const y = soft.sort(soft.rank(before)).add(before);
    const { y: hard, before: same } = inferenceForm({ y, before }, { mode: "hard" });
    expect(same).toBe(before);
    const expected = soft.sort(soft.rank(before, { mode: "hard" }), { mode: "hard" }).add(before);
    const feeds = { x: X };
    expect(numbers(await evaluate(hard as Value, feeds))).toEqual(
      numbers(await evaluate(expected, feeds)),
    );
  });

  test("of a straight-through operator leaves nothing of its soft side", () => {
    const g = new Graph("st");
    const x = g.input("x", "float32", [6]);
    const softness = g.parameter("softness", 0.1);
    const { y } = inferenceForm({ y: st.greater(x, 0, { softness }) }, { mode: "hard" });
    const bytes = g.toModel({ outputs: { y: y as Value } });
    const model = Graph.fromModel(bytes);
    expect(model.root.nodes.map(({ op }) => op).sort()).toEqual(["Cast", "Greater"]);
    expect([...(model.source?.values.keys() ?? [])]).not.toContain("softness");
  });

  test("is found in chains of any length", () => {
    const g = new Graph("deep");
    let y: Value = g.input("x", "float32", [2]);
    for (let i = 0; i < 20_000; i++) y = y.add(1);
    y = soft.relu(y);
    for (let i = 0; i < 20_000; i++) y = y.mul(2);
    const { y: hard } = inferenceForm({ y }, { mode: "hard" });
    expect(hard).not.toBe(y);
  });
});

describe("a model with gradients", () => {
  test("gives those by inputs, of what flows back to its outputs", async () => {
    const g = new Graph("layer");
    const x = g.input("x", "float32", ["n", 3]);
    const hidden = layers.dense(g, 3, 4, { name: "hidden" });
    const o = { dim: -1 };
    const y = soft.rank(layers.dropout(relu(hidden(x)), { rate: 0.5, seed: stepCounter(g) }), o);
    const outputs = inferenceForm({ y }, { gradients: [x] });
    expect(Object.keys(outputs)).toEqual(["y", "x.grad"]);
    const session = await createSession(g.toModel({ outputs }), { backend: "cpu" });
    expect(session.inputs.map(({ name }) => name).sort()).toEqual(["x", "y.grad"]);
    const rows = [
      [1, 2, 3],
      [-1, 0.5, 2],
    ];
    const back = [
      [1, 0, -1, 2],
      [0, 1, 0, 0],
    ];
    const shipped = await session.run({ x: rows, "y.grad": back });
    // The same by hand, without the dropout.
    const plain = soft.rank(relu(hidden(x)), o);
    const [dx] = grad(plain.mul(g.constant(back)).sum(), [x]) as [Value];
    const expected = await evaluate({ plain, dx }, { x: rows }, { backend: "cpu" });
    expect(numbers(shipped.y)).toEqual(numbers(expected.plain));
    for (const [i, value] of numbers(expected.dx).entries()) {
      expect(numbers(shipped["x.grad"])[i]).toBeCloseTo(value, 5);
    }
    await session.dispose();
    // Asked for again, it has the same inputs.
    expect(Object.keys(inferenceForm({ y }, { gradients: [x] }))).toEqual(["y", "x.grad"]);
  });

  test("keeps straight-through, stopped and replaced gradients", async () => {
    const g = new Graph("kept");
    const x = g.input("x", "float32", [6]);
    const quantize = gradReplace((v: Value, { forward }: { forward?: boolean }) =>
      forward ? soft.round(v, { mode: "hard" }) : v.mul(3),
    );
    const loss = st.relu(x).add(quantize(x, {})).add(stopGradient(x)).sum();
    const outputs = inferenceForm({ loss }, { gradients: [x] });
    const [dx] = grad(loss, [x]) as [Value];
    const session = await createSession(g.toModel({ outputs }), { backend: "cpu" });
    expect(session.inputs.map(({ name }) => name)).toEqual(["x"]);
    const shipped = await session.run({ x: X });
    expect(numbers(shipped["x.grad"])).toEqual(
      numbers(await evaluate(dx, { x: X }, { backend: "cpu" })),
    );
    await session.dispose();
  });
});

test("a trainer exports all of these, names kept", async () => {
  const g = new Graph("ranking");
  const x = g.input("x", "float32", ["n", 3]);
  const order = g.input("order", "float32", ["n"]);
  const scorer = layers.dense(g, 3, 1, { name: "scorer" });
  const score = layers.dropout(scorer(x), { rate: 0.1, seed: stepCounter(g) }).squeeze(1);
  const loss = losses.softSpearman(score, order);
  const trainer = createTrainer(g, {
    loss,
    optimizer: optimizers.adam(),
    outputs: { score, ranks: soft.rank(score) },
    backend: "cpu",
  });
  const rows = Array.from({ length: 8 }, (_, i) => [Math.sin(i), Math.cos(i), i / 8]);
  await trainer.fit({ x: rows, order: rows.map(([a = 0]) => a) }, { batchSize: 8 }).all();
  const run = async (options: Parameters<typeof trainer.export>[0], feeds: object = {}) => {
    const session = await createSession(await trainer.export(options), { backend: "cpu" });
    const results = await session.run({ x: rows, ...feeds });
    await session.dispose();
    return results;
  };
  const soft1 = await run({});
  const hard = await run({ mode: "hard" });
  expect(Object.keys(hard)).toEqual(["score", "ranks"]);
  expect(numbers(hard.score)).toEqual(numbers(soft1.score));
  expect(numbers(hard.ranks).sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(numbers(hard.ranks)).not.toEqual(numbers(soft1.ranks));
  const back = new Tensor("float32", new Float32Array(8).fill(1), [8]);
  const layer = await run({ outputs: { score }, gradients: [x] }, { "score.grad": back });
  const weight = numbers((await trainer.state())["scorer/weight"]);
  expect(numbers(layer["x.grad"]).slice(0, 3)).toEqual(weight);
  await trainer.dispose();
});

test("options that are wrong are refused", () => {
  const g = new Graph("wrong");
  const x = g.input("x", "float32", [6]);
  const form = (outputs: unknown, options: unknown) => () =>
    inferenceForm(outputs as never, options as never);
  expect(form({ y: x.mul(2) }, { mode: "smooth" })).toThrow(
    /^inferenceForm: mode: expected "hard"/,
  );
  expect(form({ y: 3 as Operand }, {})).toThrow(
    /^inferenceForm: outputs.y: expected a Value, got 3/,
  );
  expect(form({ y: x.mul(2) }, { gradients: ["x"] })).toThrow(
    /gradients\[0\]: expected a floating/,
  );
  expect(form({ "x.grad": x.mul(2) }, { gradients: [x] })).toThrow(/two outputs "x.grad"/);
});
