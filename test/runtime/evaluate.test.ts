import { Graph, grad, soft, straightThrough, type Value } from "../../src/index.ts";
import { evaluate, Tensor } from "../../src/node.ts";

function example() {
  const g = new Graph("example");
  const x = g.input("x", "float32", ["n"]);
  const y = g.input("y", "float32", ["n"]);
  const w = g.parameter("w", 3);
  return { g, x, y, w };
}

const numbers = (tensor: Tensor | undefined) => Array.from(tensor?.data as Float32Array);

async function message(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "no error",
    (error: Error) => error.message,
  );
}

describe("evaluate", () => {
  test("gives one tensor for a Value, an array for an array, an object for an object", async () => {
    const { x, w } = example();
    const scaled = x.mul(w);
    const total = scaled.sum();

    const one: Tensor = await evaluate(total, { x: [1, 2] });
    expect(one).toBeInstanceOf(Tensor);
    expect(one).toMatchObject({ type: "float32", dims: [], data: new Float32Array([9]) });

    const [first, second]: [Tensor, Tensor] = await evaluate([scaled, total], { x: [1, 2] });
    expect([numbers(first), numbers(second)]).toEqual([[3, 6], [9]]);

    const named: { scaled: Tensor; total: Tensor } = await evaluate({ scaled, total }, { x: [1] });
    expect([numbers(named.scaled), numbers(named.total)]).toEqual([[3], [3]]);
  });

  test("computes gradients beside values", async () => {
    const { x, w } = example();
    const loss = soft.abs(x.mul(w)).sum();
    const [dw] = grad(loss, [w]) as [Value];
    const result = await evaluate({ loss, dw }, { x: [5, -5] });
    expect(numbers(result.loss)[0]).toBeCloseTo(30, 4);
    expect(numbers(result.dw)[0]).toBeCloseTo(10, 4);
  });

  test("takes parameters as they are at the start, unless they are fed", async () => {
    const { x, w } = example();
    const scaled = x.mul(w);
    expect(numbers(await evaluate(scaled, { x: [1] }))).toEqual([3]);
    expect(numbers(await evaluate(scaled, { x: [1], w: 7 }))).toEqual([7]);
    expect(numbers(await evaluate(scaled, { x: [1] }))).toEqual([3]);
    expect(await message(evaluate(scaled, { x: [1], w: [7, 8] }))).toBe(
      'evaluate: feed "w": expected float32 [], got an array of shape [2]',
    );
  });

  test("needs the feeds of the slice, ignores others of the graph, and rejects the rest", async () => {
    const { x, y } = example();
    expect(numbers(await evaluate(x.sum(), { x: [1, 2], y: [1], w: 5 }))).toEqual([3]);
    expect(await message(evaluate(x.add(y), { x: [1] }))).toBe(
      'evaluate: feed "y" is missing: expected float32 [n]',
    );
    expect(await message(evaluate(x, { X: [1] }))).toBe(
      'evaluate: there is no input "X"; did you mean "x"?',
    );
    expect(await message(evaluate(x.sum().add(y.sum()), { x: [1], y: [1, 2] }))).toBe(
      'evaluate: feed "y": n is 1 in "x" but 2 in "y"',
    );
  });

  test("gives inputs, parameters and constants as well, also twice", async () => {
    const { g, x, w } = example();
    const results = await evaluate([x, w, g.constant([4, 5]), w], { x: [1, 2] });
    expect(results.map(numbers)).toEqual([[1, 2], [3], [4, 5], [3]]);
  });

  test("results may have the names of inputs, also of an input called like a result", async () => {
    const g = new Graph("names");
    const odd = g.input("result/0", "float32", []);
    const x = g.input("x", "float32", []);
    const feeds = { "result/0": 1, x: 2 };
    const { x: sum, y } = await evaluate({ x: odd.add(x), y: odd }, feeds);
    expect([numbers(sum), numbers(y)]).toEqual([[3], [1]]);
  });

  test("goes on working while the graph grows", async () => {
    const { x, w } = example();
    let value = x.mul(w);
    for (let i = 0; i < 40; i++) {
      value = value.add(1);
      expect(numbers(await evaluate(value, { x: [1] }))).toEqual([4 + i]);
    }
    expect(numbers(await evaluate(x.mul(w), { x: [1] }))).toEqual([3]);
  });

  test("many at a time, more than it keeps loaded", async () => {
    const { x } = example();
    const values = Array.from({ length: 50 }, (_, i) => x.add(i));
    const results = await Promise.all(
      values.flatMap((value) => [evaluate(value, { x: [0] }), evaluate(value, { x: [1] })]),
    );
    expect(results.map((result) => numbers(result)[0])).toEqual(
      values.flatMap((_, i) => [i, i + 1]),
    );
  });

  test("a failed evaluation does not stand in the way of the next", async () => {
    const { x } = example();
    const value = x.exp();
    const options = { backend: "cpu", graphOptimizationLevel: "all" } as const;
    expect(await message(evaluate(value, { x: ["a"] }, options))).toMatch(/expected numbers/);
    expect(numbers(await evaluate(value, { x: [0] }, options))).toEqual([1]);
  });

  test("straight-through operators give their hard side", async () => {
    const { x } = example();
    const round = straightThrough((value: Value, options: { mode?: "hard" | "smooth" }) =>
      soft.round(value, options),
    );
    const hard = round(x, { mode: "smooth" });
    expect(numbers(await evaluate(hard, { x: [0.4, 0.6] }))).toEqual([0, 1]);
  });

  test("rejects what is no Value, Values of two graphs, and unknown options", async () => {
    const { x } = example();
    expect(await message(evaluate({ x, y: 3 } as never, { x: [1] }))).toBe(
      "evaluate: values.y: expected a Value, got 3",
    );
    expect(await message(evaluate([] as const))).toBe(
      "evaluate: values: there are none to compute",
    );
    expect(await message(evaluate(7 as never))).toBe(
      "evaluate: values: expected a Value, an array or an object of Values, got 7",
    );
    expect(await message(evaluate([x, example().x], { x: [1] }))).toBe(
      'evaluate: its operands belong to different graphs, "example" and "example"',
    );
    expect(await message(evaluate(x, { x: [1] }, { backnd: "cpu" } as never))).toBe(
      'evaluate: unknown option "backnd"; did you mean "backend"?',
    );
  });
});
