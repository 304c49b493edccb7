import { Graph, grad, reduceSum, soft, type Value } from "softonnx";
import { evaluate, Tensor } from "softonnx/node";
import { findDefinition } from "../../src/builder/definition.ts";
import { logSymmetric } from "../../src/ops/kernels/log-symmetric.ts";
import {
  multiplySecondDifference,
  secondDifference,
  solveRefined,
} from "../../src/ops/kernels/second-difference.ts";
import { smoothSort } from "../../src/ops/kernels/smooth-sort.ts";
import { checkGradient } from "../grad/check.ts";
import { complaints } from "../support/silent.ts";
import { compute, computeAll, expectClose } from "./support.ts";

jest.setTimeout(120_000);

const METHOD = "smoothSort";

function uniforms(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

/** Rows of all sorts, of n entries. */
function rowsOf(n: number): Record<string, number[]> {
  const uniform = uniforms(n);
  const normal = () => uniform() + uniform() + uniform() + uniform() - 2;
  const make = (draw: (i: number) => number) => Array.from({ length: n }, (_, i) => draw(i));
  return {
    normal: make(normal),
    lognormal: make(() => Math.exp(2 * normal())),
    cauchy: make(() => Math.tan(Math.PI * (uniform() - 0.5))),
    ties: make(() => Math.floor(4 * uniform())),
    equal: make(() => 0.7),
    large: make(() => 1e6 * normal()),
    mixed: make((i) => (i % 3 === 0 ? 1e6 : 1e-6 * normal())),
    geometric: make((i) => 1.3 ** -i),
    denormal: make((i) => 5e-324 * (i % 5)),
    zeros: make((i) => (i % 2 === 0 ? 0 : -0)),
  };
}

describe("the logarithms of elementary symmetric polynomials", () => {
  /** By going through all sets. */
  function bySets(x: readonly number[]): number[] {
    const sums = new Array<number>(x.length + 1).fill(0);
    for (let set = 0; set < 2 ** x.length; set++) {
      const members = x.filter((_, i) => (set >> i) & 1);
      const product = Math.exp(members.reduce((a, b) => a + b, 0));
      sums[members.length] = (sums[members.length] as number) + product;
    }
    return sums.map(Math.log);
  }

  test("are those of all sets", async () => {
    const rows = [
      [0.3, -1, 2, 0.5, -0.2, 1],
      [5, 5, 5, -30, -30, 0],
    ];
    for (const shape of [
      [2, 6],
      ["b", "n"],
    ] as const) {
      const { data, dims } = await compute(logSymmetric, rows, { shape });
      expect(dims).toEqual([2, 7]);
      expectClose(data, rows.flatMap(bySets), 1e-13);
    }
  });

  test("of large exponents are the sums of the largest", async () => {
    const { data } = await compute(logSymmetric, [[1e9, 1e6, -1e9, 0]]);
    expectClose(data, [0, 1e9, 1e9 + 1e6, 1e9 + 1e6, 1e6], 1e-3);
  });

  test("have derivatives of first, second and third order", async () => {
    const build = (x: Value) => logSymmetric(x.cast("float64")).cast(x.dtype);
    for (const shape of [
      [2, 4],
      [1, 1],
    ]) {
      await checkGradient(build, [shape], { also: ["named"] });
    }
    // A gradient of its own, so that the second derivative of this is the third of that.
    const sloped = (x: Value) => grad(reduceSum(build(x).mul(build(x))), [x])[0] as Value;
    await checkGradient(sloped, [[1, 3]], { also: ["named"] });
  });
});

describe("the system of five diagonals", () => {
  test("is solved for any length, however unlike the weights are", async () => {
    for (const n of [1, 2, 3, 4, 5, 8, 9, 31, 32, 33, 300]) {
      for (const range of [0, 5, 12]) {
        const uniform = uniforms(n + range + 1);
        const row = () => Array.from({ length: n }, () => 10 ** (range * (uniform() - 1)));
        const rhs = Array.from({ length: n }, () => uniform() - 0.5);
        const rows = [row(), row(), rhs];
        const found = await computeAll(
          (x) => {
            const at = (i: number) => x.slice(i, i + 1, { axes: 0 });
            const u = solveRefined(at(0), at(1), at(2));
            return { off: multiplySecondDifference(at(0), at(1), u).sub(at(2)), u };
          },
          rows,
          { shape: ["three", "n"] },
        );
        expect(found.u?.dims).toEqual([1, n]);
        const scale = Math.max(...(found.u?.data ?? []).map(Math.abs));
        for (const off of found.off?.data ?? [])
          expect(Math.abs(off)).toBeLessThan(3e-11 * Math.max(1, scale));
      }
    }
  });
});

describe("the solver", () => {
  const outputs = (() => {
    const g = new Graph("solver");
    const [c, q] = [g.input("c", "float64", ["b", "m"]), g.input("q", "float64", ["b", "m"])];
    const beta = smoothSort(c, q);
    const slack = c.add(secondDifference(beta)).neg().exp();
    const gap = beta.neg().exp();
    return { beta, slack, gap, off: q.sub(secondDifference(slack)).sub(gap) };
  })();

  async function solved(c: readonly number[][], q: readonly number[][]) {
    const dims = [c.length, c[0]?.length ?? 3];
    const feed = (x: readonly number[][]) =>
      new Tensor("float64", Float64Array.from(x.flat()), dims);
    const found = await evaluate(outputs, { c: feed(c), q: feed(q) });
    return Object.fromEntries(
      Object.entries(found).map(([name, { data }]) => [name, Array.from(data as Float64Array)]),
    ) as Record<keyof typeof outputs, number[]>;
  }

  test("of one unknown solves q = 2 exp(-(c + 2 beta)) + exp(-beta)", async () => {
    for (const q of [1e-6, 0.3, 1, 1e6]) {
      for (const c of [0, 1, 30, 1000]) {
        // A quadratic in d = exp(-beta).
        const a = 2 * Math.exp(-c);
        const d = (2 * q) / (1 + Math.sqrt(1 + 4 * a * q));
        const { beta } = await solved([[c]], [[q]]);
        expectClose(beta, [-Math.log(d)], 1e-12);
      }
    }
  });

  test("leaves no residual, in a batch whose rows need few steps and many", async () => {
    for (const m of [1, 2, 3, 16, 17, 100]) {
      const rows = [1e-6, 1e-3, 1, 1e3, 1e6].flatMap((size) =>
        [0, 0.1, 10, 1e4].map((gap, k) => {
          const uniform = uniforms(m + k + 1);
          return {
            c: Array.from({ length: m }, () => gap * uniform()),
            q: Array.from({ length: m }, () => size * uniform()),
          };
        }),
      );
      const { off, beta, slack } = await solved(
        rows.map(({ c }) => c),
        rows.map(({ q }) => q),
      );
      for (const [i, { q }] of rows.entries()) {
        const most = (x: readonly number[]) =>
          Math.max(...x.slice(i * m, (i + 1) * m).map(Math.abs));
        // An exponent of this size has that rounding.
        const room = 1e-15 * (10 + most(beta)) * (Math.max(...q) + most(slack));
        expect(most(off)).toBeLessThan(room);
      }
    }
  });

  test("NaN and infinities end, and leave other rows alone", async () => {
    const [c, q] = [
      [0.5, 1, 0.2],
      [0.3, 0.4, 0.1],
    ];
    const { beta: alone } = await solved([c], [q]);
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const { beta } = await solved([[0.5, bad, 0.2], c], [q, q]);
      expectClose(beta.slice(3), alone, 1e-12);
      const { beta: other } = await solved([c, c], [[bad, 0.4, 0.1], q]);
      expect(other.slice(0, 3).every(Number.isFinite)).toBe(false);
      expectClose(other.slice(3), alone, 1e-12);
    }
    expect((await solved([], [])).beta).toEqual([]);
  });

  test("derivatives against differences", async () => {
    await checkGradient(
      (c, q) => smoothSort(c.cast("float64"), q.cast("float64")).cast(c.dtype),
      [
        [2, 4],
        [2, 4],
      ],
      { draw: (u) => 0.2 + u, also: ["named"] },
    );
  });
});

