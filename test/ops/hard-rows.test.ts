import { Graph, grad, type Mode, reduceSum, soft, type Value } from "softonnx";
import { evaluate, Tensor } from "softonnx/node";
import { chunks, modes, STOCK, uniform } from "./transport-support.ts";

jest.setTimeout(120_000);

// Every operator that orders, in every method and mode, on rows that are hard on solvers; in float32, which
// forgives less than float64. Models know no sizes.

const METHODS = [
  "softsort",
  "neuralsort",
  "ot",
  "sortingNetwork",
  "fastSoftSort",
  "smoothSort",
] as const;
type Method = (typeof METHODS)[number];

type Values = Readonly<Record<string, Value>>;

/** The results for rows x, each with the axis of rows first, and one group of them for long rows. */
interface Model {
  readonly all: Values;
  readonly long: Values;
}

const SOFTNESS = 0.05;
const QUANTILES = [0, 0.37, 1];

function modelOf(method: Method, mode: Mode): Model {
  const graph = new Graph("hard rows");
  const x = graph.input("x", "float32", ["batch", "n"]);
  const softness = graph.input("softness", "float32", []);
  const how = { method, mode, softness, dim: -1 };
  const [sort, rank] = [soft.sort(x, how), soft.rank(x, how)];
  const few = { max: soft.max(x, how), quantile: rowsFirst(soft.quantile(x, QUANTILES, how)) };
  const values: Values = {
    ...few,
    min: soft.min(x, how),
    median: soft.median(x, how),
    topk: soft.topk(x, 1, how).values,
    sort,
    rank,
  };
  const [slope] = grad(reduceSum(sort.mul(sort)).add(reduceSum(rank.mul(x))), [x]);
  const ordered: Values = mode === "hard" ? values : { ...values, slope: slope as Value };
  if (method === "fastSoftSort" || method === "smoothSort") return { all: ordered, long: few };
  const indexed = { ...how, method };
  const argmax = soft.argmax(x, indexed);
  const indices: Values = {
    argmax,
    argmin: soft.argmin(x, indexed),
    argmedian: soft.argmedian(x, indexed),
    argquantile: rowsFirst(soft.argquantile(x, QUANTILES, indexed)),
    argsort: soft.argsort(x, indexed),
  };
  return { all: { ...ordered, ...indices }, long: { ...few, argmax } };
}

/** Quantiles have their axis in front. */
function rowsFirst(y: Value): Value {
  return y.transpose([1, 0, ...Array.from({ length: y.rank - 2 }, (_, i) => i + 2)]);
}

const kinds: Readonly<Record<string, (n: number) => number[]>> = {
  normal: spread,
  equal: (n) => new Array<number>(n).fill(3.7),
  "pairs of ties": (n) => Array.from({ length: n }, (_, i) => Math.floor(((i * 7) % n) / 2)),
  "1e6 and 1e-6": (n) => spread(n).map((x, i) => x * (i % 2 === 0 ? 1e-6 : 1e6)),
  "an outlier": (n) => spread(n).map((x, i) => (i === 0 ? 1e6 : x)),
  geometric: (n) => Array.from({ length: n }, (_, i) => -(1.3 ** -i)),
  denormal: (n) => spread(n).map((x) => x * 1e-40),
  zeros: (n) => Array.from({ length: n }, (_, i) => (i % 2 === 0 ? 0 : -0)),
};

function spread(n: number, seed = 7): number[] {
  return uniform(n, seed).map((x) => Math.tan(2.5 * (x - 0.5)));
}

/** What an operator gave: for each row of the batch its numbers, float32. */
type Results = Readonly<Record<string, readonly number[][]>>;

async function run(
  values: Values,
  rows: readonly (readonly number[])[],
  softness: number,
): Promise<Results> {
  const n = rows[0]?.length as number;
  const feeds = {
    x: new Tensor("float32", Float32Array.from(rows.flat()), [rows.length, n]),
    softness: new Tensor("float32", Float32Array.of(softness), []),
  };
  const found = await evaluate(values, feeds, STOCK);
  return Object.fromEntries(
    Object.entries(found).map(([name, { data }]) => [
      name,
      chunks(Array.from(data as Float32Array), data.length / rows.length),
    ]),
  );
}

const largest = (row: readonly number[]) => row.reduce((a, b) => Math.max(a, b));
const smallest = (row: readonly number[]) => row.reduce((a, b) => Math.min(a, b));
const sum = (row: readonly number[]) => row.reduce((a, b) => a + b, 0);
const sizeOf = (row: readonly number[]) => largest(row.map(Math.abs));

/** Values of these are means of the entries, weighted by soft indices. */
const AVERAGES: readonly Method[] = ["softsort", "neuralsort", "ot"];

