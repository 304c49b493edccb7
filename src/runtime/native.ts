import type {
  Backend,
  InferenceSession,
  InferenceSessionHandler,
  OnnxValue,
} from "onnxruntime-common";
import type { HeldState, StatePair } from "./held-state.ts";
import type { Runner } from "./model.ts";
import {
  loadNative,
  type NativeAddon,
  type NativePort,
  type NativeSession,
  onnxRuntimeCommon,
} from "./native-addon.ts";
import { runOptions, sessionOptions } from "./native-options.ts";
import { NativeState } from "./native-state.ts";
import { fromNative, type TensorParts, tensorOf, toNative, typeName } from "./native-tensor.ts";
import type { TensorConstructor, Tensors } from "./session.ts";

/** Whether the native kernels can run here, and if not, why. */
export type NativeStatus =
  | {
      readonly available: true;
      /** The version of ONNX Runtime that they run in. */
      readonly onnxruntime: string;
    }
  | { readonly available: false; readonly reason: string };

/**
 * Looks whether the native kernels can run, loading them and onnxruntime-node on the first
 * call. Never throws.
 */
export function nativeStatus(): NativeStatus {
  try {
    return { available: true, onnxruntime: loadNative().onnxruntime };
  } catch (error) {
    return { available: false, reason: error instanceof Error ? error.message : String(error) };
  }
}

/**
 * Makes `ort.InferenceSession.create(model, { executionProviders: ["softonnx"] })` of
 * onnxruntime-node run on the CPU with the native kernels for operators of ai.softonnx. `run`
 * then works off the JavaScript thread; until it resolves, the arrays of the feeds must neither
 * change nor be transferred to another thread.
 *
 * Sessions that do not ask for it are left as they are. Where the kernels are not built,
 * `["softonnx", "cpu"]` falls back to the stock provider with a warning, and `["softonnx"]`
 * rejects with the reason. Calling it again does nothing.
 * @throws Error where onnxruntime-node is not installed.
 */
export function registerNative(): void {
  const { registerBackend } = onnxRuntimeCommon();
  try {
    // A negative priority keeps it out of sessions that name no provider.
    registerBackend("softonnx", backend, -1);
  } catch (error) {
    // It refuses another object of the same name and priority: another copy of this module was
    // first, and serves as well.
    if (!String(error).includes("cannot register backend")) throw error;
  }
}

/** Loads a model to run it with the native kernels, as InferenceSession would on the backend softonnx.
 *
 * @param Tensor the class of the results
 * @throws Error where the kernels are not built, or ONNX Runtime does not accept the model */
export async function createNativeRunner(
  model: string | Uint8Array,
  options: InferenceSession.SessionOptions,
  Tensor: TensorConstructor,
): Promise<Runner> {
  const handler = await createHandler(model, options);
  const fetches = Object.fromEntries(handler.outputNames.map((name) => [name, null]));
  const { inputMetadata, outputMetadata } = handler;
  return {
    inputMetadata,
    outputMetadata,
    run: async (feeds) => {
      const results = Object.entries(await handler.run(feeds, fetches, {}));
      return Object.fromEntries(
        results.map(([name, value]) => [name, tensorOf(value as TensorParts, Tensor)]),
      );
    },
    native: handler.session,
    release: () => handler.dispose(),
    holdState: (pairs, state) => handler.holdState(Tensor, pairs, state),
  };
}

async function createHandler(
  model: string | Uint8Array,
  options: InferenceSession.SessionOptions = {},
): Promise<NativeSessionHandler> {
  const { addon } = loadNative();
  const session = await addon.createSession(model, sessionOptions(options));
  return new NativeSessionHandler(addon, session);
}

const backend: Backend = {
  async init() {
    loadNative();
  },
  createInferenceSessionHandler: createHandler,
};

type Feeds = Parameters<InferenceSessionHandler["run"]>[0];
type Fetches = Parameters<InferenceSessionHandler["run"]>[1];
type Results = Awaited<ReturnType<InferenceSessionHandler["run"]>>;

class NativeSessionHandler implements InferenceSessionHandler {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly inputMetadata: readonly InferenceSession.ValueMetadata[];
  readonly outputMetadata: readonly InferenceSession.ValueMetadata[];
  readonly session: NativeSession;
  readonly #addon: NativeAddon;

  constructor(addon: NativeAddon, session: NativeSession) {
    this.#addon = addon;
    this.session = session;
    this.inputNames = session.inputs.map((port) => port.name);
    this.outputNames = session.outputs.map((port) => port.name);
    this.inputMetadata = session.inputs.map((port) => metadata(port, "input"));
    this.outputMetadata = session.outputs.map((port) => metadata(port, "output"));
  }

  async run(
    feeds: Feeds,
    fetches: Fetches,
    options: InferenceSession.RunOptions,
  ): Promise<Results> {
    const inputs = this.inputNames.map((name) =>
      toNative(Object.hasOwn(feeds, name) ? feeds[name] : undefined, `input ${name}`),
    );
    const wanted = Object.entries(fetches);
    const outputs = wanted.map(([name, into]) => ({
      output: this.outputNames.indexOf(name),
      into: into === null ? null : toNative(into, `output ${name}`),
    }));
    const results = await this.#addon.run(this.session, inputs, outputs, runOptions(options));
    const values: Record<string, OnnxValue> = {};
    wanted.forEach(([name, into], i) => {
      const result = results[i];
      // InferenceSession makes a Tensor of its own class of these parts.
      const value = result ? (fromNative(result, `output ${name}`) as OnnxValue) : into;
      if (value) values[name] = value;
    });
    return values;
  }

  holdState(Tensor: TensorConstructor, pairs: readonly StatePair[], state: Tensors): HeldState {
    return new NativeState(this.#addon, this.session, Tensor, pairs, state);
  }

  async dispose(): Promise<void> {
    this.#addon.dispose(this.session);
  }

  /** Profiling starts with the session, by the option `enableProfiling`. */
  startProfiling(): void {}

  endProfiling(): void {
    this.#addon.endProfiling(this.session);
  }
}

function metadata(port: NativePort, side: "input" | "output"): InferenceSession.ValueMetadata {
  const { name, shape } = port;
  if (!port.isTensor) return { name, isTensor: false };
  return { name, isTensor: true, type: typeName(port.type, `${side} ${name}`), shape: shape ?? [] };
}
