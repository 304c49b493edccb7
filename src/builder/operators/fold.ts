import { type Dim, divideDims, sameDim } from "../dim.ts";
import { checkOptions, failArgument } from "../errors.ts";
import { type Operand, requireValue } from "../lift.ts";
import { constantInts, inputOf, type NodeFacts, type Schemas } from "../schema.ts";
import type { Value } from "../value.ts";
import { shapeFrom } from "./axes.ts";
import { convTranspose } from "./convolution.ts";
import { emitOne } from "./emit.ts";
import { reshape } from "./reshape.ts";
import { sizeOf, vectorOf } from "./sizes.ts";
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

function product(sizes: readonly number[]): number {
  return sizes.reduce((total, size) => total * size, 1);
}

function checkColumns(operator: string, columns: Value, image: readonly number[], window: Window) {
  const { shape } = columns;
  const counts = windowCounts(operator, image, window) as readonly number[];
  const entries = product(window.kernel);
  const channels = shape?.[1];
  const fits =
    shape === undefined ||
    (shape.length === 3 &&
      (typeof channels !== "number" || channels % entries === 0) &&
      sameDim(shape[2], product(counts)) !== false);
  if (!fits) {
    failArgument(operator, "columns", `[batch, channels ${entries}, ${product(counts)}]`, columns);
  }
}

/** The window of a node whose kernel is known. */
function foldOf(node: NodeFacts): Window | undefined {
  const kernel = constantInts(node.inputs[2]);
  return kernel && windowOf(node, kernel);
}

export const foldSchemas: Schemas<"Col2Im"> = {
  Col2Im: {
    arity: 3,
    normal: (node) => ({ image: constantInts(node.inputs[1]), window: foldOf(node) }),
    infer: (node, { image, window }) => {
      const columns = inputOf(node, 0);
      if (image !== undefined && window !== undefined) {
        checkColumns(node.operator, columns, image, window);
      }
      const entries = window && product(window.kernel);
      const channels: Dim = entries && divideDims(columns.shape?.[1], entries);
      const sizes = image ?? shapeFrom(inputOf(node, 1));
      const shape = sizes && [columns.shape?.[0], channels, ...sizes];
      return [{ dtype: columns.dtype, shape }];
    },
  },
};
