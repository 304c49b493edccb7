import { Graph, type Value, vjp } from "softonnx";
import type { Feed } from "../support/ort-process.ts";
import { type Argument, call } from "./call.ts";
import { type GoldenCase, type GoldenTensor, isTensor } from "./cases.ts";
import { type Precision, type Tolerance, toleranceOf } from "./tolerance.ts";

/** Whether inputs are declared with their sizes, or every dimension with a name. */
export type Dims = "static" | "symbolic";

/** What one output of a model must be. */
export interface Expectation {
  readonly id: string;
  /** "out 0", "gradient of x". */
  readonly what: string;
  readonly output: string;
  readonly expected: GoldenTensor;
  readonly tolerance: number;
}

/** Many cases in one model, with values and gradients as outputs. */
export interface Pack {
  readonly cases: readonly GoldenCase[];
  readonly precision: Precision;
  readonly dims: Dims;
  readonly model: Uint8Array;
  /** Whether a kernel operator takes part, beside those that only steer gradients. */
  readonly kernels: boolean;
  readonly feeds: Readonly<Record<string, Feed>>;
  readonly expectations: readonly Expectation[];
  /** Cases that could not be built, with the error. */
  readonly failures: readonly string[];
}

interface Building {
  readonly graph: Graph;
  readonly precision: Precision;
  readonly dims: Dims;
  readonly feeds: Record<string, Feed>;
  readonly expectations: Expectation[];
}

export function pack(cases: readonly GoldenCase[], precision: Precision, dims: Dims): Pack {
  const failures: string[] = [];
  const building: Building = {
    graph: new Graph("goldens"),
    precision,
    dims,
    feeds: {},
    expectations: [],
  };
  for (const [i, golden] of cases.entries()) {
    try {
      building.expectations.push(...build(building, golden, `c${i}`));
    } catch (error) {
      failures.push(`${golden.id}: ${error instanceof Error ? error.message : error}`);
    }
  }
  const { graph, feeds, expectations } = building;
  const model = graph.outputs.size === 0 ? new Uint8Array() : graph.toModel();
  const kernels = graph.root.nodes.some(({ definition }) => definition?.life === "always");
  return { cases, precision, dims, model, kernels, feeds, expectations, failures };
}

function build(building: Building, golden: GoldenCase, prefix: string): Expectation[] {
  const args: Record<string, Argument> = {};
  for (const [name, argument] of Object.entries(golden.args)) {
    args[name] = isTensor(argument) ? tensor(building, prefix, name, argument) : argument;
  }
  const results = call(
    golden.op,
    args,
    golden.out.map((out) => out !== null),
  );
  const tolerance = toleranceOf(golden, building.precision);
  return [
    ...values(building, golden, prefix, results, tolerance),
    ...gradients(building, golden, prefix, args, results, tolerance),
  ];
}

/** Quantiles are written as a literal where sizes are known, and fed where they are not: both are ways
 * to call the operator. */
function tensor(
  building: Building,
  prefix: string,
  name: string,
  argument: GoldenTensor,
): Argument {
  if (name === "q" && building.dims === "static") return argument.data;
  return input(building, `${prefix}.${name}`, argument);
}

function input(building: Building, name: string, { shape, data }: GoldenTensor): Value {
  const { graph, precision, dims, feeds } = building;
  feeds[name] = { dtype: precision, dims: shape, data: elements(precision, data) };
  // Equal sizes have one name: the operators are given tensors that are known to fit.
  const declared = dims === "static" ? shape : shape.map((size) => `n${size}`);
  return graph.input(name, precision, declared);
}

function elements(precision: Precision, data: readonly number[]): Float32Array | Float64Array {
  return precision === "float32" ? Float32Array.from(data) : Float64Array.from(data);
}

function values(
  { graph }: Building,
  golden: GoldenCase,
  prefix: string,
  results: readonly (Value | undefined)[],
  tolerance: Tolerance,
): Expectation[] {
  return returned(golden.out).map((expected, i) => {
    const output = `${prefix}.out${i}`;
    const result = results[i];
    if (result === undefined) throw new Error(`there is no result ${i}`);
    graph.output(output, result);
    return { id: golden.id, what: `out ${i}`, output, expected, tolerance: tolerance.value };
  });
}

function gradients(
  building: Building,
  golden: GoldenCase,
  prefix: string,
  args: Readonly<Record<string, Argument>>,
  results: readonly (Value | undefined)[],
  tolerance: Tolerance,
): Expectation[] {
  if (golden.grad === null || golden.cotangent === null) return [];
  const cotangents = returned(golden.cotangent).map((cotangent, i) =>
    input(building, `${prefix}.cotangent${i}`, cotangent),
  );
  const names = Object.keys(golden.grad);
  const found = vjp(
    results as readonly Value[],
    names.map((name) => args[name] as Value),
    cotangents,
  );
  return names.map((name, i) => {
    const output = `${prefix}.d${name}`;
    building.graph.output(output, found[i] as Value);
    const expected = golden.grad?.[name] as GoldenTensor;
    return {
      id: golden.id,
      what: `gradient of ${name}`,
      output,
      expected,
      tolerance: tolerance.gradient,
    };
  });
}

function returned(tensors: readonly (GoldenTensor | null)[]): GoldenTensor[] {
  return tensors.filter((each) => each !== null);
}
