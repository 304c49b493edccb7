import type { Graph } from "../builder/graph.ts";
import { SESSION_OPTIONS, type SessionOptions, type WebLoad } from "../runtime/web.ts";
import { browserStore } from "./browser-store.ts";
import { trainerOn } from "./create.ts";
import type { TrainerOptions } from "./options.ts";
import type { Trainer } from "./trainer.ts";

/** Options of createTrainer: its own, those of `optimizers.optimize`, and those of sessions. */
export interface WebTrainerOptions extends TrainerOptions, SessionOptions {}

/** Makes createTrainer of what loads models. */
export function trainerOf(load: WebLoad): (graph: Graph, options: WebTrainerOptions) => Trainer {
  const host = { load, sessionOptions: SESSION_OPTIONS, checkpoints: browserStore };
  return (graph, options) => trainerOn(host, graph, options);
}
