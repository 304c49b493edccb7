import type { Graph } from "../builder/graph.ts";
import { readFileIfThere, removeLeftovers, replaceFile } from "../runtime/files.ts";
import { load, SESSION_OPTIONS, type SessionOptions } from "../runtime/node.ts";
import { openTerminalProgress } from "../runtime/terminal.ts";
import { trainerOn } from "./create.ts";
import type { TrainerHost } from "./host.ts";
import type { TrainerOptions } from "./options.ts";
import type { Trainer } from "./trainer.ts";

/** Options of createTrainer: its own, those of `optimizers.optimize`, and those of sessions. */
export interface NodeTrainerOptions extends TrainerOptions, SessionOptions {}

const host: TrainerHost<SessionOptions> = {
  load,
  sessionOptions: SESSION_OPTIONS,
  checkpoints: {
    read: async (path) => {
      await removeLeftovers(path);
      return readFileIfThere(path);
    },
    write: replaceFile,
  },
  openProgress: openTerminalProgress,
};

/** Makes a graph a training step, and trains it on data.
 *
 * ```ts
 * const trainer = createTrainer(g, {
 *   loss: losses.crossEntropy(logits, labels),
 *   optimizer: optimizers.adam({ rate: 1e-3 }),
 *   metrics: { accuracy: equal(argMax(logits), labels) },
 *   outputs: { logits },
 * });
 * for await (const { epoch, loss, metrics } of trainer.fit({ x: images, labels }, { epochs: 5 })) {
 *   console.log(epoch, loss, metrics.accuracy);
 * }
 * await saveModel("digits.onnx", await trainer.export());
 * ```
 * The model is loaded when it is first needed. One trainer a graph, for it adds updates to the graph. Runs
 * of the same graph, data, options and machine give the same numbers.
 *
 * @throws GraphError for options that are unknown or wrong, and if there is nothing to train */
export function createTrainer(graph: Graph, options: NodeTrainerOptions): Trainer {
  return trainerOn(host, graph, options);
}
