import { Graph, grad, soft, type Value } from "softonnx";
import { evaluate, Tensor } from "softonnx/node";
import { checkGradient } from "../grad/check.ts";
import { compute, expectClose } from "./support.ts";
import { chunks, modes, type SoftMode, STOCK, uniform } from "./transport-support.ts";

jest.setTimeout(120_000);

const ot = { method: "ot", dim: -1 } as const;

const rowsOfKind: Readonly<Record<string, (n: number) => number[]>> = {
  normal: (n) => spread(n),
  equal: (n) => new Array<number>(n).fill(3.7),
  "pairs of ties": (n) => Array.from({ length: n }, (_, i) => Math.floor(i / 2)),
  "1e6 and 1e-6": (n) => spread(n).map((x, i) => x * (i % 2 === 0 ? 1e-6 : 1e6)),
  "an outlier": (n) => spread(n).map((x, i) => (i === 0 ? 1e6 : x)),
  geometric: (n) => Array.from({ length: n }, (_, i) => -(1.3 ** -i)),
  denormal: (n) => spread(n).map((x) => x * 1e-310),
  zeros: (n) => Array.from({ length: n }, (_, i) => (i % 2 === 0 ? 0 : -0)),
  "far from 0": (n) => spread(n).map((x) => 1e6 + x),
};

function spread(n: number): number[] {
  return uniform(n, 7).map((x) => Math.tan(2.5 * (x - 0.5)));
}

const graphs = new Map<SoftMode, Record<string, Value>>();

/** All that transport makes of a row of any length. */
function everything(mode: SoftMode): Record<string, Value> {
  let outputs = graphs.get(mode);
  if (outputs === undefined) {
    const graph = new Graph("ot");
    const x = graph.input("x", "float64", ["n"]);
    const options = { ...ot, mode, softness: graph.input("softness", "float64", []) };
    outputs = {
      order: soft.argsort(x, options),
      top: soft.argmax(x, options),
      low: soft.argmin(x, options),
      quantiles: soft.argquantile(x, [0, 0.37, 1], options),
      median: soft.argmedian(x, options),
      first: soft.topk(x, 1, options).indices,
      ranks: soft.rank(x, options),
    };
    graphs.set(mode, outputs);
  }
  return outputs;
}

async function run(mode: SoftMode, x: readonly number[], softness: number) {
  const found = await evaluate(
    everything(mode),
    {
      x: new Tensor("float64", Float64Array.from(x), [x.length]),
      softness: new Tensor("float64", Float64Array.of(softness), []),
    },
    STOCK,
  );
  return Object.fromEntries(
    Object.entries(found).map(([name, { data }]) => [name, Array.from(data as Float64Array)]),
  ) as Record<string, number[]>;
}

const sum = (row: readonly number[]) => row.reduce((total, x) => total + x, 0);

