import { det, einsum, gemm, matmul } from "../../src/builder/operators/index.ts";
import { gradientAt, numbers } from "./check.ts";
import { type Row, testRows } from "./rows.ts";

describe("matmul", () => {
  const shapes: [number[], number[]][] = [
    [[3], [3]],
    [[2, 3], [3]],
    [[4, 2, 3], [3]],
    [[3], [3, 2]],
    [[3], [4, 3, 2]],
    [
      [2, 3],
      [3, 4],
    ],
    [
      [1, 3],
      [3, 1],
    ],
    [
      [2, 3, 2],
      [2, 3],
    ],
    [
      [2, 3],
      [2, 3, 2],
    ],
    [
      [2, 2, 3],
      [2, 3, 2],
    ],
    [
      [1, 2, 3],
      [2, 3, 2],
    ],
    [
      [2, 1, 2, 3],
      [3, 3, 2],
    ],
    [
      [2, 3, 1, 2],
      [1, 3, 2, 2],
    ],
  ];
  testRows(shapes.map((pair): Row => ["matmul", matmul, pair]));
  testRows([
    ["matmul of a transpose and a vector", (a, v) => matmul(a.transpose(), v), [[4, 3], [4]]],
    ["matmul of a vector and a transpose", (v, a) => matmul(v, a.transpose()), [[3], [4, 3]]],
    ["matmul with itself", (a) => matmul(a, a), [[3, 3]]],
  ]);
});

describe("gemm", () => {
  const flags = [false, true];
  testRows(
    flags.flatMap((transA) =>
      flags.map(
        (transB): Row => [
          `gemm ${JSON.stringify({ transA, transB })}`,
          (a, b, c) => gemm(a, b, c, { transA, transB, alpha: 1.5, beta: 0.5 }),
          [transA ? [3, 2] : [2, 3], transB ? [4, 3] : [3, 4], [4]],
        ],
      ),
    ),
  );
  testRows([
    [
      "gemm without c",
      (a, b) => gemm(a, b),
      [
        [2, 3],
        [3, 2],
      ],
    ],
    [
      "gemm, c a column",
      (a, b, c) => gemm(a, b, c),
      [
        [2, 3],
        [3, 2],
        [2, 1],
      ],
    ],
    ["gemm, c a scalar", (a, b, c) => gemm(a, b, c, { beta: 2 }), [[2, 3], [3, 2], []]],
  ]);
});

describe("einsum", () => {
  const equations: [string, ...number[][]][] = [
    ["ij,jk->ik", [2, 3], [3, 2]],
    ["ij,kj->ki", [2, 3], [4, 3]],
    ["ij->ji", [2, 3]],
    ["ij->i", [2, 3]],
    ["ij->", [2, 3]],
    ["ijk->kj", [2, 3, 2]],
    ["ii->i", [3, 3]],
    ["ii->", [3, 3]],
    ["iij->ji", [2, 2, 3]],
    ["iii->i", [2, 2, 2]],
    ["ii,ij->j", [3, 3], [3, 2]],
    ["i,j->ij", [2], [3]],
    ["ij,ij->", [2, 3], [2, 3]],
    ["i,i->", [3], [3]],
    ["ij,jk,kl->il", [2, 3], [3, 2], [2, 2]],
    ["i,i,i->i", [3], [3], [3]],
    ["ij,k->i", [2, 3], [2]],
    ["ab,cd->ad", [2, 3], [2, 2]],
    ["bij,bjk->bik", [2, 2, 3], [2, 3, 2]],
    ["...ij,...jk->...ik", [2, 2, 3], [2, 3, 2]],
    ["...ij,jk->...ik", [2, 2, 3], [3, 2]],
    ["...i,j...->j...", [3, 2], [2, 3]],
    ["i...,i...->...", [3, 2], [3, 2]],
    ["i...j->j...", [2, 3, 2]],
    ["...->...", [2, 3]],
    ["...ii->...i", [2, 3, 3]],
    ["ij,jk", [2, 3], [3, 2]],
    ["ba", [2, 3]],
    [",ij->ij", [], [2, 3]],
  ];
  testRows(
    equations.map(([equation, ...shapes]): Row => {
      const build: Row[1] = (...xs) => einsum(equation, ...xs.slice(0, shapes.length));
      return [equation, build, shapes];
    }),
  );

  // With sizes unknown ONNX Runtime takes an ellipsis axis of size 1 to stay 1, and warns when it does not.
  testRows(
    [
      [
        "...ij,...jk->...ik",
        (x, y) => einsum("...ij,...jk->...ik", x, y),
        [
          [1, 2, 3],
          [2, 3, 2],
        ],
      ],
      [
        "...i,...i->...",
        (x, y) => einsum("...i,...i->...", x, y),
        [
          [2, 1, 3],
          [1, 3, 3],
        ],
      ],
    ],
    { also: [] },
  );
});

describe("determinants", () => {
  testRows(
    [1, 2, 3, 4].map((n): Row => ["det", (x) => det(x).mul(det(x)), [[2, n, n]]]),
    { also: ["named"] },
  );
  testRows([["det by elimination", (x) => det(x), [[5, 5]], { also: [] }]]);

  test("of singular matrices have the right slopes", async () => {
    const x = numbers([1, 2, 2, 4], [2, 2]);
    expect(await gradientAt((value) => det(value), [x])).toEqual([[4, -2, -2, 1]]);
  });
});
