import fc from "fast-check";
import { Graph } from "../../src/builder/graph.ts";
import type { Value } from "../../src/builder/value.ts";
import { simplexThreshold } from "../../src/ops/kernels/simplex-threshold.ts";
import type { SoftMode } from "../../src/ops/options.ts";
import { nativeStatus } from "../../src/runtime/native.ts";
import { type Feed, OrtProcess, type Results } from "../support/ort-process.ts";

type Float = "float32" | "float64";

/** One kernel operator on random operands: the graph that holds it, and what to feed. */
interface Sample {
  readonly outputs: Readonly<Record<string, Value>>;
  readonly feeds: Readonly<Record<string, Feed>>;
}

interface Twin {
  readonly operator: string;
  /** Largest difference, relative to the larger of 1 and the values. */
  readonly within: Readonly<Record<Float, number>>;
  readonly sample: (dtype: Float, mode: SoftMode) => fc.Arbitrary<() => Sample>;
}

function feed(dtype: Float, dims: readonly number[], numbers: readonly number[]): Feed {
  const data = dtype === "float32" ? Float32Array.from(numbers) : Float64Array.from(numbers);
  return { dtype, dims, data };
}

/** Everyday numbers, ties, large and tiny ones, and what must give NaN. */
const entry = fc.oneof(
  { weight: 8, arbitrary: fc.double({ min: -3, max: 3, noNaN: true }) },
  { weight: 3, arbitrary: fc.constantFrom(0, -0, 1, -1) },
  { weight: 1, arbitrary: fc.constantFrom(1e6, -1e6, 1e-30, Number.NaN, Infinity, -Infinity) },
);

const twins: readonly Twin[] = [
  {
    operator: "SimplexThreshold",
    within: { float32: 2e-6, float64: 1e-13 },
    sample: (dtype, mode) =>
      fc
        .record({ batch: fc.integer({ min: 0, max: 5 }), n: fc.integer({ min: 1, max: 40 }) })
        .chain(({ batch, n }) =>
          fc.record({
            v: fc.array(entry, { minLength: batch * n, maxLength: batch * n }),
            mass: fc.array(fc.double({ min: 0.01, max: 50, noNaN: true }), {
              minLength: batch,
              maxLength: batch,
            }),
            dims: fc.constant([batch, n] as const),
          }),
        )
        .map(({ v, mass, dims }) => () => {
          const g = new Graph("twin");
          const rows = g.input("v", dtype, ["batch", "n"]);
          const masses = g.input("mass", dtype, ["batch", 1]);
          return {
            outputs: { t: simplexThreshold(rows, masses, mode) },
            feeds: { v: feed(dtype, dims, v), mass: feed(dtype, [dims[0], 1], mass) },
          };
        }),
  },
];

const status = nativeStatus();
const modes: readonly SoftMode[] = ["smooth", "c0", "c1", "c2"];

/** The largest difference relative to max(1, |value|); infinite where one is NaN and the other is not. */
function difference(a: Results, b: Results): number {
  let worst = 0;
  for (const [name, { data, dims }] of Object.entries(a)) {
    const other = b[name];
    expect(other?.dims).toEqual(dims);
    for (let i = 0; i < data.length; i++) {
      const [x, y] = [Number(data[i]), Number(other?.data[i])];
      if (Object.is(x, y) || x === y) continue;
      const apart = Math.abs(x - y) / Math.max(1, Math.abs(x));
      worst = Math.max(worst, Number.isNaN(apart) ? Number.POSITIVE_INFINITY : apart);
    }
  }
  return worst;
}

const describeTwins = status.available ? describe : describe.skip;
const title = status.available ? "body and kernel agree" : `body and kernel: ${status.reason}`;

describeTwins(title, () => {
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

  const cases = twins.flatMap((twin) =>
    modes.flatMap((mode) =>
      (["float32", "float64"] as const).map((dtype) => ({ ...twin, mode, dtype })),
    ),
  );
  test.each(cases)("$operator, $mode, $dtype", async ({ sample, within, mode, dtype }) => {
    await fc.assert(
      fc.asyncProperty(sample(dtype, mode), async (make) => {
        const { outputs, feeds } = make();
        const model = Object.values(outputs)[0]?.graph.toModel({ outputs }) as Uint8Array;
        const job = { model, level: "all", feeds } as const;
        const [fromBody, fromKernel] = await Promise.all([body.run(job), kernel.run(job)]);
        expect(difference(fromBody, fromKernel)).toBeLessThanOrEqual(within[dtype]);
      }),
      { numRuns: 40 },
    );
  });
});
