import { attribute } from "../block.ts";
import { type Dim, isStatic, multiplyDims, sameDim } from "../dim.ts";
import { checkOptions, failArgument, GraphError } from "../errors.ts";
import { liftAll, type Operand } from "../lift.ts";
import { inputOf, intOf, type NodeFacts, type OperatorTable, type Schemas } from "../schema.ts";
import type { Value } from "../value.ts";
import { add, mul } from "./arithmetic.ts";
import { checkType, emitOne, normalOf, optionalInt, sameType } from "./emit.ts";
import { gather } from "./indexing.ts";
import { interpolated, splitChannels } from "./interpolation.ts";
import { matmul } from "./linear.ts";
import { cast } from "./logic.ts";
import { reshape, unsqueeze } from "./reshape.ts";
import { multiplySizes, positions, sizeOf } from "./sizes.ts";
import {
  type Window,
  type WindowOptions,
  windowAttributes,
  windowCounts,
  windowFrom,
  windowOf,
} from "./windows.ts";

/** Options of deformConv. */
export interface DeformConvOptions extends WindowOptions {
  /** Channels and filters fall into so many groups that have nothing to do with each other. Default 1. */
  readonly group?: number;
  /** Channels fall into so many groups that have offsets of their own. Default 1. */
  readonly offsetGroup?: number;
}

/** The optional operands of deformConv. */
export interface DeformConvOperands {
  /** [filters] */
  readonly bias?: Operand;
  /** Factors of the entries, [batch, offsetGroup kernel, windows…] (version 2). */
  readonly mask?: Operand;
}

/** A convolution whose windows read each entry at an offset of its own (Dai et al. 2017, arXiv 1703.06211;
 * with factors Zhu et al. 2018, arXiv 1811.11168). Before opset 19 it is composed of other operators.
 *
 * @param x [batch, channels, spatial…]
 * @param w [filters, channels / group, kernel…]; its kernel sizes must be known
 * @param offset [batch, offsetGroup kernel spatial axes, windows…], the axes in order for each entry
 * @returns [batch, filters, windows…]
 * @throws GraphError if shapes or options do not fit */
export function deformConv(
  x: Operand,
  w: Operand,
  offset: Operand,
  operands: DeformConvOperands = {},
  options: DeformConvOptions = {},
): Value {
  checkOptions("deformConv", options, ["strides", "dilations", "pads", "group", "offsetGroup"]);
  checkOptions("deformConv", operands, ["bias", "mask"]);
  const { bias, mask } = operands;
  const given = {
    x,
    w,
    offset,
    ...(bias === undefined ? {} : { bias }),
    ...(mask === undefined ? {} : { mask }),
  };
  const lifted = liftAll("deformConv", given);
  const [value, filters] = lifted as [Value, Value];
  const kernel = filters.shape?.slice(2);
  if (kernel === undefined || !isStatic(kernel)) {
    throw new GraphError("deformConv", `the kernel sizes of w must be known; w is ${filters}`);
  }
  const { group = 1, offsetGroup = 1, ...rest } = options;
  const window = windowFrom("deformConv", kernel, rest);
  const inputs = [
    ...lifted.slice(0, 3),
    bias === undefined ? undefined : lifted[3],
    ...(mask === undefined ? [] : [lifted.at(-1)]),
  ];
  while (inputs.at(-1) === undefined) inputs.pop();
  const attributes = {
    kernel_shape: attribute.ints(kernel),
    ...windowAttributes(window),
    ...optionalInt("group", group, 1),
    ...optionalInt("offset_group", offsetGroup, 1),
  };
  if (value.graph.opset >= 19) return emitOne("DeformConv", inputs, attributes, "deformConv");
  const normal = normalOf(deformSchemas.DeformConv, "deformConv", inputs, attributes, 19);
  return deformed(inputs, { ...normal, window });
}

