import { Graph, grad, reduceSum, soft, type Value, vjp } from "softonnx";
import { evaluate } from "softonnx/node";
import { derivative, STEPS } from "./differences.ts";
import { modes, type SoftMode, STOCK, uniform } from "./transport-support.ts";

jest.setTimeout(120_000);

// Second derivatives of every operator that orders, in every method and mode, in the ordinary operators that
// a model carries. A model each: ONNX Runtime takes longer to load one of ten than ten of one.

const METHODS = [
  "softsort",
  "neuralsort",
  "ot",
  "sortingNetwork",
  "fastSoftSort",
  "smoothSort",
] as const;

interface How<Name extends soft.Method> {
  readonly method: Name;
  readonly mode: SoftMode;
  readonly softness: Value;
  readonly dim: number;
}

type Operators<Name extends soft.Method> = Readonly<
  Record<string, (x: Value, how: How<Name>) => Value>
>;

const VALUES: Operators<soft.Method> = {
  sort: (x, how) => soft.sort(x, how),
  max: (x, how) => soft.max(x, how),
  min: (x, how) => soft.min(x, how),
  median: (x, how) => soft.median(x, how),
  quantile: (x, how) => soft.quantile(x, [0.3, 0.85], how),
  rank: (x, how) => soft.rank(x, how),
  topk: (x, how) => soft.topk(x, 2, how).values,
};

const INDICES: Operators<soft.IndexMethod> = {
  argsort: (x, how) => soft.argsort(x, how),
  argmax: (x, how) => soft.argmax(x, how),
  argmin: (x, how) => soft.argmin(x, how),
  argmedian: (x, how) => soft.argmedian(x, how),
  argquantile: (x, how) => soft.argquantile(x, [0.3, 0.85], how),
};

const TOP_INDICES: Operators<"softsort" | "neuralsort" | "ot"> = {
  "topk indices": (x, how) => soft.topk(x, 2, how).indices,
};

function operatorsOf(method: soft.Method): Operators<never> {
  if (method === "fastSoftSort" || method === "smoothSort") return VALUES;
  const indexed = { ...VALUES, ...INDICES };
  return method === "sortingNetwork" ? indexed : { ...indexed, ...TOP_INDICES };
}

/** Where derivatives are taken, and the direction of second ones: a row and a softness. */
interface Point {
  readonly row: readonly number[];
  readonly softness: number;
}

const ENTRIES = 5;
const DIRECTION: Point = { row: [0.9, -0.7, 0.4, 0.8, -0.5], softness: 0.3 };

/** Rows by chance; standardised, a softness of 0.1 leaves some entries apart, one of 4 none. */
const POINTS: readonly Point[] = [0.1, 0.3, 0.5, 1, 4].map((softness, k) => ({
  row: uniform(ENTRIES, 7919 * (k + 1)).map((u) => 3 * u - 1.5),
  softness,
}));

const HARD: readonly Point[] = [1e-3, 0.1, 1e3].flatMap((softness) =>
  [
    [3, 3, 3, 3, 3],
    [1, 2, 1, 2, 5],
    [0, -0, 1e-310, -1e-310, 0],
    [1e6, 1e-6, -1e6, 0, 1e6],
  ].map((row) => ({ row, softness })),
);

function moved({ row, softness }: Point, by: number): Point {
  return {
    row: row.map((x, i) => x + by * (DIRECTION.row[i] as number)),
    softness: softness + by * DIRECTION.softness,
  };
}

/** The gradient of a weighted sum of the results by row and softness, and its derivative along DIRECTION. */
interface Slopes {
  readonly first: readonly number[];
  readonly second: readonly number[];
}

function slopesOf(apply: (x: Value, softness: Value) => Value) {
  const graph = new Graph("second");
  const x = graph.input("x", "float64", [ENTRIES]);
  const tau = graph.input("softness", "float64", []);
  const y = apply(x, tau);
  const [dx, dtau] = vjp(y, [x, tau], weightsOf(y)) as [Value, Value];
  const along = reduceSum(dx.mul(DIRECTION.row)).add(dtau.mul(DIRECTION.softness));
  const values = [dx, dtau, ...grad(along, [x, tau])];
  return async ({ row, softness }: Point): Promise<Slopes> => {
    const feeds = { x: Float64Array.from(row), softness };
    const found = await evaluate(values, feeds, STOCK);
    const [a, b, c, d] = found.map(({ data }) => Array.from(data as Float64Array));
    return { first: [a, b].flat() as number[], second: [c, d].flat() as number[] };
  };
}

function weightsOf(y: Value): Value {
  const sizes = y.shape as number[];
  const count = sizes.reduce((product, size) => product * size, 1);
  const weights = Array.from({ length: count }, (_, i) => Math.cos(1.7 * i + 0.4));
  return y.graph.constant(weights, sizes, "float64");
}

const STEP = 2e-4;

const cases = METHODS.flatMap((method) =>
  modes
    .filter((mode) => method !== "smoothSort" || mode === "smooth")
    .flatMap((mode) =>
      Object.entries(operatorsOf(method)).map(([name, apply]) => ({
        name,
        method,
        mode,
        at: slopesOf((x, softness) => apply(x, { method, mode, softness, dim: -1 } as never)),
      })),
    ),
);

test.each(cases)("second derivatives of $name by $method, mode $mode", async ({ at }) => {
  let compared = 0;
  for (const point of POINTS) {
    const { second } = await at(point);
    const size = Math.max(1, ...second.map(Math.abs));
    const around = await Promise.all(STEPS.map((steps) => at(moved(point, steps * STEP))));
    const expected = second.map((_, i) => {
      const values = around.map(({ first }) => first[i] as number);
      return derivative(values, STEP, size);
    });
    if (expected.includes(undefined)) continue;
    if (second.some((value) => value !== 0)) compared++;
    const off = second.map((value, i) => Math.abs(value - (expected[i] as number)));
    const right = Math.max(...off) <= 1e-7 * size;
    expect({ right, point, second, expected }).toEqual({ right: true, point, second, expected });
  }
  // Some points tell something: neither a kink nor a place where all is constant.
  expect(compared).toBeGreaterThanOrEqual(2);

  for (const point of HARD) {
    const { first, second } = await at(point);
    const finite = [...first, ...second].every(Number.isFinite);
    expect({ finite, point, first, second }).toEqual({ finite: true, point, first, second });
  }
});
