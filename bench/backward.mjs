// Compares the gradients of three networks with backward passes that are written out by hand in the same builder:
//
//   npm run build && node bench/backward.mjs
//
// Nodes beside those of the way forward, bytes kept of it, and the least time of a run of loss and gradients
// (stock onnxruntime-node, one thread; both models in turns). That both give the same gradients is checked first.
import { performance } from "node:perf_hooks";
import {
  add,
  conv,
  convTranspose,
  div,
  explainGradient,
  Graph,
  grad,
  greater,
  layerNormalization,
  matmul,
  mul,
  reduceMean,
  reduceSum,
  relu,
  reshape,
  softmax,
  sqrt,
  sub,
  transpose,
  unsqueeze,
  where,
} from "softonnx";
import { createSession, Tensor } from "softonnx/node";

const SECONDS = 1;

/** What the gradients of onnxsim's graph_grad.py (github.com/onnxsim/onnxsim, commit 05df3734) are made of. */
const ONNXSIM = new Set(
  (
    "Add Cast Div Exp Gather Greater Identity Less MatMul Mul Neg ReduceMean ReduceSum Reshape Sqrt Sub " +
    "Transpose"
  ).split(" "),
);

/** A perceptron with one hidden layer and the squared error. */
function perceptron() {
  const g = new Graph("perceptron");
  const x = g.input("x", "float32", [64, 128]);
  const target = g.input("target", "float32", [64, 10]);
  const [w, b, v, c] = weights(g, { w: [128, 256], b: [256], v: [256, 10], c: [10] });
  const before = matmul(x, w).add(b);
  const hidden = relu(before);
  const error = matmul(hidden, v).add(c).sub(target);
  const loss = reduceMean(error.mul(error));
  const byHand = () => {
    const dError = error.mul(2 / (64 * 10));
    const dBefore = where(greater(before, 0), matmul(dError, transpose(v)), 0);
    return [
      matmul(transpose(x), dBefore),
      reduceSum(dBefore, { axes: 0 }),
      matmul(transpose(hidden), dError),
      reduceSum(dError, { axes: 0 }),
    ];
  };
  return { g, loss, xs: [w, b, v, c], byHand };
}

/** A residual network: a convolution, a block of two with the way around it, the mean of each channel, and a layer. */
function residualNet() {
  const [batch, channels, size] = [8, 16, 16];
  const g = new Graph("residual_net");
  const x = g.input("x", "float32", [batch, 3, size, size]);
  const target = g.input("target", "float32", [batch, 10]);
  const wide = [channels, channels, 3, 3];
  const [w0, w1, w2, v] = weights(g, {
    w0: [channels, 3, 3, 3],
    w1: wide,
    w2: wide,
    v: [channels, 10],
  });
  const pads = 1;
  const a0 = conv(x, w0, undefined, { pads });
  const h0 = relu(a0);
  const a1 = conv(h0, w1, undefined, { pads });
  const h1 = relu(a1);
  const a2 = h0.add(conv(h1, w2, undefined, { pads }));
  const h2 = relu(a2);
  const means = reduceMean(h2, { axes: [2, 3] });
  const error = matmul(means, v).sub(target);
  const loss = reduceMean(error.mul(error));

  const swapped = (value) => transpose(value, [1, 0, 2, 3]);
  const weightOf = (input, dOutput) =>
    swapped(conv(swapped(input), swapped(dOutput), undefined, { pads }));
  const byHand = () => {
    const dError = error.mul(2 / (batch * 10));
    const dMeans = matmul(dError, transpose(v)).div(size * size);
    const d2 = where(greater(a2, 0), unsqueeze(dMeans, [2, 3]), 0);
    const d1 = where(greater(a1, 0), convTranspose(d2, w2, undefined, { pads }), 0);
    const dh0 = d2.add(convTranspose(d1, w1, undefined, { pads }));
    const d0 = where(greater(a0, 0), dh0, 0);
    return [weightOf(x, d0), weightOf(h0, d1), weightOf(h1, d2), matmul(transpose(means), dError)];
  };
  return { g, loss, xs: [w0, w1, w2, v], byHand };
}

