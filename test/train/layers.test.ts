import {
  Graph,
  type Graph as GraphType,
  grad,
  initializers,
  layers,
  losses,
  optimizers,
  relu,
  stepCounter,
  type Value,
} from "softonnx";
import { createStepper, evaluate } from "softonnx/node";

const numbersOf = (tensor: { readonly data: unknown }) =>
  Array.from(tensor.data as ArrayLike<number | bigint>, Number);

const wave = (size: number, phase = 0) =>
  Array.from({ length: size }, (_, i) => Math.sin(i + phase));

function expectNear(found: readonly number[], wanted: readonly number[], tolerance = 1e-12): void {
  expect(found).toHaveLength(wanted.length);
  const far = found.some((x, i) => !(Math.abs(x - (wanted[i] as number)) <= tolerance));
  if (far) expect(found).toEqual(wanted);
}

function initialOf(parameter: Value): number[] {
  if (parameter.origin.kind !== "parameter") throw new Error(`${parameter} is no parameter`);
  return Array.from(parameter.origin.initial.elements as Float32Array);
}

describe("parameters", () => {
  test("follow from the seed and the name alone", () => {
    const [one, two] = [new Graph("one"), new Graph("two")];
    layers.dense(two, 7, 7);
    const [a, b] = [one, two].map((g) => layers.dense(g, 3, 4, { name: "head", seed: 5 }));
    expect(initialOf(a?.weight as Value)).toEqual(initialOf(b?.weight as Value));
    const other = layers.dense(one, 3, 4, { seed: 5 });
    expect(initialOf(other.weight)).not.toEqual(initialOf(a?.weight as Value));
  });

  test("are numbered where they are not named", () => {
    const g = new Graph("names");
    layers.dense(g, 1, 1);
    layers.dense(g, 1, 1, { bias: false });
    layers.attention(g, 2);
    expect([...g.parameters.keys()]).toEqual([
      "dense_0/weight",
      "dense_0/bias",
      "dense_1/weight",
      ...["query", "key", "value", "output"].flatMap((part) => [
        `attention_0/${part}/weight`,
        `attention_0/${part}/bias`,
      ]),
    ]);
  });

  test.each([
    ["glorotUniform", 2 / 300, initializers.glorotUniform()],
    ["glorotNormal", 2 / 300, initializers.glorotNormal()],
    ["heUniform", 2 / 100, initializers.heUniform()],
    ["heNormal", 2 / 100, initializers.heNormal()],
    ["normal", 9, initializers.normal({ deviation: 3 })],
    ["uniform", 1 / 3, initializers.uniform({ low: -1, high: 1 })],
  ])("%s has its variance", (_, variance, initializer) => {
    const { weight } = layers.dense(new Graph("variance"), 100, 200, {
      initializer,
      dtype: "float64",
    });
    const numbers = initialOf(weight);
    const mean = numbers.reduce((a, b) => a + b) / numbers.length;
    const square = numbers.reduce((a, b) => a + b * b) / numbers.length;
    expect(Math.abs(mean)).toBeLessThan(0.03 * Math.sqrt(variance));
    expect(Math.abs(square / variance - 1)).toBeLessThan(0.05);
  });
});

describe("layers", () => {
  test("dense is a product and a sum", async () => {
    const g = new Graph("dense");
    const layer = layers.dense(g, 2, 3, {
      dtype: "float64",
      initializer: initializers.constant(2),
    });
    const y = layer(
      g.constant(
        [
          [1, 2],
          [3, 4],
        ],
        "float64",
      ),
    );
    expect(numbersOf(await evaluate(y))).toEqual([6, 6, 6, 14, 14, 14]);
  });

  test("convolution of images and of signals", async () => {
    const g = new Graph("convolution");
    const ones = { initializer: initializers.constant(1), pads: "same" } as const;
    const images = layers.convolution(g, 1, 2, [3, 2], ones)(g.constant(1, [1, 1, 3, 3]));
    expect(String(images)).toMatch(/^float32 \[1, 2, 3, 3\]/);
    expect(numbersOf(await evaluate(images)).slice(0, 9)).toEqual([4, 4, 2, 6, 6, 3, 4, 4, 2]);
    const signals = layers.convolution(g, 4, 6, [3], { group: 2, strides: 2 });
    expect(signals.weight.shape).toEqual([6, 2, 3]);
    expect(signals(g.input("x", "float32", ["n", 4, 9])).shape).toEqual(["n", 6, 4]);
  });

  test("pooling goes over windows side by side", async () => {
    const g = new Graph("pooling");
    const x = g.constant([[[1, 5, 2, 4, 9]]]);
    expect(numbersOf(await evaluate(layers.maxPool(x, 2)))).toEqual([5, 4]);
    expect(numbersOf(await evaluate(layers.averagePool(x, 2, { strides: 3 })))).toEqual([3, 6.5]);
    expect(layers.globalAveragePool(x).shape).toEqual([1, 1]);
    expect(numbersOf(await evaluate(layers.globalMaxPool(x)))).toEqual([9]);
  });

  test("layerNorm has mean 0 and variance 1 in each row", async () => {
    const g = new Graph("layerNorm");
    const y = layers.layerNorm(g, 4, { dtype: "float64", epsilon: 0 })(
      g.constant([[1, 2, 3, 6]], "float64"),
    );
    const root = Math.sqrt(3.5);
    expectNear(numbersOf(await evaluate(y)), [-2 / root, -1 / root, 0, 3 / root]);
  });

  test("embedding takes rows", async () => {
    const g = new Graph("embedding");
    const table = layers.embedding(g, 5, 2);
    const rows = initialOf(table.weight);
    const y = await evaluate(table(g.constant([[4, 0]], "int64")));
    expect(y.dims).toEqual([1, 2, 2]);
    expect(numbersOf(y)).toEqual([...rows.slice(8), ...rows.slice(0, 2)]);
  });
});

