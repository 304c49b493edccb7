import * as ort from "onnxruntime-node";
import type { Dim, Shape } from "../../../src/builder/dim.ts";
import { GraphError } from "../../../src/builder/errors.ts";
import { Graph } from "../../../src/builder/graph.ts";
import type { Value } from "../../../src/builder/value.ts";

/** What one operator call is tried on: inputs of these shapes, by name. */
export interface Case {
  readonly inputs: Readonly<Record<string, readonly (number | string)[]>>;
  readonly build: (inputs: Readonly<Record<string, Value>>, g: Graph) => Value | readonly Value[];
  /** The inferred shape of the first output, with the names of the inputs. */
  readonly shape: readonly (Dim | null)[] | undefined;
  readonly dtype?: "float32" | "float64" | "int64";
  /** The least opset that has the form. */
  readonly since?: number;
  /** The sizes that ONNX Runtime gives may be known only when it runs. */
  readonly open?: boolean;
}

/** A case, with operands called x, y and z. */
export function on(
  inputs: Case["inputs"],
  build: (inputs: Readonly<Record<"x" | "y" | "z", Value>>, g: Graph) => Value | readonly Value[],
  shape: Case["shape"],
  rest: Partial<Case> = {},
): Case {
  return { inputs, build: build as Case["build"], shape, ...rest };
}

/** Sizes that stand for the names, all different so that mixing them up shows. */
export const sizes: Readonly<Record<string, number>> = { n: 4, m: 5, b: 2, k: 6 };

/** A dimension with the names replaced by numbers. */
export function evaluateDim(dim: Dim, names: Readonly<Record<string, number>> = sizes): Dim {
  if (typeof dim !== "string") return dim;
  return Number(new Function(...Object.keys(names), `return ${dim}`)(...Object.values(names)));
}

/** How much is known of the input shapes. */
export type Knowledge = "static" | "symbolic" | "rank" | "nothing";

function known(shape: readonly (number | string)[], knowledge: Knowledge): Shape | undefined {
  if (knowledge === "static") return shape.map((dim) => evaluateDim(dim));
  if (knowledge === "symbolic") return shape;
  return knowledge === "rank" ? shape.map(() => undefined) : undefined;
}

export interface Built {
  readonly graph: Graph;
  readonly values: readonly Value[];
}

/** Builds the case; undefined where it says that it must know more. */
export function buildCase(
  { inputs, build, dtype = "float32" }: Case,
  knowledge: Knowledge,
  opset = 18,
): Built | undefined {
  const graph = new Graph("case", { opset });
  try {
    const fed = Object.fromEntries(
      Object.entries(inputs).map(([name, shape]) => {
        const dims = known(shape, knowledge);
        return [
          name,
          graph.input(
            name,
            dtype,
            dims?.map((dim) => dim ?? null),
          ),
        ];
      }),
    );
    const results = build(fed, graph);
    const values = Array.isArray(results) ? (results as Value[]) : [results as Value];
    values.forEach((value, i) => {
      graph.output(`y${i}`, value);
    });
    return { graph, values };
  } catch (error) {
    if (error instanceof GraphError && knowledge !== "static" && /known/.test(error.message)) {
      return undefined;
    }
    throw error;
  }
}

/** Runs the outputs y0, y1, … in ONNX Runtime. */
export async function runCase(
  { graph, values }: Built,
  { inputs, dtype = "float32" }: Case,
  level: "disabled" | "all",
): Promise<readonly ort.Tensor[]> {
  const session = await ort.InferenceSession.create(graph.toModel(), {
    graphOptimizationLevel: level,
    logSeverityLevel: 3,
  });
  const feeds: Record<string, ort.Tensor> = {};
  for (const name of session.inputNames) {
    const dims = (inputs[name] ?? []).map((dim) => evaluateDim(dim) as number);
    feeds[name] = tensor(dtype, dims);
  }
  const results = await session.run(feeds);
  await session.release();
  return values.map((_, i) => results[`y${i}`] as ort.Tensor);
}

function tensor(dtype: "float32" | "float64" | "int64", dims: readonly number[]): ort.Tensor {
  const size = dims.reduce((product, dim) => product * dim, 1);
  const numbers = Array.from({ length: size }, (_, i) => ((i * 7) % 11) - 4);
  if (dtype === "int64") return new ort.Tensor("int64", BigInt64Array.from(numbers, BigInt), dims);
  if (dtype === "float64") return new ort.Tensor("float64", Float64Array.from(numbers), dims);
  return new ort.Tensor("float32", Float32Array.from(numbers), dims);
}

/** Fails unless what was inferred of the value is true of the tensor. */
export function expectTrue(value: Value, actual: ort.Tensor): void {
  expect(actual.type).toBe(value.dtype);
  if (value.shape !== undefined) {
    const inferred = value.shape.map((dim, i) => evaluateDim(dim) ?? actual.dims[i]);
    expect(actual.dims).toEqual(inferred);
  }
  if (value.elements !== undefined) {
    const numbers = Array.from(actual.data as BigInt64Array, Number);
    const inferred = value.elements.map((dim, i) => evaluateDim(dim) ?? numbers[i]);
    expect(numbers).toEqual(inferred);
  }
}