/** A block of a transformer: attention of four heads and a perceptron, each behind a normalisation and beside the
 * way around it. */
function transformerBlock() {
  const [batch, length, features, heads] = [4, 32, 64, 4];
  const size = features / heads;
  const g = new Graph("transformer_block");
  const x = g.input("x", "float32", [batch, length, features]);
  const square = [features, features];
  const [wq, wk, wv, wo] = weights(g, { wq: square, wk: square, wv: square, wo: square });
  const [w, v] = weights(g, { w: [features, 4 * features], v: [4 * features, features] });
  const scales = ["s1", "b1", "s2", "b2"].map((name) => g.input(name, "float32", [features]));
  const [s1, b1, s2, b2] = scales;
  const split = (h) => transpose(reshape(h, [batch, length, heads, size]), [0, 2, 1, 3]);
  const merge = (h) => reshape(transpose(h, [0, 2, 1, 3]), [batch, length, features]);
  const turned = (h) => transpose(h, [0, 1, 3, 2]);
  const factor = 1 / Math.sqrt(size);

  const n1 = layerNormalization(x, s1, b1);
  const [q, k, u] = [wq, wk, wv].map((each) => split(matmul(n1, each)));
  const shares = softmax(matmul(q, turned(k)).mul(factor));
  const mixed = merge(matmul(shares, u));
  const h = x.add(matmul(mixed, wo));
  const n2 = layerNormalization(h, s2, b2);
  const before = matmul(n2, w);
  const hidden = relu(before);
  const y = h.add(matmul(hidden, v));
  const loss = reduceMean(y.mul(y));

  const flat = (value, width) => reshape(value, [batch * length, width]);
  const weightOf = (input, dOutput, rows, columns) =>
    matmul(transpose(flat(input, rows)), flat(dOutput, columns));
  const normalized = (input) => {
    const centred = input.sub(reduceMean(input, { axes: -1, keepdims: true }));
    const variance = reduceMean(centred.mul(centred), { axes: -1, keepdims: true });
    const inverse = div(1, sqrt(add(variance, 1e-5)));
    return { unit: centred.mul(inverse), inverse };
  };
  const throughNorm = (input, scale, dOutput) => {
    const { unit, inverse } = normalized(input);
    const dUnit = dOutput.mul(scale);
    const mean = (value) => reduceMean(value, { axes: -1, keepdims: true });
    const dInput = mul(sub(sub(dUnit, mean(dUnit)), mul(unit, mean(dUnit.mul(unit)))), inverse);
    const dScale = reduceSum(dOutput.mul(unit), { axes: [0, 1] });
    return { dInput, dScale, dBias: reduceSum(dOutput, { axes: [0, 1] }) };
  };
  const byHand = () => {
    const dy = y.mul(2 / (batch * length * features));
    const dBefore = where(greater(before, 0), matmul(dy, transpose(v)), 0);
    const second = throughNorm(h, s2, matmul(dBefore, transpose(w)));
    const dh = dy.add(second.dInput);
    const dMixed = split(matmul(dh, transpose(wo)));
    const dShares = matmul(dMixed, turned(u));
    const weighted = dShares.mul(shares);
    const dLogits = sub(
      weighted,
      shares.mul(reduceSum(weighted, { axes: -1, keepdims: true })),
    ).mul(factor);
    const dq = merge(matmul(dLogits, k));
    const dk = merge(matmul(turned(dLogits), q));
    const du = merge(matmul(turned(shares), dMixed));
    const dn1 = [
      [dq, wq],
      [dk, wk],
      [du, wv],
    ].map(([part, each]) => matmul(part, transpose(each)));
    const first = throughNorm(x, s1, add(add(dn1[0], dn1[1]), dn1[2]));
    const square = (input, dOutput) => weightOf(input, dOutput, features, features);
    return [
      square(n1, dq),
      square(n1, dk),
      square(n1, du),
      square(mixed, dh),
      weightOf(n2, dBefore, features, 4 * features),
      weightOf(hidden, dy, 4 * features, features),
      first.dScale,
      first.dBias,
      second.dScale,
      second.dBias,
    ];
  };
  return { g, loss, xs: [wq, wk, wv, wo, w, v, ...scales], byHand };
}

