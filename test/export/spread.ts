import { Graph, grad, type Mode, reduceSum, soft, st, type Value } from "softonnx";

/** A model to look at, with what it is of. */
export interface Sample {
  readonly name: string;
  readonly model: Uint8Array;
}

type Apply = (x: Value, y: Value, how: Options) => Value;

/** Options that a family has in common; each operator is called with those it has. */
interface Options {
  readonly mode: Mode;
  readonly method?: (typeof METHODS)[number];
}

const MODES: readonly Mode[] = ["hard", "smooth", "c0", "c1", "c2"];

const METHODS = [
  "softsort",
  "neuralsort",
  "ot",
  "fastSoftSort",
  "smoothSort",
  "sortingNetwork",
] as const;

/** The modes that a method has. The hard one is the same for all. */
function modesOf(method: string): readonly Mode[] {
  if (method === "softsort") return MODES;
  return method === "smoothSort" ? ["smooth"] : MODES.slice(1);
}

const ELEMENTWISE: Readonly<Record<string, Apply>> = {
  sigmoidal: (x, _y, how) => soft.sigmoidal(x, mode(how)),
  softrelu: (x, _y, how) => soft.softrelu(x, mode(how)),
  abs: (x, _y, how) => soft.abs(x, mode(how)),
  relu: (x, _y, how) => soft.relu(x, { ...mode(how), gated: true }),
  clamp: (x, _y, how) => soft.clamp(x, -1, 1, mode(how)),
  sign: (x, _y, how) => soft.sign(x, mode(how)),
  round: (x, _y, how) => soft.round(x, mode(how)),
  heaviside: (x, _y, how) => soft.heaviside(x, mode(how)),
  greater: (x, y, how) => soft.greater(x, y, mode(how)),
  greaterEqual: (x, y, how) => soft.greaterEqual(x, y, mode(how)),
  less: (x, y, how) => soft.less(x, y, mode(how)),
  lessEqual: (x, y, how) => soft.lessEqual(x, y, mode(how)),
  eq: (x, y, how) => soft.eq(x, y, mode(how)),
  notEqual: (x, y, how) => soft.notEqual(x, y, mode(how)),
  isclose: (x, y, how) => soft.isclose(x, y, mode(how)),
  stAbs: (x, _y, how) => st.abs(x, mode(how)),
  stGreater: (x, y, how) => st.greater(x, y, mode(how)),
};

const LOGICAL: Readonly<Record<string, Apply>> = {
  logicalAnd: (x, y) => soft.logicalAnd(x, y),
  logicalOr: (x, y) => soft.logicalOr(x, y),
  logicalXor: (x, y) => soft.logicalXor(x, y),
  logicalNot: (x) => soft.logicalNot(x),
  all: (x) => soft.all(x),
  any: (x) => soft.any(x, { useGeometricMean: true }),
  where: (x, y) => soft.where(x, x, y),
  takeAlongDim: (x) => soft.takeAlongDim(x, soft.argsort(x), { dim: -1 }),
  take: (x) => soft.take(x, soft.argmax(x, { keepdim: true }).squeeze(0)),
  indexSelect: (x) => soft.indexSelect(x, soft.argmax(x.gather(0)), -1),
  narrow: (x) => soft.narrow(x, soft.argmax(x.gather(0)), 2, { dim: -1 }),
};

const SORTED: Readonly<Record<string, Apply>> = {
  max: (x, _y, how) => soft.max(x, how),
  min: (x, _y, how) => soft.min(x, { ...how, dim: 0 }),
  argmax: (x, _y, how) => soft.argmax(x, { ...indexed(how), dim: -1 }),
  argmin: (x, _y, how) => soft.argmin(x, { ...indexed(how), dim: -1, keepdim: true }),
  sort: (x, _y, how) => soft.sort(x, { ...how, descending: true }),
  argsort: (x, _y, how) => soft.argsort(x, { ...indexed(how), dim: 0 }),
  rank: (x, _y, how) => soft.rank(x, { ...how, dim: -1 }),
  topk: (x, _y, how) => soft.topk(x, 2, how).values,
  quantile: (x, _y, how) => soft.quantile(x, [0.25, 0.5], { ...how, dim: -1 }),
  argquantile: (x, _y, how) => soft.argquantile(x, 0.25, { ...indexed(how), dim: -1 }),
  median: (x, _y, how) => soft.median(x, { ...how, standardize: false }),
  argmedian: (x, _y, how) => soft.argmedian(x, { ...indexed(how), dim: -1 }),
  stSort: (x, _y, how) => st.sort(x, how),
};

/** Those that have soft modes alone. */
const PROJECTIONS: Readonly<Record<string, Apply>> = {
  projectSimplex: (x, _y, how) => soft.projectSimplex(x, { ...softMode(how), dim: 0 }),
  projectPermutahedron: (x, y, how) => soft.projectPermutahedron(x, y, softMode(how)),
  transport: (x, y, how) => {
    const [rows, columns] = [y.square().sum(-1).add(1), y.square().sum(0).add(1)];
    return soft.transport(x, rows, columns, softMode(how)).plan;
  },
};

/** Every soft operator in every mode and method that it has, as a training step and as an inference
 * model, with known and with named sizes. */
export function* spread(): Generator<Sample> {
  for (const [name, apply] of Object.entries(ELEMENTWISE)) {
    for (const each of MODES) yield* samples(name, apply, { mode: each });
  }
  for (const [name, apply] of Object.entries(LOGICAL))
    yield* samples(name, apply, { mode: "smooth" });
  for (const [name, apply] of Object.entries(SORTED)) {
    for (const method of METHODS) {
      if (name.startsWith("arg") && !hasIndex(method)) continue;
      for (const each of modesOf(method)) yield* samples(name, apply, { mode: each, method });
    }
  }
  for (const [name, apply] of Object.entries(PROJECTIONS)) {
    for (const each of MODES.slice(1)) yield* samples(name, apply, { mode: each });
  }
}

function* samples(name: string, apply: Apply, how: Options): Generator<Sample> {
  const title = [name, ...Object.values(how)].join(" ");
  const turn = count++;
  const dtype = turn % 2 === 0 ? "float32" : "float64";
  const sizes = turn % 3 === 0 ? [3, 5] : ["rows", "n"];

  const step = new Graph("step");
  const x = step.input("x", dtype, sizes);
  const y = step.input("y", dtype, sizes);
  const scale = step.parameter("scale", 1, dtype);
  const result = apply(x.mul(scale), y, how);
  const loss = reduceSum(result.square());
  const [dscale, dx] = grad(loss, [scale, x]) as [Value, Value];
  step
    .output("result", result)
    .output("loss", loss)
    .output("dx", dx)
    .update(scale, scale.sub(dscale.mul(0.1)));
  yield { name: `${title}, training step in ${dtype}`, model: step.toModel() };
  yield { name: `${title}, inference in ${dtype}`, model: step.toModel({ outputs: { result } }) };
}

let count = 0;

function hasIndex(method: Options["method"]): method is soft.IndexMethod | undefined {
  return method !== "fastSoftSort" && method !== "smoothSort";
}

function indexed(how: Options): { readonly mode: Mode; readonly method?: soft.IndexMethod } {
  const { method } = how;
  if (!hasIndex(method)) throw new Error(`${method} has no soft index`);
  return method === undefined ? mode(how) : { ...mode(how), method };
}

function softMode({ mode }: Options): { readonly mode: soft.SoftMode } {
  if (mode === "hard") throw new Error("there is no hard projection");
  return { mode };
}

function mode(how: Options): { readonly mode: Mode } {
  return { mode: how.mode };
}
