import { type DftOptions, dft, sizeOf, slice, stft } from "../../src/builder/operators/index.ts";
import type { Value } from "../../src/builder/value.ts";
import { type Row, testRows } from "./rows.ts";

const square = (x: Value) => x.mul(x);

const transforms: readonly (readonly [string, readonly number[], DftOptions])[] = [
  ["of complex numbers", [2, 3, 2], {}],
  ["of real numbers", [2, 4, 1], {}],
  ["along the first axis", [3, 2, 2], { axis: 0 }],
  ["filled up", [3, 2], { length: 5 }],
  ["cut", [1, 5, 1], { length: 3 }],
  ["back", [3, 2], { inverse: true }],
  ["back, filled up", [3, 2], { inverse: true, length: 4 }],
  ["of one side, odd", [5, 1], { onesided: true }],
  ["of one side, even", [4, 1], { onesided: true }],
  ["of one side, filled up", [3, 1], { onesided: true, length: 6 }],
];

describe("Fourier transforms", () => {
  testRows(
    transforms.map(
      ([name, shape, options]): Row => [
        name,
        (x) => square(dft(x, options)),
        [shape],
        { also: ["named"], opsets: [17, 20] },
      ],
    ),
  );
  testRows([
    [
      "of one side back",
      (x) => square(dft(x, { inverse: true, onesided: true })),
      [[4, 2]],
      { opsets: [20] },
    ],
    [
      "of one side back, odd",
      (x) => square(dft(x, { inverse: true, onesided: true, length: 5 })),
      [[3, 2]],
      { opsets: [20] },
    ],
    [
      "of a length that a run tells",
      (x, y) => square(dft(slice(x, 0, sizeOf(y, 0), { axes: 0 }), { length: sizeOf(y, 0) })),
      [[5, 2], [3]],
      { also: ["named"] },
    ],
  ]);
});

describe("spectra of frames", () => {
  testRows([
    ["stft", (x) => square(stft(x, 2, { frameLength: 4 })), [[2, 9, 1]], { also: ["named"] }],
    [
      "stft by a window",
      (x, w) => square(stft(x, 3, { window: w })),
      [[1, 8, 1], [4]],
      { also: ["named"] },
    ],
    [
      "stft of both sides",
      (x, w) => square(stft(x, 1, { window: w, onesided: false })),
      [[1, 5, 1], [3]],
    ],
  ]);
});
