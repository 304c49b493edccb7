import { evaluate, Tensor } from "softonnx/node";
import { Graph } from "../../src/builder/graph.ts";
import {
  averagePool,
  conv,
  convTranspose,
  globalAveragePool,
  globalMaxPool,
  maxPool,
  reshape,
} from "../../src/builder/operators/index.ts";
import type { Value } from "../../src/builder/value.ts";
import { vjp } from "../../src/grad/index.ts";
import { type Build, between, type CheckOptions, checkGradient } from "./check.ts";
import { type Row, testRows } from "./rows.ts";

const square = (x: Value) => x.mul(x);

// What float64 is made of is checked against differences, and float32, which uses Conv and ConvTranspose,
// against float64.
const STATIC: CheckOptions = { also: [] };

describe("conv", () => {
  testRows(
    [
      [
        "one axis",
        (x, w) => conv(x, w),
        [
          [2, 2, 5],
          [3, 2, 3],
        ],
      ],
      ["a bias", (x, w, b) => conv(x, w, b), [[2, 1, 3, 3], [2, 1, 2, 2], [2]]],
      [
        "padding on either side",
        (x, w) => conv(x, w, undefined, { pads: [[2, 1]] }),
        [
          [1, 2, 4],
          [2, 2, 3],
        ],
      ],
      [
        "padding beyond the kernel",
        (x, w) => conv(x, w, undefined, { pads: [[0, 2]] }),
        [
          [1, 1, 3],
          [1, 1, 2],
        ],
      ],
      [
        "strides that leave something over",
        (x, w) => conv(x, w, undefined, { strides: 3 }),
        [
          [1, 1, 9],
          [2, 1, 2],
        ],
      ],
      [
        "dilations",
        (x, w) => conv(x, w, undefined, { dilations: 2 }),
        [
          [1, 2, 6],
          [1, 2, 2],
        ],
      ],
      [
        "groups",
        (x, w) => conv(x, w, undefined, { group: 2 }),
        [
          [2, 4, 3],
          [6, 2, 2],
        ],
      ],
      [
        "one group a channel",
        (x, w) => conv(x, w, undefined, { group: 3, pads: 1 }),
        [
          [2, 3, 3],
          [3, 1, 3],
        ],
      ],
      [
        "everything at once",
        (x, w, b) =>
          conv(x, w, b, { group: 2, strides: [2, 1], dilations: [1, 2], pads: [[1, 0], 1] }),
        [[2, 2, 4, 3], [2, 1, 2, 2], [2]],
      ],
      [
        "groups of several channels, and rows left over at the end",
        (x, w) => conv(x, w, undefined, { group: 2, strides: [3, 2], dilations: [1, 2], pads: 1 }),
        [
          [2, 4, 7, 6],
          [4, 2, 2, 2],
        ],
      ],
      [
        "filters that are shorter than the result, and squares of both",
        (x, w) => square(conv(x, square(w), undefined, { pads: 1 })),
        [
          [2, 1, 5, 4],
          [2, 1, 3, 3],
        ],
      ],
      [
        "something not linear",
        (x, w) => conv(square(x), square(w)),
        [
          [1, 1, 4],
          [1, 1, 2],
        ],
      ],
      [
        "three axes",
        (x, w) => conv(x, w, undefined, { strides: 2 }),
        [
          [1, 1, 3, 3, 2],
          [1, 1, 2, 2, 1],
        ],
      ],
    ],
    STATIC,
  );
});

describe("convTranspose", () => {
  testRows(
    [
      [
        "one axis",
        (x, w) => convTranspose(x, w),
        [
          [2, 2, 3],
          [2, 3, 2],
        ],
      ],
      ["a bias", (x, w, b) => convTranspose(x, w, b), [[1, 2, 2, 2], [2, 2, 2, 2], [2]]],
      [
        "strides, padding and output padding",
        (x, w) => convTranspose(x, w, undefined, { strides: 3, pads: [[1, 0]], outputPadding: 2 }),
        [
          [2, 1, 3],
          [1, 2, 3],
        ],
      ],
      [
        "groups and dilations",
        (x, w) => convTranspose(x, w, undefined, { group: 2, dilations: 2 }),
        [
          [1, 4, 3],
          [4, 1, 2],
        ],
      ],
      [
        "something not linear",
        (x, w) => convTranspose(square(x), square(w)),
        [
          [1, 1, 3],
          [1, 1, 2],
        ],
      ],
    ],
    STATIC,
  );
});

