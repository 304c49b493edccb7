import { evaluate, type Tensor } from "softonnx/node";
import { GraphError } from "../../../src/builder/errors.ts";
import { Graph } from "../../../src/builder/graph.ts";
import {
  type ActivationName,
  type GruOptions,
  gru,
  type LstmOptions,
  lstm,
  type RecurrentOptions,
  rnn,
} from "../../../src/builder/operators/index.ts";
import type { Value } from "../../../src/builder/value.ts";

const [STEPS, BATCH, INPUTS, HIDDEN] = [4, 3, 2, 5] as const;

/** Numbers between -1 and 1 that look random. */
const waves = (dims: readonly number[], phase: number, scale = 1) => {
  const size = dims.reduce((product, dim) => product * dim, 1);
  return Float64Array.from({ length: size }, (_, i) => scale * Math.sin(1.7 * i * i + i + phase));
};

type Any = Omit<LstmOptions & GruOptions, "initialH" | "initialC" | "peepholes">;

/** One call in an element type, with all its operands. */
function apply(
  kind: "rnn" | "gru" | "lstm",
  dtype: "float32" | "float64",
  options: Any,
  given: { readonly states?: boolean; readonly peepholes?: boolean; readonly bias?: boolean },
  g = new Graph("recurrent"),
): Record<string, Value> {
  const directions = options.direction === "bidirectional" ? 2 : 1;
  const rows = { rnn: 1, gru: 3, lstm: 4 }[kind] * HIDDEN;
  const value = (dims: readonly number[], phase: number, scale?: number) =>
    g.constant(waves(dims, phase, scale), dims).cast(dtype);
  const x = value([STEPS, BATCH, INPUTS], 0, 2);
  const w = value([directions, rows, INPUTS], 1);
  const r = value([directions, rows, HIDDEN], 2);
  const b = given.bias === false ? undefined : value([directions, 2 * rows], 3);
  const state = (phase: number) => value([directions, BATCH, HIDDEN], phase);
  const initial = given.states ? { initialH: state(4) } : {};
  if (kind === "rnn") return { ...rnn(x, w, r, b, { ...options, ...initial } as RecurrentOptions) };
  if (kind === "gru") return { ...gru(x, w, r, b, { ...options, ...initial } as GruOptions) };
  const cell = given.states ? { initialC: state(5) } : {};
  const peepholes = given.peepholes ? { peepholes: value([directions, 3 * HIDDEN], 6) } : {};
  return { ...lstm(x, w, r, b, { ...options, ...initial, ...cell, ...peepholes }) };
}

const lens = Int32Array.of(2, 4, 1);
const lots: readonly ActivationName[] = ["HardSigmoid", "Softsign", "Elu"];
const calls: Readonly<
  Record<
    string,
    Parameters<typeof apply> extends [infer K, unknown, infer O, infer G, ...unknown[]]
      ? [K, O, G]
      : never
  >
> = {
  "rnn by default": ["rnn", {}, {}],
  "rnn without a bias": ["rnn", {}, { bias: false }],
  "rnn backwards from a state": ["rnn", { direction: "reverse" }, { states: true }],
  "rnn both ways, of several lengths": [
    "rnn",
    { direction: "bidirectional", sequenceLens: lens },
    { states: true },
  ],
  "rnn of two activations": [
    "rnn",
    { direction: "bidirectional", activations: ["Relu", "Affine"] },
    {},
  ],
  "rnn within bounds": ["rnn", { clip: 0.3 }, {}],
  "gru by default": ["gru", {}, {}],
  "gru linear before the reset": ["gru", { linearBeforeReset: true }, { states: true }],
  "gru both ways, of several lengths": [
    "gru",
    { direction: "bidirectional", sequenceLens: lens },
    { states: true },
  ],
  "gru linear before the reset, backwards, of several lengths": [
    "gru",
    { direction: "reverse", sequenceLens: lens, linearBeforeReset: true },
    { states: true },
  ],
  "gru of other activations": ["gru", { activations: ["HardSigmoid", "Softplus"] }, {}],
  "lstm by default": ["lstm", {}, {}],
  "lstm without a bias": ["lstm", {}, { bias: false }],
  "lstm from a state": ["lstm", {}, { states: true }],
  "lstm with peepholes": ["lstm", {}, { states: true, peepholes: true }],
  "lstm both ways, of several lengths": [
    "lstm",
    { direction: "bidirectional", sequenceLens: lens },
    { states: true, peepholes: true },
  ],
  "lstm backwards, of several lengths": [
    "lstm",
    { direction: "reverse", sequenceLens: lens },
    { states: true },
  ],
  "lstm with a coupled forget gate": ["lstm", { inputForget: true }, { states: true }],
  "lstm of other activations": ["lstm", { activations: lots }, {}],
  "lstm of still others": [
    "lstm",
    { activations: ["Sigmoid", "ThresholdedRelu", "ScaledTanh"] },
    {},
  ],
  "lstm within bounds": ["lstm", { clip: 0.3 }, { states: true }],
};

test.each(Object.entries(calls))(
  "%s: the composition in float64 is ONNX Runtime's kernel",
  async (_, [kind, options, given]) => {
    const g = new Graph("recurrent");
    const single = apply(kind, "float32", options, given, g);
    const double = apply(kind, "float64", options, given, g);
    expect(Object.values(single).map((value) => value.producer?.op.toLowerCase())).toContain(kind);
    const found = await evaluate({ ...prefixed("s", single), ...prefixed("d", double) });
    for (const [name, value] of Object.entries(single)) {
      const [a, b] = [found[`s_${name}`], found[`d_${name}`]] as unknown as readonly Pick<
        Tensor,
        "data" | "dims"
      >[];
      expect(a?.dims).toEqual(b?.dims);
      expect(value.shape).toEqual(a?.dims);
      expect(double[name]?.shape).toEqual(a?.dims);
      const [x, y] = [a, b].map((tensor) => Array.from(tensor?.data as Float32Array));
      x?.forEach((number, i) => {
        expect(number).toBeCloseTo(y?.[i] as number, 5);
      });
    }
  },
);

const prefixed = (prefix: string, values: Record<string, Value>) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [`${prefix}_${name}`, value]));

test("what does not fit is an error at the call", () => {
  const g = new Graph("wrong");
  const x = g.input("x", "float32", ["steps", "batch", 2]);
  const w = g.input("w", "float32", [1, 12, 2]);
  const r = g.input("r", "float32", [1, 12, 3]);
  expect(() => gru(x, w, r)).toThrow(GraphError);
  expect(() => lstm(x, w, r, undefined, { clip: -1 })).toThrow(/clip: expected a positive number/);
  expect(() => lstm(x, w, r, undefined, { direction: "sideways" as never })).toThrow(/direction/);
  expect(() => lstm(x, w, r, undefined, { activations: ["Tanh"] })).toThrow(/activations/);
  expect(lstm(x, w, r).y.shape).toEqual(["steps", 1, "batch", 3]);
});
