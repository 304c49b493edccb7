import { GraphError } from "../builder/errors.ts";
import type { Graph } from "../builder/graph.ts";
import { cast, reduceMean } from "../builder/operators/index.ts";
import { planModel } from "../builder/plan.ts";
import type { Value } from "../builder/value.ts";
// By its module: the index would bring along what writes models, which a page may do without.
import { type OptimizeOptions, optimize } from "../train/optimizers/apply.ts";
import type { Schedule } from "../train/schedules.ts";
import { freeName } from "../train/state.ts";
import { type Fingerprint, fingerprintOf } from "./fingerprint.ts";
import type { TrainerOptions } from "./options.ts";

/** What a trainer computes, as slices of its graph. */
export interface Programs {
  /** The training step, with the scores as its outputs. */
  readonly step: () => Uint8Array;
  /** By what the training step is known again. */
  readonly fingerprint: () => Fingerprint;
  /** The scores, with the parameters as inputs. */
  readonly scores: () => Uint8Array;
  /** What `predict` gives, with the parameters as inputs. */
  readonly prediction: (outputs: Readonly<Record<string, Value>>) => Uint8Array;
  /** The names of the loss and the metrics among the outputs. */
  readonly scoreNames: ReadonlyMap<string, string>;
  /** What stands for a parameter outside training: its moving average. By name. */
  readonly averages: ReadonlyMap<string, string>;
  /** Scalar inputs that follow a schedule. */
  readonly schedules: ReadonlyMap<string, Schedule>;
}

/** Makes the graph a training step, if it is none yet, and names what is read of it. */
export function programsOf(
  graph: Graph,
  { loss, metrics = {} }: TrainerOptions,
  optimizing: OptimizeOptions | undefined,
): Programs {
  const averages = new Map<string, string>();
  const schedules = new Map<string, Schedule>();
  if (optimizing !== undefined) {
    const updates = optimize(graph, loss, optimizing);
    for (const [{ hint }, average] of updates.averages) averages.set(hint, average.hint);
    for (const [name, schedule] of updates.schedules) schedules.set(name, schedule);
  }
  const scoreNames = new Map<string, string>();
  const scores: Record<string, Value> = {};
  for (const [name, value] of Object.entries({ loss, ...metrics })) {
    const output = freeName(graph, `score/${name}`);
    scoreNames.set(name, output);
    scores[output] = graph.scope("scores", () => meanOf(name, value));
  }
  const slice = (outputs: Readonly<Record<string, Value>>) =>
    graph.toModel({ outputs, parameters: "inputs" });
  const step = () => graph.toModel({ outputs: scores, updates: true });
  const nodes = () => {
    const roots = [...Object.values(scores), ...graph.updates.values()];
    const plan = planModel(graph.root, {
      roots,
      keepImported: false,
      inference: false,
      training: true,
    });
    return plan.nodesOf(graph.root);
  };
  return {
    step,
    fingerprint: () => fingerprintOf(step(), nodes()),
    scores: () => slice(scores),
    prediction: slice,
    scoreNames,
    averages,
    schedules,
  };
}

function meanOf(name: string, value: Value): Value {
  if (value.dtype === "string" || value.dtype === "unknown") {
    throw new GraphError(
      "createTrainer",
      `metrics.${name}: expected numbers or booleans, got ${value}`,
    );
  }
  // What JavaScript has numbers for.
  const wide = value.dtype === "float32" || value.dtype === "float64";
  const floats = wide ? value : cast(value, "float32");
  return floats.shape?.length === 0 ? floats : reduceMean(floats);
}