describe("signals whose sizes only a run tells, filters of known size", () => {
  const filters = (x: Value, shape: readonly number[]) => {
    const size = shape.reduce((a, b) => a * b, 1);
    const numbers = Array.from({ length: size }, (_, i) => Math.sin(i + 1));
    return x.graph.constant(numbers, shape, x.dtype);
  };
  const withFilters =
    (shape: readonly number[], apply: (x: Value, w: Value) => Value): Build =>
    (x, scale) =>
      apply(x, filters(x, shape).mul(reshape(scale, [])));
  const rows: readonly Row[] = [
    [
      "conv",
      withFilters([2, 2, 3], (x, w) => conv(x, w, undefined, { pads: 1 })),
      [[2, 2, 5], [1]],
    ],
    [
      "conv with strides",
      withFilters([2, 2, 3], (x, w) => conv(x, w, undefined, { strides: 2 })),
      [[2, 2, 8], [1]],
    ],
    [
      "conv in groups",
      withFilters([4, 1, 2], (x, w) => conv(x, w, undefined, { group: 2 })),
      [[3, 2, 4], [1]],
    ],
    [
      "convTranspose",
      withFilters([2, 3, 2], (x, w) => convTranspose(x, w, undefined, { strides: 2 })),
      [[1, 2, 3], [1]],
    ],
  ];
  testRows(rows, { also: ["named", "unknown"] });

  test.each(rows.map(([name, build, shapes]) => [name, build, shapes] as const))(
    "%s in float32",
    async (_, build, shapes) => {
      const wanted = await derivatives(build, shapes, "float64", "static");
      for (const knowledge of ["static", "named"] as const) {
        const found = await derivatives(build, shapes, "float32", knowledge);
        for (const [i, x] of found.entries()) expect(x).toBeCloseTo(wanted[i] as number, 3);
      }
    },
  );
});

/** First and second derivatives of a sum of cubes, at one point. */
async function derivatives(
  build: Build,
  shapes: Row[2],
  dtype: "float32" | "float64",
  knowledge: "static" | "named",
): Promise<number[]> {
  const g = new Graph("derivatives");
  const xs = shapes.map((shape, i) =>
    g.input(
      `x${i}`,
      dtype,
      shape.map((size) => (knowledge === "static" || size < 3 ? size : `n${size}`)),
    ),
  );
  const y = build(...(xs as [Value, Value, Value]));
  const first = vjp(square(y).mul(y).sum(), xs);
  const second = vjp(
    first.map((d) => square(d).sum()).reduce((a, b) => a.add(b)),
    xs,
  );
  const feeds = Object.fromEntries(
    shapes.map((dims, i) => {
      const size = dims.reduce((a, b) => a * b, 1);
      const data = Array.from({ length: size }, (_, j) => Math.cos(i + 2 * j) / 2);
      const typed = dtype === "float32" ? Float32Array.from(data) : Float64Array.from(data);
      return [`x${i}`, new Tensor(dtype, typed, dims)];
    }),
  );
  const found = await evaluate([...first, ...second], feeds);
  return found.flatMap(({ data }) => Array.from(data as Float64Array));
}

