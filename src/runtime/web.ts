import type { InferenceSession } from "onnxruntime-common";
import { checkOptions, failArgument } from "../builder/errors.ts";
import type { Graph } from "../builder/graph.ts";
import { type Evaluate, makeEvaluate } from "./evaluate.ts";
import { isGraph, LoadedModel, type Runner, sessionOf } from "./model.ts";
import type { OnnxRuntime } from "./session.ts";
import { type Feeds, RUNTIME_OPTIONS, type RuntimeOptions, type Session } from "./session.ts";
import { type Stepper, stepperOf } from "./stepper.ts";
import { requireAdapter } from "./web-status.ts";

/** Where a model runs: on the CPU, by WebAssembly, or on the GPU as far as onnxruntime-web has kernels. */
export type Backend = "wasm" | "webgpu";

const BACKENDS: readonly Backend[] = ["wasm", "webgpu"];

/** A model to load: a Graph (which is exported as by `toModel()`), the bytes of a model, or its address. */
export type ModelSource = Graph | Uint8Array | URL | string;

/** Options of createSession and evaluate. */
export interface SessionOptions extends RuntimeOptions {
  /** Default "wasm", which has every type and is the faster for small models. "webgpu" needs the default
   * build of onnxruntime-web: its build "/webgpu" has no float64, which most soft operators use inside. */
  readonly backend?: Backend;
}

/** Options of createStepper. */
export interface StepperOptions extends SessionOptions {
  /** What the parameters are at the start, by name: instead of the initial values of a Graph, or for a
   * model file, which holds none. */
  readonly state?: Feeds;
}

/** Loads models in a page. */
export type WebLoad = (
  operator: string,
  model: ModelSource,
  options: SessionOptions,
) => Promise<LoadedModel>;

/** What softonnx/web offers for models, on one onnxruntime-web. */
export interface ModelRuntime {
  /** Loads a model to run it: see createSession. */
  readonly createSession: (model: ModelSource, options?: SessionOptions) => Promise<Session>;
  /** Loads a training step: see createStepper. */
  readonly createStepper: (model: ModelSource, options?: StepperOptions) => Promise<Stepper>;
  /** Computes values of a graph: see evaluate. */
  readonly evaluate: Evaluate<SessionOptions>;
}

/** The keys of SessionOptions. */
export const SESSION_OPTIONS = ["backend", ...RUNTIME_OPTIONS] as const;

/** Loads models into an onnxruntime-web.
 * @param find gives it, when it is first needed */
export function webLoad(find: () => Promise<OnnxRuntime>): WebLoad {
  let runtime: Promise<OnnxRuntime> | undefined;
  const inTurn = turns();
  return async (operator, model, { backend = "wasm", ...options }) => {
    if (!BACKENDS.includes(backend)) {
      failArgument(operator, "backend", BACKENDS.map((name) => `"${name}"`).join(", "), backend);
    }
    const bytes = await bytesOf(operator, model);
    if (backend === "webgpu") await requireAdapter(operator);
    runtime ??= find();
    const { InferenceSession, Tensor } = await runtime.catch((error: unknown) => {
      // The network may be back the next time.
      runtime = undefined;
      throw error;
    });
    // Otherwise it warns that the CPU does what no GPU is needed for, such as arithmetic of sizes.
    const quiet = backend === "webgpu" ? { logSeverityLevel: 3 as const } : {};
    const settings = { ...quiet, ...options, executionProviders: [backend] };
    const session = await inTurn(() => InferenceSession.create(bytes, settings));
    return new LoadedModel(runnerOf(session, inTurn), Tensor, () => bytes);
  };
}

/** The functions that load by `load`. */
export function modelRuntime(load: WebLoad): ModelRuntime {
  return {
    createSession: async (model, options = {}) => {
      checkOptions("createSession", options, SESSION_OPTIONS);
      return sessionOf(await load("createSession", model, options));
    },
    createStepper: async (model, options = {}) => {
      checkOptions("createStepper", options, [...SESSION_OPTIONS, "state"]);
      const { state, ...sessionOptions } = options;
      const loaded = await load("createStepper", model, sessionOptions);
      try {
        return stepperOf(loaded, isGraph(model) ? model : undefined, state);
      } catch (error) {
        await loaded.dispose();
        throw error;
      }
    },
    evaluate: makeEvaluate((bytes, options) => load("evaluate", bytes, options), SESSION_OPTIONS),
  };
}

/** @throws Error if there is nothing at an address */
async function bytesOf(operator: string, model: ModelSource): Promise<Uint8Array> {
  if (isGraph(model)) return model.toModel();
  if (model instanceof Uint8Array) return model;
  if (typeof model !== "string" && !(model instanceof URL)) {
    failArgument(operator, "model", "a Graph, the bytes of a model, or an address", model);
  }
  const response = await fetch(model);
  if (!response.ok) {
    throw new Error(`${operator}: ${model} answers ${response.status} ${response.statusText}`);
  }
  return new Uint8Array(await response.arrayBuffer());
}

type Turns = <Result>(task: () => Promise<Result>) => Promise<Result>;

/** onnxruntime-web does one thing at a time and fails where a second is begun, so each waits for the one
 * before it. */
function turns(): Turns {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    const result = last.then(task);
    last = result.catch(() => undefined);
    return result;
  };
}

function runnerOf(session: InferenceSession, inTurn: Turns): Runner {
  return {
    inputMetadata: session.inputMetadata,
    outputMetadata: session.outputMetadata,
    run: (feeds) => inTurn(() => session.run(feeds)),
    release: () => inTurn(() => session.release()),
  };
}
