import { Graph } from "../../src/builder/graph.ts";
import {
  add,
  constantOfShape,
  div,
  expand,
  mul,
  neg,
  shape,
  unsqueeze,
  where,
} from "../../src/builder/operators/index.ts";
import { simplify } from "../../src/builder/simplify.ts";
import type { Value } from "../../src/builder/value.ts";

function simplified(build: (g: Graph, x: Value) => Value, dims: (number | string)[] = [100, 3]) {
  const g = new Graph("simplify");
  const x = g.input("x", "float32", dims);
  const y = g.simplifying(simplify, () => build(g, x));
  const inputs = y.producer?.inputs.map((input) => input?.data?.toNumbers() ?? input?.hint);
  return { op: y.producer?.op, inputs, value: y.data?.toNumbers() ?? y.hint, shape: y.shape };
}

describe("within a simplifying pass", () => {
  test("arithmetic of constants is done at once, rounded as float32", () => {
    const third = simplified((g) => div(g.constant(1), g.constant(3)));
    expect(third.value).toEqual([Math.fround(1 / 3)]);
    expect(simplified((g) => neg(g.constant([2]))).value).toEqual([-2]);
    const filled = simplified((g) => mul(g.constant(2, [2, 2]), g.constant([3])));
    expect(filled).toMatchObject({ value: [6, 6, 6, 6], shape: [2, 2] });
    expect(simplified((g) => mul(g.constant([2, 1]), g.constant(3))).op).toBe("Mul");
    expect(simplified((g) => add(g.constant(2, [1, 2]), g.constant(2, [2, 1]))).op).toBe("Add");
  });

  test("a factor of one is left out, where it changes no shape", () => {
    expect(simplified((_, x) => mul(1, x)).value).toBe("x");
    expect(simplified((_, x) => div(x, 1)).value).toBe("x");
    expect(simplified((g, x) => mul(x, g.constant([[[1]]]))).shape).toEqual([1, 100, 3]);
    expect(simplified((_, x) => add(x, 0)).op).toBe("Add");
  });

  test("what is repeated to the other operand's shape is not repeated", () => {
    const row = (g: Graph) => g.constant([1, 2, 3]);
    expect(simplified((g, x) => add(x, expand(row(g), [100, 3]))).inputs).toEqual(["x", [1, 2, 3]]);
    const filled = (g: Graph) => constantOfShape(g, [100, 3], 7);
    expect(simplified((g, x) => mul(filled(g), x)).inputs).toEqual([[7], "x"]);
    const far = (g: Graph) => expand(unsqueeze(expand(g.constant(5), [100]), 1), [100, 3]);
    expect(simplified((g, x) => mul(x, far(g))).inputs).toEqual(["x", [5]]);
    expect(simplified((g, x) => where(x.greater(0), far(g), x)).inputs?.[1]).toEqual([5]);
  });

  test("by names of sizes too, and not where it may give the result its shape", () => {
    const like = (x: Value, c: Value) => expand(c, shape(x));
    expect(simplified((g, x) => mul(x, like(x, g.constant(5))), ["n", 3]).inputs).toEqual([
      "x",
      [5],
    ]);
    const wider = simplified((g, x) => add(x, expand(g.constant(5), [100, 3])), [1, 3]);
    expect(wider.inputs?.[1]).toBe("expand");
  });
});

test("outside of one every node is made that was asked for", () => {
  const g = new Graph("plain");
  expect(mul(g.input("x", "float32", []), 1).producer?.op).toBe("Mul");
});
