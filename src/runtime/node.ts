import { readFileSync } from "node:fs";
import type { InferenceSession } from "onnxruntime-common";
import { checkOptions, failArgument } from "../builder/errors.ts";
import type { Graph } from "../builder/graph.ts";
import { type Evaluate, makeEvaluate } from "./evaluate.ts";
import { isGraph, LoadedModel, sessionOf } from "./model.ts";
import { createNativeRunner, nativeStatus } from "./native.ts";
import { loadOnnxRuntimeNode } from "./onnxruntime-node.ts";
import { type Feeds, RUNTIME_OPTIONS, type RuntimeOptions, type Session } from "./session.ts";
import { type Stepper, stepperOf } from "./stepper.ts";

/** Where a model runs: on the CPU with the native kernels of this package, or on a provider of
 * onnxruntime-node as it is. */
export type Backend = "native" | "cpu" | "cuda" | "webgpu";

const BACKENDS: readonly Backend[] = ["native", "cpu", "cuda", "webgpu"];

/** Options of createSession and evaluate. */
export interface SessionOptions extends RuntimeOptions {
  /** By default "native" where the native kernels are built, otherwise "cpu". */
  readonly backend?: Backend;
}

/** Options of createStepper. */
export interface StepperOptions extends SessionOptions {
  /** What the parameters are at the start, by name: instead of the initial values of a Graph, or for a
   * model file, which holds none. */
  readonly state?: Feeds;
}

export const SESSION_OPTIONS = ["backend", ...RUNTIME_OPTIONS] as const;

/** Loads a model to run it.
 *
 * ```ts
 * const session = await createSession("model.onnx", { backend: "cpu" });
 * const { prediction } = await session.run({ X: [[1, 2, 3]] });
 * await session.dispose();
 * ```
 * @param model a Graph (which is exported as by `toModel()`), the bytes of a model, or a path
 * @throws Error if onnxruntime-node is not installed, the backend is not available, or ONNX Runtime does
 * not accept the model */
export async function createSession(
  model: Graph | Uint8Array | string,
  options: SessionOptions = {},
): Promise<Session> {
  checkOptions("createSession", options, SESSION_OPTIONS);
  return sessionOf(await load("createSession", model, options));
}

/** Loads a training step, a model that says what its parameters become, and holds the parameters from
 * step to step.
 *
 * ```ts
 * const stepper = await createStepper(graph);
 * for (let i = 0; i < 50; i++) await stepper.step({ X: rows, y: targets });
 * const { w } = await stepper.state();
 * ```
 * @param model a Graph with updates, or the bytes or path of a model that was exported from one
 * @throws Error as createSession, if the model updates nothing, and if an initial value is missing */
export async function createStepper(
  model: Graph | Uint8Array | string,
  options: StepperOptions = {},
): Promise<Stepper> {
  checkOptions("createStepper", options, [...SESSION_OPTIONS, "state"]);
  const { state, ...sessionOptions } = options;
  const loaded = await load("createStepper", model, sessionOptions);
  try {
    return stepperOf(loaded, isGraph(model) ? model : undefined, state);
  } catch (error) {
    await loaded.dispose();
    throw error;
  }
}

/** Computes values of a graph, for exploring, examples and tests: exports the slice that they need, runs
 * it, and keeps it loaded for the next time.
 *
 * ```ts
 * const { loss, dw } = await evaluate({ loss, dw }, { X: rows, y: targets });
 * const one = await evaluate(loss, { X: rows, y: targets, w: [1, 2, 3] });
 * ```
 * Inputs that the slice needs must be fed, others of the graph may be. Parameters have their initial
 * values unless they are fed. Straight-through operators give their hard side; layers that were applied as in
 * training, such as dropout with a seed, are as in training.
 *
 * @param values one Value, an array, or an object of Values, of one graph
 * @returns one tensor, an array, or an object of tensors
 * @throws GraphError for wrong feeds, as `run` of a session */
export const evaluate: Evaluate<SessionOptions> = makeEvaluate(
  (bytes, options: SessionOptions) => load("evaluate", bytes, options),
  SESSION_OPTIONS,
);

/** Loads a model into the runtime that the options ask for.
 *
 * @param operator the function to name in errors */
export async function load(
  operator: string,
  model: Graph | Uint8Array | string,
  options: SessionOptions,
): Promise<LoadedModel> {
  const { backend, ...runtimeOptions } = options;
  const { Tensor } = loadOnnxRuntimeNode();
  const provider = providerOf(operator, backend);
  const source = isGraph(model) ? model.toModel() : model;
  if (typeof source !== "string" && !(source instanceof Uint8Array)) {
    failArgument(operator, "model", "a Graph, the bytes of a model, or a path", source);
  }
  const session = await (provider === "softonnx"
    ? createNativeRunner(source, runtimeOptions, Tensor)
    : createStockSession(source, { ...runtimeOptions, executionProviders: [provider] })
  ).catch((cause: Error) => {
    throw backend === "cuda" || backend === "webgpu"
      ? new Error(`${operator}: no session on the backend "${backend}": ${cause.message}`, {
          cause,
        })
      : cause;
  });
  return new LoadedModel(session, Tensor, () =>
    typeof source === "string" ? readFileSync(source) : source,
  );
}

function createStockSession(
  source: string | Uint8Array,
  options: InferenceSession.SessionOptions,
): Promise<InferenceSession> {
  const { InferenceSession } = loadOnnxRuntimeNode();
  // Overloads, one for each kind of source.
  return typeof source === "string"
    ? InferenceSession.create(source, options)
    : InferenceSession.create(source, options);
}

/** What onnxruntime-common calls the backend. */
function providerOf(operator: string, backend: Backend | undefined): string {
  if (backend !== undefined && !BACKENDS.includes(backend)) {
    failArgument(operator, "backend", BACKENDS.map((name) => `"${name}"`).join(", "), backend);
  }
  if (backend !== undefined && backend !== "native") return backend;
  const status = nativeStatus();
  if (status.available) return "softonnx";
  if (backend === undefined) return "cpu";
  throw new Error(`${operator}: the backend "native" is not available: ${status.reason}`);
}
