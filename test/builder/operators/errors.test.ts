import { GraphError } from "../../../src/builder/errors.ts";
import { Graph } from "../../../src/builder/graph.ts";
import * as op from "../../../src/builder/operators/index.ts";
import type { Value } from "../../../src/builder/value.ts";

type Build = (x: Value, y: Value, g: Graph) => unknown;

/** The message of a call on x float32 [20, 3] and y float32 [4]. */
function messageOf(build: Build, opset = 18): string {
  const g = new Graph("errors", { opset });
  const x = g.input("x", "float32", [20, 3]);
  const y = g.input("y", "float32", [4]);
  try {
    build(x, y, g);
  } catch (error) {
    expect(error).toBeInstanceOf(GraphError);
    return (error as GraphError).message;
  }
  throw new Error("nothing was thrown");
}

describe("A call that cannot be right says what was expected and what was given", () => {
  const calls: readonly [Build, string][] = [
    [(x, y) => op.matmul(x, y), "matmul: inner dimensions differ: a is [20, 3], b is [4]"],
    [
      (x, y) => op.matmul(op.transpose(x), y),
      "matmul: inner dimensions differ: a is [3, 20], b is [4]",
    ],
    [
      (x, _, g) => op.matmul(g.input("z", "float32", [2, 4, 20]), op.expand(x, [5, 20, 3])),
      "matmul: leading dimensions do not broadcast: a is [2, 4, 20], b is [5, 20, 3]",
    ],
    [(x) => op.matmul(x, 2), 'matmul: b: expected a vector or matrices, got float32 [] "constant"'],
    [
      (x) => op.matmul(x, new Float64Array(3)),
      'matmul: types differ: a is float32, b is float64; write b.cast("float32")',
    ],
    [
      (x) => op.conv(x, [[[1]]]),
      'conv: x: expected [batch, channels, spatial…], got float32 [20, 3] "x"',
    ],
    [
      (_, __, g) => op.conv(g.input("i", "float32", [1, 3, 8]), [[[1], [1]]]),
      'conv: x: expected 2 channels, 2 for each of 1 groups, got float32 [1, 3, 8] "i"',
    ],
    [
      (_, __, g) => op.conv(g.input("i", "float32", [1, 1, 2]), [[[1, 1, 1]]]),
      "conv: kernel: expected a window that fits into 2 with its padding, got 3",
    ],
    [
      (_, __, g) => op.conv(g.input("i", "float32", [1, 1, 4]), [[[1]]], undefined, { strides: 0 }),
      "conv: strides: expected whole numbers from 1, 1 of them or one, got 0",
    ],
    [
      (_, __, g) =>
        op.convTranspose(g.input("i", "float64", [1, 1, 4]), [[[1]]], undefined, {
          outputPadding: 1,
        }),
      "convTranspose: outputPadding: expected whole numbers from 0, below the stride, got 1",
    ],
    [
      (_, __, g) =>
        op.conv(g.input("i", "float32", ["n", 1, 4]), g.input("w", "float32", [1, 1, null])),
      'conv: the kernel sizes of w must be known; w is float32 [1, 1, ?] "w"',
    ],
    [
      (_, __, g) => op.maxPool(g.input("i", "float32", [1, 1, 4]), [2], { pads: 2 }),
      "maxPool: pads: expected numbers below the kernel's, got 2",
    ],
    [
      (x) => op.globalAveragePool(x),
      'globalAveragePool: x: expected [batch, channels, spatial…], got float32 [20, 3] "x"',
    ],
    [
      (x, y) => op.batchNormalization(x, y, y, y, y),
      'batchNormalization: scale: expected [3], a number a channel, got float32 [4] "y"',
    ],
    [
      (x) => op.gelu(x, { approximate: "erf" as never }),
      'gelu: approximate: expected "none" or "tanh", got "erf"',
    ],
    [(x, y) => op.gemm(x, y), 'gemm: b: expected a matrix, got float32 [4] "y"'],
    [(x) => op.gemm(x, x), "gemm: inner dimensions differ: a is [20, 3], b is [20, 3]"],
    [
      (x, y) => op.gemm(x, x, y, { transB: true }),
      'gemm: c: expected a shape that broadcasts to [20, 20], got float32 [4] "y"',
    ],
    [(x) => op.einsum("ij,jk", x), 'einsum: operands: expected 2 for "ij,jk", got 1'],
    [
      (x) => op.einsum("i2->i", x),
      'einsum: equation: expected letters and at most one "..." an operand, got "i2"',
    ],
    [
      (x) => op.einsum("ij->ik", x),
      'einsum: equation: expected "k" of the output in an operand, got "ij->ik"',
    ],
    [
      (x) => op.einsum("ij->ii", x),
      'einsum: equation: expected "i" once in the output, got "ij->ii"',
    ],
    [
      (x) => op.einsum("...j->j", x),
      'einsum: equation: expected "..." in the output as in the operands, got "...j->j"',
    ],
    [
      (x) => op.einsum("ij,jk->ik", x, x.graph.constant([[1, 2]])),
      'einsum: "j" is [3] before and [1] in operand 1, float32 [1, 2] "constant"',
    ],
    [
      (x) => op.einsum("i->i", x),
      'einsum: operand 0: expected 1 dimensions for "i", got float32 [20, 3] "x"',
    ],
    [
      (x, y) => op.einsum("ij,j->i", x, y),
      'einsum: "j" is [3] before and [4] in operand 1, float32 [4] "y"',
    ],
    [(x) => op.reduceSum(x, { axes: 2 }), "reduceSum: axes: expected -2 … 1, got 2"],
    [
      (x) => op.reduceSum(x, { axes: [0, -2] }),
      "reduceSum: axes: expected each axis once, got [0, -2]",
    ],
    [
      (x) => op.reduceSum(x, { keepdim: true } as never),
      'reduceSum: unknown option "keepdim"; did you mean "keepdims"?',
    ],
    [(x) => op.argMax(x, { axis: 0.5 }), "argMax: axis: expected a whole number, got 0.5"],
    [(x) => op.softmax(x, { axis: 5 }), "softmax: axis: expected -2 … 1, got 5"],
    [(x) => op.cumSum(x, { axis: -3 }), "cumSum: axis: expected -2 … 1, got -3"],
    [(x) => op.topK(x, 4), "topK: k: expected at most the 3 elements of axis 1, got 4"],
    [(x) => op.reshape(x, [7, -1]), "reshape: the 60 elements of [20, 3] do not fit shape [7, -1]"],
    [(x) => op.reshape(x, [20, 4]), "reshape: the 60 elements of [20, 3] do not fit shape [20, 4]"],
    [(x) => op.reshape(x, [-1, -1]), "reshape: shape: expected at most one -1, got [-1, -1]"],
    [
      (x) => op.reshape(x, [2.5, -1]),
      "reshape: shape: expected whole numbers from -1 or int64 Values, got 2.5",
    ],
    [(x) => op.squeeze(x, 0), "squeeze: axes: expected axes of size 1, got axis 0 of [20, 3]"],
    [(x) => op.unsqueeze(x, 4), "unsqueeze: axes: expected -3 … 2, got 4"],
    [(x) => op.flatten(x, { axis: 3 }), "flatten: axis: expected -2 … 2, got 3"],
    [
      (x) => op.transpose(x, [0, 0]),
      "transpose: permutation: expected an order of the axes 0 … 1, got [0, 0]",
    ],
    [
      (x, y) => op.concat([x, y], { axis: 0 }),
      'concat: value 1: expected shape [?, 3], got float32 [4] "y"',
    ],
    [
      (x) => op.concat([x], undefined as never),
      "concat: options: expected an object with axis, got undefined",
    ],
    [
      (x, y) => op.resize(x, { scales: y as never }),
      'resize: scales: expected an array of numbers above 0, got float32 [4] "y"',
    ],
    [() => op.concat([], { axis: 0 }), "concat: values: expected one or more Values, got []"],
    [(x) => op.split(x, {}), "split: give either sizes or parts"],
    [
      (x) => op.split(x, { sizes: [5, 10] }),
      "split: sizes: expected sizes that add up to 20, got [5, 10]",
    ],
    [
      (x) => op.split(x, { axis: 1, parts: 5 }),
      "split: parts: expected a number that 3 elements fill, got 5",
    ],
    [
      (x) => op.expand(x, [20, 4]),
      "expand: shape: expected one that [20, 3] broadcasts to, got [20, 4]",
    ],
    [(x) => op.tile(x, [2]), "tile: repeats: expected 2 numbers, got [2]"],
    [(_, y) => op.trilu(y), 'trilu: x: expected two dimensions or more, got float32 [4] "y"'],
    [(x) => op.slice(x, 0, 1, { steps: 0 }), "slice: steps: expected steps other than 0, got [0]"],
    [(x) => op.slice(x, [0, 0, 0], [1, 1, 1]), "slice: axes: expected -2 … 1, got 2"],
    [(x) => op.slice(x, [0, 0], 1), "slice: ends: expected 2 as there are axes, got [1]"],
    [
      (x) => op.pad(x, [[1, 1]]),
      "pad: pads: expected a pair for each axis of [20, 3], got [[1, 1]]",
    ],
    [
      (_, y) => op.pad(y, [[-3, -2]]),
      "pad: pads: expected no more than the 4 elements of axis 0 taken away, got [-3, -2]",
    ],
    [
      (x) =>
        op.pad(
          x,
          [
            [1, 1],
            [0, 0],
          ],
          { mode: "mirror" as never },
        ),
      'pad: mode: expected "constant", "reflect", "edge" or "wrap", got "mirror"',
    ],
    [(x) => op.gather(x, 3, { axis: 1 }), "gather: indices: expected -3 … 2, got 3"],
    [(x, y) => op.gather(x, y), 'gather: indices: expected integers, got float32 [4] "y"'],
    [
      (x) => op.gatherElements(x, [0, 1]),
      'gatherElements: indices: expected 2 dimensions, as x [20, 3], got int64 [2] "constant"',
    ],
    [
      (x) => op.gatherElements(x, [[0, 1, 2, 0]]),
      'gatherElements: indices: expected at most 3 along axis 1, as x [20, 3], got int64 [1, 4] "constant"',
    ],
    [
      (x) => op.gatherND(x, [[0, 1, 2]]),
      'gatherND: indices: expected rows of at most 2 indices into [20, 3], got int64 [1, 3] "constant"',
    ],
    [
      (x) => op.scatterElements(x, [[0]], [[1, 2]]),
      'scatterElements: updates: expected shape [1, 1], got float32 [1, 2] "constant"',
    ],
    [
      (x) => op.scatterND(x, [[0]], [1]),
      'scatterND: updates: expected shape [1, 3], got float32 [1] "constant"',
    ],
    [
      (x) => op.scatterND(x, [[0]], [1], { reduction: "sum" as never }),
      'scatterND: reduction: expected "none", "add", "mul", "max" or "min", got "sum"',
    ],
    [(_, y) => op.eyeLike(y), 'eyeLike: x: expected a matrix, got float32 [4] "y"'],
    [(_, y) => op.range(y, 3), 'range: start: expected a scalar, got float32 [4] "y"'],
    [
      (_, __, g) => op.range(g.constant(1), 3, 0),
      "range: delta: expected a step other than 0, got 0",
    ],
    [(x) => op.sizeOf(x, 2), "sizeOf: axis: expected -2 … 1, got 2"],
    [
      (_, __, g) => op.sizesOf(g.input("z", "float32")),
      'rank: the rank of float32 […] "z" is not known',
    ],
    [
      (x, _, g) => op.matmul(op.abs(x), g.input("z", "float32")),
      'matmul: the rank of b must be known beside a computed a; b is float32 […] "z"',
    ],
  ];

  test.each(calls.map(([build, message]) => [message, build] as const))("%s", (message, build) => {
    expect(messageOf(build)).toBe(message);
  });
});