describe.each(modes)("orders by optimal transport, mode %s", (mode) => {
  test.each(Object.keys(rowsOfKind))("have rows and columns of sum 1: %s", async (kind) => {
    for (const n of [1, 2, 3, 8, 17, 33]) {
      for (const softness of [1e-3, 0.1, 1, 1e3]) {
        const x = rowsOfKind[kind]?.(n) as number[];
        const found = await run(mode, x, softness);
        const rows = chunks(found.order as number[], n);
        const columns = rows.map((_, j) => rows.map((row) => row[j] as number));
        const sums = [
          ...rows,
          ...columns,
          found.top,
          found.low,
          found.median,
          found.first,
          ...chunks(found.quantiles as number[], n),
        ].map((row) => sum(row as number[]));
        const error = Math.max(...sums.map((total) => Math.abs(total - 1)));
        expect(error).toBeLessThan(1e-9);
        const expected = (n * (n + 1)) / 2;
        expect(Math.abs(sum(found.ranks as number[]) - expected)).toBeLessThan(1e-8 * expected);
      }
    }
  });

  test("become hard as softness goes to 0", async () => {
    const x = [0.3, -1.2, 2.5, 0.9, -0.4];
    const { order, top, quantiles, ranks } = await run(mode, x, 1e-4);
    const hard = [1, 4, 0, 3, 2].map((at) => x.map((_, i) => (i === at ? 1 : 0)));
    expectClose(order as number[], hard.flat(), 1e-6);
    expectClose(top as number[], hard[4] as number[], 1e-6);
    expectClose(quantiles?.slice(0, 5) as number[], hard[0] as number[], 1e-6);
    expectClose(ranks as number[], [3, 5, 1, 2, 4], 1e-6);
  });

  test("of 1000 entries", async () => {
    const x = spread(1000);
    const options = { ...ot, mode };
    const top = await compute((v) => soft.argmax(v, options), x);
    const quantile = await compute((v) => soft.argquantile(v, 0.9, options), x);
    const five = await compute((v) => soft.topk(v, 5, options).indices, x);
    for (const row of [top.data, quantile.data, ...chunks(five.data, 1000)]) {
      expect(Math.abs(sum(row) - 1)).toBeLessThan(1e-8);
    }
  });

  test("keep to float32 with the sums of float64", async () => {
    const x = chunks(spread(60), 20);
    const options = { ...ot, mode, softness: 0.01 };
    const { data } = await compute((v) => soft.argsort(v, options), x, { dtype: "float32" });
    for (const row of chunks(data, 20)) expect(Math.abs(sum(row) - 1)).toBeLessThan(1e-6);
  });

  test("are differentiable twice", () =>
    checkGradient((x) => soft.sort(x, { ...ot, mode, softness: 0.5 }), [[2, 4]]));

  test("ranks and quantiles are differentiable twice", () =>
    checkGradient(
      (x) => {
        const options = { ...ot, mode, softness: 0.6 };
        return soft
          .rank(x, options)
          .sum()
          .add(soft.quantile(x, [0.3, 0.8], options).sum());
      },
      [[4]],
      { also: [] },
    ));
});

describe("orders by optimal transport", () => {
  test("of an empty batch are empty", async () => {
    const graph = new Graph("empty");
    const x = graph.input("x", "float32", ["b", 3]);
    const y = soft.sort(x, { ...ot, mode: "c1" });
    const found = await evaluate(
      { y },
      { x: new Tensor("float32", new Float32Array(0), [0, 3]) },
      STOCK,
    );
    expect(found.y.dims).toEqual([0, 3]);
  });

  test("turn NaN and infinity into NaN, without harm to other rows", async () => {
    const { data } = await compute(
      (x) => soft.sort(x, { ...ot, mode: "c0", standardize: false }),
      [
        [1, Number.NaN, 2],
        [3, 1, 2],
        [1, Number.POSITIVE_INFINITY, 2],
      ],
    );
    expect([...data.slice(0, 3), ...data.slice(6)].every(Number.isNaN)).toBe(true);
    expect(data.slice(3, 6).every(Number.isFinite)).toBe(true);
  });

  test("of several quantiles are those of each, also where they are fed", async () => {
    const x = chunks(spread(14), 7);
    const options = { ...ot, mode: "c1" } as const;
    const q = [0.1, 0.5, 0.85];
    const all = await compute((v) => soft.quantile(v, q, options), x);
    const fed = await compute((v, g) => soft.quantile(v, g.constant(q, "float64"), options), x);
    expectClose(fed.data, all.data, 1e-10);
    for (const [k, one] of q.entries()) {
      const alone = await compute((v) => soft.quantile(v, one, options), x);
      expectClose(all.data.slice(2 * k, 2 * k + 2), alone.data, 1e-10);
    }
  });

  test("share one function: ten sorts in a model stay small", () => {
    const bytes = (count: number) => {
      const graph = new Graph("many");
      for (let i = 0; i < count; i++) {
        const x = graph.input(`x${i}`, "float32", ["batch", "n"]);
        const y = soft.sort(x, { ...ot, mode: "c1" });
        graph.output(`y${i}`, y);
        graph.output(`d${i}`, grad(y.mul(y).sum(), [x])[0] as Value);
      }
      return graph.toModel().length;
    };
    const [one, ten] = [bytes(1), bytes(10)];
    expect(one).toBeLessThan(80_000);
    expect((ten - one) / 9).toBeLessThan(12_000);
  });
});
