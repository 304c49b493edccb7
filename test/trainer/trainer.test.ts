import {
  equal,
  Graph,
  greater,
  layers,
  losses,
  optimizers,
  schedules,
  sigmoid,
} from "../../src/index.ts";
import {
  type Backend,
  createSession,
  createStepper,
  createTrainer,
  type EpochRecord,
  nativeStatus,
  type StepRecord,
  Tensor,
  type Trainer,
  TrainingError,
} from "../../src/node.ts";

const BACKENDS: readonly Backend[] = nativeStatus().available ? ["cpu", "native"] : ["cpu"];

/** y = 2 a - 3 b + 1 on a grid. */
function plane(count = 50) {
  const X = Array.from({ length: count }, (_, i) => [Math.sin(i), Math.cos(2 * i)]);
  const y = X.map(([a = 0, b = 0]) => 2 * a - 3 * b + 1);
  return { X, y };
}

function linear(name = "linear") {
  const g = new Graph(name);
  const X = g.input("X", "float32", ["n", 2]);
  const y = g.input("y", "float32", ["n"]);
  const prediction = layers.dense(g, 2, 1, { name: "line" })(X).squeeze(1);
  return { g, X, y, prediction, loss: losses.mse(prediction, y) };
}

async function message(work: () => Promise<unknown> | unknown): Promise<string> {
  try {
    await work();
  } catch (error) {
    return (error as Error).message;
  }
  return "no error";
}

const numbers = (data: unknown) => Array.from(data as Float32Array);

