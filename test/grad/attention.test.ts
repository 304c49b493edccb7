import { evaluate } from "softonnx/node";
import { Graph } from "../../src/builder/graph.ts";
import {
  type AttentionOptions,
  attention,
  rotaryEmbedding,
  transpose,
} from "../../src/builder/operators/index.ts";
import type { Value } from "../../src/builder/value.ts";
import { vjp } from "../../src/grad/index.ts";
import { between, expectClose } from "./check.ts";
import { testRows } from "./rows.ts";

const attend = (q: Value, k: Value, v: Value, options?: AttentionOptions) =>
  attention(q, k, v, options).y;
const common = { draw: between(-1, 1), opsets: [13, 23] } as const;

describe("attention", () => {
  testRows(
    [
      [
        "in q, k and v",
        attend,
        [
          [1, 2, 2, 2],
          [1, 2, 3, 2],
          [1, 2, 3, 1],
        ],
      ],
      [
        "of three axes with two heads, causal",
        (q, k, v) => attend(q, k, v, { queryHeads: 2, keyHeads: 2, causal: true }),
        [
          [1, 3, 4],
          [1, 3, 4],
          [1, 3, 2],
        ],
      ],
      [
        "whose heads share keys, with a bound and a scale",
        (q, k) => attend(q, k, k, { softcap: 0.5, scale: 0.7 }),
        [
          [2, 4, 2, 1],
          [2, 2, 2, 1],
        ],
      ],
      [
        "with a past, and numbers that are added",
        (x, past, mask) => {
          const options = { pastKey: past, pastValue: past.mul(2), mask, causal: true };
          const { y, presentValue } = attention(x, x, x, options);
          return y.sum().mul(presentValue?.sum() ?? 0);
        },
        [
          [1, 1, 2, 2],
          [1, 1, 1, 2],
          [2, 3],
        ],
      ],
      [
        "with a mask that ends before the keys, and hides all from a query",
        (q, k) =>
          attend(q, k, k, {
            mask: q.graph.constant([
              [true, true],
              [false, false],
            ]),
          }),
        [
          [1, 1, 2, 2],
          [1, 1, 3, 2],
        ],
      ],
    ],
    common,
  );

  const numbers = (dims: readonly number[], phase: number) =>
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) =>
      Math.sin(i * i + phase),
    );

  const nodes: Readonly<
    Record<string, readonly [attributes: Record<string, number>, show: number]>
  > = {
    "plain, and the products": [{}, 0],
    "causal, with a bound, and what is bounded": [{ is_causal: 1, softcap: 2 }, 1],
    "scaled, and the probabilities": [{ scale: 0.25 }, 3],
  };

  test.each(Object.entries(nodes))(
    "a node, %s, is differentiated as what it computes",
    async (_, [attributes, show]) => {
      const g = new Graph("node", { opset: 23 });
      const dims = [2, 4, 3, 2];
      const [q, k, v] = [0, 1, 2].map((i) =>
        g.input(`x${i}`, "float32", i === 0 ? dims : [2, 2, 3, 2]),
      ) as [Value, Value, Value];
      const all = {
        ...Object.fromEntries(
          Object.entries(attributes).map(([name, value]) => [
            name,
            name === "is_causal" ? value : { float: value },
          ]),
        ),
        qk_matmul_output_mode: show,
      };
      const [y, , , shown] = g.node("Attention", [q, k, v], all, { outputs: 4 }) as [
        Value,
        Value,
        Value,
        Value,
      ];
      const repeated = [k, v].map((x) => x.gather([0, 0, 1, 1], { axis: 1 })) as [Value, Value];
      const scores = q
        .matmul(transpose(repeated[0], [0, 1, 3, 2]))
        .mul(attributes.scale ?? Math.SQRT1_2);
      const capped = attributes.softcap ? scores.div(2).tanh().mul(2) : scores;
      const lower = g.constant([
        [0, -1e9, -1e9],
        [0, 0, -1e9],
        [0, 0, 0],
      ]);
      const weights = (attributes.is_causal ? capped.add(lower) : capped).softmax();
      const other = [
        weights.matmul(repeated[1]),
        [scores, capped, weights, weights][show] as Value,
      ];
      const [a, b] = [[y, shown], other].map((ys) =>
        vjp(
          ys,
          [q, k, v],
          ys.map((each) => each),
        ),
      );
      const found = await evaluate([...(a as Value[]), ...(b as Value[]), y, other[0] as Value], {
        x0: numbers(dims, 0),
        x1: numbers([2, 2, 3, 2], 1),
        x2: numbers([2, 2, 3, 2], 2),
      } as never);
      const rows = found.map(({ data }) => Array.from(data as Float32Array));
      expectClose("gradients", rows.slice(0, 3), rows.slice(3, 6), 1e-4);
      expectClose("values", [rows[6] as number[]], [rows[7] as number[]], 1e-5);
    },
  );
});

describe("rotaryEmbedding", () => {
  testRows(
    [
      [
        "of halves",
        (x, cos, sin) => rotaryEmbedding(x, cos, sin),
        [
          [1, 2, 3, 4],
          [1, 3, 2],
          [1, 3, 2],
        ],
      ],
      [
        "of neighbours, by places",
        (x, cos) =>
          rotaryEmbedding(x, cos, cos.mul(cos), {
            interleaved: true,
            heads: 2,
            positions: [[2, 0]],
          }),
        [
          [1, 2, 8],
          [3, 2],
        ],
      ],
      [
        "of the first entries",
        (x, cos) => rotaryEmbedding(x, cos, cos, { size: 2 }),
        [
          [1, 1, 2, 3],
          [1, 2, 1],
        ],
      ],
    ],
    common,
  );
});
