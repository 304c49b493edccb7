import { Graph, grad, soft, type Value } from "softonnx";
import { evaluate, Tensor } from "softonnx/node";
import { softSortRanks, softSortValues } from "../../src/ops/kernels/softsort.ts";
import type { SoftMode } from "../../src/ops/options.ts";
import { checkGradient } from "../grad/check.ts";
import { complaints } from "../support/silent.ts";

// The bodies of SoftSortValues and SoftSortRanks where they make the n x n matrix.

jest.setTimeout(60_000);

const modes = ["c0", "c1", "c2"] as const;

function uniform(count: number): number[] {
  let state = 3;
  return Array.from({ length: count }, () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  });
}

/** Values, ranks and their gradients of rows in two ways. */
function outputsOf(mode: SoftMode, byOperator: boolean): Record<string, Value> {
  const g = new Graph("softsort");
  // soft.sort does without the operator for rows that are known to be short.
  const x = g.input("x", "float64", [3, 20]);
  const softness = g.input("softness", "float64", []);
  const weights = g.input("weights", "float64", [3, 20]);
  const options = {
    method: "softsort",
    mode,
    softness,
    standardize: false,
    descending: false,
    dim: -1,
  } as const;
  const y = byOperator ? softSortValues(x, x, softness, mode) : soft.sort(x, options);
  const r = byOperator ? softSortRanks(x, softness, mode) : soft.rank(x, options);
  const [yx, ys] = grad(y.mul(weights).sum(), [x, softness]) as [Value, Value];
  const [rx, rs] = grad(r.mul(weights).sum(), [x, softness]) as [Value, Value];
  return { y, r, yx, ys, rx, rs };
}

describe.each(modes)("SoftSort by its matrix, %s", (mode) => {
  test.each([
    ["distinct", (u: number) => 3 * u],
    ["tied", (u: number) => Math.round(6 * u) / 2],
  ])("is what soft.sort and soft.rank compose, %s", async (_, entry) => {
    const feeds = {
      x: new Tensor("float64", Float64Array.from(uniform(60), entry), [3, 20]),
      softness: new Tensor("float64", Float64Array.of(0.2), []),
      weights: new Tensor("float64", Float64Array.from(uniform(60)), [3, 20]),
    };
    const [found, expected] = await Promise.all(
      [true, false].map((byOperator) => evaluate(outputsOf(mode, byOperator), feeds)),
    );
    for (const [name, { data }] of Object.entries(expected as Record<string, Tensor>)) {
      const own = found?.[name]?.data as Float64Array;
      (data as Float64Array).forEach((x, i) => {
        expect(Math.abs((own[i] as number) - x)).toBeLessThan(1e-11 * Math.max(1, Math.abs(x)));
      });
    }
  });

  test("first and second derivatives against differences", async () => {
    const draw = [(u: number) => 2 * u - 1, (u: number) => 2 * u - 1, (u: number) => 0.6 + 0.3 * u];
    const shapes = [[2, 5], [2, 5], []];
    const options = { draw, also: ["named"] } as const;
    await checkGradient((k, p, s) => softSortValues(k, p, s, mode), shapes, options);
    await checkGradient((k, _, s) => softSortRanks(k, s, mode), shapes, options);
  });

  test("rows with NaN or infinity are NaN, and so is all where the softness is not positive", async () => {
    const g = new Graph("softsort");
    const x = g.input("x", "float32", ["batch", "n"]);
    const softness = g.input("softness", "float32", []);
    const y = softSortValues(x, x, softness, mode);
    const r = softSortRanks(x, softness, mode);
    const [yx] = grad(y.sum(), [x]) as [Value];
    const [rx] = grad(r.sum(), [x]) as [Value];
    const run = async (softnessIs: number) =>
      Object.values(
        await evaluate(
          { y, r, yx, rx },
          {
            x: new Tensor(
              "float32",
              Float32Array.of(1, Number.NaN, 3, 1, 2, Infinity, 5, 6, 7),
              [3, 3],
            ),
            softness: new Tensor("float32", Float32Array.of(softnessIs), []),
          },
        ),
      ).map(({ data }) => Array.from(data as Float32Array, Number.isNaN));
    const [lost, kept] = [new Array(6).fill(true), new Array(3).fill(false)];
    expect(await run(0.5)).toEqual(new Array(4).fill([...lost, ...kept]));
    expect(await run(-1)).toEqual(new Array(4).fill(new Array(9).fill(true)));
  });

  test("loads silently in a stock runtime", () => {
    const { y, yx, rx } = outputsOf(mode, true) as Record<"y" | "yx" | "rx", Value>;
    expect(complaints({ [mode]: y.graph.toModel({ outputs: { y, yx, rx } }) })).toEqual({
      [mode]: "",
    });
  });
});
