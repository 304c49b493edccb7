import { Graph } from "../../src/builder/graph.ts";
import { grad } from "../../src/grad/index.ts";
import { neuralSort, neuralSortRanks } from "../../src/ops/kernels/neuralsort.ts";
import { nativeStatus, registerNative } from "../../src/runtime/native.ts";
import { type Feed, OrtProcess, type Results } from "../support/ort-process.ts";
import { matrix, modes, nativeOperator, normals, type Real, scalar } from "./operator.ts";

const native = nativeStatus().available ? describe : describe.skip;

/** The body's logits are rounded to its type, and so are the two large sums that the softness gets the
 * difference of; the kernel computes in double. */
const WITHIN = { float32: 2e-3, float64: 1e-11 } as const;

jest.setTimeout(60_000);

function feed(dtype: Real, dims: readonly number[], numbers: readonly number[]): Feed {
  const data = dtype === "float32" ? Float32Array.from(numbers) : Float64Array.from(numbers);
  return { dtype, dims, data };
}

/** The largest difference of two sets of results, relative to the largest number of each tensor and 1. */
function difference(a: Results, b: Results): number {
  let worst = 0;
  for (const [name, { data, dims }] of Object.entries(a)) {
    expect(b[name]?.dims).toEqual(dims);
    const numbers = Array.from(data);
    const size = numbers.reduce((most, x) => Math.max(most, Math.abs(x) || 0), 1);
    for (const [i, x] of numbers.entries()) {
      const y = b[name]?.data[i] as number;
      if (Object.is(x, y)) continue;
      const apart = Math.abs(x - y) / size;
      worst = Math.max(worst, Number.isNaN(apart) ? Number.POSITIVE_INFINITY : apart);
    }
  }
  return worst;
}

/** Values, permutation, ranks and first derivatives of each, softness included, for keys of some rank. */
function modelOf(dtype: Real, mode: (typeof modes)[number], rank: number): Uint8Array {
  const g = new Graph("twin");
  const shape = ["a", "b", "n"].slice(3 - rank);
  const [keys, payload, weights] = ["keys", "payload", "weights"].map((name) =>
    g.input(name, dtype, shape),
  ) as [ReturnType<Graph["input"]>, ReturnType<Graph["input"]>, ReturnType<Graph["input"]>];
  const softness = g.input("softness", dtype, []);
  const { y } = neuralSort(keys, payload, softness, mode);
  const { permutation } = neuralSort(keys, payload.neg(), softness, mode);
  const r = neuralSortRanks(keys, softness, mode);
  const outputs = { y, permutation, r };
  const [dy, dp, dr] = [
    grad(y.mul(weights).sum(), [keys, payload, softness]),
    grad(permutation.square().sum(), [keys, softness]),
    grad(r.mul(weights).sum(), [keys, softness]),
  ];
  const named = Object.fromEntries(
    Object.entries({ dy, dp, dr }).flatMap(([name, values]) =>
      values.map((value, i) => [`${name}${i}`, value]),
    ),
  );
  return g.toModel({ outputs: { ...outputs, ...named } });
}

native("NeuralSort, body and kernel", () => {
  let body: OrtProcess;
  let kernel: OrtProcess;
  beforeAll(() => {
    body = new OrtProcess("cpu");
    kernel = new OrtProcess("native");
  });
  afterAll(() => {
    body.close();
    kernel.close();
  });

  const normal = normals(11);
  const cases = modes.flatMap((mode) =>
    (["float32", "float64"] as const).map((dtype) => ({ mode, dtype, rank: 3 })),
  );

  test.each([...cases, { mode: "smooth" as const, dtype: "float64" as const, rank: 1 }])(
    "agree in mode $mode, $dtype, for keys of $rank axes",
    async ({ mode, dtype, rank }) => {
      const shape = [2, 1, 24].slice(3 - rank);
      const count = shape.reduce((product, size) => product * size);
      const row = (ties: boolean) =>
        feed(
          dtype,
          shape,
          Array.from({ length: count }, () => (ties ? Math.round(2 * normal()) / 2 : normal())),
        );
      const model = modelOf(dtype, mode, rank);
      for (const ties of [false, true]) {
        const feeds = {
          keys: row(ties),
          payload: row(false),
          weights: row(false),
          // No two entries are five softnesses apart, where c0 has a corner.
          softness: feed(dtype, [], [0.45]),
        };
        const job = { model, level: "all", feeds } as const;
        const [fromBody, fromKernel] = await Promise.all([body.run(job), kernel.run(job)]);
        expect(difference(fromBody, fromKernel)).toBeLessThanOrEqual(WITHIN[dtype]);
      }
    },
  );
});

native("the kernel of NeuralSort", () => {
  beforeAll(registerNative);

  const normal = normals(5);
  const rowsOf = (batch: number, n: number) =>
    Array.from({ length: batch }, () => Array.from({ length: n }, normal));

  test("gives the same bits on any number of threads", async () => {
    const rows = () => matrix(rowsOf(60, 64));
    const feeds = { keys: rows(), payload: rows(), softness: scalar(0.1), dy: rows() };
    for (const mode of modes) {
      const results = await Promise.all(
        [1, 2].map(async (threads) => {
          const run = await nativeOperator(
            `NeuralSortGrad_${mode}`,
            "float64",
            ["keys", "payload", "softness", "dy"],
            ["dkeys", "dpayload", "dsoftness"],
            { threads },
          );
          return run(feeds);
        }),
      );
      expect(results[0]).toEqual(results[1]);
    }
  });

  test("takes empty batches and rows, and says what does not fit", async () => {
    const run = await nativeOperator(
      "NeuralSort_c0",
      "float32",
      ["keys", "payload", "softness"],
      ["y", ""],
    );
    const softness = scalar(1);
    for (const empty of [matrix([], 3), matrix([[], []])]) {
      expect(await run({ keys: empty, payload: empty, softness })).toEqual({ y: [] });
    }
    await expect(
      run({ keys: matrix([[1, 2]]), payload: matrix([[1, 2, 3]]), softness }),
    ).rejects.toThrow("NeuralSort_c0_float32: payload: expected shape [1, 2], got [1, 3]");
    await expect(run({ keys: scalar(1), payload: scalar(1), softness })).rejects.toThrow(
      "NeuralSort_c0_float32: keys: expected rank 1 to 16, got rank 0",
    );
  });
});
