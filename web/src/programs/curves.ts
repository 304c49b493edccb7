import { Graph, grad, type Method, type Mode, soft, type Value } from "softonnx/core";

/** What an operator's graph is made with. */
interface Setting {
  readonly mode: Mode;
  readonly softness: Value;
  readonly method: Method;
}

export interface Operator {
  readonly label: string;
  /** "elementwise" is a function of one number, "order" of a row of points. */
  readonly kind: "elementwise" | "order";
  /** One sentence for a newcomer. */
  readonly says: string;
  /** Of entries [n], or of rows [rows, points] of which `moved` is the entry that moves; gives [n] or [rows]. */
  readonly apply: (x: Value, setting: Setting, moved: Value) => Value;
}

const order = ({ mode, softness, method }: Setting) => ({
  dim: -1,
  mode,
  softness,
  method,
  standardize: false,
});

export const OPERATORS: Readonly<Record<string, Operator>> = {
  rank: {
    label: "rank",
    kind: "order",
    says: "The place of the moving point among all, 1 for the largest. A hard rank jumps; a soft one glides.",
    apply: (x, setting, moved) => soft.rank(x, order(setting)).mul(moved).sum(-1),
  },
  median: {
    label: "median",
    kind: "order",
    says: "The point in the middle. Softly, its neighbours have a say, and so receive a gradient.",
    apply: (x, setting) => soft.median(x, order(setting)),
  },
  max: {
    label: "max",
    kind: "order",
    says: "The largest point. Softly, every point near the top pulls a little.",
    apply: (x, setting) => soft.max(x, order(setting)),
  },
  min: {
    label: "min",
    kind: "order",
    says: "The smallest point.",
    apply: (x, setting) => soft.min(x, order(setting)),
  },
  quantile: {
    label: "quantile 0.75",
    kind: "order",
    says: "Three quarters of the points lie below it.",
    apply: (x, setting) => soft.quantile(x, 0.75, order(setting)),
  },
  abs: {
    label: "abs",
    kind: "elementwise",
    says: "The distance from 0. The kink at 0 is rounded.",
    apply: (x, { mode, softness }) => soft.abs(x, { mode, softness }),
  },
  relu: {
    label: "relu",
    kind: "elementwise",
    says: "0 below 0, the number itself above.",
    apply: (x, { mode, softness }) => soft.relu(x, { mode, softness }),
  },
  sign: {
    label: "sign",
    kind: "elementwise",
    says: "−1 or 1. Its gradient is 0 everywhere, unless it is soft.",
    apply: (x, { mode, softness }) => soft.sign(x, { mode, softness }),
  },
  heaviside: {
    label: "heaviside",
    kind: "elementwise",
    says: "A step from 0 to 1: a yes or no, softly a maybe.",
    apply: (x, { mode, softness }) => soft.heaviside(x, { mode, softness }),
  },
  round: {
    label: "round",
    kind: "elementwise",
    says: "The nearest whole number: a staircase, softly a wave around the diagonal.",
    apply: (x, { mode, softness }) => soft.round(x, { mode, softness }),
  },
  clamp: {
    label: "clamp −1 … 1",
    kind: "elementwise",
    says: "The number, kept between −1 and 1.",
    apply: (x, { mode, softness }) => soft.clamp(x, -1, 1, { mode, softness }),
  },
  greater: {
    label: "x > 0",
    kind: "elementwise",
    says: "A comparison: the probability that x is greater than 0.",
    apply: (x, { mode, softness }) => soft.greater(x, 0, { mode, softness }),
  },
  eq: {
    label: "x = 0",
    kind: "elementwise",
    says: "A comparison: how equal x is to 0.",
    apply: (x, { mode, softness }) => soft.eq(x, 0, { mode, softness }),
  },
};

/** Methods that order softly, for people. */
export const METHODS: Readonly<Record<Method, string>> = {
  neuralsort: "NeuralSort",
  softsort: "SoftSort",
  ot: "optimal transport",
  sortingNetwork: "sorting network",
  fastSoftSort: "fast soft sort",
  smoothSort: "smooth sort",
};

/** What a mode is like, for people. */
export const MODES: Readonly<Record<Exclude<Mode, "hard">, string>> = {
  smooth: "Smooth is built on the exponential: however far away, nothing loses all its weight.",
  c0: "c0 is built on straight pieces: what is far away has weight 0, and the gradient jumps.",
  c1: "c1 is built on parabolas: what is far away has weight 0, and the gradient bends but does not jump.",
  c2: "c2 is built on cubic pieces: what is far away has weight 0, and the gradient is smooth as well.",
};

/** Value and gradient of an operator along a line.
 *
 * Inputs: softness, and `x` [n] (elementwise), or `points` [points] and `place` [rows], where the moving
 * point is put, with `moved` [points], 1 for it and 0 for the others.
 * Outputs: `value`, `slope` by the moving number, and `hard`, what the hard operator gives. */
export function curveGraph(name: string, method: Method, mode: Mode): Graph {
  const operator = OPERATORS[name] as Operator;
  const g = new Graph(`curve_of_${name}`);
  const softness = g.input("softness", "float32", []);
  const setting = { mode, softness, method };
  if (operator.kind === "elementwise") {
    const x = g.input("x", "float32", ["n"]);
    const value = operator.apply(x, setting, x);
    const [slope] = grad(value.sum(), [x]) as [Value];
    const hard = operator.apply(x, { ...setting, mode: "hard" }, x);
    return g.output("value", value).output("slope", slope).output("hard", hard);
  }
  const points = g.input("points", "float32", ["points"]);
  const moved = g.input("moved", "float32", ["points"]);
  const place = g.input("place", "float32", ["rows"]);
  const rows = points.mul(moved.mul(-1).add(1)).add(place.unsqueeze(1).mul(moved));
  const value = operator.apply(rows, setting, moved);
  const [slope] = grad(value.sum(), [place]) as [Value];
  const hard = operator.apply(rows, { ...setting, mode: "hard" }, moved);
  return g.output("value", value).output("slope", slope).output("hard", hard);
}

/** What a method makes of points: `sorted`, `ranks`, and `permutation` where it has one. */
export function orderGraph(method: Method, mode: Mode): Graph {
  const g = new Graph("order");
  const softness = g.input("softness", "float32", []);
  const points = g.input("points", "float32", ["points"]);
  const options = { ...order({ mode, softness, method }), descending: true };
  g.output("sorted", soft.sort(points, options)).output("ranks", soft.rank(points, options));
  if (method === "fastSoftSort" || method === "smoothSort") return g;
  return g.output("permutation", soft.argsort(points, { ...options, method }));
}
