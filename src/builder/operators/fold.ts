import { type Dim, divideDims, sameDim } from "../dim.ts";
import { checkOptions, failArgument } from "../errors.ts";
import { type Operand, requireValue } from "../lift.ts";
import { constantInts, inputOf, type NodeFacts, type Schemas } from "../schema.ts";
import type { Value } from "../value.ts";
import { add, div, max, min, mod, mul, sub } from "./arithmetic.ts";
import { lengthOf, shapeFrom } from "./axes.ts";
import { convTranspose } from "./convolution.ts";
import { range } from "./creation.ts";
import { emitOne } from "./emit.ts";
import { gather, scatterElements } from "./indexing.ts";
import { and, greaterOrEqual, less, where } from "./logic.ts";
import { concat, expand } from "./movement.ts";
import { reduceProd } from "./reduction.ts";
import { reshape, unsqueeze } from "./reshape.ts";
import { asScalar, shape, sizeOf, vectorOf } from "./sizes.ts";
import {
  type Window,
  type WindowOptions,
  windowAttributes,
  windowCounts,
  windowFrom,
  windowOf,
} from "./windows.ts";

/** Windows added up to images, PyTorch's fold: each entry of each window goes to its place in the image.
 *
 * @param columns [batch, channels entries of a window, windows]
 * @param image the sizes of the image, one for each spatial axis
 * @param kernel the sizes of a window
 * @returns [batch, channels, …image]. In float64, for signals, and before opset 18 it is composed of other
 * operators
 * @throws GraphError if the sizes do not fit */
export function col2Im(
  columns: Operand,
  image: readonly number[],
  kernel: readonly number[],
  options: WindowOptions = {},
): Value {
  checkOptions("col2Im", options, ["strides", "dilations", "pads"]);
  const value = requireValue("col2Im", "columns", columns);
  const { graph } = value;
  const window = windowFrom("col2Im", kernel, options);
  if (
    image.length !== kernel.length ||
    !image.every((size) => Number.isInteger(size) && size > 0)
  ) {
    failArgument("col2Im", "image", `${kernel.length} sizes`, image);
  }
  checkColumns("col2Im", value, image, window);
  const hasKernel = value.dtype !== "float64" && graph.opset >= 18 && kernel.length > 1;
  if (!hasKernel) return folded(value, image, window);
  const inputs = [value, vectorOf(graph, image), vectorOf(graph, kernel)];
  return emitOne("Col2Im", inputs, windowAttributes(window), "col2Im");
}

/** Col2Im in other operators: the transpose of a convolution with filters of a single one each. */
export function folded(columns: Value, image: readonly number[], window: Window): Value {
  const { kernel, strides, dilations, pads } = window;
  const entries = product(kernel);
  const counts = windowCounts("col2Im", image, window) as readonly number[];
  const ones = Array.from({ length: entries * entries }, (_, i) => Number(i % (entries + 1) === 0));
  const filters = columns.graph.constant(ones, [entries, 1, ...kernel], columns.dtype);
  const outputPadding = image.map((size, i) => {
    const [before, after] = pads[i] as readonly [number, number];
    const reach = ((kernel[i] as number) - 1) * (dilations[i] as number) + 1;
    return size + before + after - ((counts[i] as number) - 1) * (strides[i] as number) - reach;
  });
  const windows = reshape(columns, [-1, entries, ...counts]);
  const options = { strides, dilations, pads, outputPadding };
  return reshape(convTranspose(windows, filters, undefined, options), [
    sizeOf(columns, 0),
    -1,
    ...image,
  ]);
}

/** The same where the model computes the sizes: each entry is added at the place that its number says.
 *
 * @param image and `kernel`: int64 vectors, one entry for each spatial axis
 * @param window all but the kernel */