describe("soft operators", () => {
  const how = { method: METHOD } as const;

  test("values keep the sum, come in order and obey the bounds", async () => {
    const g = new Graph("rows");
    const [x, tau] = [g.input("x", "float64", ["b", "n"]), g.input("tau", "float64", [])];
    const y = soft.sort(x, { ...how, softness: tau, descending: true });
    for (const n of [1, 2, 3, 64, 65]) {
      const rows = Object.values(rowsOf(n));
      for (const softness of [1e-3, 0.1, 1e3]) {
        const found = await evaluate(
          { y },
          {
            x: new Tensor("float64", Float64Array.from(rows.flat()), [rows.length, n]),
            tau: new Tensor("float64", Float64Array.of(softness), []),
          },
        );
        const data = Array.from(found.y?.data as Float64Array);
        for (const [i, row] of rows.entries()) {
          expectSorted(row, data.slice(i * n, (i + 1) * n), softness);
        }
      }
    }
  });

  /** The sum is that of the row, the entries fall, and the first k are at most the smooth bound of the k
   * largest: no more than their sum and tau log (n choose k), which is below tau n log 2. */
  function expectSorted(row: readonly number[], y: readonly number[], softness: number) {
    const room = 1e-11 * row.length * Math.max(1, ...row.map(Math.abs));
    const bend = Math.min(softness, 1) * row.length * Math.LN2;
    const sorted = [...row].sort((a, b) => b - a);
    let [have, most] = [0, 0];
    for (const [i, one] of y.entries()) {
      expect(one).toBeLessThanOrEqual((y[i - 1] ?? Number.POSITIVE_INFINITY) + room);
      have += one;
      most += sorted[i] as number;
      expect(have).toBeLessThanOrEqual(most + bend + room);
    }
    expect(Math.abs(have - most)).toBeLessThanOrEqual(room);
  }

  test("as softness goes to 0 they come to the hard ones", async () => {
    const row = [0.3, -1.2, 2.5, 0.4, 0.8, 0.1];
    const found = await computeAll(
      (x) => ({
        sorted: soft.sort(x, { ...how, softness: 1e-4 }),
        ranks: soft.rank(x, { ...how, softness: 1e-4 }),
        top: soft.topk(x, 2, { ...how, softness: 1e-4 }).values,
        least: soft.min(x, { ...how, softness: 1e-4 }),
        middle: soft.median(x, { ...how, softness: 1e-4 }),
      }),
      row,
    );
    expectClose(found.sorted?.data as number[], [-1.2, 0.1, 0.3, 0.4, 0.8, 2.5], 1e-3);
    expectClose(found.ranks?.data as number[], [4, 6, 1, 3, 2, 5], 1e-2);
    expectClose(found.top?.data as number[], [2.5, 0.8], 1e-3);
    expectClose(found.least?.data as number[], [-1.2], 1e-3);
    expectClose(found.middle?.data as number[], [0.3], 1e-3);
  });

  test("derivatives of values and ranks against differences, softness too", async () => {
    const options = { draw: (u: number) => 2 * u + 0.2, also: ["named"] } as const;
    await checkGradient((x, softness) => soft.sort(x, { ...how, softness }), [[2, 3], []], options);
    await checkGradient(
      (x, softness) => soft.rank(x, { ...how, softness, dim: 1 }),
      [[2, 3], []],
      options,
    );
  });

  test("NaN makes its row NaN and no other", async () => {
    const { data } = await compute(
      (x) => soft.sort(x, how),
      [
        [1, Number.NaN, 3],
        [4, 5, 6],
      ],
    );
    expect(data.slice(0, 3).every(Number.isNaN)).toBe(true);
    expect(data.slice(3).some(Number.isNaN)).toBe(false);
  });

  test("a batch of no rows, and rows of one entry", async () => {
    const x = new Graph("empty").input("x", "float64", ["batch", "n"]);
    const sorted = soft.sort(x, how);
    const none = await evaluate(
      { sorted },
      { x: new Tensor("float64", new Float64Array(0), [0, 5]) },
    );
    expect(none.sorted?.dims).toEqual([0, 5]);
    const one = await evaluate(
      { sorted },
      { x: new Tensor("float64", Float64Array.of(3, 4), [2, 1]) },
    );
    expect(Array.from(one.sorted?.data as Float64Array)).toEqual([3, 4]);
  });

  test("there are no soft indices, nor other modes", () => {
    const x = new Graph("wrong").input("x", "float64", [5]);
    expect(() => soft.sort(x, { ...how, mode: "c1" })).toThrow('expected "smooth"');
    expect(() => soft.argsort(x, { method: METHOD as "softsort" })).toThrow("has no soft indices");
    expect(soft.topk(x, 2, how).indices).toBeUndefined();
  });

  test("in one file they load silently in a stock runtime, and imported models know them", () => {
    const g = new Graph("smooth");
    const x = g.input("x", "float32", ["b", "n"]);
    g.output("y", soft.sort(x, how)).output("r", soft.rank(x, { ...how, dim: -1 }));
    g.output("s", reduceSum(soft.median(x, { ...how, dim: 0 })));
    expect(complaints({ model: g.toModel() })).toEqual({ model: "" });
    for (const name of ["SmoothSort", "SmoothSortStep", "LogSymmetric", "LogSymmetricGrad"]) {
      expect(findDefinition("ai.softonnx", `${name}_float64`, 1)?.name).toBe(`${name}_float64`);
    }
  });
});
