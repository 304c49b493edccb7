import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Graph, grad, optimizers, schedules, stepCounter, type Value } from "softonnx";
import { createStepper } from "softonnx/node";

const { adagrad, adam, adamw, applyGradients, lion, optimize, rmsprop, sgd } = optimizers;

interface Reference {
  readonly cases: Readonly<Record<string, readonly [step: number, numbers: number[]][]>>;
}

const reference = JSON.parse(
  readFileSync(join(import.meta.dirname, "reference/optimizers.json"), "utf8"),
) as Reference;

type DType = "float32" | "float64";

/** The problem of reference/optimizers.py. */
const X = Array.from({ length: 8 }, (_, i) => [0, 1, 2].map((j) => Math.sin(1 + 3 * i + j)));
const Y = Array.from({ length: 8 }, (_, i) => Math.cos(2 * i) + 0.5);
const START = [0.5, -1, 2, 0.25];

function problem(dtype: DType) {
  const g = new Graph("convex");
  const w = g.parameter("w", START.slice(0, 3), dtype);
  const b = g.parameter("b", START[3] as number, dtype);
  const residual = g.constant(X, dtype).matmul(w).add(b).sub(g.constant(Y, dtype));
  return { g, w, b, loss: residual.square().mean().mul(0.5) };
}

/** w and b after each of so many steps. */
async function train(
  make: (w: Value, b: Value, g: Graph) => Parameters<typeof optimize>[2],
  { dtype = "float64" as DType, steps = 100, feeds = (_: number) => ({}) } = {},
): Promise<number[][]> {
  const { g, w, b, loss } = problem(dtype);
  optimize(g.output("loss", loss), loss, make(w, b, g));
  const stepper = await createStepper(g);
  const history: number[][] = [];
  for (let step = 0; step < steps; step++) {
    await stepper.step(feeds(step));
    const state = await stepper.state();
    history.push([...numbersOf(state.w), ...numbersOf(state.b)]);
  }
  await stepper.dispose();
  return history;
}

function numbersOf(tensor: { readonly data: unknown } | undefined): number[] {
  return Array.from(tensor?.data as ArrayLike<number | bigint>, Number);
}

function expectNear(found: readonly number[], wanted: readonly number[], tolerance: number): void {
  expect(found).toHaveLength(wanted.length);
  const off = found.filter((x, i) => {
    const y = wanted[i] as number;
    return !(Math.abs(x - y) <= tolerance * Math.abs(y));
  });
  if (off.length > 0) expect(found).toEqual(wanted);
}

const cases: Readonly<Record<string, (w: Value, b: Value) => Parameters<typeof optimize>[2]>> = {
  sgd: () => ({ optimizer: sgd({ rate: 0.1 }) }),
  "sgd momentum": () => ({ optimizer: sgd({ rate: 0.05, momentum: 0.9 }) }),
  "sgd dampening": () => ({
    optimizer: sgd({ rate: 0.05, momentum: 0.8, dampening: 0.3, weightDecay: 0.01 }),
  }),
  "sgd nesterov": () => ({
    optimizer: sgd({ rate: 0.05, momentum: 0.9, nesterov: true, weightDecay: 0.1 }),
  }),
  adam: () => ({ optimizer: adam({ rate: 0.05 }) }),
  "adam decay": () => ({
    optimizer: adam({ rate: 0.05, beta1: 0.8, beta2: 0.95, epsilon: 1e-6, weightDecay: 0.1 }),
  }),
  adamw: () => ({ optimizer: adamw({ rate: 0.05, weightDecay: 0.2 }) }),
  rmsprop: () => ({ optimizer: rmsprop({ rate: 0.02 }) }),
  "rmsprop centered": () => ({
    optimizer: rmsprop({ rate: 0.02, alpha: 0.99, momentum: 0.5, centered: true, epsilon: 0.1 }),
  }),
  adagrad: () => ({ optimizer: adagrad({ rate: 0.3 }) }),
  "adagrad decay": () => ({
    optimizer: adagrad({
      rate: 0.5,
      rateDecay: 0.01,
      weightDecay: 0.05,
      initial: 0.1,
      epsilon: 1e-6,
    }),
  }),
  groups: (_, b) => ({
    optimizer: adamw({ rate: 0.05, weightDecay: 0.2 }),
    groups: [{ parameters: [b], weightDecay: 0, rate: 0.01 }],
  }),
  "clip norm": () => ({ optimizer: sgd({ rate: 0.1 }), clip: { norm: 0.25 } }),
  "clip value": () => ({ optimizer: sgd({ rate: 0.1 }), clip: { value: 0.1 } }),
};

