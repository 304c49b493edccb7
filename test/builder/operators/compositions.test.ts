import { evaluate, Tensor } from "softonnx/node";
import { Graph } from "../../../src/builder/graph.ts";
import {
  averagePool,
  cast,
  col2Im,
  det,
  type GridSampleOptions,
  globalLpPool,
  gridSample,
  lpPool,
  maxRoiPool,
  type ResizeOptions,
  type RoiAlignOptions,
  resize,
  roiAlign,
} from "../../../src/builder/operators/index.ts";
import type { Value } from "../../../src/builder/value.ts";

/** An operator applied to float32 inputs of these shapes. */
interface Row {
  readonly title: string;
  readonly shapes: readonly (readonly number[])[];
  readonly build: (...inputs: Value[]) => Value;
}

/** Fails unless every row gives the same in float32, where ONNX Runtime has a kernel, and in float64, where
 * the operator is composed of others. */
async function expectBothAlike(rows: readonly Row[], opset = 20): Promise<void> {
  const g = new Graph("both", { opset });
  const outputs: Record<string, Value> = {};
  const feeds: Record<string, Tensor> = {};
  for (const [r, { shapes, build }] of rows.entries()) {
    const inputs = shapes.map((shape, i) => {
      feeds[`x${r}_${i}`] = tensor(shape, i);
      return g.input(`x${r}_${i}`, "float32", shape);
    });
    outputs[`single${r}`] = build(...inputs);
    outputs[`double${r}`] = build(...inputs.map((x) => cast(x, "float64")));
  }
  const found: Record<string, Tensor> = await evaluate(outputs, feeds);
  for (const [r, { title }] of rows.entries()) {
    const [a, b] = [found[`single${r}`], found[`double${r}`]] as [Tensor, Tensor];
    const other = Array.from(b.data as Float64Array);
    const apart = Array.from(a.data as Float32Array).map((x, i) => Math.abs(x - Number(other[i])));
    expect({ title, dims: b.dims, alike: Math.max(...apart) < 2e-5 }).toEqual({
      title,
      dims: a.dims,
      alike: true,
    });
  }
}

function tensor(dims: readonly number[], seed: number): Tensor {
  const size = dims.reduce((product, dim) => product * dim, 1);
  const data = Float32Array.from({ length: size }, (_, i) => Math.sin(1.3 * i * i + seed));
  return new Tensor("float32", data, dims);
}

describe("Resize", () => {
  const coordinates = [
    "half_pixel",
    "half_pixel_symmetric",
    "pytorch_half_pixel",
    "align_corners",
    "asymmetric",
  ] as const;
  const sizes: readonly (readonly [readonly number[], ResizeOptions])[] = [
    [[1, 2, 4, 5], { scales: [1, 1, 2.5, 1.6] }],
    [[1, 2, 7, 6], { scales: [1, 1, 0.6, 0.5] }],
    [[2, 1, 5, 4], { sizes: [3, 9], axes: [2, 3] }],
    [[2, 1, 5, 4], { sizes: [3, 9], axes: [2, 3], policy: "not_larger" }],
    [[2, 1, 5, 4], { sizes: [3, 9], axes: [2, 3], policy: "not_smaller" }],
  ];
  const modes: readonly Partial<ResizeOptions>[] = [
    { mode: "linear" },
    { mode: "linear", antialias: true },
    { mode: "linear", antialias: true, excludeOutside: true },
    { mode: "cubic" },
    { mode: "cubic", cubicCoefficient: -0.5, excludeOutside: true },
    { mode: "cubic", antialias: true },
    { mode: "nearest", nearestMode: "round_prefer_floor" },
    { mode: "nearest", nearestMode: "round_prefer_ceil" },
    { mode: "nearest", nearestMode: "floor" },
    { mode: "nearest", nearestMode: "ceil" },
  ];
  const rowOf = (shape: readonly number[], options: ResizeOptions): Row => ({
    title: JSON.stringify([shape, options]),
    shapes: [shape],
    build: (x) => resize(x as Value, options),
  });

  test.each(modes)("by %j is what ONNX Runtime's kernel gives", async (mode) => {
    const rows = sizes.flatMap(([shape, size]) =>
      coordinates
        // There the last bit decides between two entries that are equally near.
        .filter((to) => !(to === "half_pixel_symmetric" && mode.mode === "nearest"))
        .map((to) => rowOf(shape, { ...size, ...mode, coordinates: to })),
    );
    await expectBothAlike(rows);
  });

  test("by symmetric half pixels takes the nearest that ONNX Runtime's kernel takes", () =>
    expectBothAlike([
      rowOf([1, 1, 4, 5], { scales: [1, 1, 2.3, 1.7], coordinates: "half_pixel_symmetric" }),
    ]));

  test("of a region is what ONNX Runtime's kernel gives", () =>
    expectBothAlike(
      (["linear", "nearest", "cubic"] as const).map((mode) =>
        rowOf([1, 1, 5, 6], {
          sizes: [1, 1, 3, 4],
          mode,
          coordinates: "tf_crop_and_resize",
          region: [0, 0, 0.4, 0.6, 1, 1, 1.2, 1.7],
          extrapolation: 10,
        }),
      ),
    ));

  test("of volumes and of signals is what ONNX Runtime's kernels give", () =>
    expectBothAlike([
      rowOf([1, 1, 3, 4, 2], { sizes: [1, 1, 5, 3, 4], mode: "linear" }),
      rowOf([1, 2, 5], { scales: [1, 1, 1.7], mode: "linear" }),
      rowOf([5, 3], { scales: [0.7, 1.7], mode: "linear" }),
      rowOf([4, 5], { sizes: [6, 3], mode: "cubic" }),
    ]));
});

