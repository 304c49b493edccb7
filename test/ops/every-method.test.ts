import { Graph, soft, type Value } from "softonnx";
import { evaluate } from "softonnx/node";
import { compute, computeAll, expectClose } from "./support.ts";

jest.setTimeout(60_000);

// What holds for every method of the operators that order.

const methods = [
  "softsort",
  "neuralsort",
  "ot",
  "sortingNetwork",
  "fastSoftSort",
  "smoothSort",
] as const;

const rows = [
  [0.7, -1.2, 2.4, 0.1, 1.6],
  [3, 1, -2, 0.5, 0.6],
];

/** Kernel operators other than those that steer gradients. */
function solvers(build: (x: Value) => void): string[] {
  const graph = new Graph("solvers");
  build(graph.input("x", "float32", ["batch", "n"]));
  const nodes = graph.root.nodes.filter(({ definition }) => definition?.life === "always");
  return nodes.map(({ op }) => op).sort();
}

describe.each(methods)("%s", (method) => {
  const mode = method === "smoothSort" ? "smooth" : "c1";
  const how = { method, mode, softness: 0.3 } as const;

  test("has a median along any axis", async () => {
    const found = await computeAll(
      (x) => ({
        last: soft.median(x, { ...how, dim: -1 }),
        kept: soft.median(x, { ...how, dim: 1, keepdim: true }),
        first: soft.median(x.transpose([1, 0]), { ...how, dim: 0 }),
        all: soft.median(x, how),
      }),
      rows,
    );
    const alone = await Promise.all(rows.map((row) => compute((x) => soft.median(x, how), row)));
    const expected = alone.flatMap(({ data }) => data);
    expect([found.last?.dims, found.kept?.dims, found.first?.dims, found.all?.dims]).toEqual([
      [2],
      [2, 1],
      [2],
      [],
    ]);
    for (const name of ["last", "kept", "first"]) {
      expectClose(found[name]?.data ?? [], expected, 1e-9);
    }
  });

  test.each([1, 2])("fails where more are wanted than a row has, known or not", async (rank) => {
    const [short, sizes] = [
      rows.map((row) => row.slice(0, 3)),
      rank === 1 ? ["n"] : ["batch", "n"],
    ];
    const feeds = { x: rank === 1 ? (short[0] as number[]) : short };
    for (const k of [3, 4, 6]) {
      const x = new Graph("few").input("x", "float64", sizes);
      const { values, indices } = soft.topk(x, k, how);
      for (const y of [values, indices]) {
        if (y === undefined) continue;
        if (k > 3) await expect(evaluate({ y }, feeds)).rejects.toThrow();
        else expect((await evaluate({ y }, feeds)).y.dims.at(y === values ? -1 : -2)).toBe(3);
      }
    }
    const known = new Graph("few").input("x", "float64", [2, 3]);
    expect(() => soft.topk(known, 4, how)).toThrow("k: expected a whole number from 1 to 3, got 4");
  });

  test("makes several quantiles from one order", () => {
    const one = solvers((x) => soft.quantile(x, 0.3, { ...how, dim: -1 }));
    const many = solvers((x) => soft.quantile(x, [0.1, 0.3, 0.45, 0.9], { ...how, dim: -1 }));
    expect(many).toEqual(one);
    const fed = solvers((x) =>
      soft.quantile(x, x.graph.input("q", "float32", ["k"]), { ...how, dim: -1 }),
    );
    expect(fed).toEqual(one);
  });

  test.each(["int64", "int32", "uint8"] as const)("takes %s as float32", async (dtype) => {
    const whole = [
      [3, 1, 7, 2],
      [9, 9, 0, 4],
    ];
    const build = (x: Value) => ({
      sort: soft.sort(x, how),
      rank: soft.rank(x, { ...how, dim: -1 }),
      max: soft.max(x, how),
      quantile: soft.quantile(x, 0.4, { ...how, dim: 0 }),
    });
    const found = await computeAll((x) => build(x.cast(dtype)), whole, { dtype: "float32" });
    const expected = await computeAll(build, whole, { dtype: "float32" });
    expect(found).toEqual(expected);
    const sorted = soft.sort(new Graph("whole").input("x", dtype, [2, 4]), how);
    expect(sorted.dtype).toBe("float32");
  });

  test.each(
    method === "smoothSort" ? (["smooth"] as const) : (["smooth", "c0", "c1", "c2"] as const),
  )("keeps a model of ten sorts small, mode %s", (each) => {
    const model = (count: number) => {
      const graph = new Graph("ten");
      for (let i = 0; i < count; i++) {
        const x = graph.input(`x${i}`, "float32", ["batch", "n"]);
        graph.output(`y${i}`, soft.sort(x, { method, mode: each }));
      }
      const bytes = graph.toModel();
      return { bytes: bytes.length, nodes: Graph.fromModel(bytes).root.nodes.length };
    };
    const [one, ten] = [model(1), model(10)];
    expect(one.bytes).toBeLessThan(60_000);
    expect(ten.bytes - one.bytes).toBeLessThan(9 * 16_000);
    expect(ten.nodes).toBeLessThanOrEqual(10 * one.nodes);
    expect(ten.nodes / 10).toBeLessThan(90);
  });
});
