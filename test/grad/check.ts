import * as ort from "onnxruntime-node";
import type { Dim } from "../../src/builder/dim.ts";
import { Graph } from "../../src/builder/graph.ts";
import { cast, cos, range, reduceProd, reshape, shape } from "../../src/builder/operators/index.ts";
import type { Value } from "../../src/builder/value.ts";
import { jvp, vjp } from "../../src/grad/index.ts";

/** Builds what is to be differentiated from float64 inputs. */
export type Build = (x: Value, y: Value, z: Value) => Value;

/** What a graph is told of the sizes of its inputs. */
export type Knowledge = "static" | "named" | "unknown" | "unranked";

/** How a build is traced. */
interface Setting {
  readonly knowledge: Knowledge;
  readonly dtype?: "float32" | "float64";
  readonly opset?: number;
}

export interface CheckOptions {
  /** Draws one element from a number between 0 and 1; by default between -2 and 2. One for all inputs,
   * or one for each. */
  readonly draw?: Draw | readonly Draw[];
  /** Beside "static". By default "named" and "unknown". */
  readonly also?: readonly Knowledge[];
  /** Highest order to check. Default 2. */
  readonly order?: 1 | 2;
  /** Opsets to repeat it in, beside 18. */
  readonly opsets?: readonly number[];
}

export type Draw = (uniform: number) => number;

export const between =
  (low: number, high: number): Draw =>
  (u) =>
    low + (high - low) * u;
export const positive = between(0.3, 2.5);

export interface Numbers {
  readonly data: ArrayLike<number>;
  readonly dims: readonly number[];
}

const STEP = 1e-3;

/** Checks the first and second derivatives of a build against central differences of its own values (and
 * of its own gradients) in float64, at optimisation levels "disabled" and "all", and with sizes known to
 * the graph by number, by name and not at all; then that float32 gives the same. */
export async function checkGradient(
  build: Build,
  shapes: readonly (readonly number[])[],
  options: CheckOptions = {},
): Promise<void> {
  const { also = ["named", "unknown"], order = 2, opsets = [] } = options;
  const random = randomNumbers(shapes.flat().reduce((sum, size, i) => sum + size * (i + 1), 7));
  const model = await Derivatives.of(build, shapes, { knowledge: "static" }, order);
  const { inputs, numeric } = await firstSmoothPoint(model, () =>
    drawPoint(shapes, options, random),
  );
  const analytic = await model.run(inputs);
  await model.release();
  expectClose("first derivative", analytic.first, numeric.first, 1e-6);
  if (order === 2) expectClose("second derivative", analytic.second, numeric.second, 1e-6);

  const again = async (what: string, setting: Setting, tolerance: number) => {
    const other = await Derivatives.of(build, shapes, setting, order);
    const found = await other.run(inputs);
    await other.release();
    expectClose(`first derivative, ${what}`, found.first, analytic.first, tolerance);
    expectClose(`second derivative, ${what}`, found.second, analytic.second, tolerance);
  };
  for (const knowledge of also) await again(`${knowledge} sizes`, { knowledge }, 1e-9);
  await again("float32", { knowledge: "static", dtype: "float32" }, 1e-3);
  for (const opset of opsets) {
    await again(`opset ${opset}, static`, { knowledge: "static", opset }, 1e-9);
    await again(`opset ${opset}, named`, { knowledge: "named", opset }, 1e-9);
  }
}

/** The gradient of sum(weights * build(inputs)) by each input, as rows of numbers.
 *
 * @param weights by default all ones */
export async function gradientAt(
  build: Build,
  inputs: readonly Numbers[],
  knowledge: Knowledge = "static",
  weights?: readonly number[],
): Promise<number[][]> {
  const { graph, xs } = inputsOf(
    inputs.map(({ dims }) => dims),
    { knowledge },
  );
  const y = build(...(xs as unknown as Parameters<Build>));
  const seed = weights && reshape(graph.constant(Float64Array.from(weights), "float64"), shape(y));
  const outputs = vjp(y, xs, seed);
  return runBoth(graph, Object.fromEntries(outputs.map((dx, i) => [`d${i}`, dx])), inputs).then(
    (found) => outputs.map((_, i) => found[`d${i}`]?.data as number[]),
  );
}

/** A vector, or with dims anything, of float64. */
export function numbers(data: readonly number[], dims: readonly number[] = [data.length]): Numbers {
  return { data, dims };
}

/** Runs a slice of a graph at both optimisation levels, which must agree, and returns the numbers. */
export async function runBoth(
  graph: Graph,
  outputs: Readonly<Record<string, Value>>,
  inputs: readonly Numbers[],
): Promise<Record<string, { data: number[]; dims: readonly number[] }>> {
  const model = await Model.of(graph, outputs);
  const found = await model.run(inputs);
  await model.release();
  return found;
}

type Found = Record<string, { data: number[]; dims: readonly number[] }>;

class Model {
  readonly #plain: ort.InferenceSession;
  readonly #optimized: ort.InferenceSession;