/** DeformConv in other operators: every entry of every window interpolated, and a matrix product. */
export function deformed(
  inputs: readonly (Value | undefined)[],
  { window, group, offsetGroup }: OperatorTable["DeformConv"] & { readonly window: Window },
): Value {
  const [x, w, offset, bias, mask] = inputs as [Value, Value, Value, Value?, Value?];
  const { kernel } = window;
  const spatial = kernel.length;
  const entries = kernel.reduce((product, size) => product * size, 1);
  const batch = multiplySizes(sizeOf(x, 0), offsetGroup);
  const counts = kernel.map((_, axis) => sizeOf(offset, axis + 2));
  const offsets = reshape(offset, [batch, entries, spatial, ...counts]);
  const at = kernel.map((_, axis) => {
    const own = gather(offsets, axis, { axis: 2 });
    return reshape(add(own, regularPlaces(offset, window, axis)), [batch, -1]);
  });
  const options = { mode: "linear", padding: "zeros", alignCorners: false } as const;
  const found = interpolated(splitChannels(x, offsetGroup), at, options);
  const apart = reshape(found, [batch, sizeOf(found, 1), entries, -1]);
  const scaled = mask === undefined ? apart : mul(apart, reshape(mask, [batch, 1, entries, -1]));
  const [filters, channels] = [sizeOf(w, 0), sizeOf(w, 1)];
  const each = typeof filters === "number" ? filters / group : -1;
  const columns = reshape(scaled, [sizeOf(x, 0), group, multiplySizes(channels, entries), -1]);
  const rows = reshape(w, [group, each, multiplySizes(channels, entries)]);
  const y = reshape(matmul(rows, columns), [sizeOf(x, 0), filters, ...counts]);
  return bias === undefined
    ? y
    : add(
        y,
        unsqueeze(
          bias,
          kernel.map((_, i) => i + 1),
        ),
      );
}

/** Where the entries lie without offsets, along one axis: broadcasts to [batch, entries, windows…]. */
function regularPlaces(offset: Value, window: Window, axis: number): Value {
  const { kernel, strides, dilations, pads } = window;
  const spatial = kernel.length;
  const behind = Array.from({ length: spatial - 1 - axis }, (_, i) => i + 1);
  const starts = mul(cast(positions(offset, axis + 2), offset.dtype), strides[axis] as number);
  const inner = kernel.slice(axis + 1).reduce((product, size) => product * size, 1);
  const total = kernel.reduce((product, size) => product * size, 1);
  const [before] = pads[axis] as readonly [number, number];
  const steps = Array.from({ length: total }, (_, entry) => {
    const place = Math.floor(entry / inner) % (kernel[axis] as number);
    return place * (dilations[axis] as number) - before;
  });
  const entries = offset.graph.constant(steps, [total], offset.dtype);
  const apart = unsqueeze(
    entries,
    kernel.map((_, i) => i + 1),
  );
  return add(apart, unsqueeze(starts, behind));
}

function deformedShape(node: NodeFacts, { window }: OperatorTable["DeformConv"]) {
  const [x, w, offset] = [inputOf(node, 0), inputOf(node, 1), inputOf(node, 2)];
  const { shape } = x;
  if (shape === undefined) return undefined;
  if (shape.length < 3) failArgument(node.operator, "x", "[batch, channels, spatial…]", x);
  const spatial = shape.slice(2);
  const counts: readonly Dim[] =
    window === undefined
      ? spatial.map(() => undefined)
      : windowCounts(node.operator, spatial, window);
  return [shape[0], w.shape?.[0], ...counts.map((count, i) => count ?? offset.shape?.[i + 2])];
}

export const deformSchemas: Schemas<"DeformConv"> = {
  DeformConv: {
    arity: [3, 5],
    normal: (node) => ({
      group: intOf(node, "group", 1),
      offsetGroup: intOf(node, "offset_group", 1),
      window: windowOf(node, inputOf(node, 1).shape?.slice(2)),
    }),
    infer: (node, normal) => {
      const values = node.inputs.filter((input) => input !== undefined);
      for (const value of values) checkType(node.operator, "each operand", value, "float");
      const channels = multiplyDims(inputOf(node, 1).shape?.[1], normal.group);
      const x = inputOf(node, 0);
      if (sameDim(x.shape?.[1], channels) === false) {
        failArgument(node.operator, "x", `${channels} channels`, x);
      }
      return [{ dtype: sameType(node, values), shape: deformedShape(node, normal) }];
    },
  },
};
