import { evaluate } from "softonnx/node";
import { Graph } from "../../src/builder/graph.ts";
import { gru, lstm, rnn, transpose } from "../../src/builder/operators/index.ts";
import type { Value } from "../../src/builder/value.ts";
import { vjp } from "../../src/grad/index.ts";
import { between, expectClose } from "./check.ts";
import { testRows } from "./rows.ts";

const common = { draw: between(-1, 1), also: ["named"] } as const;
const ends = ({ yH, yC }: { readonly yH: Value; readonly yC?: Value }) =>
  yC === undefined ? yH.mul(yH) : yH.mul(yC);

describe("rnn", () => {
  testRows(
    [
      [
        "in x, w and r",
        (x, w, r) => rnn(x, w, r).y,
        [
          [3, 2, 2],
          [1, 2, 2],
          [1, 2, 2],
        ],
      ],
      [
        "backwards, by its last state, in its bias",
        (x, w, b) => rnn(x, w, w, b, { direction: "reverse", activations: ["Softsign"] }).yH,
        [
          [3, 2, 2],
          [1, 2, 2],
          [1, 4],
        ],
        { opsets: [13, 22] },
      ],
      [
        "both ways",
        (x, w, initialH) => rnn(x, w, w, undefined, { direction: "bidirectional", initialH }).y,
        [
          [2, 1, 2],
          [2, 2, 2],
          [2, 1, 2],
        ],
      ],
    ],
    common,
  );
});

describe("gru", () => {
  testRows(
    [
      [
        "in x, w and r",
        (x, w, r) => gru(x, w, r).y,
        [
          [2, 1, 1],
          [1, 3, 1],
          [1, 3, 1],
        ],
      ],
      [
        "linear before the reset, from a state",
        (x, b, initialH) =>
          gru(
            x,
            b.slice(0, 3, { axes: 1 }).unsqueeze(2),
            b.slice(3, 6, { axes: 1 }).unsqueeze(2),
            b,
            { initialH, linearBeforeReset: true },
          ).y,
        [
          [2, 1, 1],
          [1, 6],
          [1, 1, 1],
        ],
      ],
    ],
    common,
  );
});

describe("lstm", () => {
  testRows(
    [
      [
        "in x, w and r",
        (x, w, r) => lstm(x, w, r).y,
        [
          [3, 1, 1],
          [1, 4, 1],
          [1, 4, 1],
        ],
      ],
      [
        "of sequences of several lengths, by both last states",
        (x, w, initialH) =>
          ends(
            lstm(x, w, w, undefined, {
              initialH,
              initialC: initialH.mul(2),
              sequenceLens: Int32Array.of(2, 1, 3),
            }),
          ),
        [
          [3, 3, 1],
          [1, 4, 1],
          [1, 3, 1],
        ],
        { opsets: [13, 22] },
      ],
      [
        "with peepholes and a coupled forget gate",
        (x, w, peepholes) => lstm(x, w, w, undefined, { peepholes, inputForget: true }).yC,
        [
          [2, 2, 1],
          [1, 4, 1],
          [1, 3],
        ],
      ],
    ],
    common,
  );

  test("of a node with the batch first is that of one with the steps first", async () => {
    const g = new Graph("layouts");
    const x = g.input("x", "float32", [2, 3, 1]);
    const w = g.constant([[[0.5], [-1], [0.25], [2]]]);
    const inputs = [x, w, w];
    const [y, , c] = g.node(
      "LSTM",
      inputs,
      { layout: 1, hidden_size: 1 },
      { outputs: 3 },
    ) as Triple;
    expect(y.shape).toEqual([2, 3, 1, 1]);
    expect(c.shape).toEqual([2, 1, 1]);
    const plain = lstm(transpose(x, [1, 0, 2]), w, w);
    const [dx] = vjp([y, c], [x], [2, 3]) as [Value];
    const [other] = vjp([plain.y, plain.yC], [x], [2, 3]) as [Value];
    const [a, b] = await evaluate([dx, other], {
      x: [
        [[1], [2], [-1]],
        [[0], [3], [0.5]],
      ],
    });
    expect(a.dims).toEqual([2, 3, 1]);
    expectClose("gradient", [[...(a.data as Float32Array)]], [[...(b.data as Float32Array)]], 1e-6);
  });
});

type Triple = [Value, Value, Value];