describe("100 steps equal torch.optim's", () => {
  test("every stored case has a test", () => {
    expect(Object.keys(cases).sort()).toEqual(Object.keys(reference.cases).sort());
  });

  test.each(Object.keys(cases))("%s", async (name) => {
    const make = cases[name] as (typeof cases)[string];
    const double = await train(make);
    const single = await train(make, { dtype: "float32" });
    for (const [step, numbers] of reference.cases[name] ?? []) {
      expectNear(double[step - 1] as number[], numbers, 1e-12);
      expectNear(single[step - 1] as number[], numbers, 1e-5);
    }
  });
});

test("lion equals its paper's algorithm", async () => {
  const [rate, beta1, beta2, weightDecay] = [0.01, 0.9, 0.99, 0.1];
  const found = await train(() => ({ optimizer: lion({ rate, beta1, beta2, weightDecay }) }));
  const w = [...START];
  const mean = w.map(() => 0);
  for (let step = 0; step < 100; step++) {
    const residuals = X.map((row, i) => dot([...row, 1], w) - (Y[i] as number));
    const gradient = w.map(
      (_, j) =>
        dot(
          X.map((row) => row[j] ?? 1),
          residuals,
        ) / X.length,
    );
    for (const [j, g] of gradient.entries()) {
      const m = mean[j] as number;
      const direction = Math.sign(beta1 * m + (1 - beta1) * g);
      w[j] = (w[j] as number) - rate * (direction + weightDecay * (w[j] as number));
      mean[j] = beta2 * m + (1 - beta2) * g;
    }
    expectNear(found[step] as number[], w, 1e-12);
  }
});

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, x, i) => sum + x * (b[i] as number), 0);
}

describe("rates", () => {
  test("a scalar input is fed a schedule", async () => {
    const schedule = schedules.cosine({ rate: 0.1, steps: 10 });
    const fed = await train(
      (_, __, g) => ({ optimizer: sgd({ rate: g.input("rate", "float64", []) }) }),
      {
        steps: 3,
        feeds: (step) => ({ rate: schedule(step) }),
      },
    );
    const made = await train(() => ({ optimizer: sgd({ rate: schedule }) }), {
      steps: 3,
      feeds: (step) => ({ rate: schedule(step) }),
    });
    expect(made).toEqual(fed);
    const constant = await train(() => ({ optimizer: sgd({ rate: 0.1 }) }), { steps: 3 });
    expect(made[0]).toEqual(constant[0]);
    expect(made[1]).not.toEqual(constant[1]);
  });

  test("optimize says which input each schedule is fed to", () => {
    const { g, b, loss } = problem("float32");
    const [fast, slow] = [schedules.constant(0.1), schedules.constant(0.01)];
    const updates = optimize(g, loss, {
      optimizer: sgd({ rate: fast }),
      groups: [{ parameters: [b], rate: slow }],
    });
    expect([...updates.schedules]).toEqual([
      ["rate", fast],
      ["rate_1", slow],
    ]);
    expect(String(g.inputs.get("rate"))).toBe('float32 [] "rate"');
  });

  test("a counter of the graph makes a rate without feeds", async () => {
    const found = await train(
      (_, __, g) => ({
        optimizer: sgd({ rate: stepCounter(g).cast("float64").add(1).reciprocal().mul(0.1) }),
      }),
      { steps: 3 },
    );
    const fed = await train(() => ({ optimizer: sgd({ rate: (step) => 0.1 / (step + 1) }) }), {
      steps: 3,
      feeds: (step) => ({ rate: 0.1 / (step + 1) }),
    });
    for (const [i, row] of found.entries()) expectNear(row, fed[i] as number[], 1e-14);
  });
});