describe("GridSample", () => {
  const paddings = ["zeros", "border", "reflection"] as const;
  const rowOf = (x: readonly number[], grid: readonly number[], options: GridSampleOptions) => ({
    title: JSON.stringify([x, options]),
    shapes: [x, grid],
    // Beyond the edges too.
    build: (value: Value, places: Value) => gridSample(value, places.mul(1.7), options),
  });

  test.each(["linear", "nearest", "cubic"] as const)(
    "by mode %s is what ONNX Runtime's kernel gives",
    (mode) =>
      expectBothAlike(
        paddings.flatMap((padding) =>
          [false, true].map((alignCorners) =>
            rowOf([2, 2, 3, 4], [2, 5, 4, 2], { mode, padding, alignCorners }),
          ),
        ) as Row[],
        18,
      ),
  );
});

describe("regions", () => {
  const boxes = [
    [0, 0, 3, 2],
    [1.3, 0.7, 4.1, 4.9],
    [-2, 1, 2.2, 6.5],
    [2, 2, 2.4, 2.1],
  ];

  test("aligned are what ONNX Runtime's kernel gives", async () => {
    const rows: readonly RoiAlignOptions[] = [
      { height: 2, width: 3 },
      { height: 2, width: 2, samplingRatio: 2, spatialScale: 0.5 },
      { height: 3, width: 2, halfPixel: false },
    ];
    const found = [18, 22].map(async (opset) => {
      const g = new Graph("regions", { opset });
      const x = g.input("x", "float32", [2, 3, 5, 6]);
      const outputs = rows.map((options, i): [string, Value] => [
        `y${i}`,
        roiAlign(x, boxes, [0, 1, 1, 0], options),
      ]);
      return evaluate(Object.fromEntries(outputs), { x: tensor([2, 3, 5, 6], 1) });
    });
    const [native, composed] = (await Promise.all(found)) as [
      Record<string, Tensor>,
      Record<string, Tensor>,
    ];
    for (const [i, options] of rows.entries()) {
      const [a, b] = [native[`y${i}`], composed[`y${i}`]] as [Tensor, Tensor];
      const others = Array.from(b.data as Float32Array);
      const apart = Array.from(a.data as Float32Array).map((x, j) =>
        Math.abs(x - Number(others[j])),
      );
      expect({ options, dims: b.dims, alike: Math.max(...apart) < 1e-5 }).toEqual({
        options,
        dims: a.dims,
        alike: true,
      });
    }
  });

  test("pooled are what ONNX Runtime's kernel gives", () =>
    expectBothAlike(
      [1, 0.7].map((spatialScale) => ({
        title: `scale ${spatialScale}`,
        shapes: [[2, 3, 5, 6]],
        build: (x) => {
          const regions = boxes.map((box, i) => [i % 2, ...box.map(Math.abs)]);
          return maxRoiPool(x as Value, regions, [2, 3], { spatialScale });
        },
      })),
      18,
    ));
});

test("pooling gives what ONNX Runtime's kernels give", async () => {
  const shape = [2, 3, 5, 7];
  const row = (title: string, build: (x: Value) => Value) =>
    ({ title, shapes: [shape], build }) as Row;
  await expectBothAlike([
    ...[false, true].flatMap((ceil) =>
      [false, true].map((countIncludePad) => {
        const options = { strides: 2, pads: 1, dilations: [1, 2], ceil, countIncludePad };
        return row(JSON.stringify(options), (x) => averagePool(x, [3, 2], options));
      }),
    ),
    row("lpPool", (x) => lpPool(x, [3, 2], { strides: 2, pads: 1, p: 3 })),
    row("lpPool over the end", (x) => lpPool(x, [2, 2], { strides: 2, ceil: true, dilations: 2 })),
    row("globalLpPool", (x) => globalLpPool(x, { p: 3 })),
  ]);
});

test("determinants and windows added up are what ONNX Runtime's kernels give", async () => {
  const determinants = [1, 2, 3, 4, 5, 7].map((n): Row => {
    return { title: `n = ${n}`, shapes: [[2, 3, n, n]], build: (x) => det(x as Value) };
  });
  const options = { strides: 2, dilations: [1, 2], pads: [[1, 0], 1] } as const;
  const fold: Row = {
    title: "col2Im",
    shapes: [[2, 12, 12]],
    build: (x) => col2Im(x as Value, [6, 7], [2, 2], options),
  };
  await expectBothAlike([...determinants, fold]);
});
