import { type Dim, type DType, Graph, type Value } from "softonnx";
import { evaluate, Tensor } from "softonnx/node";

/** A row, or rows of rows: the numbers of a tensor and its shape. */
export type Nested = number | readonly Nested[];

export interface Computed {
  readonly dims: readonly number[];
  readonly data: readonly number[];
}

export interface ComputeOptions {
  /** Default "float64". */
  readonly dtype?: "float32" | "float64";
  /** The shape that the graph is told; by default that of the numbers. */
  readonly shape?: readonly (Dim | null)[];
}

/** What an operator gives for one input. */
export async function compute(
  build: (x: Value, graph: Graph) => Value,
  x: Nested,
  { dtype = "float64", shape }: ComputeOptions = {},
): Promise<Computed> {
  const { y } = await computeAll((value, graph) => ({ y: build(value, graph) }), x, {
    dtype,
    ...(shape === undefined ? {} : { shape }),
  });
  return y as Computed;
}

/** The same for several results. */
export async function computeAll(
  build: (x: Value, graph: Graph) => Readonly<Record<string, Value>>,
  x: Nested,
  { dtype = "float64", shape }: ComputeOptions = {},
): Promise<Record<string, Computed>> {
  const dims = shapeOf(x);
  const numbers = flat(x);
  const graph = new Graph("test");
  const input = graph.input("x", dtype, shape ?? dims);
  const data = dtype === "float32" ? Float32Array.from(numbers) : Float64Array.from(numbers);
  const found = await evaluate(build(input, graph), { x: new Tensor(dtype, data, dims) });
  return Object.fromEntries(
    Object.entries(found).map(([name, tensor]) => [
      name,
      { dims: tensor.dims, data: Array.from(tensor.data as ArrayLike<number | bigint>, Number) },
    ]),
  );
}

/** A graph with an input, to call operators on. */
export function input(shape: readonly (Dim | null)[] = [5], dtype: DType = "float32"): Value {
  return new Graph("test").input("x", dtype, shape);
}

/** Element by element within a tolerance, with NaN equal to NaN. */
export function expectClose(
  actual: readonly number[],
  expected: readonly number[],
  tolerance = 1e-12,
): void {
  expect(actual).toHaveLength(expected.length);
  const off = actual.flatMap((value, i) => {
    const want = expected[i] as number;
    if (Object.is(value, want) || Math.abs(value - want) <= tolerance) return [];
    return [`${i}: ${value}, expected ${want}`];
  });
  expect(off).toEqual([]);
}

export function shapeOf(x: Nested): number[] {
  return typeof x === "number" ? [] : [x.length, ...shapeOf(x[0] ?? 0)];
}

export function flat(x: Nested): number[] {
  return typeof x === "number" ? [x] : x.flatMap(flat);
}
