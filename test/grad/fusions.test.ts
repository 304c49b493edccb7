import { evaluate } from "softonnx/node";
import type { AttributeLiteral } from "../../src/builder/attributes.ts";
import type { Node } from "../../src/builder/block.ts";
import { Graph } from "../../src/builder/graph.ts";
import { fusionOf } from "../../src/builder/operators/known.ts";
import type { Value } from "../../src/builder/value.ts";
import { vjp } from "../../src/grad/index.ts";
import "../../src/index.ts";
import { expectClose } from "./check.ts";

/** Numbers in these sizes, or whole ones; undefined leaves the input out. */
type Input =
  | readonly number[]
  | { readonly ints: readonly number[]; readonly dims: readonly number[]; readonly dtype?: "int64" }
  | undefined;

interface Call {
  readonly inputs: readonly Input[];
  readonly attributes?: Readonly<Record<string, AttributeLiteral>>;
  readonly outputs?: number;
  readonly domain?: string;
}

const ints = (list: readonly number[], dims: readonly number[] = [list.length]) => ({
  ints: list,
  dims,
});
const float = (value: number) => ({ float: value });
const heads = { num_heads: 2 };

const calls: Readonly<Record<string, readonly [op: string, Call]>> = {
  Gelu: ["Gelu", { inputs: [[2, 3]] }],
  FastGelu: ["FastGelu", { inputs: [[2, 3], [3]] }],
  BiasGelu: ["BiasGelu", { inputs: [[2, 3], [3]] }],
  QuickGelu: ["QuickGelu", { inputs: [[2, 3]], attributes: { alpha: float(1.5) } }],
  FusedMatMul: [
    "FusedMatMul",
    {
      inputs: [
        [2, 4, 3],
        [2, 5, 4],
      ],
      attributes: { transA: 1, transB: 1, alpha: float(0.5) },
    },
  ],
  "FusedMatMul with broadcasting": [
    "FusedMatMul",
    {
      inputs: [
        [2, 3, 4],
        [5, 4],
      ],
      attributes: { transB: 1 },
    },
  ],
  FusedGemm: [
    "FusedGemm",
    {
      inputs: [[3, 2], [3, 4], [4]],
      attributes: {
        transA: 1,
        alpha: float(0.5),
        activation: "LeakyRelu",
        activation_alpha: float(0.2),
      },
    },
  ],
  FusedConv: [
    "FusedConv",
    {
      inputs: [[1, 2, 5, 5], [3, 2, 3, 3], [3]],
      attributes: { pads: [1, 1, 1, 1], kernel_shape: [3, 3], activation: "Relu" },
    },
  ],
  "FusedConv with a sum": [
    "FusedConv",
    {
      inputs: [[1, 2, 5, 5], [3, 2, 3, 3], [3], [1, 3, 3, 3]],
      attributes: {
        kernel_shape: [3, 3],
        activation: "Clip",
        activation_params: { floats: [-1, 2] },
      },
    },
  ],
  SimplifiedLayerNormalization: [
    "SimplifiedLayerNormalization",
    { inputs: [[2, 3, 4], [4]], domain: "" },
  ],
  SkipLayerNormalization: [
    "SkipLayerNormalization",
    {
      inputs: [[2, 3, 4], [2, 3, 4], [4], [4], [4]],
      attributes: { epsilon: float(1e-3) },
      outputs: 4,
    },
  ],
  SkipSimplifiedLayerNormalization: [
    "SkipSimplifiedLayerNormalization",
    { inputs: [[2, 3, 4], [2, 3, 4], [4], [4]], attributes: { epsilon: float(1e-3) }, outputs: 4 },
  ],
  EmbedLayerNormalization: [
    "EmbedLayerNormalization",
    {
      inputs: [
        ints([1, 4, 0, 2, 2, 2], [2, 3]),
        ints([0, 1, 1, 0, 0, 1], [2, 3]),
        [5, 4],
        [6, 4],
        [2, 4],
        [4],
        [4],
      ],
      attributes: { epsilon: float(1e-3) },
      outputs: 3,
    },
  ],
  "EmbedLayerNormalization without segments": [
    "EmbedLayerNormalization",
    {
      inputs: [ints([1, 4, 0, 2, 2, 2], [2, 3]), undefined, [5, 4], [6, 4], undefined, [4], [4]],
      outputs: 2,
    },
  ],
  Attention: ["Attention", { inputs: [[2, 3, 4], [4, 12], [12]], attributes: heads }],
  "Attention, causal, with a past": [
    "Attention",
    {
      inputs: [[2, 3, 4], [4, 12], [12], undefined, [2, 2, 2, 1, 2]],
      attributes: { ...heads, unidirectional: 1 },
      outputs: 2,
    },
  ],
  "Attention with a mask": [
    "Attention",
    { inputs: [[2, 3, 4], [4, 12], [12], ints([1, 1, 0, 1, 1, 1], [2, 3])], attributes: heads },
  ],
  "Attention with lengths": [
    "Attention",
    { inputs: [[2, 3, 4], [4, 12], [12], ints([2, 3])], attributes: heads },
  ],
  "Attention with sizes and a bias": [
    "Attention",
    {
      inputs: [[2, 3, 4], [4, 14], [14], undefined, undefined, [2, 2, 3, 3]],
      attributes: { ...heads, qkv_hidden_sizes: [4, 4, 6], scale: float(0.3) },
    },
  ],
  MultiHeadAttention: [
    "MultiHeadAttention",
    {
      inputs: [
        [2, 3, 4],
        [2, 5, 4],
        [2, 5, 6],
      ],
      attributes: heads,
    },
  ],
  "MultiHeadAttention with biases and a mask": [
    "MultiHeadAttention",
    {
      inputs: [
        [2, 3, 4],
        [2, 3, 4],
        [2, 3, 4],
        [12],
        ints([1, 1, 0, 1, 1, 1], [2, 3]),
        [1, 2, 3, 3],
      ],
      attributes: { ...heads, scale: float(0.4) },
    },
  ],
  "MultiHeadAttention with a past, causal": [
    "MultiHeadAttention",
    {
      inputs: [
        [2, 3, 4],
        [2, 3, 4],
        [2, 3, 4],
        undefined,
        undefined,
        undefined,
        [2, 2, 1, 2],
        [2, 2, 1, 2],
      ],
      attributes: { ...heads, unidirectional: 1 },
      outputs: 3,
    },
  ],
  RotaryEmbedding: [
    "RotaryEmbedding",
    {
      inputs: [[2, 3, 8], { ...ints([0, 1, 2, 4, 0, 1], [2, 3]), dtype: "int64" }, [5, 2], [5, 2]],
      attributes: { interleaved: 1 },
    },
  ],
  "RotaryEmbedding from a place on": [
    "RotaryEmbedding",
    { inputs: [[2, 2, 3, 4], { ...ints([1]), dtype: "int64" }, [5, 2], [5, 2]] },
  ],
};

