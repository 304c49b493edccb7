import type { OperatorTable } from "../schema.ts";
import type { Value } from "../value.ts";
import { abs, add, ceil, div, floor, max, min, mul, sub } from "./arithmetic.ts";
import { range } from "./creation.ts";
import { gather } from "./indexing.ts";
import { exactly } from "./interpolation.ts";
import { matmul } from "./linear.ts";
import { and, cast, equal, greaterOrEqual, less, lessOrEqual, where } from "./logic.ts";
import { transpose } from "./movement.ts";
import { reduceMax, reduceSum } from "./reduction.ts";
import { reshape, unsqueeze } from "./reshape.ts";
import { type Scalar, scalarArithmetic, within } from "./scalar.ts";
import { counted, type Size, sizeOf } from "./sizes.ts";

/** Where the samples of all cells lie along one side of the image. */
interface Samples {
  /** [regions, cells, samples] */
  readonly places: Value;
  /** Which of them count, where the number of samples differs between regions. */
  readonly counted: Value | undefined;
  /** How many count: [regions], or the same for all. */
  readonly count: Value | number;
  /** The size of the image along this side. */
  readonly size: Size;
}

/** RoiAlign in other operators. Interpolation is separable: the mean over a cell is the product of the image
 * with one matrix of weights for each side. */
export function regionsAligned(
  x: Value,
  regions: Value,
  images: Value,
  align: OperatorTable["RoiAlign"],
): Value {
  if (exactly(x) !== x) {
    return cast(regionsAligned(exactly(x), exactly(regions), images, align), x.dtype);
  }
  const rows = samplesAlong(x, regions, 1, align);
  const columns = samplesAlong(x, regions, 0, align);
  const seen = imagesOf(x, images);
  if (!align.max) {
    const [above, across] = [rows, columns].map((side) => meanWeights(side)) as [Value, Value];
    const product = matmul(matmul(unsqueeze(above, 1), seen), turned(unsqueeze(across, 1)));
    return product;
  }
  return largestNeighbours(seen, rows, columns, align);
}

/** The image of each region; the only one where there is but one. */
function imagesOf(x: Value, images: Value): Value {
  return x.shape?.[0] === 1 ? x : gather(x, images);
}

function samplesAlong(
  x: Value,
  regions: Value,
  side: 0 | 1,
  align: OperatorTable["RoiAlign"],
): Samples {
  const size = sizeOf(x, 3 - side);
  const cells = side === 0 ? align.width : align.height;
  const { dtype, graph } = x;
  const edge = (i: number) => {
    const scaled = mul(gather(regions, i, { axis: 1 }), Math.fround(align.scale));
    return align.halfPixel ? sub(scaled, 0.5) : scaled;
  };
  const [start, end] = [edge(side), edge(side + 2)];
  const length = align.halfPixel ? sub(end, start) : max(sub(end, start), 1);
  const cell = div(length, cells);
  const numbers = counted(graph, cells, dtype);
  const first = add(unsqueeze(start, 1), mul(numbers, unsqueeze(cell, 1)));
  const spread = (steps: Value, step: Value) =>
    add(unsqueeze(first, 2), mul(add(steps, 0.5), unsqueeze(step, [1, 2])));
  if (align.samples > 0) {
    const steps = counted(graph, align.samples, dtype);
    const places = spread(steps, div(cell, align.samples));
    return { places, counted: undefined, count: align.samples, size };
  }
  const count = max(ceil(cell), 0);
  const most = cast(max(reduceMax(count), 1), "int64");
  const steps = cast(range(graph.constant(0, [], "int64"), most), dtype);
  const places = spread(steps, div(cell, max(count, 1)));
  return { places, counted: less(steps, unsqueeze(count, [1, 2])), count, size };
}

/** The mean weights of the pixels for each cell: [regions, cells, pixels]. */
function meanWeights(side: Samples): Value {
  const weights = max(sub(1, abs(sub(unsqueeze(inside(side), 3), pixels(side)))), 0);
  const used = where(unsqueeze(seen(side), 3), weights, 0);
  const total = reduceSum(used, { axes: 2 });
  if (typeof side.count === "number") return div(total, side.count);
  return div(total, unsqueeze(max(side.count, 1), [1, 2]));
}

/** Samples in the image; up to a pixel beside it they have the value at its edge. */
function inside({ places, size }: Samples): Value {
  return within(places, lastOf(places, size));
}

function seen({ places, counted, size }: Samples): Value {
  const end = scalarArithmetic(typeOf(places)).of(size);
  const near = and(greaterOrEqual(places, -1), lessOrEqual(places, end));
  return counted === undefined ? near : and(near, counted);
}

