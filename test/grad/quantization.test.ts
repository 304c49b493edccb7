import { evaluate } from "softonnx/node";
import { Graph } from "../../src/builder/graph.ts";
import {
  bernoulli,
  cast,
  dequantizeLinear,
  type QuantizeOptions,
  quantizeLinear,
  randomNormalLike,
  randomUniformLike,
  reshape,
} from "../../src/builder/operators/index.ts";
import type { Value } from "../../src/builder/value.ts";
import { dependsOn, vjp } from "../../src/grad/index.ts";
import { expectClose } from "./check.ts";

const rowsOf = (found: readonly { readonly data: unknown }[]) =>
  found.map(({ data }) => Array.from(data as Float32Array));

/** x as it comes back from whole numbers. */
const faked = (x: Value, scale: Value, zero?: Value, options?: QuantizeOptions) =>
  dequantizeLinear(quantizeLinear(x, scale, zero, options), scale, zero, options);

describe("quantised and back", () => {
  // 0.3 / 0.5 rounds to 1; 100 and -7 are beyond what -128 … 127 around 3 holds at this scale, or not.
  const data = [0.3, -0.8, 70, -70, 61.9];
  const [scale, zero] = [0.5, 3];
  const inside = data.map((x) => Math.abs(Math.round(x / scale) + zero + 0.5) < 128);

  test("passes the cotangent through the rounding, where the bounds were not hit", async () => {
    const g = new Graph("quantised");
    const x = g.input("x", "float32", [5]);
    const s = g.parameter("s", scale);
    const y = faked(x, s, g.constant(zero, "int8"));
    const seed = [1, 2, 3, 4, 5];
    const found = rowsOf(await evaluate([y, ...vjp(y, [x, s], seed)], { x: data }));
    const kept = data.map((x) => Math.min(Math.max(Math.round(x / scale), -131), 124));
    expectClose("value", [found[0] as number[]], [kept.map((q) => q * scale)], 1e-6);
    expectClose("of x", [found[1] as number[]], [seed.map((w, i) => (inside[i] ? w : 0))], 1e-6);
    // Esser et al. 2020, equation 3.
    const slopes = data.map((x, i) => (kept[i] as number) - (inside[i] ? x / scale : 0));
    const ofScale = slopes.reduce((sum, slope, i) => sum + slope * (seed[i] as number), 0);
    expectClose("of the scale", [found[2] as number[]], [[ofScale]], 1e-5);
  });

  test.each([
    ["an axis", 18, [2], { axis: 0 }],
    ["the last axis", 18, [3], { axis: -1 }],
    ["blocks", 21, [2, 2], { axis: 1, blockSize: 2 }],
  ] as const)("with scales along %s", async (_, opset, dims, options) => {
    const g = new Graph("scales", { opset });
    const x = g.input("x", "float32", [2, 3]);
    const count = dims.reduce((a: number, b) => a * b, 1);
    const s = g.parameter(
      "s",
      Float32Array.from({ length: count }, (_, i) => 0.1 + 0.05 * i),
      dims,
    );
    const z = g.constant(
      Int8Array.from({ length: count }, (_, i) => i),
      dims,
    );
    const y = faked(x, s, z, options);
    const each = (i: number, j: number) => {
      if (options.axis === 0) return i;
      return dims.length === 1 ? j : 2 * i + Math.floor(j / 2);
    };
    const numbers = [
      [0.33, -0.2, 0.71],
      [1.1, -0.6, 0.05],
    ];
    const found = rowsOf(await evaluate([...vjp(y, [x, s])], { x: numbers }));
    const wanted = new Array<number>(count).fill(0);
    numbers.forEach((row, i) => {
      row.forEach((number, j) => {
        const at = each(i, j);
        const ratio = number / (0.1 + 0.05 * at);
        wanted[at] = (wanted[at] as number) + Math.round(ratio) - ratio;
      });
    });
    expect(found[0]).toEqual([1, 1, 1, 1, 1, 1]);
    expectClose("of the scales", [found[1] as number[]], [wanted], 1e-4);
  });

  test("also where it is moved in between, and at second order", async () => {
    const g = new Graph("moved");
    const x = g.input("x", "float32", [2, 2]);
    const s = g.constant(0.25);
    const q = reshape(quantizeLinear(x.mul(x), s), [4]);
    const y = dequantizeLinear(q, s);
    const [dx] = vjp(y, [x], [1, 1, 1, 1]) as [Value];
    const [ddx] = vjp(dx, [x]) as [Value];
    const found = rowsOf(
      await evaluate([dx, ddx], {
        x: [
          [1, -2],
          [0.5, 3],
        ],
      }),
    );
    expect(found).toEqual([
      [2, -4, 1, 6],
      [2, 2, 2, 2],
    ]);
  });

  test("by a scale that the range of x gives", async () => {
    const g = new Graph("dynamic");
    const x = g.input("x", "float32", [3]);
    const [q, scale, zero] = g.node("DynamicQuantizeLinear", [x], {}, { outputs: 3 }) as [
      Value,
      Value,
      Value,
    ];
    const y = dequantizeLinear(q, scale, zero);
    const found = rowsOf(await evaluate([y, ...vjp(y, [x], [1, 2, 3])], { x: [-1, 0.503, 3] }));
    // Of the scale there is what rounding takes away.
    const wide = 4 / 255;
    const lost = [-1, 0.503, 3].map((number) => Math.round(number / wide) - number / wide);
    const ofScale = ((lost[0] as number) + 2 * (lost[1] as number) + 3 * (lost[2] as number)) / 255;
    expectClose("of x", [found[1] as number[]], [[1 - ofScale, 2, 3 + ofScale]], 1e-4);
  });

  test("whole numbers of another origin, and products of whole numbers, end the way", () => {
    const g = new Graph("ends");
    const x = g.input("x", "float32", [2, 2]);
    const [s, z] = [g.constant(0.5), g.constant(0, "uint8")];
    expect(dependsOn(dequantizeLinear(cast(x, "uint8"), s), x)).toBe(false);
    const q = quantizeLinear(x, s);
    const [product] = g.node("QLinearMatMul", [q, s, z, q, s, z, s, z]) as [Value];
    expect(product.dtype).toBe("uint8");
    expect(product.shape).toEqual([2, 2]);
    expect(dependsOn(dequantizeLinear(product, s), x)).toBe(false);
  });
});