export function foldedAtPlaces(
  columns: Value,
  image: Value,
  kernel: Value,
  { strides, dilations, pads }: Omit<Window, "kernel">,
): Value {
  const sizeIn = (vector: Value, i: number) => gather(vector, [i]);
  const one = columns.graph.constant(1, [1], "int64");
  const entries = reduceProd(kernel, { keepdims: true });
  const windows = sizeOf(columns, 2);
  const none = columns.graph.constant(0, [], "int64");
  const entry = unsqueeze(range(none, asScalar(entries)), 1);
  const block = range(none, windows);
  let [inner, behind, scale] = [one, one, one];
  let place: Value | undefined;
  let inside: Value | undefined;
  for (let i = strides.length - 1; i >= 0; i--) {
    const [size, width] = [sizeIn(image, i), sizeIn(kernel, i)];
    const [before, after] = pads[i] as readonly [number, number];
    const [stride, dilation] = [strides[i] as number, dilations[i] as number];
    const span = add(mul(sub(width, 1), dilation), 1);
    const count = add(div(sub(add(size, before + after), span), stride), 1);
    const step = mul(mod(div(entry, inner), width), dilation);
    const at = sub(add(mul(mod(div(block, behind), count), stride), step), before);
    const fits = and(greaterOrEqual(at, 0), less(at, size));
    const own = mul(min(max(at, 0), sub(size, 1)), scale);
    place = place === undefined ? own : add(place, own);
    inside = inside === undefined ? fits : and(inside, fits);
    inner = mul(inner, width);
    behind = mul(behind, count);
    scale = mul(scale, size);
  }
  const apart = reshape(
    columns,
    concat([[-1], entries, vectorOf(columns.graph, [windows])], { axis: 0 }),
  );
  const kept = reshape(
    where(inside as Value, apart, 0),
    concat([[-1], mul(entries, windows)], { axis: 0 }),
  );
  const rows = sizeOf(kept, 0);
  const empty = expand(
    columns.graph.constant(0, columns.dtype),
    concat([vectorOf(columns.graph, [rows]), scale], { axis: 0 }),
  );
  const index = expand(reshape(place as Value, [1, -1]), shape(kept));
  const sums = scatterElements(empty, index, kept, { axis: 1, reduction: "add" });
  const batch = vectorOf(columns.graph, [sizeOf(columns, 0), -1]);
  return reshape(sums, concat([batch, image], { axis: 0 }));
}

function product(sizes: readonly number[]): number {
  return sizes.reduce((total, size) => total * size, 1);
}

function checkColumns(operator: string, columns: Value, image: readonly number[], window: Window) {
  const { shape: dims } = columns;
  const counts = windowCounts(operator, image, window) as readonly number[];
  const entries = product(window.kernel);
  const channels = dims?.[1];
  const fits =
    dims === undefined ||
    (dims.length === 3 &&
      (typeof channels !== "number" || channels % entries === 0) &&
      sameDim(dims[2], product(counts)) !== false);
  if (!fits) {
    failArgument(operator, "columns", `[batch, channels ${entries}, ${product(counts)}]`, columns);
  }
}

/** The window of a node whose kernel is known. */
function foldOf(node: NodeFacts): Window | undefined {
  const kernel = constantInts(node.inputs[2]);
  return kernel && windowOf(node, kernel);
}

/** The window of any kernel; undefined where not even the number of its axes is known. */
function stepsOf(node: NodeFacts): Omit<Window, "kernel"> | undefined {
  const count = lengthOf(node.inputs[2]) ?? lengthOf(node.inputs[1]);
  return count === undefined ? undefined : windowOf(node, new Array<number>(count).fill(1));
}

export const foldSchemas: Schemas<"Col2Im"> = {
  Col2Im: {
    arity: 3,
    normal: (node) => ({
      image: constantInts(node.inputs[1]),
      window: foldOf(node),
      steps: stepsOf(node),
    }),
    infer: (node, { image, window }) => {
      const columns = inputOf(node, 0);
      if (image !== undefined && window !== undefined) {
        checkColumns(node.operator, columns, image, window);
      }
      const entries = window && product(window.kernel);
      const channels: Dim = entries && divideDims(columns.shape?.[1], entries);
      const sizes = image ?? shapeFrom(inputOf(node, 1));
      const result = sizes && [columns.shape?.[0], channels, ...sizes];
      return [{ dtype: columns.dtype, shape: result }];
    },
  },
};
