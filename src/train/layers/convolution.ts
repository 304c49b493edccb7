import { failArgument } from "../../builder/errors.ts";
import type { Graph } from "../../builder/graph.ts";
import { conv } from "../../builder/operators/index.ts";
import type { WindowOptions } from "../../builder/operators/windows.ts";
import type { Value } from "../../builder/value.ts";
import { heUniform, type Initializer, zeros } from "../initializers.ts";
import { checkCount, type LayerOptions, Parameters } from "./parameters.ts";

/** Options of convolution. */
export interface ConvolutionOptions extends LayerOptions, Omit<WindowOptions, "pads"> {
  /** Entries of 0 around each axis: one number, one an axis, or [before, after]; "same" makes the result
   * as large as x, and needs strides of 1. Default 0. */
  readonly pads?: WindowOptions["pads"] | "same";
  /** Channels and filters fall into so many groups that have nothing to do with each other. Default 1. */
  readonly group?: number;
  /** Of the weight. Default heUniform. */
  readonly initializer?: Initializer;
  /** Add a bias, which starts at 0. Default true. */
  readonly bias?: boolean;
}

/** Filters that go over signals or images. */
export interface Convolution {
  /** [batch, channels, spatial…] to [batch, filters, windows…] */
  (x: Value): Value;
  /** [filters, channels / group, kernel…] */
  readonly weight: Value;
  /** [filters] */
  readonly bias: Value | undefined;
}

/** A layer of filters, in as many dimensions as the kernel has sizes.
 *
 * ```ts
 * const edges = layers.convolution(g, 1, 8, [3, 3], { pads: "same" });      // images
 * const local = layers.convolution(g, 4, 16, [5], { strides: 2 });          // signals
 * ```
 * @param channels of x
 * @param filters how many there are to learn
 * @param kernel their sizes
 * @throws GraphError for sizes or options that are wrong, or a name that is taken */
export function convolution(
  graph: Graph,
  channels: number,
  filters: number,
  kernel: readonly number[],
  options: ConvolutionOptions = {},
): Convolution {
  const known = ["initializer", "bias", "strides", "dilations", "pads", "group"];
  const parameters = new Parameters(graph, "convolution", options, known);
  checkCount("convolution", "channels", channels);
  checkCount("convolution", "filters", filters);
  if (!Array.isArray(kernel)) {
    failArgument("convolution", "kernel", "a list with a size for each spatial axis", kernel);
  }
  for (const size of kernel) checkCount("convolution", "kernel", size);
  const { group = 1, strides = 1, dilations = 1, pads = 0, initializer = heUniform() } = options;
  checkCount("convolution", "group", group);
  if (channels % group !== 0 || filters % group !== 0) {
    failArgument("convolution", "group", `a divisor of ${channels} and ${filters}`, group);
  }
  const entries = kernel.reduce((product, size) => product * size, 1);
  const fans = { in: (channels / group) * entries, out: (filters / group) * entries };
  const shape = [filters, channels / group, ...kernel];
  const weight = parameters.trained("weight", shape, initializer, fans);
  const bias =
    options.bias === false ? undefined : parameters.trained("bias", [filters], zeros(), fans);
  const window = {
    strides,
    dilations,
    group,
    pads: pads === "same" ? same(kernel, options) : pads,
  };
  return Object.assign((x: Value) => conv(x, weight, bias, window), { weight, bias });
}

/** Half of what the kernel reaches beyond one entry on either side, the odd one after. */
function same(
  kernel: readonly number[],
  { strides = 1, dilations = 1 }: ConvolutionOptions,
): (readonly [number, number])[] {
  const single = typeof strides === "number" ? [strides] : strides;
  if (single.some((stride) => stride !== 1)) {
    failArgument("convolution", "pads", "numbers beside strides other than 1", "same");
  }
  return kernel.map((size, i) => {
    const dilation = typeof dilations === "number" ? dilations : (dilations[i] ?? 1);
    const reach = (size - 1) * dilation;
    return [Math.floor(reach / 2), Math.ceil(reach / 2)];
  });
}
