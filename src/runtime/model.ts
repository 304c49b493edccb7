import type { InferenceSession } from "onnxruntime-common";
import { canonicalDim } from "../builder/dim.ts";
import { isDType } from "../builder/dtype.ts";
import { GraphError } from "../builder/errors.ts";
import type { Graph } from "../builder/graph.ts";
import { type ModelHeader, readHeader } from "../builder/read-header.ts";
import { convertFeeds } from "./feeds.ts";
import { FedState, type HeldState, type StatePair } from "./held-state.ts";
import type { NativeSession } from "./native-addon.ts";
import type { Feeds, Session, TensorConstructor, TensorInfo, Tensors } from "./session.ts";

/** What runs a model: an InferenceSession, or a session of our own. */
export interface Runner {
  readonly inputMetadata: readonly InferenceSession.ValueMetadata[];
  readonly outputMetadata: readonly InferenceSession.ValueMetadata[];
  run(feeds: Tensors): Promise<InferenceSession.ReturnType>;
  release(): Promise<void>;
  /** The addon's session, if it is one. */
  readonly native?: NativeSession;
  /** Holds state where it need not cross into JavaScript at every step. */
  holdState?(pairs: readonly StatePair[], state: Tensors): HeldState;
}

/** A model loaded into an ONNX Runtime, with what its file says: what sessions, steppers and evaluations
 * are made of. */
export class LoadedModel {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  /** The class of tensors that this runtime knows. */
  readonly Tensor: TensorConstructor;
  readonly #session: Runner;
  readonly #readBytes: () => Uint8Array;
  #header: ModelHeader | undefined;
  #disposed = false;

  /** @param readBytes gives the bytes of the model; called where the session does not say enough */
  constructor(session: Runner, Tensor: TensorConstructor, readBytes: () => Uint8Array) {
    this.#session = session;
    this.#readBytes = readBytes;
    this.Tensor = Tensor;
    this.inputs = session.inputMetadata.map((metadata) => this.#info(metadata));
    this.outputs = session.outputMetadata.map((metadata) => this.#info(metadata));
  }

  get native(): NativeSession | undefined {
    return this.#session.native;
  }

  get header(): ModelHeader {
    this.#header ??= readHeader(this.#readBytes());
    return this.#header;
  }

  /** @throws GraphError after dispose */
  async run(operator: string, tensors: Tensors): Promise<Tensors> {
    if (this.#disposed) throw new GraphError(operator, "the model is disposed of");
    return (await this.#session.run(tensors)) as Tensors;
  }

  /** @param pairs those of the state that a step changes
   * @param state of which copies are held */
  holdState(pairs: readonly StatePair[], state: Tensors): HeldState {
    return this.#session.holdState?.(pairs, state) ?? new FedState(this, pairs, state);
  }

  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    await this.#session.release();
  }

  #info(metadata: InferenceSession.ValueMetadata): TensorInfo {
    const { name } = metadata;
    if (!metadata.isTensor) return { name, dtype: "unknown", shape: undefined };
    const dtype = isDType(metadata.type) ? metadata.type : "unknown";
    // ONNX Runtime reports a tensor of unknown rank as if it were a scalar.
    const ranked = metadata.shape.length > 0 || this.header.shaped.has(name);
    return { name, dtype, shape: ranked ? metadata.shape.map(canonicalDim) : undefined };
  }
}

/** The session that users see. */
export function sessionOf(model: LoadedModel): Session {
  return {
    inputs: model.inputs,
    outputs: model.outputs,
    run: async (feeds: Feeds = {}) =>
      model.run("run", convertFeeds("run", model.inputs, feeds, model.Tensor)),
    dispose: () => model.dispose(),
  };
}

/** By what it can do: another copy of this package may have made it. */
export function isGraph(model: unknown): model is Graph {
  return typeof model === "object" && model !== null && "toModel" in model;
}
