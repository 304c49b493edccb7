import type { ModelProto, NodeProto } from "onnx-buf";
import type { ExternalData } from "./external.ts";
import type { Value } from "./value.ts";

/** A node as a model has it. */
export interface NodeSource {
  readonly message: NodeProto;
  /** The message as it lies in the file; undefined for nodes of subgraphs. */
  readonly bytes?: Uint8Array;
}

/** What a graph remembers of the model it was read from, to give back unchanged what nobody touched. */
export class ModelSource {
  /** The decoded message, but for the nodes of its graph. Never mutated: the writer makes a new one that
   * shares its parts. */
  readonly model: ModelProto;
  /** Every named value of the top graph, by its name. */
  readonly values = new Map<string, Value>();
  /** What the model keeps in files beside it. */
  readonly external: ExternalData[] = [];
  /** The names in the file of values in subgraphs. */
  readonly #inner = new Map<Value, string>();
  /** Every name in use anywhere in the model, but for those of `values`. */
  readonly #reserved = new Set<string>();
  /** What stands before the first slash of the names that have one. */
  readonly #scopes = new Set<string>();

  constructor(model: ModelProto) {
    this.model = model;
  }

  /** Notes the name of a value in the file.
   * @param values the values of the block that it is in */
  define(values: Map<string, Value>, name: string, value: Value): void {
    values.set(name, value);
    this.#noteScope(name);
    if (values === this.values && value.hint === name) return;
    this.#inner.set(value, name);
    this.#reserved.add(name);
  }

  /** Keeps a name from being given to anything new. */
  reserve(name: string): void {
    if (this.values.has(name)) return;
    this.#reserved.add(name);
    this.#noteScope(name);
  }

  /** The name that an imported value has in the file; undefined for values that were made later. */
  nameOf(value: Value): string | undefined {
    // A value of the top graph has its name as hint.
    return this.values.get(value.hint) === value ? value.hint : this.#inner.get(value);
  }

  /** Whether anything in the model has this name. */
  isTaken(name: string): boolean {
    // Names that are made later lie in scopes of their own, for which this is answered at once.
    const scope = scopeOf(name);
    if (scope !== undefined && !this.#scopes.has(scope)) return false;
    return this.values.has(name) || this.#reserved.has(name);
  }

  #noteScope(name: string): void {
    const scope = scopeOf(name);
    if (scope !== undefined) this.#scopes.add(scope);
  }
}

function scopeOf(name: string): string | undefined {
  const slash = name.indexOf("/");
  return slash < 0 ? undefined : name.slice(0, slash);
}