describe("batchNorm", () => {
  test("normalises by the batch in training, and by what it has seen otherwise", async () => {
    const g = new Graph("batchNorm");
    const x = g.input("x", "float64", ["n", 2]);
    const norm = layers.batchNorm(g, 2, { dtype: "float64", momentum: 0.75, epsilon: 0 });
    g.output("trained", norm(x, { training: true })).output("plain", norm(x));
    expect(optimizers.trainable(g, norm(x).sum())).toEqual([norm.scale, norm.bias]);
    const stepper = await createStepper(g);
    const rows = [
      [1, 10],
      [3, 30],
    ];
    const first = await stepper.step({ x: rows });
    expectNear(numbersOf(first.trained as never), [-1, -1, 1, 1]);
    expectNear(numbersOf(first.plain as never), rows.flat());
    const state = await stepper.state();
    expectNear(numbersOf(state["batchNorm_0/mean"] as never), [0.5, 5]);
    expectNear(numbersOf(state["batchNorm_0/variance"] as never), [1, 25.75]);
    const second = await stepper.step({ x: rows });
    expectNear(numbersOf(second.plain as never), [
      0.5,
      5 / Math.sqrt(25.75),
      2.5,
      25 / Math.sqrt(25.75),
    ]);
    await stepper.dispose();
  });

  test("may be trained once in a graph", () => {
    const g = new Graph("twice");
    const x = g.input("x", "float32", ["n", 2]);
    const norm = layers.batchNorm(g, 2);
    norm(x, { training: true });
    expect(() => norm(x, { training: true })).toThrow(/has an update already/);
  });
});

