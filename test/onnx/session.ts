import * as ort from "onnxruntime-node";
import type { Bare } from "./floats.ts";

export type Tensors = Readonly<Record<string, Bare>>;

/** A model in stock onnxruntime-node. */
export class NodeSession {
  readonly #session: ort.InferenceSession;

  private constructor(session: ort.InferenceSession) {
    this.#session = session;
  }

  /** @throws Error what ONNX Runtime says, if it cannot load the model */
  static async of(bytes: Uint8Array, level: "disabled" | "all" = "all"): Promise<NodeSession> {
    const session = await ort.InferenceSession.create(bytes, {
      graphOptimizationLevel: level,
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      logSeverityLevel: 4,
    });
    return new NodeSession(session);
  }

  /** @param feeds tensors by name, and more than the model asks for */
  async run(feeds: Tensors): Promise<Tensors> {
    const given = this.#session.inputNames.flatMap((name) => {
      const tensor = feeds[name];
      return tensor === undefined ? [] : [[name, toOrt(tensor)] as const];
    });
    const results = await this.#session.run(Object.fromEntries(given));
    return Object.fromEntries(
      Object.entries(results).map(([name, tensor]) => [name, fromOrt(tensor)]),
    );
  }

  release(): Promise<void> {
    return this.#session.release();
  }
}

function toOrt({ dtype, elements, dims }: Bare): ort.Tensor {
  return new ort.Tensor(dtype as "float32", elements as Float32Array, dims);
}

function fromOrt({ type, data, dims }: ort.Tensor): Bare {
  return { dtype: type, elements: data as Bare["elements"], dims };
}