describe("A form that the graph's opset lacks is refused by name", () => {
  const calls: readonly [number, Build, string][] = [
    [13, (x) => op.trilu(x), "trilu: needs opset 14 or later; this graph is opset 13"],
    [
      13,
      (x) => op.reshape(op.slice(x, 0, 0), [0, 3, 1]),
      "reshape: a size of 0 needs opset 14 or later; this graph is opset 13",
    ],
    [
      15,
      (x) => op.scatterND(x, [[0]], [[1, 2, 3]], { reduction: "mul" }),
      'scatterND: reduction "mul" needs opset 16 or later; this graph is opset 15',
    ],
    [
      17,
      (x) => op.scatterElements(x, [[0]], [[1]], { reduction: "min" }),
      'scatterElements: reduction "min" needs opset 18 or later; this graph is opset 17',
    ],
    [
      18,
      (x) =>
        op.pad(
          x,
          [
            [1, 0],
            [0, 0],
          ],
          { mode: "wrap" },
        ),
      'pad: mode "wrap" needs opset 19 or later; this graph is opset 18',
    ],
    [
      17,
      (x, _, g) => op.reduceMax(x, { axes: g.input("axes", "int64", [1]) }),
      "reduceMax: a Value as axes needs opset 18 or later; this graph is opset 17",
    ],
    [
      12,
      (x) => op.softmax(x, { axis: 0 }),
      "softmax: needs opset 13 or later; this graph is opset 12",
    ],
    [11, (x) => op.einsum("ij->ji", x), "einsum: needs opset 12 or later; this graph is opset 11"],
    [
      10,
      (_, y) => op.cumSum(y, { axis: 0 }),
      "cumSum: needs opset 11 or later; this graph is opset 10",
    ],
    [9, (_, y) => op.slice(y, 0, 1), "slice: needs opset 10 or later; this graph is opset 9"],
  ];

  test.each(calls.map(([opset, build, message]) => [message, opset, build] as const))(
    "%s",
    (message, opset, build) => {
      expect(messageOf(build, opset)).toBe(message);
    },
  );
});
