import {
  Graph,
  grad,
  gradReplace,
  type Operand,
  reduceSum,
  soft,
  st,
  straightThrough,
  type Value,
} from "softonnx";
import { compute, computeAll, expectClose, input } from "./support.ts";

const row = [0.7, -1.2, 2.4, 0.1, 1.6];

const operators = {
  abs: (f: typeof soft, x: Value, o: object) => f.abs(x, o),
  round: (f: typeof soft, x: Value, o: object) => f.round(x, o),
  clamp: (f: typeof soft, x: Value, o: object) => f.clamp(x, 0, 1, o),
  greater: (f: typeof soft, x: Value, o: object) => f.greater(x, 0.5, o),
  sort: (f: typeof soft, x: Value, o: object) => f.sort(x, o),
  argsort: (f: typeof soft, x: Value, o: object) => f.argsort(x, o),
  rank: (f: typeof soft, x: Value, o: object) => f.rank(x, o),
  max: (f: typeof soft, x: Value, o: object) => f.max(x, o),
  quantile: (f: typeof soft, x: Value, o: object) => f.quantile(x, [0.3, 0.5], o),
  "topk values": (f: typeof soft, x: Value, o: object) => f.topk(x, 2, o).values,
  "topk indices": (f: typeof soft, x: Value, o: object) => f.topk(x, 2, o).indices,
} as const;

test.each(Object.entries(operators))("st.%s: hard forward, soft backward", async (_, apply) => {
  const straight = st as unknown as typeof soft;
  for (const options of [{}, { mode: "c1", softness: 0.7 }]) {
    const weigh = (y: Value) =>
      reduceSum(
        y.mul(
          y.graph.constant(
            Array.from({ length: sizeOf(y) }, (_, i) => i - 1.5),
            y.shape as number[],
            "float64",
          ),
        ),
      );
    const found = await computeAll((x) => {
      const y = apply(straight, x, options);
      return {
        y,
        hard: apply(soft, x, { ...options, mode: "hard" }),
        slope: grad(weigh(y), [x])[0] as Value,
        soft: grad(weigh(apply(soft, x, options)), [x])[0] as Value,
      };
    }, row);
    expect(found.y).toEqual(found.hard);
    expectClose(found.slope?.data ?? [], found.soft?.data ?? [], 1e-14);
  }
});

test("there is a straight-through form of every operator that has a mode", () => {
  const without = [
    "where",
    "takeAlongDim",
    "take",
    "indexSelect",
    "narrow",
    "logicalAnd",
    "logicalOr",
  ];
  without.push("logicalXor", "logicalNot", "all", "any");
  // Projections have no hard mode.
  without.push("projectSimplex", "projectPermutahedron", "transport");
  const operators = Object.keys(soft).filter((name) => !name.endsWith("Defaults"));
  expect(Object.keys(st).sort()).toEqual(
    operators.filter((name) => !without.includes(name)).sort(),
  );
});

test("infinite hard values pass exactly", async () => {
  const inf = Number.POSITIVE_INFINITY;
  const { data } = await compute((x) => st.relu(x), [-inf, inf, 1]);
  expect(data).toEqual([0, inf, 1]);
});

test("an inference export holds nothing of the soft branch", () => {
  const g = new Graph("rule");
  const x = g.input("x", "float32", [5]);
  const straight = new TextDecoder("latin1").decode(g.toModel({ outputs: { y: st.sort(x) } }));
  expect(straight).not.toContain("Softmax");
  expect(straight).toContain("TopK");
});

test("a function of one's own, with operands in front and options last", async () => {
  const between = straightThrough(
    (x: Value, lo: Operand, hi: Operand, options: { mode?: soft.Mode; softness?: number } = {}) =>
      soft.logicalAnd(soft.greater(x, lo, options), soft.less(x, hi, options)),
  );
  const found = await computeAll((x) => {
    const y = between(x, 0, 1, { mode: "c2", softness: 0.3 });
    const own = soft.logicalAnd(
      soft.greater(x, 0, { mode: "c2", softness: 0.3 }),
      soft.less(x, 1, { mode: "c2", softness: 0.3 }),
    );
    return {
      y,
      defaults: between(x, 0, 1),
      slope: grad(y.sum(), [x])[0] as Value,
      own: grad(own.sum(), [x])[0] as Value,
    };
  }, row);
  expect(found.y?.data).toEqual([1, 0, 0, 1, 0]);
  expect(found.defaults?.data).toEqual([1, 0, 0, 1, 0]);
  expect(found.slope).toEqual(found.own);
});

test("results in arrays and objects, some of them missing", () => {
  const many = straightThrough((x: Value, options: { mode?: soft.Mode } = {}) => ({
    list: [soft.abs(x, options), soft.sign(x, options)],
    nothing: undefined,
  }));
  const { list, nothing } = many(input([3]));
  expect(list.map(({ producer }) => producer?.op)).toEqual(["StraightThrough", "StraightThrough"]);
  expect(nothing).toBeUndefined();
});

test("branches that differ are an error", () => {
  const x = input([3]);
  const uneven = straightThrough((v: Value, { mode }: { mode?: soft.Mode } = {}) =>
    mode === "hard" ? [v] : [v, v],
  );
  expect(() => uneven(x)).toThrow(
    "straightThrough: the two branches must give Values in the same structure",
  );
  const misshapen = gradReplace((v: Value, { forward }: { forward?: boolean } = {}) =>
    forward ? v.sum() : v,
  );
  expect(() => misshapen(x)).toThrow("shapes differ");
});

test("gradReplace: forward of one, gradient of the other", async () => {
  const quantize = gradReplace((x: Value, { forward }: { forward?: boolean } = {}) =>
    forward ? soft.round(x, { mode: "hard" }) : x.mul(3),
  );
  const found = await computeAll((x) => {
    const y = quantize(x);
    return { y, slope: grad(y.sum(), [x])[0] as Value };
  }, row);
  expect(found.y?.data).toEqual([1, -1, 2, 0, 2]);
  expect(found.slope?.data).toEqual([3, 3, 3, 3, 3]);
});

function sizeOf(y: Value): number {
  return (y.shape as number[]).reduce((a, b) => a * b, 1);
}