describe.each(BACKENDS)("a trainer on the backend %s", (backend) => {
  const trainers: Trainer[] = [];
  const trainerOf = (...[graph, options]: Parameters<typeof createTrainer>) => {
    const trainer = createTrainer(graph, { backend, ...options });
    trainers.push(trainer);
    return trainer;
  };
  afterEach(async () => {
    for (const trainer of trainers.splice(0)) await trainer.dispose();
  });

  test("learns, and gives a record of each epoch", async () => {
    const { g, loss, prediction } = linear();
    const trainer = trainerOf(g, {
      loss,
      optimizer: optimizers.adam({ rate: 0.1 }),
      metrics: { error: prediction.sub(g.value("y")).abs() },
      outputs: { prediction },
    });
    const records: EpochRecord[] = [];
    for await (const record of trainer.fit(plane(), { epochs: 60, batchSize: 16 })) {
      records.push(record);
    }
    expect(records.map(({ epoch }) => epoch)).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
    // 50 samples: three batches of 16 and one of 2.
    expect(records.map(({ step }) => step)).toEqual(records.map(({ epoch }) => 4 * epoch));
    expect(records.at(-1)?.loss).toBeLessThan(1e-3);
    expect(records[0]?.metrics.error).toBeGreaterThan(0.5);
    expect([trainer.epoch, trainer.step]).toEqual([60, 240]);

    const { X, y } = plane(5);
    const { prediction: predicted } = await trainer.predict({ X });
    expect(predicted?.dims).toEqual([5]);
    for (const [i, value] of numbers(predicted?.data).entries()) {
      expect(value).toBeCloseTo(y[i] as number, 1);
    }
  });

  test("takes the steps that a stepper takes that is fed the batches by hand", async () => {
    const data = plane(20);
    const byHand = linear("by_hand");
    optimizers.optimize(byHand.g.output("loss", byHand.loss), byHand.loss, {
      optimizer: optimizers.sgd({ rate: schedules.cosine({ rate: 0.2, steps: 10 }) }),
    });
    const stepper = await createStepper(byHand.g, { backend });
    const seen: number[] = [];
    for (let step = 0; step < 6; step++) {
      const start = (step % 3) * 8;
      const batch = { X: data.X.slice(start, start + 8), y: data.y.slice(start, start + 8) };
      const rate = schedules.cosine({ rate: 0.2, steps: 10 })(step);
      seen.push(numbers((await stepper.step({ ...batch, rate })).loss?.data)[0] as number);
    }
    const expected = await stepper.state();
    await stepper.dispose();

    const { g, loss } = linear();
    const trainer = trainerOf(g, {
      loss,
      optimizer: optimizers.sgd({ rate: schedules.cosine({ rate: 0.2, steps: 10 }) }),
    });
    const records = await trainer
      .fit(data, { epochs: 2, batchSize: 8, shuffle: false, every: "step" })
      .all();
    const steps = records.filter((record): record is StepRecord => record.kind === "step");
    expect(steps.map((record) => record.loss)).toEqual(seen);
    expect(steps.map(({ rates }) => rates.rate)).toEqual(
      steps.map((_, i) => schedules.cosine({ rate: 0.2, steps: 10 })(i)),
    );
    expect((await trainer.state())["line/weight"]?.data).toEqual(expected["line/weight"]?.data);
    // The epoch's loss counts each sample alike: 8, 8 and 4.
    const [a = 0, b = 0, c = 0] = seen;
    const epochs = records.filter((record): record is EpochRecord => record.kind === "epoch");
    expect(epochs[0]?.loss).toBeCloseTo((8 * a + 8 * b + 4 * c) / 20, 12);
  });

  test("one seed gives one run, another seed another", async () => {
    const run = async (seed: number) => {
      const { g, loss } = linear();
      const trainer = trainerOf(g, { loss, optimizer: optimizers.sgd({ rate: 0.05 }), seed });
      const losses = (await trainer.fit(plane(), { epochs: 3, batchSize: 7 }).all()).map(
        (record) => record.loss,
      );
      return { losses, weight: numbers((await trainer.state())["line/weight"]?.data) };
    };
    const first = await run(1);
    expect(await run(1)).toEqual(first);
    expect(await run(2)).not.toEqual(first);
  });

  test("reads rows, columns, typed arrays and streams alike", async () => {
    const { X, y } = plane(10);
    const flat = { X: Float32Array.from(X.flat()), y: Float64Array.from(y) };
    const batches = [
      { X: X.slice(0, 4), y: y.slice(0, 4) },
      { X: X.slice(4, 8), y: y.slice(4, 8) },
      { X: X.slice(8), y: y.slice(8) },
    ];
    const kinds = {
      columns: { X, y },
      flat,
      rows: X.map((row, i) => ({ X: row, y: y[i] as number })),
      typedRows: X.map((row, i) => ({ X: Float64Array.from(row), y: y[i] as number })),
      tensors: {
        X: new Tensor("float64", Float64Array.from(X.flat()), [10, 2]),
        y: new Tensor("float32", Float32Array.from(y), [10]),
      },
      stream: async function* () {
        yield* batches;
      },
      list: () => batches,
    };
    const results: Record<string, unknown> = {};
    for (const [kind, data] of Object.entries(kinds)) {
      const { g, loss } = linear();
      const trainer = trainerOf(g, { loss, optimizer: optimizers.sgd({ rate: 0.1 }) });
      await trainer.fit(data, { epochs: 2, batchSize: 4, shuffle: false }).all();
      results[kind] = numbers((await trainer.state())["line/weight"]?.data);
    }
    for (const result of Object.values(results)) expect(result).toEqual(results.columns);
  });

  test("evaluates, and validates after each epoch, by the parameters as they are", async () => {
    const { g, loss, prediction, y } = linear();
    const trainer = trainerOf(g, {
      loss,
      optimizer: optimizers.sgd({ rate: 0.1 }),
      metrics: { sameSign: equal(greater(prediction, 0), greater(y, 0)) },
    });
    const held = plane(7);
    const before = await trainer.evaluate(held);
    const [first, second] = await trainer.fit(plane(), { epochs: 2, validation: held }).all();
    expect(first?.validation?.loss).toBeLessThan(before.loss);
    expect(second?.validation).toEqual(await trainer.evaluate(held));
    const share = (await trainer.evaluate(held, { batchSize: 2 })).metrics.sameSign as number;
    expect(share * 7).toBeCloseTo(Math.round(share * 7), 5);
  });

  test("holds a share of the samples back for validation", async () => {
    const { g, loss } = linear();
    const trainer = trainerOf(g, { loss, optimizer: optimizers.sgd({ rate: 0.1 }) });
    const [record] = await trainer.fit(plane(50), { batchSize: 8, validation: 0.2 }).all();
    // 40 of 50 samples are left.
    expect(record?.step).toBe(5);
    expect(record?.validation?.loss).toBeGreaterThan(0);
  });

  test("stops early, with the parameters of the best epoch if asked", async () => {
    const { g, loss } = linear();
    // So high a rate makes the loss grow.
    const trainer = trainerOf(g, { loss, optimizer: optimizers.sgd({ rate: 1.2 }) });
    const held = plane(9);
    const before = await trainer.evaluate(held);
    const records = await trainer
      .fit(plane(), {
        epochs: 20,
        batchSize: Number.POSITIVE_INFINITY,
        validation: held,
        earlyStopping: { patience: 2, restoreBest: true },
      })
      .all();
    const best = Math.min(...records.map(({ validation }) => validation?.loss as number));
    expect(records.at(-1)?.stoppedEarly).toBe(true);
    expect(records).toHaveLength(
      records.findIndex(({ validation }) => validation?.loss === best) + 4,
    );
    expect(best).not.toBe(before.loss);
    expect((await trainer.evaluate(held)).loss).toBe(best);
  });

  test("stops where the loss is no longer finite, and says in which step", async () => {
    const { g, loss } = linear();
    const trainer = trainerOf(g, { loss, optimizer: optimizers.sgd({ rate: 0.1 }) });
    const data = plane(12);
    data.y[9] = Number.NaN;
    const fit = trainer.fit(data, { batchSize: 4, epochs: 2, shuffle: false });
    const error = await fit.all().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TrainingError);
    expect((error as TrainingError).message).toBe("the loss is NaN in step 3, in epoch 1");
    expect(error).toMatchObject({ step: 3, epoch: 1 });
  });

  test("feeds scalars by number and by schedule", async () => {
    const { g, loss, prediction } = linear();
    const scale = g.input("scale", "float32", []);
    const shift = g.input("shift", "float32", []);
    const trainer = trainerOf(g, {
      loss: loss.mul(scale),
      optimizer: optimizers.sgd({ rate: 0 }),
      feeds: { scale: (step) => step + 1, shift: 5 },
      outputs: { shifted: prediction.add(shift) },
    });
    const records = await trainer
      .fit(plane(8), { batchSize: 8, epochs: 3, every: "step", shuffle: false })
      .all();
    const steps = records.filter(({ kind }) => kind === "step").map((record) => record.loss);
    expect(steps[1]).toBeCloseTo(2 * (steps[0] as number), 5);
    expect(steps[2]).toBeCloseTo(3 * (steps[0] as number), 5);
    expect(Object.keys(await trainer.predict({ X: plane(8).X }))).toEqual(["shifted"]);
  });

  test("keeps moving averages, by which it evaluates and exports", async () => {
    const { g, loss, prediction } = linear();
    const trainer = trainerOf(g, {
      loss,
      optimizer: optimizers.sgd({ rate: 0.1 }),
      average: 0.5,
      outputs: { prediction },
    });
    await trainer.fit(plane(), { epochs: 1 }).all();
    const state = await trainer.state();
    expect(state["line/weight"]?.data).not.toEqual(state["line/weight/average"]?.data);
    const session = await createSession(await trainer.export(), { backend });
    const { X } = plane(4);
    const { prediction: exported } = await session.run({ X });
    const { prediction: predicted } = await trainer.predict({ X });
    await session.dispose();
    expect(predicted?.data).toEqual(exported?.data);
    const [w = 0, v = 0] = numbers(state["line/weight/average"]?.data);
    const [b = 0] = numbers(state["line/bias/average"]?.data);
    const [[p = 0, q = 0] = []] = X;
    expect(numbers(exported?.data)[0]).toBeCloseTo(w * p + v * q + b, 5);
  });

  test("predicts what the graph has as outputs, but for the scores", async () => {
    const { g, loss, prediction } = linear();
    g.output("loss", loss).output("prediction", prediction);
    const trainer = trainerOf(g, { loss, optimizer: optimizers.sgd() });
    expect(Object.keys(await trainer.predict({ X: plane(3).X }))).toEqual(["prediction"]);
  });

  test("trains a graph that has its updates already", async () => {
    const g = new Graph("counter");
    const x = g.input("x", "float32", ["n"]);
    const total = g.parameter("total", 0);
    g.update(total, total.add(x.sum()));
    const trainer = trainerOf(g, { loss: x.mean() });
    await trainer.fit({ x: [1, 2, 3, 4, 5] }, { batchSize: 2, epochs: 2 }).all();
    expect(numbers((await trainer.state()).total?.data)).toEqual([30]);
  });

  test("another fit goes on, and leaving the loop leaves the epoch", async () => {
    const { g, loss } = linear();
    const trainer = trainerOf(g, { loss, optimizer: optimizers.sgd({ rate: 0.1 }) });
    const endless = { batchSize: 2, every: "step", epochs: Number.POSITIVE_INFINITY } as const;
    for await (const record of trainer.fit(plane(10), endless)) {
      if (record.step === 3) break;
    }
    expect([trainer.epoch, trainer.step]).toEqual([0, 3]);
    const records = await trainer.fit(plane(10), { batchSize: 2, epochs: 2 }).all();
    expect(records.map(({ epoch, step }) => [epoch, step])).toEqual([
      [1, 8],
      [2, 13],
    ]);
  });
});

