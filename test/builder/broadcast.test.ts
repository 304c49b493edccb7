import fc from "fast-check";
import { broadcastShapes, type Dim, type Shape } from "../../src/builder/dim.ts";
import { Graph } from "../../src/builder/graph.ts";
import { add } from "../../src/builder/operators/index.ts";

const staticShapes = fc.array(fc.constantFrom(1, 1, 2, 3), { maxLength: 4 });

/** NumPy's rule, written as its manual tells it: align at the right, ones stretch. */
function numpy(a: readonly number[], b: readonly number[]): number[] | undefined {
  const rank = Math.max(a.length, b.length);
  const pad = (shape: readonly number[]) => [...new Array(rank - shape.length).fill(1), ...shape];
  const [x, y] = [pad(a), pad(b)];
  const fits = x.every((dim, i) => dim === y[i] || dim === 1 || y[i] === 1);
  return fits ? x.map((dim, i) => (dim === 1 ? y[i] : dim)) : undefined;
}

/** Hides some sizes behind names, each name one size, or behind nothing. */
function hide(shape: readonly number[], choices: readonly number[]): Shape {
  return shape.map((dim, i): Dim => {
    const choice = choices[i % choices.length];
    return choice === 0 ? dim : choice === 1 ? `d${dim}` : undefined;
  });
}

describe("Broadcasting", () => {
  test("is NumPy's where all sizes are known", () => {
    fc.assert(
      fc.property(staticShapes, staticShapes, (a, b) => {
        const result = broadcastShapes(a, b);
        const expected = numpy(a, b);
        if (expected === undefined) expect(result).toHaveProperty("clash");
        else expect(result).toEqual({ shape: expected });
      }),
    );
  });

  test("does not depend on the order of the operands", () => {
    fc.assert(
      fc.property(staticShapes, staticShapes, (a, b) => {
        expect(broadcastShapes(a, b)).toEqual(broadcastShapes(b, a));
      }),
    );
  });

  test("with names says nothing that is false of the sizes behind them", () => {
    const choices = fc.array(fc.nat({ max: 2 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(staticShapes, staticShapes, choices, choices, (a, b, first, second) => {
        const actual = numpy(a, b);
        fc.pre(actual !== undefined);
        const result = broadcastShapes(hide(a, first), hide(b, second));
        expect(result).toHaveProperty("shape");
        const { shape } = result as { readonly shape: Shape };
        expect(shape).toHaveLength((actual as number[]).length);
        for (const [i, dim] of shape.entries()) {
          if (typeof dim === "number") expect(dim).toBe(actual?.[i]);
          if (typeof dim === "string") expect(dim).toBe(`d${actual?.[i]}`);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test("of a name and a size above 1 is that size; of two names it is open", () => {
    expect(broadcastShapes(["n", 3], [3])).toEqual({ shape: ["n", 3] });
    expect(broadcastShapes(["n"], [5])).toEqual({ shape: [5] });
    expect(broadcastShapes(["n"], [1])).toEqual({ shape: ["n"] });
    expect(broadcastShapes(["n"], ["m"])).toEqual({ shape: [undefined] });
    expect(broadcastShapes(["n"], ["n"])).toEqual({ shape: ["n"] });
    expect(broadcastShapes(undefined, ["n"])).toEqual({ shape: undefined });
  });

  test("that fails is an error at the call", () => {
    const g = new Graph("clash");
    const x = g.input("x", "float32", ["n", 3]);
    const y = g.input("y", "float32", [4]);
    expect(() => add(x, y)).toThrow(
      "add: shapes do not broadcast: [n, 3] and [4] differ at axis 1 of the result",
    );
  });
});