describe("attention", () => {
  /** The formula, for one head of size d, in rows. */
  function plain(
    q: number[][],
    k: number[][],
    v: number[][],
    seen: (i: number, j: number) => boolean,
  ) {
    return q.map((row, i) => {
      const scores = k.map((other, j) =>
        seen(i, j) ? Math.exp(dot(row, other) / Math.sqrt(row.length)) : 0,
      );
      const total = scores.reduce((a, b) => a + b);
      return (v[0] as number[]).map(
        (_, c) =>
          dot(
            scores,
            v.map((r) => r[c] as number),
          ) / total,
      );
    });
  }
  const dot = (a: readonly number[], b: readonly number[]) =>
    a.reduce((sum, x, i) => sum + x * (b[i] as number), 0);
  const times = (x: number[][], w: readonly number[], columns: number) =>
    x.map((row) =>
      Array.from({ length: columns }, (_, j) =>
        dot(
          row,
          row.map((_, i) => w[i * columns + j] as number),
        ),
      ),
    );
  const x = [0, 1, 2].map((i) => wave(4, 3 * i));

  test.each<[string, layers.AttentionUse, (i: number, j: number) => boolean]>([
    ["everywhere", {}, () => true],
    ["backwards", { causal: true }, (i, j) => j <= i],
  ])("looks %s", async (_, use, seen) => {
    const g = new Graph("attention");
    const attend = layers.attention(g, 4, { heads: 2, dtype: "float64", bias: false });
    const input = g.input("x", "float64", ["b", "n", 4]);
    const y = await evaluate(attend(input, use), { x: [x, x] });
    const [q, k, v] = [attend.query, attend.key, attend.value].map((layer) =>
      times(x, initialOf(layer.weight), 4),
    ) as [number[][], number[][], number[][]];
    const head = (rows: number[][], h: number) => rows.map((row) => row.slice(2 * h, 2 * h + 2));
    const heads = [0, 1].map((h) => plain(head(q, h), head(k, h), head(v, h), seen));
    const mixed = x.map((_, i) => heads.flatMap((rows) => rows[i] as number[]));
    const wanted = times(mixed, initialOf(attend.output.weight), 4).flat();
    expectNear(numbersOf(y), [...wanted, ...wanted]);
  });

  test("takes a mask and another context, with gradients for every parameter", async () => {
    const g = new Graph("context");
    const attend = layers.attention(g, 4, { heads: 4 });
    const input = g.input("x", "float32", ["b", "n", 4]);
    const context = g.input("context", "float32", ["b", "m", 4]);
    const mask = g.input("mask", "bool", ["m"]);
    const y = attend(input, { context, mask });
    const grads = grad(y.square().sum(), [...g.parameters.values()]);
    const feeds = { x: [x], context: [[...x, x[0]]], mask: [true, false, true, true] } as const;
    const all = await evaluate([y, ...grads], feeds as never);
    expect(all[0]?.dims).toEqual([1, 3, 4]);
    // The key's bias moves all scores of a row alike.
    const sizes = all.slice(1).map((tensor) => Math.hypot(...numbersOf(tensor)));
    const names = [...g.parameters.keys()];
    for (const [i, size] of sizes.entries()) {
      if (names[i] === "attention_0/key/bias") expect(size).toBeLessThan(1e-5);
      else expect(size).toBeGreaterThan(1e-5);
    }
  });
});

describe("dropout", () => {
  const PRIME = 33554393n;
  const cube = (x: bigint, key: bigint) => (((x + key) ** 3n % PRIME) + PRIME) % PRIME;

  /** The generator by exact whole numbers. */
  function kept(size: number, rate: number, seed: bigint, stream: bigint): boolean[] {
    const first = cube(seed % PRIME, stream + 1n);
    const second = cube(first, seed / PRIME);
    const third = cube(second, first);
    return Array.from({ length: size }, (_, i) => {
      const bits = [first, second, third].reduce(cube, BigInt(i));
      return Number(bits) >= rate * Number(PRIME);
    });
  }

  async function masks(g: GraphType, x: Value, rate: number, seeds: readonly (number | bigint)[]) {
    const seed = g.input("seed", "int64", []);
    const y = layers.dropout(x, { rate, seed });
    const found: number[][] = [];
    for (const one of seeds) found.push(numbersOf(await evaluate(y, { seed: one as never })));
    return found;
  }

  test("keeps what whole-number arithmetic says, whatever the type and what is known of the shape", async () => {
    const seeds = [0n, 1n, 123456789012345n];
    for (const dtype of ["float32", "float64"] as const) {
      for (const level of [0.25, 0.9]) {
        const g = new Graph("dropout");
        const found = await masks(g, g.constant(1, [20, 25], dtype), level, seeds);
        for (const [i, seed] of seeds.entries()) {
          expect(found[i]?.map((y) => y !== 0)).toEqual(kept(500, level, seed, 0n));
        }
        expect(Math.max(...(found[0] as number[]))).toBeCloseTo(1 / (1 - level), 5);
      }
    }
  });

  test("drops the share that it is told, independently of place and step", async () => {
    const count = 40_000;
    const [a, b] = [kept(count, 0.3, 5n, 0n), kept(count, 0.3, 6n, 0n)];
    const share = (test: (i: number) => boolean) =>
      Array.from({ length: count - 64 }, (_, i) => test(i)).filter(Boolean).length / (count - 64);
    expect(share((i) => a[i] as boolean)).toBeCloseTo(0.7, 1.7);
    for (const lag of [1, 2, 3, 8, 64]) {
      expect(Math.abs(share((i) => (a[i] && a[i + lag]) as boolean) - 0.49)).toBeLessThan(0.012);
      expect(Math.abs(share((i) => (a[i] && b[i + lag]) as boolean) - 0.49)).toBeLessThan(0.012);
    }
    expect(Math.abs(share((i) => (a[i] && b[i]) as boolean) - 0.49)).toBeLessThan(0.012);
  });

  test("two dropouts of a graph differ, and the gradient has the mask of the forward pass", async () => {
    const g = new Graph("two");
    const x = g.input("x", "float32", ["n"]);
    const seed = g.input("seed", "int64", []);
    const [one, two] = [layers.dropout(x, { seed }), layers.dropout(x, { seed })];
    const [dx] = grad(one.sum(), [x]) as [Value];
    const feeds = { x: new Float32Array(100).fill(1), seed: 3 };
    const [a, b, d] = (await evaluate([one, two, dx], feeds)).map(numbersOf);
    expect(a).toEqual(d);
    expect(a).not.toEqual(b);
  });

  test("is nothing without a seed", () => {
    const x = new Graph("none").input("x", "float32", ["n"]);
    expect(layers.dropout(x, { rate: 0.9 })).toBe(x);
  });
});