describe("pooling", () => {
  testRows([
    ["maxPool", (x) => maxPool(square(x), [2]), [[2, 2, 5]]],
    [
      "maxPool with strides and padding",
      (x) => square(maxPool(x, [3, 2], { strides: 2, pads: 1 })),
      [[1, 2, 5, 4]],
    ],
    ["maxPool with dilations", (x) => square(maxPool(x, [2], { dilations: 2 })), [[1, 2, 6]]],
    ["averagePool", (x) => averagePool(square(x), [2, 2]), [[2, 2, 3, 4]]],
    [
      "averagePool without its padding",
      (x) => square(averagePool(x, [3], { pads: 1, strides: 2 })),
      [[1, 2, 6]],
    ],
    [
      "averagePool with its padding",
      (x) => square(averagePool(x, [3], { pads: 1, countIncludePad: true })),
      [[1, 2, 4]],
    ],
    ["globalAveragePool", (x) => square(globalAveragePool(x)), [[2, 2, 3, 2]]],
    ["globalMaxPool", (x) => square(globalMaxPool(x)), [[2, 2, 5]], { draw: between(-3, 3) }],
  ]);
});

describe("nodes as models from elsewhere have them", () => {
  const w = [1, -2, 0.5];
  const node =
    (op: string, attributes: Record<string, string | number | number[]>) => (x: Value) => {
      const filters = op.startsWith("Conv") ? [x.graph.constant(w, [1, 1, 3])] : [];
      return x.graph.node(op, [x, ...filters], attributes)[0] as Value;
    };
  const filters = (x: Value) => x.graph.constant(w, [1, 1, 3]);
  const kernel = { kernel_shape: [3] };

  test.each<[string, (x: Value) => Value, (x: Value) => Value]>([
    [
      "Conv with the same size",
      node("Conv", { auto_pad: "SAME_UPPER", strides: [2] }),
      (x) => conv(x, filters(x), undefined, { strides: 2, pads: [[0, 1]] }),
    ],
    [
      "ConvTranspose to a size",
      node("ConvTranspose", { output_shape: [11], strides: [2] }),
      (x) => convTranspose(x, filters(x), undefined, { strides: 2, pads: 1 }),
    ],
    [
      "MaxPool of columns first",
      node("MaxPool", { ...kernel, storage_order: 1 }),
      (x) => maxPool(x, [3]),
    ],
    [
      "AveragePool with whole windows",
      node("AveragePool", { ...kernel, ceil_mode: 1, auto_pad: "VALID" }),
      (x) => averagePool(x, [3]),
    ],
  ])("%s", async (_, imported, built) => {
    const numbers = async (build: (x: Value) => Value) => {
      const g = new Graph("imported");
      const x = g.input("x", "float32", [2, 1, 6]);
      const y = build(x);
      const [dx] = vjp(square(y), [x]) as [Value];
      const data = Float32Array.from({ length: 12 }, (_, i) => Math.sin(5 * i));
      const found = await evaluate([y, dx], { x: new Tensor("float32", data, [2, 1, 6]) });
      return found.map((tensor) => Array.from(tensor.data as Float32Array));
    };
    const [found, wanted] = [await numbers(imported), await numbers(built)];
    for (const [i, row] of wanted.entries()) {
      for (const [j, x] of row.entries()) expect(found[i]?.[j]).toBeCloseTo(x, 5);
    }
  });

  test("what cannot be differentiated says why", () => {
    const open = new Graph("open").input("x", "float32", ["n", 1, "m"]);
    const over = node("AveragePool", { kernel_shape: [4], strides: [3], ceil_mode: 1 })(open);
    expect(() => vjp(over, [open])).toThrow(
      /AveragePool .*\(how far its windows reach over the end is not known/,
    );
    const same = node("MaxPool", { kernel_shape: [2], strides: [2], auto_pad: "SAME_UPPER" })(open);
    expect(vjp(same, [open])[0]?.shape).toEqual(["n", 1, "m"]);
    const conv = node("Conv", { strides: [2], auto_pad: "SAME_UPPER" })(open);
    expect(() => vjp(conv, [open])).toThrow(/Conv .*\(its window is not known/);
  });
});

test("conv and maxPool in every opset", async () => {
  const build: Build = (x) => {
    const w = x.graph.constant([1, -2, 0.5, 3], [2, 1, 2], x.dtype);
    return maxPool(conv(square(x), w, undefined, { strides: 2 }), [2]);
  };
  await checkGradient(build, [[1, 1, 7]], { also: [], opsets: [16, 17, 20, 22, 24] });
});
