import { type Attributes, attribute } from "./block.ts";
import type { Graph } from "./graph.ts";
import {
  constantData,
  floatOf,
  inputOf,
  intOf,
  intsOf,
  type NodeFacts,
  stringOf,
} from "./schema.ts";
import { int64Data, tensorOf } from "./tensor.ts";
import type { Value } from "./value.ts";

/** What a node becomes: another operator, inputs or attributes. Its results stay what they were. */
export interface Form {
  readonly op?: string;
  readonly inputs: readonly (Value | undefined)[];
  readonly attributes: Attributes;
}

/** How an operator goes over an opset from which on it is written otherwise. */
export interface Raiser {
  readonly since: number;
  /** The newer form; nodes that it makes stand before the node. undefined: it is as it was. */
  readonly form: (node: NodeFacts, graph: Graph) => Form | undefined;
  /** Why there is no newer form; undefined if there is one. `isRead` tells whether anything reads a result. */
  readonly obstacle?: (node: NodeFacts, isRead: (result: number) => boolean) => string | undefined;
}

/** Attributes that became inputs, behind those that a node has. */
function asInputs(
  since: number,
  names: readonly string[],
  make: (node: NodeFacts, graph: Graph) => readonly (Value | undefined)[],
): Raiser {
  return {
    since,
    form: (node, graph) => {
      const more = [...make(node, graph)];
      while (more.length > 0 && more.at(-1) === undefined) more.pop();
      return { inputs: [inputOf(node, 0), ...more], attributes: without(node.attributes, names) };
    },
  };
}

function without(attributes: Attributes, names: readonly string[]): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => !names.includes(name)));
}

function vector(graph: Graph, list: readonly number[] | undefined): Value | undefined {
  return list && graph.lifted(int64Data(list));
}

/** A scalar of the type of a node's operand; undefined for none. */
function scalar(node: NodeFacts, graph: Graph, x: number | undefined): Value | undefined {
  return x === undefined ? undefined : graph.lifted(tensorOf(node.operator, "x", x, typeOf(node)));
}

function typeOf(node: NodeFacts) {
  const { dtype } = inputOf(node, 0);
  return dtype === "unknown" ? "float32" : dtype;
}

function optionalFloat(node: NodeFacts, name: string): number | undefined {
  return node.attributes[name] === undefined ? undefined : floatOf(node, name, 0);
}

/** Over all axes from `axis` on as if they were one, which later opsets say with a Flatten before and a
 * Reshape behind. */
const overManyAxes: Raiser = {
  since: 13,
  form: (node, graph) => {
    const x = inputOf(node, 0);
    const axis = intOf(node, "axis", 1);
    const last = attribute.int(-1);
    const rank = x.shape?.length;
    if (axis === -1 || axis + 1 === rank) {
      return { inputs: [x], attributes: { ...node.attributes, axis: last } };
    }
    const emit = (op: string, input: Value, attributes: Attributes) =>
      graph.emit({ op, inputs: [input], attributes }).outputs[0] as Value;
    const flat = emit("Flatten", x, { axis: attribute.int(axis) });
    const rows = emit(node.operator, flat, { ...node.attributes, axis: last });
    return { op: "Reshape", inputs: [rows, emit("Shape", x, {})], attributes: {} };
  },
};

/** As Upsample and the first Resize did: by whole steps from the first element, rounded down where the
 * result is larger and up where it is smaller. */
function resized(node: NodeFacts, scales: Value | undefined): Form {
  const factors = constantData(scales)?.elements as ArrayLike<number> | undefined;
  const smaller = factors !== undefined && Array.from(factors).some((factor) => factor < 1);
  return {
    op: "Resize",
    inputs: [inputOf(node, 0), undefined, scales],
    attributes: {
      ...without(node.attributes, ["scales"]),
      mode: attribute.string(stringOf(node, "mode", "nearest")),
      coordinate_transformation_mode: attribute.string("asymmetric"),
      nearest_mode: attribute.string(smaller ? "ceil" : "floor"),
    },
  };
}