test("a net of all of these learns, and its inference form needs no seed", async () => {
  const g = new Graph("net");
  const x = g.input("x", "float32", ["n", 1, 8, 8]);
  const labels = g.input("labels", "int64", ["n"]);
  const filters = layers.convolution(g, 1, 6, [3, 3], { pads: "same", seed: 2 });
  const norm = layers.batchNorm(g, 6);
  const head = layers.dense(g, 6 * 16, 2, { seed: 2 });
  const net = (seed?: Value) => {
    const h = relu(norm(filters(x), { training: seed !== undefined }));
    const flat = layers.maxPool(h, 2).reshape([-1, 6 * 16]);
    return head(layers.dropout(flat, { rate: 0.25, seed }));
  };
  const loss = losses.crossEntropy(net(stepCounter(g)), labels);
  optimizers.optimize(g.output("loss", loss), loss, { optimizer: optimizers.adam({ rate: 0.01 }) });

  // Stripes that lie or stand.
  const images = Array.from({ length: 16 }, (_, i) => [
    Array.from({ length: 8 }, (_, r) =>
      Array.from(
        { length: 8 },
        (_, c) => Math.sin((i % 2 ? r : c) * 2 + i) + 0.3 * Math.sin(17 * r + 31 * c + i),
      ),
    ),
  ]);
  const feeds = { x: images, labels: images.map((_, i) => i % 2) };
  const stepper = await createStepper(g);
  const history: number[] = [];
  for (let step = 0; step < 60; step++) {
    history.push(...numbersOf((await stepper.step(feeds)).loss as never));
  }
  expect(history.at(-1)).toBeLessThan(0.1 * (history[0] as number));
  const state = await stepper.state();
  await stepper.dispose();
  const model = g.toModel({ outputs: { logits: net() }, state });
  const trained = Graph.fromModel(model);
  expect([...trained.inputs.keys()]).toEqual(["x"]);
  const logits = numbersOf(await evaluate(trained.value("logits"), { x: images }));
  const right = images.filter(
    (_, i) => Number((logits[2 * i + 1] as number) > (logits[2 * i] as number)) === i % 2,
  );
  expect(right).toHaveLength(16);
});

describe("errors", () => {
  const g = new Graph("errors");
  const x = g.input("x", "float32", ["n", 4, 8]);

  test.each<[string, () => unknown, RegExp]>([
    [
      "a size of 0",
      () => layers.dense(g, 0, 3),
      /dense: inputs: expected a whole number from 1, got 0/,
    ],
    [
      "a name that is taken",
      () => [1, 2].map(() => layers.dense(g, 1, 1, { name: "d" })),
      /"d\/weight" is taken/,
    ],
    [
      "an unknown option",
      () => layers.dense(g, 1, 1, { units: 3 } as never),
      /unknown option "units"/,
    ],
    [
      "a negative seed",
      () => layers.dense(g, 1, 1, { seed: -1 }),
      /seed: expected a whole number from 0/,
    ],
    [
      "groups that do not divide",
      () => layers.convolution(g, 4, 6, [3], { group: 4 }),
      /a divisor of 4 and 6/,
    ],
    [
      "same with strides",
      () => layers.convolution(g, 4, 4, [3], { pads: "same", strides: 2 }),
      /strides other than 1/,
    ],
    [
      "heads that do not divide",
      () => layers.attention(g, 6, { heads: 4 }),
      /a divisor of 6 features/,
    ],
    ["a rate of 1", () => layers.dropout(x, { rate: 1 }), /below 1, got 1/],
    [
      "a number as a seed",
      () => layers.dropout(x, { seed: 3 as never }),
      /seed: expected an integer scalar/,
    ],
    ["pooling of a matrix", () => layers.maxPool(g.input("m", "float32", [2, 3]), 2), /spatial/],
  ])("%s", (_, build, message) => {
    expect(build).toThrow(message);
  });
});
