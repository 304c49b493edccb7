// The operators that bench/peers.mjs compares with bench/torch_baseline.py: the same names, sizes and
// inputs (standard normal, float32, softness 0.1, standardised where the operator standardises).
import { Graph, grad, soft } from "softonnx";

/** What is compared. A size is [batch, n] and the least ratio to PyTorch, on one thread each, forward and
 * with gradient, or none where nothing is promised. `peer` is the row of bench/torch_baseline.py, by default that
 * of the same name; with `into` results are written into tensors that are given to run, once and again. With `matrixUnless` the graph holds n x n matrices, unless
 * it runs on such a native kernel. */
export const rows = [
  {
    name: "sort/softsort/smooth",
    call: (x) => soft.sort(x, { method: "softsort" }),
    sizes: [
      [1, 1024, 60, 100],
      [1, 4096, 1000, 1000],
      [128, 128, 20, 40],
    ],
  },
  {
    name: "sort/softsort/c0",
    call: (x) => soft.sort(x, { method: "softsort", mode: "c0" }),
    matrixUnless: /SoftSort\w*(,|$)/,
    sizes: [
      [1, 1024, 250, 250],
      [1, 4096, 1500, 1500],
      [128, 128],
    ],
  },
  {
    name: "sort/neuralsort/smooth",
    call: (x) => soft.sort(x, { method: "neuralsort" }),
    matrixUnless: /NeuralSort\w*(,|$)/,
    sizes: [
      [1, 1024, 12, 18],
      [1, 4096, 80, 80],
      [128, 128, 6, 6],
    ],
  },
  {
    name: "sort/neuralsort/c0",
    call: (x) => soft.sort(x, { method: "neuralsort", mode: "c0" }),
    matrixUnless: /NeuralSort\w*(,|$)/,
    sizes: [
      [1, 1024],
      [128, 128],
    ],
  },
  {
    name: "rank/softsort/smooth",
    call: (x) => soft.rank(x, { method: "softsort", dim: -1 }),
    sizes: [
      [1, 1024, 30, 50],
      [1, 4096, 500, 500],
      [128, 128, 10, 20],
    ],
  },
  {
    name: "sort/sorting_network/smooth",
    call: (x) => soft.sort(x, { method: "sortingNetwork" }),
    sizes: [
      [1, 1024, 40, 40],
      [1, 16384, 25, 25],
      [128, 128],
    ],
  },
  {
    name: "sort/fast_soft_sort/c0",
    call: (x) => soft.sort(x, { method: "fastSoftSort", mode: "c0" }),
    sizes: [
      [1, 1024, 4, 10],
      [1, 16384, 8, 8],
      [128, 128],
    ],
  },
  {
    name: "rank/fast_soft_sort/c0",
    call: (x) => soft.rank(x, { method: "fastSoftSort", mode: "c0", dim: -1 }),
    sizes: [
      [1, 1024],
      [1, 16384],
      [128, 128],
    ],
  },
  {
    name: "sort/ot/smooth",
    call: (x) => soft.sort(x, { method: "ot" }),
    matrixUnless: /^$/,
    sizes: [
      [1, 64, 12, 12],
      [1, 256, 8, 8],
      [16, 64, 10, 10],
    ],
  },
  ...million("abs/smooth", (x) => soft.abs(x), 3.5, 5),
  ...million("relu/smooth", (x) => soft.relu(x), 4, 5),
  ...million("sign/c0", (x) => soft.sign(x, { mode: "c0" })),
  { name: "round/smooth", call: (x) => soft.round(x), sizes: [[1, 2 ** 18, 30, 30]] },
];

/** A million entries, where making and filling the memory of results takes longer than computing them: with
 * results of its own for each run, and with tensors that are given once. */
function million(name, call, ...goals) {
  const sizes = [[1, 2 ** 20, ...goals]];
  return [
    { name, call, sizes },
    { name: `${name}, into tensors`, peer: name, into: true, call, sizes },
  ];
}

/** The models of a row at one size: forward, and forward with the gradient of the sum of squares. */
export function modelsOf(row, batch, n) {
  const g = new Graph("bench");
  const x = g.input("x", "float32", [batch, n]);
  const y = row.call(x);
  const loss = y.square().sum();
  const [dx] = grad(loss, [x]);
  return {
    forward: g.toModel({ outputs: { y } }),
    gradient: g.toModel({ outputs: { loss, dx } }),
  };
}

/** Standard normal numbers, always the same. */
export function normal(length) {
  let state = 1;
  const uniform = () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
  return Float32Array.from(
    { length },
    () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()),
  );
}