  private constructor(plain: ort.InferenceSession, optimized: ort.InferenceSession) {
    this.#plain = plain;
    this.#optimized = optimized;
  }

  static async of(graph: Graph, outputs: Readonly<Record<string, Value>>): Promise<Model> {
    const bytes = graph.toModel({ outputs });
    return new Model(await sessionOf(bytes, "disabled"), await sessionOf(bytes, "all"));
  }

  async run(inputs: readonly Numbers[]): Promise<Found> {
    const plain = await this.quick(inputs);
    const optimized = await run(this.#optimized, inputs);
    for (const name of Object.keys(plain)) {
      const [a, b] = [plain[name], optimized[name]] as [Found[string], Found[string]];
      expect({ name, dims: b.dims }).toEqual({ name, dims: a.dims });
      const tolerance = isSingle(this.#plain) ? 1e-4 : 1e-11;
      expectClose(`${name} at levels "all" and "disabled"`, [b.data], [a.data], tolerance);
    }
    return plain;
  }

  get single(): boolean {
    return isSingle(this.#plain);
  }

  quick(inputs: readonly Numbers[]): Promise<Found> {
    return run(this.#plain, inputs);
  }

  async release(): Promise<void> {
    await this.#plain.release();
    await this.#optimized.release();
  }
}

function sessionOf(bytes: Uint8Array, level: "disabled" | "all") {
  return ort.InferenceSession.create(bytes, {
    graphOptimizationLevel: level,
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
  });
}

async function run(session: ort.InferenceSession, inputs: readonly Numbers[]): Promise<Found> {
  const single = isSingle(session);
  const feeds: Record<string, ort.Tensor> = {};
  for (const [i, { data, dims }] of inputs.entries()) {
    if (!session.inputNames.includes(`x${i}`)) continue;
    feeds[`x${i}`] = single
      ? new ort.Tensor("float32", Float32Array.from(data), dims)
      : new ort.Tensor("float64", Float64Array.from(data), dims);
  }
  const results = await session.run(feeds);
  return Object.fromEntries(
    Object.entries(results).map(([name, { data, dims }]) => [
      name,
      { data: Array.from(data as ArrayLike<number | bigint>, Number), dims },
    ]),
  );
}

function isSingle(session: ort.InferenceSession): boolean {
  return session.inputMetadata.some((input) => input.isTensor && input.type === "float32");
}

interface Order2 {
  readonly first: number[][];
  readonly second: number[][];
}

/** <w, jvp of v> and <vjp of w, v> are the same number. */
function expectAdjoint(
  { w, t }: Found,
  steps: readonly (readonly number[])[],
  gradients: readonly (readonly number[])[],
  tolerance: number,
): void {
  const products = (a: readonly number[], b: readonly number[]) =>
    a.map((each, i) => each * (b[i] as number));
  const forward = products(w?.data ?? [], t?.data ?? []);
  const reverse = steps.flatMap((step, i) => products(step, gradients[i] ?? []));
  const total = (terms: readonly number[]) => terms.reduce((sum, term) => sum + term, 0);
  const size = Math.max(1, ...[...forward, ...reverse].map(Math.abs));
  expectClose("jvp", [[total(forward) / size]], [[total(reverse) / size]], tolerance);
}

/** A function s = <w, y(x)> with fixed weights w, its gradient, and the gradient of <v, grad s>. */
class Derivatives {
  readonly #model: Model;
  readonly #count: number;
  readonly #order: 1 | 2;

  private constructor(model: Model, count: number, order: 1 | 2) {
    this.#model = model;
    this.#count = count;
    this.#order = order;
  }

  static async of(
    build: Build,
    shapes: readonly (readonly number[])[],
    setting: Setting,
    order: 1 | 2,
  ): Promise<Derivatives> {
    const { graph, xs } = inputsOf(shapes, setting);
    const y = build(...(xs as unknown as Parameters<Build>));
    const first = vjp(y, xs, weightsLike(y, 0.4));
    const directions = xs.map((x, i) => weightsLike(x, 1 + i));
    const second = order === 2 ? vjp(first, xs, directions) : [];
    const outputs: Record<string, Value> = { y };
    for (const [i, x] of xs.entries()) {
      expect(String(first[i]?.dtype)).toBe(x.dtype);
      outputs[`g${i}`] = first[i] as Value;
      outputs[`v${i}`] = directions[i] as Value;
      if (order === 2) outputs[`h${i}`] = second[i] as Value;
    }
    outputs.w = weightsLike(y, 0.4);
    outputs.t = jvp(y, xs, directions)[0] as Value;
    return new Derivatives(await Model.of(graph, outputs), xs.length, order);
  }

  async run(inputs: readonly Numbers[]): Promise<Order2> {
    const found = await this.#model.run(inputs);
    const rows = (name: string) => inputs.map((_, i) => found[`${name}${i}`]?.data as number[]);
    for (const [i, { dims }] of inputs.entries()) {
      expect(found[`g${i}`]?.dims).toEqual(dims);
      if (this.#order === 2) expect(found[`h${i}`]?.dims).toEqual(dims);
    }
    expectAdjoint(found, rows("v"), rows("g"), this.#model.single ? 1e-3 : 1e-6);
    return { first: rows("g"), second: this.#order === 2 ? rows("h") : [] };
  }

  /** Central differences of s and of <v, grad s> by every element; undefined where two step lengths do
   * not agree: then a kink lies between. */
  async differences(inputs: readonly Numbers[]): Promise<Order2 | undefined> {
    const first: number[][] = [];
    const second: number[][] = [];
    for (let i = 0; i < this.#count; i++) {
      const rows = { first: [] as number[], second: [] as number[] };
      const { length } = (inputs[i] as Numbers).data;
      for (let j = 0; j < length; j++) {
        const [near, far] = [
          await this.#slope(inputs, i, j, 1),
          await this.#slope(inputs, i, j, 2),
        ];
        for (const order of [0, 1] as const) {
          const [a, b] = [near[order], far[order]] as [number, number];
          if (!(Math.abs(a - b) <= 1e-3 * Math.max(1, Math.abs(a)))) return undefined;
          rows[order === 0 ? "first" : "second"].push((4 * a - b) / 3);
        }
      }
      first.push(rows.first);
      second.push(rows.second);
    }
    return { first, second };
  }

  async #slope(inputs: readonly Numbers[], i: number, j: number, steps: number) {
    const h = STEP * steps;
    const [above, below] = [
      await this.#sums(moved(inputs, i, j, h)),
      await this.#sums(moved(inputs, i, j, -h)),
    ];
    return above.map((sum, order) => (sum - (below[order] as number)) / (2 * h));
  }

  async #sums(inputs: readonly Numbers[]): Promise<[number, number]> {
    const found = await this.#model.quick(inputs);
    const along = inputs.map((_, i) => dot(found[`g${i}`]?.data, found[`v${i}`]?.data));
    return [dot(found.y?.data, found.w?.data), along.reduce((a, b) => a + b, 0)];
  }

  release(): Promise<void> {
    return this.#model.release();
  }
}

async function firstSmoothPoint(model: Derivatives, draw: () => Numbers[]) {
  for (let attempt = 0; attempt < 20; attempt++) {
    const inputs = draw();
    const numeric = await model.differences(inputs);
    if (numeric !== undefined) return { inputs, numeric };
  }
  throw new Error("no point without a kink nearby");
}

function drawPoint(
  shapes: readonly (readonly number[])[],
  { draw = between(-2, 2) }: CheckOptions,
  random: () => number,
): Numbers[] {
  return shapes.map((dims, i) => {
    const one = typeof draw === "function" ? draw : (draw[i] ?? between(-2, 2));
    const size = dims.reduce((product, dim) => product * dim, 1);
    return { data: Array.from({ length: size }, () => one(random())), dims };
  });
}

function inputsOf(
  shapes: readonly (readonly number[])[],
  { knowledge, dtype = "float64", opset = 18 }: Setting,
) {
  const graph = new Graph("check", { opset });
  const declared = (size: number): Dim | null => {
    if (knowledge === "static") return size;
    if (knowledge === "unknown") return null;
    return size === 1 ? 1 : `n${size}`;
  };
  const xs = shapes.map((dims, i) => {
    const known = knowledge === "unranked" ? undefined : dims.map(declared);
    return graph.input(`x${i}`, dtype, known);
  });
  return { graph, xs };
}

/** Fixed numbers in the shape of a value, whatever that turns out to be. */
function weightsLike(value: Value, phase: number): Value {
  const count = cast(range(0, reduceProd(shape(value))), value.dtype);
  return reshape(cos(count.mul(1.7).add(phase)), shape(value));
}

function moved(inputs: readonly Numbers[], i: number, j: number, by: number): Numbers[] {
  return inputs.map(({ data, dims }, k) => {
    const copy = Array.from(data);
    if (k === i) copy[j] = (copy[j] as number) + by;
    return { data: copy, dims };
  });
}

function dot(a: readonly number[] = [], b: readonly number[] = []): number {
  return a.reduce((sum, x, i) => sum + x * (b[i] as number), 0);
}

/** Fails unless all numbers agree to a tolerance, relative for those above 1. */
export function expectClose(
  what: string,
  found: readonly (readonly number[])[],
  wanted: readonly (readonly number[])[],
  tolerance: number,
): void {
  expect({ what, sizes: found.map((row) => row.length) }).toEqual({
    what,
    sizes: wanted.map((row) => row.length),
  });
  const far = found.some((row, i) =>
    row.some((x, j) => {
      const y = wanted[i]?.[j] as number;
      return !(Object.is(x, y) || Math.abs(x - y) <= tolerance * Math.max(1, Math.abs(y)));
    }),
  );
  if (far) expect({ what, numbers: found }).toEqual({ what, numbers: wanted });
}

function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