(nativeStatus().available ? test : test.skip)(
  "on the native backend, parameters never cross into JavaScript",
  async () => {
    const g = new Graph("large");
    const x = g.input("x", "float32", ["n"]);
    const w = g.parameter("w", 1, [2 ** 20]);
    const trainer = createTrainer(g, {
      loss: w.square().mean().mul(x.mean()),
      optimizer: optimizers.sgd({ rate: 1 }),
      outputs: { y: x.mul(w.mean()) },
      backend: "native",
    });
    const x40 = Array.from({ length: 40 }, () => 1);
    await trainer.fit({ x: x40 }, { batchSize: 4, validation: { x: x40 } }).all();
    const before = process.memoryUsage().arrayBuffers;
    await trainer.fit({ x: x40 }, { batchSize: 4, epochs: 2, validation: { x: x40 } }).all();
    await trainer.predict({ x: x40 }, { batchSize: 4 });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 20);
    await trainer.dispose();
  },
);

describe("what a trainer refuses", () => {
  const { g, loss, prediction } = linear();
  const sgd = optimizers.sgd({ rate: 0.1 });
  const trainer = createTrainer(g, { loss, optimizer: sgd, backend: "cpu" });
  afterAll(() => trainer.dispose());

  const refusal = (data: unknown, options = {}) =>
    message(() => trainer.fit(data as never, options).all());

  test("data that do not fit", async () => {
    expect(await refusal({ X: [[1, 2]] })).toBe('fit: data: there is no column "y"');
    expect(await refusal({ X: [[1, 2]], y: [1], Y: [1] })).toMatch(
      /^fit: there is no input "Y"; did you mean "y"\?/,
    );
    expect(await refusal({ X: [[1, 2]], y: [1, 2] })).toBe(
      'fit: data: "X" has 1 samples, but "y" has 2',
    );
    expect(await refusal({ X: [[1, 2, 3]], y: [1] })).toMatch(
      /^fit: data: column "X": expected float32 \[\?, 2\], got an array of shape \[1, 3\]/,
    );
    expect(await refusal({ X: [], y: [] })).toMatch(/^fit: data: /);
    const ranks = new Tensor("float64", [1.5], [1]);
    expect(await refusal({ X: ranks, y: [1] })).toMatch(/column "X": expected float32 \[\?, 2\]/);
    const words = new Tensor("string", ["a", "b"], [1, 2]);
    expect(await refusal({ X: words, y: [1] })).toMatch(/got string \[1, 2\]/);
    expect(await refusal([{ X: [1, 2] }])).toBe('fit: data[0] has no "y"');
    expect(await refusal(3)).toBe(
      "fit: data: expected an object of columns, an array of samples, or a stream of batches, got 3",
    );
    expect(await refusal(() => [])).toBe("fit: data: the stream has no batches");
    const once = (async function* () {
      yield plane(4);
    })();
    expect(await refusal(once, { epochs: 2 })).toBe(
      "fit: data: the stream has been read; for another epoch give a function that makes it",
    );
  });

  test("options that are wrong", async () => {
    const data = plane(4);
    expect(await refusal(data, { epoch: 1 })).toBe(
      'fit: unknown option "epoch"; did you mean "epochs"?',
    );
    expect(await refusal(data, { batchSize: 0 })).toBe(
      "fit: batchSize: expected a whole number from 1, or Infinity, got 0",
    );
    expect(await refusal(data, { earlyStopping: { monitor: "accuracy" } })).toBe(
      'fit: earlyStopping.monitor: expected "loss", got "accuracy"',
    );
    expect(await refusal(() => [data], { shuffle: true })).toBe(
      "fit: shuffle: expected false for a stream of batches, got true",
    );
    expect(await message(() => trainer.predict(data))).toBe(
      "predict: there are no outputs: give createTrainer `outputs`",
    );
    const make = (options: object) => message(() => createTrainer(linear().g, options as never));
    expect(await make({ loss: 1, optimizer: sgd })).toBe(
      "createTrainer: loss: expected a Value, got 1",
    );
    expect(await make({ loss: prediction, optimizer: sgd })).toMatch(/is no value of Graph/);
    expect(await message(() => createTrainer(linear().g, { loss } as never))).toMatch(
      /is no value/,
    );
    const other = linear();
    expect(await message(() => createTrainer(other.g, { loss: other.loss }))).toMatch(
      /^createTrainer: optimizer: expected what sgd\(\)/,
    );
    const normed = new Graph("normed");
    const x = normed.input("x", "float32", ["n", 2]);
    const mean = layers.batchNorm(normed, 2)(x, { training: true }).mean();
    expect(await message(() => createTrainer(normed, { loss: mean }))).toMatch(
      /^createTrainer: optimizer: expected what sgd\(\)/,
    );
    expect(
      await message(() => createTrainer(other.g, { loss: other.prediction, optimizer: sgd })),
    ).toMatch(/^createTrainer: loss: expected a floating scalar/);
  });

  test("a batch that the graph's own sizes do not take", async () => {
    const h = new Graph("fixed");
    const x = h.input("x", "float32", [4]);
    const w = h.parameter("w", 1);
    const fixed = createTrainer(h, {
      loss: sigmoid(x.mul(w)).mean(),
      optimizer: sgd,
      backend: "cpu",
    });
    const x10 = Array.from({ length: 10 }, (_, i) => i);
    expect(await message(() => fixed.fit({ x: x10 }).all())).toBe(
      'fit: input "x" takes exactly 4 samples: set batchSize to 4 and dropLast to true, or give its ' +
        'first size a name, such as "batch"',
    );
    const [record] = await fixed.fit({ x: x10 }, { batchSize: 4, dropLast: true }).all();
    expect(record?.step).toBe(2);
    await fixed.dispose();
  });
});
