import type { Graph } from "../../builder/graph.ts";
import { add, matmul } from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import { glorotUniform, type Initializer, zeros } from "../initializers.ts";
import { checkCount, type LayerOptions, Parameters } from "./parameters.ts";

/** Options of dense. */
export interface DenseOptions extends LayerOptions {
  /** Of the weight. Default glorotUniform. */
  readonly initializer?: Initializer;
  /** Add a bias, which starts at 0. Default true. */
  readonly bias?: boolean;
}

/** x times a matrix, plus a bias. */
export interface Dense {
  /** [..., inputs] to [..., outputs] */
  (x: Value): Value;
  /** [inputs, outputs] */
  readonly weight: Value;
  /** [outputs] */
  readonly bias: Value | undefined;
}

/** A layer in which every output is a sum over all inputs.
 *
 * ```ts
 * const hidden = layers.dense(g, 784, 128, { seed: 1 });
 * const output = layers.dense(g, 128, 10, { seed: 1 });
 * const logits = output(relu(hidden(x)));
 * ```
 * @throws GraphError for sizes or options that are wrong, or a name that is taken */
export function dense(
  graph: Graph,
  inputs: number,
  outputs: number,
  options: DenseOptions = {},
): Dense {
  const parameters = new Parameters(graph, "dense", options, ["initializer", "bias"]);
  checkCount("dense", "inputs", inputs);
  checkCount("dense", "outputs", outputs);
  const fans = { in: inputs, out: outputs };
  const { initializer = glorotUniform() } = options;
  const weight = parameters.trained("weight", [inputs, outputs], initializer, fans);
  const bias =
    options.bias === false ? undefined : parameters.trained("bias", [outputs], zeros(), fans);
  const apply = (x: Value) => {
    const product = matmul(x, weight);
    return bias === undefined ? product : add(product, bias);
  };
  return Object.assign(apply, { weight, bias });
}
