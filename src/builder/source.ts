import type { ModelProto } from "onnx-buf";
import type { Value } from "./value.ts";

/** What a graph remembers of the model it was read from, to give back unchanged what nobody touched. */
export interface ModelSource {
  /** The decoded message. Never mutated: the writer makes a new one that shares its parts. */
  readonly model: ModelProto;
  /** Every named value of the top graph, by its name. */
  readonly values: Map<string, Value>;
  /** The name in the file of every imported value, those in subgraphs included. */
  readonly names: Map<Value, string>;
  /** Every name in use anywhere in the model, which new names must avoid. */
  readonly reserved: Set<string>;
}
