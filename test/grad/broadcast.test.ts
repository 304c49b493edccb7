import type { Dim, Shape } from "../../src/builder/dim.ts";
import { Graph } from "../../src/builder/graph.ts";
import { add, mul } from "../../src/builder/operators/index.ts";
import type { Value } from "../../src/builder/value.ts";
import { sumTo } from "../../src/grad/broadcast.ts";
import { vjp } from "../../src/grad/index.ts";
import { numbers, runBoth } from "./check.ts";

type Dims = readonly (Dim | null)[] | undefined;

/** The operators that summing a cotangent of one shape to another takes, in order. */
function operatorsFor(from: Dims, to: Dims): string[] {
  const g = new Graph();
  const cotangent = g.input("cotangent", "float32", from);
  const operand = g.input("operand", "float32", to);
  sumTo(cotangent, operand);
  return g.root.nodes.map((node) => node.op);
}

describe("what certainly was not broadcast costs nothing", () => {
  const shapes: readonly [from: Dims, to: Dims][] = [
    [
      [2, 3],
      [2, 3],
    ],
    [
      ["n", 3],
      ["n", 3],
    ],
    [["n"], ["n"]],
    [
      ["n+1", 2],
      ["n+1", 2],
    ],
    // Only 1 becomes another size, and 1 only from 1.
    [
      [null, 3],
      [4, 3],
    ],
    [
      [1, 3],
      ["n", 3],
    ],
    [[1], [null]],
    [[], []],
  ];
  test.each(shapes)("%j to %j", (from, to) => {
    expect(operatorsFor(from, to)).toEqual([]);
  });
});

describe("what certainly was broadcast is summed at once", () => {
  const shapes: readonly [from: Dims, to: Dims, operators: string[]][] = [
    [[2, 3], [3], ["ReduceSum"]],
    [["n", 3], [3], ["ReduceSum"]],
    [["n", 3], ["n", 1], ["ReduceSum"]],
    [[null, 3], [1, 3], ["ReduceSum"]],
    [["n", 3], [], ["ReduceSum"]],
    [
      [2, 3, 4],
      [3, 1],
      ["ReduceSum", "Squeeze"],
    ],
    [["a", "b", "c"], ["b", "c"], ["ReduceSum"]],
  ];
  test.each(shapes)("%j to %j", (from, to, operators) => {
    expect(operatorsFor(from, to)).toEqual(operators);
  });
});

describe("what only a run tells is found there", () => {
  const shapes: readonly [from: Dims, to: Dims][] = [
    [["m"], ["n"]],
    [[4], ["n"]],
    [
      [null, 3],
      [null, 3],
    ],
  ];
  test.each(shapes)("%j to %j", (from, to) => {
    expect(operatorsFor(from, to)).toEqual(expect.arrayContaining(["NonZero", "ReduceSum"]));
  });

  test("a name against a name: equal, or either of them 1", async () => {
    const g = new Graph();
    const a = g.input("x0", "float64", ["n", "k"]);
    const b = g.input("x1", "float64", ["m", "k"]);
    const [da, db] = vjp(mul(a, b), [a, b]) as [Value, Value];
    expect([da.shape, db.shape]).toEqual([
      ["n", "k"],
      ["m", "k"],
    ]);
    const rows = (n: number) => numbers([1, 2, 3, 4].slice(0, 2 * n), [n, 2]);
    const run = (n: number, m: number) => runBoth(g, { da, db }, [rows(n), rows(m)]);
    expect(await run(2, 2)).toEqual({
      da: { data: [1, 2, 3, 4], dims: [2, 2] },
      db: { data: [1, 2, 3, 4], dims: [2, 2] },
    });
    expect(await run(1, 2)).toEqual({
      da: { data: [4, 6], dims: [1, 2] },
      db: { data: [1, 2, 1, 2], dims: [2, 2] },
    });
    expect(await run(2, 1)).toEqual({
      da: { data: [1, 2, 1, 2], dims: [2, 2] },
      db: { data: [4, 6], dims: [1, 2] },
    });
    expect(await run(1, 0)).toEqual({
      da: { data: [0, 0], dims: [1, 2] },
      db: { data: [], dims: [0, 2] },
    });
  });

  test("unknown ranks", async () => {
    const g = new Graph();
    const a = g.input("x0", "float64");
    const b = g.input("x1", "float64");
    const [da, db] = vjp(add(a, b), [a, b]) as [Value, Value];
    const ones = (dims: number[]) =>
      numbers(new Array(dims.reduce((x, y) => x * y, 1)).fill(1), dims);
    const run = (from: number[], to: number[]) => runBoth(g, { da, db }, [ones(from), ones(to)]);
    expect(await run([2, 3], [3])).toEqual({
      da: { data: [1, 1, 1, 1, 1, 1], dims: [2, 3] },
      db: { data: [2, 2, 2], dims: [3] },
    });
    expect(await run([], [2, 1, 2])).toEqual({
      da: { data: [4], dims: [] },
      db: { data: [1, 1, 1, 1], dims: [2, 1, 2] },
    });
    expect(await run([2, 1], [1, 3])).toEqual({
      da: { data: [3, 3], dims: [2, 1] },
      db: { data: [2, 2, 2], dims: [1, 3] },
    });
    expect(await run([0, 2], [2])).toEqual({
      da: { data: [], dims: [0, 2] },
      db: { data: [0, 0], dims: [2] },
    });
  });

  test("scalars beside a value of unknown rank are no broadcasting of that", () => {
    const g = new Graph();
    const x = g.input("x", "float32");
    const before = g.root.nodes.length;
    vjp(mul(x, 2).add(1), [x], g.input("v", "float32"));
    expect(g.root.nodes.slice(before).map((node) => node.op)).toEqual(["Mul", "Add", "Mul"]);
  });
});

test("the sum has the operand's shape, as far as that is known", () => {
  const shapes: readonly [from: Dims, to: Shape][] = [
    [[2, 3], [3]],
    [
      ["n", 3],
      [1, 3],
    ],
    [
      [null, 3],
      ["n", 3],
    ],
    [["m"], ["n"]],
    [undefined, [2, "n"]],
    [undefined, [1, 1]],
  ];
  for (const [from, to] of shapes) {
    const g = new Graph();
    const sum = sumTo(g.input("c", "float32", from), g.input("x", "float32", to));
    expect(sum.shape).toEqual(to);
  }
});