describe("what stands around an optimizer", () => {
  test("gradients of several steps are one update by their mean", async () => {
    const each = await train(() => ({ optimizer: adam({ rate: 0.05 }) }), { steps: 4 });
    const third = await train(() => ({ optimizer: adam({ rate: 0.05 }), accumulate: 3 }), {
      steps: 12,
    });
    expect(third[1]).toEqual(START);
    for (let i = 0; i < 4; i++)
      expectNear(third[3 * i + 2] as number[], each[i] as number[], 1e-13);
  });

  test("a moving average follows each parameter", async () => {
    const { g, w, loss } = problem("float64");
    const updates = optimize(g, loss, { optimizer: sgd({ rate: 0.1 }), average: 0.9 });
    expect(updates.averages.get(w)?.hint).toBe("w/average");
    const stepper = await createStepper(g);
    let average = START.slice(0, 3);
    for (let step = 0; step < 5; step++) {
      await stepper.step();
      const state = await stepper.state();
      const now = numbersOf(state.w);
      average = average.map((a, i) => 0.9 * a + 0.1 * (now[i] as number));
      expectNear(numbersOf(state["w/average"]), average, 1e-14);
      const averaged = optimizers.averagedState(updates, state);
      expect(averaged.w).toBe(state["w/average"]);
      expect(averaged.b).toBe(state["b/average"]);
    }
    await stepper.dispose();
  });

  test("gradients may come from elsewhere", async () => {
    const g = new Graph("update");
    const w = g.parameter("w", [1, 2]);
    applyGradients([[w, g.input("dw", "float32", [2])]], { optimizer: sgd({ rate: 0.5 }) });
    const stepper = await createStepper(g);
    await stepper.step({ dw: [2, -2] });
    expect(numbersOf((await stepper.state()).w)).toEqual([0, 3]);
    await stepper.dispose();
  });

  test("states and updated parameters are not trained by default", () => {
    const { g, w, b, loss } = problem("float32");
    g.parameter("unused", 1);
    stepCounter(g);
    g.update(b, b);
    expect(optimizers.trainable(g, loss)).toEqual([w]);
  });
});

describe("errors", () => {
  const { g, w, b, loss } = problem("float32");

  test.each<[string, () => unknown, RegExp]>([
    ["an option that does not exist", () => adam({ lr: 1 } as never), /adam: unknown option "lr"/],
    ["a beta of 1", () => adam({ beta1: 1 }), /beta1: expected a number from 0, below 1, got 1/],
    ["a negative rate", () => sgd({ rate: -1 }), /rate: expected a number from 0/],
    [
      "a rate that is no scalar",
      () => sgd({ rate: w }),
      /rate: expected a number from 0, a floating/,
    ],
    ["Nesterov without momentum", () => sgd({ nesterov: true }), /nesterov: expected a momentum/],
    [
      "an optimizer that is none",
      () => optimize(g, loss, { optimizer: "adam" as never }),
      /optimizer: expected what sgd\(\)/,
    ],
    [
      "a loss without parameters",
      () => optimize(g, g.constant(1), { optimizer: sgd() }),
      /depends on no parameter/,
    ],
    [
      "a gradient of another shape",
      () => applyGradients([[w, b]], { optimizer: sgd() }),
      /pairs\[0\]\[1\]: expected the type and shape/,
    ],
    [
      "a parameter in two groups",
      () =>
        optimize(g, loss, {
          optimizer: sgd(),
          groups: [{ parameters: [w] }, { parameters: [w] }],
        }),
      /each in one group/,
    ],
    [
      "half a step",
      () =>
        applyGradients([[w, grad(loss, [w])[0] as Value]], { optimizer: sgd(), accumulate: 1.5 }),
      /accumulate: expected a whole number from 1, got 1.5/,
    ],
  ])("%s", (_, build, message) => {
    expect(build).toThrow(message);
  });
});
