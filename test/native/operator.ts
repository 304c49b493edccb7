import { InferenceSession, Tensor } from "onnxruntime-node";
import { type ElementType, model, node, port } from "./models.ts";

export type Real = "float32" | "float64";
export const modes = ["smooth", "c0", "c1", "c2"] as const;
export type Mode = (typeof modes)[number];

/** Numbers and the shape that they have. */
export interface Numbers {
  readonly data: readonly number[];
  readonly dims: readonly number[];
  /** When it is not the operator's own. */
  readonly type?: "int64";
}

export function scalar(x: number): Numbers {
  return { data: [x], dims: [] };
}

export function matrix(rows: readonly (readonly number[])[], columns?: number): Numbers {
  return { data: rows.flat(), dims: [rows.length, columns ?? rows[0]?.length ?? 0] };
}

/** One operator of ai.softonnx, named without its type, in a session of its own. */
export async function nativeOperator(
  name: string,
  type: Real,
  inputs: readonly string[],
  outputs: readonly string[],
  { threads = 1, int64 = [] as readonly string[] } = {},
) {
  const typeOf = (port: string): ElementType => (int64.includes(port) ? "int64" : type);
  const bytes = model(
    [node(`${name}_${type}`, [...inputs], [...outputs], { domain: "ai.softonnx" })],
    inputs.map((input) => port(input, typeOf(input))),
    outputs.flatMap((output) => (output === "" ? [] : [port(output, typeOf(output))])),
  );
  const session = await InferenceSession.create(bytes, {
    executionProviders: ["softonnx"],
    intraOpNumThreads: threads,
    // An error that a test expects need not be logged.
    logSeverityLevel: 4,
  });
  return async (feeds: Readonly<Record<string, Numbers>>): Promise<Record<string, number[]>> => {
    const tensors = Object.entries(feeds).map(([input, { data, dims }]) => [
      input,
      tensor(typeOf(input), data, dims),
    ]);
    const results = await session.run(Object.fromEntries(tensors));
    return Object.fromEntries(
      Object.entries(results).map(([output, { data }]) => [
        output,
        Array.from(data as ArrayLike<number | bigint>, Number),
      ]),
    );
  };
}

function tensor(type: ElementType, data: readonly number[], dims: readonly number[]): Tensor {
  if (type === "int64") return new Tensor("int64", BigInt64Array.from(data, BigInt), dims);
  return type === "float32"
    ? new Tensor("float32", Float32Array.from(data), dims)
    : new Tensor("float64", Float64Array.from(data), dims);
}

/** Park and Miller's minimal standard generator, in [0, 1). */
export function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return (state - 1) / 2147483646;
  };
}

/** Standard normal numbers. */
export function normals(seed: number): () => number {
  const random = generator(seed);
  return () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Every entry within `tolerance` of the largest of the expected ones and 1. */
export function expectClose(
  actual: readonly number[],
  expected: readonly number[],
  tolerance: number,
) {
  expect(actual.length).toBe(expected.length);
  const size = expected.reduce((most, x) => Math.max(most, Math.abs(x)), 1);
  const apart = actual.map((x, i) => Math.abs(x - (expected[i] as number)) / size);
  const worst = apart.reduce((most, x) => (x <= most ? most : x), 0);
  expect({ worst, within: worst <= tolerance }).toMatchObject({ within: true });
}