function pixels({ places, size }: Samples): Value {
  return counted(places.graph, size, places.dtype);
}

function lastOf(places: Value, size: Size): Scalar {
  const { minus, of } = scalarArithmetic(typeOf(places));
  return minus(of(size), 1);
}

function typeOf(x: Value): "float32" | "float64" {
  return x.dtype === "float64" ? "float64" : "float32";
}

function turned(x: Value): Value {
  return transpose(x, [0, 1, 3, 2]);
}

/** Mode "max": the largest over all samples of a cell and the four neighbours of each, times their weights. */
function largestNeighbours(
  x: Value,
  rows: Samples,
  columns: Samples,
  { height, width }: OperatorTable["RoiAlign"],
): Value {
  const [above, across] = [rows, columns].map(neighbourWeights) as [Value[], Value[]];
  const all = above.flatMap((row) =>
    across.map((column) => matmul(matmul(unsqueeze(row, 1), x), turned(unsqueeze(column, 1)))),
  );
  const largest = max(all[0] as Value, ...all.slice(1));
  const samples = [rows, columns].map(({ places }) => sizeOf(places, 2)) as [Size, Size];
  const [count, channels] = [sizeOf(rows.places, 0), sizeOf(x, 1)];
  const apart = reshape(largest, [count, channels, height, samples[0], width, samples[1]]);
  const used = [
    rows.counted && unsqueeze(rows.counted, [1, 4, 5]),
    columns.counted && unsqueeze(columns.counted, [1, 2, 3]),
  ].filter((one) => one !== undefined);
  const masked = used.reduce((value, one) => where(one, value, Number.NEGATIVE_INFINITY), apart);
  return reduceMax(masked, { axes: [3, 5] });
}

/** For the lower and the upper neighbour of each sample a row with its weight: [regions, samples, pixels]. */
function neighbourWeights(side: Samples): Value[] {
  const at = inside(side);
  const low = floor(at);
  const part = sub(at, low);
  const flat = (weights: Value) => {
    const [regions, pixelCount] = [sizeOf(side.places, 0), side.size];
    return reshape(weights, [regions, -1, pixelCount]);
  };
  const row = (place: Value, weight: Value) => {
    const used = where(seen(side), weight, 0);
    return flat(where(equal(unsqueeze(place, 3), pixels(side)), unsqueeze(used, 3), 0));
  };
  const upper = within(add(low, 1), lastOf(at, side.size));
  return [row(low, sub(1, part)), row(upper, part)];
}

/** MaxRoiPool in other operators: the largest of each cell's rows, then of its columns. */
export function regionsPooled(
  x: Value,
  regions: Value,
  { cells, scale }: OperatorTable["MaxRoiPool"],
): Value {
  if (exactly(x) !== x) {
    return cast(regionsPooled(exactly(x), exactly(regions), { cells, scale }), x.dtype);
  }
  const images = cast(gather(regions, 0, { axis: 1 }), "int64");
  const seenImages = gather(x, images);
  const [rows, columns] = [1, 0].map((side) => {
    const size = sizeOf(x, 3 - side);
    return pixelsOfCells(regions, side as 0 | 1, cells[1 - side] as number, size, scale);
  }) as [Value, Value];
  const none = Number.NEGATIVE_INFINITY;
  // [regions, channels, rows, cells, columns]
  const across = reduceMax(where(unsqueeze(columns, [1, 2]), unsqueeze(seenImages, 3), none), {
    axes: 4,
  });
  const above = reduceMax(where(unsqueeze(rows, [1, 4]), unsqueeze(across, 2), none), { axes: 3 });
  // A cell that no pixel is in.
  return where(equal(above, none), 0, above);
}

/** Which pixels lie in which cell: [regions, cells, pixels]. */
function pixelsOfCells(
  regions: Value,
  side: 0 | 1,
  cells: number,
  size: Size,
  scale: number,
): Value {
  const { dtype, graph } = regions;
  const edge = (i: number) => floor(add(mul(gather(regions, i, { axis: 1 }), scale), 0.5));
  const [start, end] = [edge(side + 1), edge(side + 3)];
  const cell = div(max(add(sub(end, start), 1), 1), cells);
  const numbers = counted(graph, cells, dtype);
  const { of } = scalarArithmetic(typeOf(regions));
  const bound = (steps: Value) => min(max(add(steps, unsqueeze(start, 1)), 0), of(size));
  const first = bound(floor(mul(numbers, unsqueeze(cell, 1))));
  const behind = bound(ceil(mul(add(numbers, 1), unsqueeze(cell, 1))));
  const pixel = counted(graph, size, dtype);
  return and(greaterOrEqual(pixel, unsqueeze(first, 2)), less(pixel, unsqueeze(behind, 2)));
}
