import { type Dim, Graph, soft, type Value } from "softonnx";
import { evaluate, Tensor } from "softonnx/node";
import { ordered } from "../../src/ops/ordered.ts";
import { compute } from "./support.ts";

const x = [
  [
    [3, 1, 2, 1],
    [0, -0, 5, 5],
  ],
];

test.each([[[1, 2, 4]], [["a", "b", "n"]], [["a", 2, 4]]])(
  "orders rows whatever is known of their number: %j",
  async (shape) => {
    const sorted = (value: Value) => ordered(value, 3, true).values;
    const places = (value: Value) => ordered(value, 3, false).indices;
    expect(await compute(sorted, x, { shape })).toEqual({
      dims: [1, 2, 3],
      data: [3, 2, 1, 5, 5, 0],
    });
    expect((await compute(places, x, { shape })).data).toEqual([1, 3, 2, 0, 1, 2]);
  },
);

test("known rows are ordered by TopK alone", () => {
  const kinds = (shape: readonly Dim[]) => {
    const g = new Graph("ordered");
    ordered(g.input("x", "float32", shape), 2, true);
    return g.root.nodes.map(({ op }) => op);
  };
  expect(kinds([3, 4])).toEqual(["TopK"]);
  expect(kinds(["n"])).toEqual(["TopK"]);
  expect(kinds(["batch", 4])).toContain("Concat");
});

// A crash would end the process that runs the tests.
test.each([
  { mode: "hard" },
  { method: "softsort" },
  { method: "softsort", mode: "c1" },
  { method: "neuralsort" },
  { method: "fastSoftSort" },
  { method: "sortingNetwork" },
] as const)("no rows are sorted to no rows: %j", async (how) => {
  for (const shape of [
    ["batch", 4],
    [null, null],
    [0, 4],
  ] as const) {
    const g = new Graph("empty");
    const value = g.input("x", "float64", shape);
    const results = { sorted: soft.sort(value, how), ranks: soft.rank(value, { ...how, dim: -1 }) };
    const found = await evaluate(results, {
      x: new Tensor("float64", new Float64Array(0), [0, 4]),
    });
    expect(found.sorted?.dims).toEqual([0, 4]);
    expect(found.ranks?.dims).toEqual([0, 4]);
  }
});