function hasBothWays(node: NodeFacts): string | undefined {
  const factors = constantData(node.inputs[1])?.elements as ArrayLike<number> | undefined;
  const list = Array.from(factors ?? []);
  const mixed = list.some((factor) => factor < 1) && list.some((factor) => factor > 1);
  return mixed ? "it makes one axis longer and another shorter" : undefined;
}

const axesAsInput = asInputs(13, ["axes"], (node, graph) => [vector(graph, intsOf(node, "axes"))]);

/** What changed its form between opsets 7 and 16; everything else reads in the later one as it is. An
 * operator's raisers are in the order of the opsets. */
export const raisers: Readonly<Record<string, readonly Raiser[]>> = {
  ReduceSum: [axesAsInput],
  Squeeze: [axesAsInput],
  Unsqueeze: [axesAsInput],
  Split: [asInputs(13, ["split"], (node, graph) => [vector(graph, intsOf(node, "split"))])],
  Softmax: [overManyAxes],
  LogSoftmax: [overManyAxes],
  Hardmax: [overManyAxes],
  Clip: [
    asInputs(11, ["min", "max"], (node, graph) => [
      scalar(node, graph, optionalFloat(node, "min")),
      scalar(node, graph, optionalFloat(node, "max")),
    ]),
  ],
  Pad: [
    asInputs(11, ["pads", "value"], (node, graph) => [
      vector(graph, intsOf(node, "pads") ?? []),
      scalar(node, graph, optionalFloat(node, "value")),
    ]),
  ],
  Slice: [
    asInputs(10, ["starts", "ends", "axes"], (node, graph) =>
      ["starts", "ends", "axes"].map((name) => vector(graph, intsOf(node, name))),
    ),
  ],
  TopK: [
    asInputs(10, ["k"], (node, graph) =>
      node.attributes.k === undefined ? [node.inputs[1]] : [vector(graph, [intOf(node, "k", 0)])],
    ),
  ],
  Dropout: [
    {
      since: 10,
      form: () => undefined,
      obstacle: (_, isRead) => (isRead(1) ? "its mask is of another type" : undefined),
    },
    asInputs(12, ["ratio"], (node, graph) => [scalar(node, graph, floatOf(node, "ratio", 0.5))]),
  ],
  BatchNormalization: [
    {
      since: 9,
      form: (node) => ({
        inputs: node.inputs,
        attributes: without(node.attributes, ["spatial"]),
      }),
      obstacle: (node) =>
        intOf(node, "spatial", 1) === 1 ? undefined : "it has statistics of its own for each place",
    },
    {
      since: 14,
      form: () => undefined,
      obstacle: ({ outputCount }) =>
        outputCount > 1 ? "in training it has other results" : undefined,
    },
  ],
  Upsample: [
    {
      since: 10,
      form: (node, graph) => {
        const scales = node.attributes.scales;
        if (scales?.type !== "floats") return resized(node, node.inputs[1]);
        const given = tensorOf("Upsample", "scales", Float32Array.from(scales.value));
        return resized(node, graph.lifted(given));
      },
      obstacle: hasBothWays,
    },
  ],
  Resize: [
    {
      since: 11,
      form: (node) => resized(node, node.inputs[1]),
      obstacle: hasBothWays,
    },
    {
      since: 13,
      // Scales and regions that are not meant may be left out from here on.
      form: (node) => ({
        inputs: node.inputs.map((input, i) =>
          i > 0 && constantData(input)?.size === 0 ? undefined : input,
        ),
        attributes: node.attributes,
      }),
    },
  ],
  Scatter: [
    {
      since: 11,
      form: ({ inputs, attributes }) => ({ op: "ScatterElements", inputs, attributes }),
    },
  ],
  Scan: [
    {
      since: 9,
      form: () => undefined,
      obstacle: () => "it was another operator before opset 9",
    },
  ],
  RoiAlign: [
    {
      since: 16,
      form: ({ inputs, attributes }) => ({
        inputs,
        attributes: {
          ...attributes,
          coordinate_transformation_mode: attribute.string("output_half_pixel"),
        },
      }),
    },
  ],
};