describe("what is drawn at random", () => {
  test("has the type and shape of x, and a gradient of zero", async () => {
    const g = new Graph("random");
    const x = g.input("x", "float32", ["n", 3]);
    const chance = g.input("p", "float64", [4, 2]);
    const drawn = [
      randomNormalLike(x, { mean: 5 }),
      randomUniformLike(x, { low: 2, high: 3 }),
      bernoulli(chance),
    ];
    expect(drawn.map((value) => [value.dtype, value.shape])).toEqual([
      ["float32", ["n", 3]],
      ["float32", ["n", 3]],
      ["float64", [4, 2]],
    ]);
    const [dx] = vjp(drawn[1] as Value, [x]) as [Value];
    const found = rowsOf(
      await evaluate([...drawn, dx], { x: [[1, 2, 3]], p: new Array(4).fill([0.5, 0.25]) }),
    );
    expect(found[1]?.every((number) => number >= 2 && number < 3)).toBe(true);
    expect(found[2]?.every((number) => number === 0 || number === 1)).toBe(true);
    expect(found[3]).toEqual([0, 0, 0]);
  });

  test("has the shape that a node says", () => {
    const g = new Graph("nodes");
    const [a] = g.node("RandomNormal", [], { shape: [2, 3], dtype: 11 }) as [Value];
    const [b] = g.node("Multinomial", [g.input("p", "float32", ["n", 5])], { sample_size: 4 }) as [
      Value,
    ];
    expect([a.dtype, a.shape, b.dtype, b.shape]).toEqual(["float64", [2, 3], "int32", ["n", 4]]);
  });
});
