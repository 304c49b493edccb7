import type { ModelProto } from "onnx-buf";
import type { TensorType } from "./definition.ts";
import { formatShape, type Shape, sameShape } from "./dim.ts";
import { failArgument, GraphError, nearest } from "./errors.ts";
import type { Graph } from "./graph.ts";
import { STATE_KEY } from "./read-header.ts";
import { type Literal, type StateTensor, tensorOf } from "./tensor.ts";
import type { Value } from "./value.ts";

/** The state that a model is read with. */
export class ReadState {
  readonly #state: Readonly<Record<string, Literal | StateTensor>>;
  /** The parameter that each output is the next value of. */
  readonly #parameterOf: ReadonlyMap<string, string>;

  constructor(model: ModelProto, state: Readonly<Record<string, Literal | StateTensor>>) {
    this.#state = state;
    const pairs = pairsOf(model);
    // Half of the updates would be no training step.
    const whole = pairs.every(([parameter]) => Object.hasOwn(state, parameter));
    this.#parameterOf = new Map(whole ? pairs.map(([parameter, next]) => [next, parameter]) : []);
  }

  /** The parameter that takes the place of an input; undefined if it stays one. */
  parameter(graph: Graph, name: string, { dtype, shape }: TensorType): Value | undefined {
    if (!Object.hasOwn(this.#state, name)) return undefined;
    const given = this.#state[name] as Literal | StateTensor;
    const argument = `state.${name}`;
    const tensor = typeof given === "object" && "dims" in given ? given : undefined;
    const literal = (tensor?.data ?? given) as Literal;
    const dims = tensor?.dims ?? staticDims(shape);
    const data = tensorOf("fromModel", argument, literal, dtype, dims);
    if (sameShape(data.dims, shape) === false) {
      failArgument("fromModel", argument, `shape ${formatShape(shape)}`, formatShape(data.dims));
    }
    return graph.parameter(name, data.elements as Float32Array, data.dims, data.dtype);
  }

  /** @throws GraphError for a name in the state that no input has */
  checkNames(graph: Graph): void {
    for (const name of Object.keys(this.#state)) {
      if (graph.parameters.has(name)) continue;
      const near = nearest(name, [...graph.inputs.keys(), ...graph.parameters.keys()]);
      const advice = near === undefined ? "" : `; did you mean "${near}"?`;
      throw new GraphError("fromModel", `state: there is no input "${name}"${advice}`);
    }
  }

  /** The parameter that an output is the next value of; undefined for any other output. */
  updatedBy(graph: Graph, output: string): Value | undefined {
    const name = this.#parameterOf.get(output);
    return name === undefined ? undefined : graph.parameters.get(name);
  }
}

function staticDims(shape: Shape | undefined): readonly number[] | undefined {
  return shape?.every((dim) => typeof dim === "number") ? (shape as readonly number[]) : undefined;
}

/** Parameters and the outputs that are their next values; none of a model that says something else. */
function pairsOf(model: ModelProto): readonly (readonly [parameter: string, next: string])[] {
  const text = model.metadataProps.find(({ key }) => key === STATE_KEY)?.value;
  if (text === undefined) return [];
  let pairs: unknown;
  try {
    pairs = JSON.parse(text);
  } catch {
    return [];
  }
  if (!Array.isArray(pairs)) return [];
  return pairs.filter(
    (pair): pair is [string, string] =>
      Array.isArray(pair) && pair.length === 2 && pair.every((name) => typeof name === "string"),
  );
}
