import { Graph, layers, losses, optimizers, relu, schedules, type Value } from "../../src/index.ts";
import { createSession, createStepper, type Tensors } from "../../src/node.ts";

const numbers = (tensor: { readonly data: unknown } | undefined) =>
  Array.from(tensor?.data as Float64Array);

function network() {
  const g = new Graph("net");
  const x = g.input("x", "float64", ["n", 3]);
  const y = g.input("y", "float64", ["n"]);
  const hidden = layers.dense(g, 3, 5, { name: "hidden", dtype: "float64" });
  const output = layers.dense(g, 5, 1, { name: "output", dtype: "float64" });
  const loss = losses.mse(output(relu(hidden(x))).squeeze(1), y);
  const options = {
    optimizer: optimizers.adamw({ rate: schedules.cosine({ rate: 0.05, steps: 20 }) }),
    groups: [{ parameters: [hidden.bias as Value], weightDecay: 0 }],
    clip: { norm: 0.5 },
    average: 0.9,
  };
  return { g, loss, options };
}

const rows = Array.from({ length: 12 }, (_, i) => [Math.sin(i), Math.cos(i), i / 12]);
const data = { x: rows, y: rows.map(([a = 0, b = 0, c = 0]) => a * b + c) };
const part = (from: number, to: number) => ({
  x: data.x.slice(from, to),
  y: data.y.slice(from, to),
});

test("gradients of parts of a batch, averaged, make the step of the whole", async () => {
  const whole = network();
  optimizers.optimize(whole.g.output("loss", whole.loss), whole.loss, whole.options);
  const straight = await createStepper(whole.g, { backend: "cpu" });

  const { g, loss, options } = network();
  const { gradients, update, updates } = optimizers.splitStep(g, loss, options);
  expect(g.updates.size).toBe(0);
  const worker = await createSession(gradients, { backend: "cpu" });
  const stepper = await createStepper(update, { backend: "cpu" });
  expect([...updates.schedules.keys()]).toEqual(["rate"]);
  for (let step = 0; step < 20; step++) {
    const rate = schedules.cosine({ rate: 0.05, steps: 20 })(step);
    const expected = await straight.step({ ...data, rate });
    const state = await stepper.state();
    const parameters = Object.fromEntries(
      worker.inputs.flatMap(({ name }) => (state[name] ? [[name, state[name]]] : [])),
    );
    const halves: Tensors[] = [];
    for (const half of [part(0, 6), part(6, 12)]) {
      halves.push(await worker.run({ ...half, ...parameters }));
    }
    const mean = (name: string) => {
      const [a, b] = halves.map((half) => numbers(half[name]));
      return Float64Array.from(a as number[], (value, i) => (value + (b?.[i] as number)) / 2);
    };
    expect(mean("loss")[0]).toBeCloseTo(numbers(expected.loss)[0] as number, 12);
    const names = stepper.inputs.map(({ name }) => name).filter((name) => name !== "rate");
    const feeds = Object.fromEntries(names.map((name) => [name, mean(name)]));
    await stepper.step({ ...feeds, rate });
  }
  const [a, b] = [await stepper.state(), await straight.state()];
  expect(Object.keys(a).sort()).toEqual(Object.keys(b).sort());
  for (const name of Object.keys(a)) {
    for (const [i, value] of numbers(a[name]).entries()) {
      expect(value).toBeCloseTo(numbers(b[name])[i] as number, 12);
    }
  }
  for (const each of [worker, stepper, straight]) await each.dispose();
});

test("states that layers keep come out beside the gradients", async () => {
  const g = new Graph("normalised");
  const x = g.input("x", "float32", ["n", 2]);
  const norm = layers.batchNorm(g, 2, { name: "norm", momentum: 0.5 });
  const loss = norm(x, { training: true }).mul([1, 2]).square().mean();
  const { gradients } = optimizers.splitStep(g, loss, { optimizer: optimizers.sgd() });
  const session = await createSession(gradients, { backend: "cpu" });
  expect(session.outputs.map(({ name }) => name)).toEqual([
    "loss",
    "norm/mean.next",
    "norm/variance.next",
    "norm/scale.grad",
    "norm/bias.grad",
  ]);
  const state = { "norm/scale": [1, 1], "norm/bias": [0, 0], "norm/mean": [0, 0] };
  const results = await session.run({
    x: [
      [1, 4],
      [3, 4],
    ],
    ...state,
    "norm/variance": [1, 1],
  });
  expect(numbers(results["norm/mean.next"])).toEqual([1, 2]);
  await session.dispose();
});

test("what cannot be split is refused", () => {
  const { g, loss } = network();
  const rate = g.input("r", "float64", []);
  expect(() => optimizers.splitStep(g, loss, { optimizer: optimizers.sgd({ rate }) })).toThrow(
    /^splitStep: optimizer.rate: expected a number or a schedule, got/,
  );
  const h = new Graph("none");
  const x = h.input("x", "float32", []);
  expect(() => optimizers.splitStep(h, x, { optimizer: optimizers.sgd() })).toThrow(
    /depends on no parameter/,
  );
});
