import * as op from "../../../src/builder/operators/index.ts";
import type { Value } from "../../../src/builder/value.ts";
import { type Case, on } from "./harness.ts";

const nm = { x: ["n", "m"] };
const float64 = { dtype: "float64" } as const;
const image = { x: ["b", 8, "n", "m"] };
const wide = { x: ["b", 3, 4, 6] };

/** Selecting, blocks, running products and bits. */
export const selectionCases: Readonly<Record<string, Case>> = {
  // selection.ts
  "compress along an axis": on(nm, ({ x }) => op.compress(x, [true, false, true], { axis: -1 }), [
    "n",
    2,
  ]),
  "compress by a test": on(
    nm,
    ({ x }) => op.compress(x, op.greater(op.reshape(x, [-1]), 0)),
    [null],
    {
      ...float64,
      open: true,
    },
  ),
  oneHot: on(nm, ({ x }) => op.oneHot(op.cast(x, "int64"), 3), ["n", "m", 3]),
  "oneHot of float64 along an axis": on(
    nm,
    ({ x }) => op.oneHot(op.cast(x, "int64"), op.sizeOf(x, 0), Float64Array.of(-1, 2), { axis: 1 }),
    ["n", "n", "m"],
    float64,
  ),
  unique: on(nm, ({ x }) => Object.values(op.unique(x)), [null], { ...float64, open: true }),
  "unique slices": on(
    nm,
    ({ x }) => Object.values(op.unique(x, { axis: 1, sorted: false })),
    ["n", null],
    { open: true },
  ),
  reverseSequence: on(nm, ({ x }) => op.reverseSequence(x, [1, 2, 3, 4, 1]), ["n", "m"], float64),
  tensorScatter: on(
    { x: ["b", "n", "m"], y: ["b", 1, "m"] },
    ({ x, y }) => op.tensorScatter(x, y, [1, 3], { mode: "circular" }),
    ["b", "n", "m"],
  ),

  // blocks.ts
  depthToSpace: on(image, ({ x }) => op.depthToSpace(x, 2), ["b", 2, "2*n", "2*m"], float64),
  "depthToSpace, columns first": on(image, ({ x }) => op.depthToSpace(x, 2, { mode: "CRD" }), [
    "b",
    2,
    "2*n",
    "2*m",
  ]),
  spaceToDepth: on(wide, ({ x }) => op.spaceToDepth(x, 2), ["b", 12, 2, 3]),
  centerCropPad: on(nm, ({ x }) => op.centerCropPad(x, [7], { axes: [-1] }), ["n", 7], {
    ...float64,
    since: 18,
  }),

  // cumulative.ts
  cumProd: on(nm, ({ x }) => op.cumProd(x, { axis: -1 }), ["n", "m"]),
  "cumProd exclusive from the end": on(
    nm,
    ({ x }) => op.cumProd(x, { axis: 0, exclusive: true, reverse: true }),
    ["n", "m"],
    float64,
  ),

  // bits.ts
  bitShift: on(
    nm,
    ({ x }) => op.bitShift(op.cast(op.abs(x), "uint64"), 2, { direction: "left" }),
    ["n", "m"],
    { dtype: "int64" },
  ),
  bitwise: on(
    nm,
    ({ x }) => op.bitwiseOr(op.bitwiseAnd(x, 3), op.bitwiseXor(op.bitwiseNot(x), 5)),
    ["n", "m"],
    { dtype: "int64", since: 18 },
  ),
  bitCast: on(nm, ({ x }) => op.bitCast(x, "int32"), ["n", "m"], { since: 26 }),

  // logic.ts and sizes.ts
  castLike: on(nm, ({ x }, g) => op.castLike(x, g.constant(1, "float64")), ["n", "m"]),
  size: on(nm, ({ x }) => op.size(x), []),

  // spectrum.ts
  dft: on({ x: ["b", "n", 2] }, ({ x }) => op.dft(x), ["b", "n", 2], { ...float64, since: 17 }),
  "dft of one side": on(
    { x: ["b", 5, "n", 1] },
    ({ x }) => op.dft(x, { axis: 1, length: 6, onesided: true }),
    ["b", 4, "n", 2],
    { since: 17 },
  ),
  "dft back": on({ x: ["b", "n", 2] }, ({ x }) => op.dft(x, { inverse: true }), ["b", "n", 2], {
    since: 17,
  }),
  "dft of one side back": on(
    { x: ["b", 4, 2] },
    ({ x }) => op.dft(x, { inverse: true, onesided: true }),
    ["b", 6, 1],
    { since: 20 },
  ),
  stft: on(
    { x: ["b", 16, 1], y: [4] },
    ({ x, y }) => op.stft(x, 3, { window: y }),
    ["b", 5, 3, 2],
    { ...float64, since: 17 },
  ),
  windows: on(
    nm,
    ({ x }, g) => [
      op.hannWindow(g, op.sizeOf(x, 0)),
      op.hammingWindow(g, 5, { periodic: false }),
      op.blackmanWindow(g, 6, { dtype: "float64" }),
    ],
    ["n"],
    { since: 17 },
  ),
  melWeightMatrix: on(
    nm,
    (_, g) =>
      op.melWeightMatrix(g, { bands: 8, dftLength: 16, sampleRate: 8192, low: 0, high: 4096 }),
    [9, 8],
    { since: 17 },
  ),

  // sequence.ts, sequence-map.ts and optional.ts
  "sequence of parts": on(
    nm,
    ({ x }) => op.sequenceAt(op.splitToSequence(x, { axis: 1, sizes: [2, 3] }), -1),
    ["n", null],
    { open: true },
  ),
  "sequence of equal parts": on(
    nm,
    ({ x }) => op.sequenceAt(op.splitToSequence(x, { axis: -1, keepdims: false }), 1),
    ["n"],
    float64,
  ),
  "sequence put together": on(
    nm,
    ({ x }, g) => {
      const list = op.sequenceInsert(op.sequenceEmpty(g), x);
      const longer = op.sequenceErase(op.sequenceInsert(op.sequenceInsert(list, x, 0), x), 1);
      return op.concatFromSequence(longer, { axis: 0 });
    },
    undefined,
  ),
  "sequence stacked": on(
    nm,
    ({ x }) => op.concatFromSequence(op.sequenceConstruct(x, x), { axis: -1, newAxis: true }),
    ["n", "m", null],
    { open: true },
  ),
  sequenceLength: on(nm, ({ x }) => op.sequenceLength(op.sequenceConstruct(x, x)), []),
  sequenceMap: on(
    nm,
    ({ x }) => {
      const [halves] = op.sequenceMap([op.sequenceConstruct(x, x), x], (part, whole) => [
        op.add(part as Value, whole as Value),
      ]);
      return op.sequenceAt(halves as Value, 0);
    },
    ["n", "m"],
    { since: 17 },
  ),
  optional: on(
    nm,
    ({ x }) => [op.optionalGetElement(op.optional(x)), op.optionalHasElement(op.optional(x))],
    ["n", "m"],
    { since: 15 },
  ),
};