function weights(g, shapes) {
  return Object.entries(shapes).map(([name, shape]) => g.input(name, "float32", shape));
}

/** Numbers between -0.3 and 0.3, the same in every run. */
function noise(length, seed) {
  return Float32Array.from({ length }, (_, i) => 0.3 * Math.sin(12.9898 * (i + 1) + 78.233 * seed));
}

/** What only the gradients need: the same that explainGradient counts, of gradients made by hand. */
function nodesBeside(g, loss, gradients) {
  const count = (values) => {
    const outputs = Object.fromEntries(values.map((value, i) => [`y${i}`, value]));
    return Graph.fromModel(g.toModel({ outputs })).root.nodes.length;
  };
  return count([loss, ...gradients]) - count([loss]);
}

async function compare(name, build) {
  const { g, loss, xs, byHand } = build();
  const report = explainGradient(loss, xs);
  const rows = { ours: grad(loss, xs), "by hand": byHand() };
  const feeds = Object.fromEntries(
    [...g.inputs].map(([input, { shape }], i) => {
      const length = shape.reduce((a, b) => a * b, 1);
      return [input, new Tensor("float32", noise(length, i), shape)];
    }),
  );
  const runs = [];
  for (const [who, gradients] of Object.entries(rows)) {
    const outputs = Object.fromEntries([loss, ...gradients].map((value, i) => [`y${i}`, value]));
    const session = await createSession(g.toModel({ outputs }), {
      backend: "cpu",
      intraOpNumThreads: 1,
    });
    const nodes = nodesBeside(g, loss, gradients);
    runs.push({
      who,
      nodes,
      session,
      least: Number.POSITIVE_INFINITY,
      first: await session.run(feeds),
    });
  }
  const [ours, hand] = runs;
  const apart = distance(ours.first, hand.first);
  if (!(apart < 1e-4)) throw new Error(`${name}: the gradients differ by ${apart}`);
  const end = performance.now() + 2000 * SECONDS;
  while (performance.now() < end) {
    for (const run of runs) {
      const start = performance.now();
      await run.session.run(feeds);
      run.least = Math.min(run.least, performance.now() - start);
    }
  }
  for (const { session } of runs) await session.dispose();
  const others = Object.keys(report.operators).filter((op) => !ONNXSIM.has(op));
  console.log(
    `| ${name} | ${ours.nodes} / ${hand.nodes} | ${report.savedBytes / 1024} KB | ` +
      `${ours.least.toFixed(2)} / ${hand.least.toFixed(2)} ms | ${others.join(", ")} |`,
  );
}

/** The largest difference, relative to the largest element of each tensor. */
function distance(a, b) {
  return Math.max(
    ...Object.keys(a).map((name) => {
      const [one, other] = [a[name].data, b[name].data];
      const largest = one.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-30);
      return (
        one.reduce((most, value, i) => Math.max(most, Math.abs(value - other[i])), 0) / largest
      );
    }),
  );
}

console.log(
  "| network | nodes, ours / by hand | kept by ours | run, ours / by hand | not in onnxsim's list |",
);
console.log("| --- | --- | --- | --- | --- |");
await compare("MLP, 64 x 128-256-10", perceptron);
await compare("residual net, 8 x 3 x 16 x 16", residualNet);
await compare("transformer block, 4 x 32 x 64", transformerBlock);