const waves = (dims: readonly number[], phase: number) =>
  Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) =>
    Math.sin(1.3 * i * i + i + phase),
  );

describe("What ONNX Runtime fuses is differentiated as what it computes", () => {
  test.each(Object.entries(calls))(
    "%s",
    async (_, [op, { inputs, attributes = {}, outputs = 1, domain = "com.microsoft" }]) => {
      const g = new Graph("fusion");
      const values = inputs.map((input, i) => {
        if (input === undefined) return undefined;
        if ("ints" in input) return g.constant([...input.ints], input.dims, input.dtype ?? "int32");
        return g.parameter(`x${i}`, waves(input, i), input);
      });
      const fused = g.node(op, values, attributes, { domain, outputs });
      const { normal } = (fused[0] as Value).producer as Node;
      const made = fusionOf(op, domain)?.expansion(values, normal) ?? [];
      const compared = fused.flatMap((value, i) => {
        const other = made[i];
        return other === undefined ? [] : [[value, other] as const];
      });
      const xs = values.flatMap((value) => (value?.origin.kind === "parameter" ? [value] : []));
      const ys = compared.map(([value]) => value).filter((value) => value.dtype === "float32");
      const others = compared.map(([, value]) => value).slice(0, ys.length);
      const gradients = [ys, others].map((each) =>
        vjp(
          each,
          xs,
          each.map((y) => y),
        ),
      );
      const found = await evaluate([...compared.flat(), ...gradients.flat()]);
      const numbers = found.map(({ data }) => Array.from(data as Float32Array));
      compared.forEach(([value], i) => {
        expect(found[2 * i]?.dims).toEqual(value.shape);
        expectClose("value", [numbers[2 * i] as number[]], [numbers[2 * i + 1] as number[]], 1e-4);
      });
      const rows = numbers.slice(2 * compared.length);
      expectClose("gradients", rows.slice(0, xs.length), rows.slice(xs.length), 1e-4);
      expect(rows.flat().every(Number.isFinite)).toBe(true);
    },
  );

  test("MultiHeadAttention of packed operands, for which the CPU has no kernel, is that of their parts", async () => {
    const g = new Graph("packed");
    const packed = g.constant(waves([2, 3, 2, 3, 2], 0), [2, 3, 2, 3, 2]);
    const parts = [0, 1, 2].map((i) => packed.gather(i, { axis: 3 }).reshape([2, 3, 4]));
    const fuse = (inputs: readonly Value[]) =>
      g.node("MultiHeadAttention", inputs, heads, { domain: "com.microsoft" })[0] as Value;
    const [whole, apart] = [fuse([packed]), fuse(parts)];
    expect(whole.shape).toEqual([2, 3, 4]);
    const expand = ({ producer }: Value) =>
      fusionOf("MultiHeadAttention", "com.microsoft")?.expansion(
        producer?.inputs ?? [],
        producer?.normal,
      )[0] as Value;
    const found = await evaluate([expand(whole), expand(apart)]);
    const [a, b] = found.map(({ data }) => Array.from(data as Float32Array));
    expect(a).toEqual(b);
  });

  test("what it cannot follow is named", () => {
    const g = new Graph("other");
    const x = g.input("x", "float32", [2, 3, 4]);
    const w = g.constant(1, [4, 12]);
    const mask = g.constant([0, 1, 2, 3], "int32");
    const [y] = g.node("Attention", [x, w, undefined, mask], heads, {
      domain: "com.microsoft",
    }) as [Value];
    expect(() => vjp(y, [x])).toThrow(/com.microsoft.Attention .*there is no rule for the mask/);
  });
});