/** What is wrong with the results for a row. */
function faults(method: Method, row: readonly number[], results: Results, k: number): string[] {
  const n = row.length;
  const wrong: string[] = [];
  const hold = (what: string, holds: boolean) => {
    if (!holds) wrong.push(what);
  };
  // Denormals are whole multiples of 1.4e-45.
  const slack = Math.max(2e-6 * sizeOf(row), 2e-45);
  for (const [name, rows] of Object.entries(results)) {
    const own = rows[k] as number[];
    hold(`${name} is finite`, own.every(Number.isFinite));
    if (name.startsWith("arg")) {
      hold(`${name} is not negative`, smallest(own) >= 0);
      const off = largest(chunks(own, n).map((index) => Math.abs(sum(index) - 1)));
      hold(`${name} has rows of sum 1, not off by ${off}`, off <= 1e-6);
    } else if (name === "rank" && method === "ot") {
      const [total, expected] = [sum(own), (n * (n + 1)) / 2];
      hold(`ranks sum to ${expected}, not ${total}`, Math.abs(total - expected) <= 1e-6 * expected);
    } else if (name !== "rank" && name !== "slope" && AVERAGES.includes(method)) {
      const [low, high] = [smallest(own), largest(own)];
      const between = low >= smallest(row) - slack && high <= largest(row) + slack;
      hold(`${name} lies between the entries: from ${low} to ${high}`, between);
    }
  }
  return wrong;
}

const cases = METHODS.flatMap((method) =>
  modes
    .filter((mode) => method !== "smoothSort" || mode === "smooth")
    .map((mode) => ({ method, mode })),
);

describe.each(cases)("$method in mode $mode", ({ method, mode }) => {
  const { all, long } = modelOf(method, mode);

  test.each([1, 2, 3, 16, 17])("rows of %d", async (n) => {
    const rows = Object.values(kinds).map((make) => make(n));
    for (const softness of [1e-3, 0.1, 1, 1e3]) {
      const results = await run(all, rows, softness);
      const wrong = Object.keys(kinds).map((kind, k) => ({
        kind,
        faults: faults(method, rows[k] as number[], results, k),
      }));
      expect({ softness, wrong: wrong.filter((one) => one.faults.length > 0) }).toEqual({
        softness,
        wrong: [],
      });
    }
  });

  test("rows of 1000", async () => {
    // Not all results: whole orders by ot take seconds, and soft permutations by a network gigabytes.
    const rows = [spread(1000), kinds["pairs of ties"]?.(1000) as number[]];
    const results = await run(long, rows, 0.1);
    expect(rows.map((row, k) => faults(method, row, results, k))).toEqual([[], []]);
  });

  test("rows of a batch are the same alone, however long the others take", async () => {
    const rows = Object.values(kinds).map((make) => make(9));
    const together = await run(all, rows, SOFTNESS);
    for (const [k, row] of rows.entries()) {
      const alone = await run(all, [row], SOFTNESS);
      for (const [name, [expected]] of Object.entries(alone)) {
        const own = together[name]?.[k] as number[];
        const off = largest(own.map((y, i) => Math.abs(y - (expected?.[i] as number))));
        // Gradients are steep at a small softness.
        const tolerance = name === "slope" ? 1e-3 : 1e-5;
        const allowed = tolerance * Math.max(sizeOf(expected as number[]), sizeOf(row), SOFTNESS);
        expect({ name, row, off: off <= allowed ? 0 : off }).toEqual({ name, row, off: 0 });
      }
    }
  });

  test.each([Number.NaN, Infinity, -Infinity])("%d makes its row NaN and no other", async (bad) => {
    const good = [spread(5), spread(5, 3)];
    const rows = [good[0], [1, 2, bad, 0, -1], good[1]] as number[][];
    const [found, expected] = [await run(all, rows, 0.1), await run(all, good as number[][], 0.1)];
    for (const [name, [first, spoilt, last]] of Object.entries(found)) {
      expect({ name, spoilt }).toEqual({ name, spoilt: spoilt?.map(() => Number.NaN) });
      const off = [...(first as number[]), ...(last as number[])].map((y, i) =>
        Math.abs(y - (expected[name]?.flat()[i] as number)),
      );
      expect({ name, off: largest(off) < 1e-5 }).toEqual({ name, off: true });
    }
  });

  test("no rows give no rows", async () => {
    const feeds = {
      x: new Tensor("float32", new Float32Array(0), [0, 5]),
      softness: new Tensor("float32", Float32Array.of(0.1), []),
    };
    const found = await evaluate(all, feeds, STOCK);
    for (const [name, { dims }] of Object.entries(found)) {
      expect({ name, rows: dims[0] }).toEqual({ name, rows: 0 });
    }
  });

  test("as softness goes to 0 they become the hard ones", async () => {
    for (const n of [1, 2, 5, 16, 17]) {
      const rows = [spread(n), spread(n, 3)];
      const [found, hard] = [await run(all, rows, 1e-6), await run(hardModel(method), rows, 1)];
      for (const [name, expected] of Object.entries(hard)) {
        const own = found[name]?.flat() as number[];
        const off = largest(own.map((y, i) => Math.abs(y - (expected.flat()[i] as number))));
        const allowed = 1e-5 * Math.max(1, sizeOf(expected.flat()));
        expect({ name, n, off: off <= allowed ? 0 : off }).toEqual({ name, n, off: 0 });
      }
    }
  });
});

const hardModels = new Map<Method, Values>();

function hardModel(method: Method): Values {
  const known = hardModels.get(method);
  if (known !== undefined) return known;
  const { all } = modelOf(method, "hard");
  hardModels.set(method, all);
  return all;
}
